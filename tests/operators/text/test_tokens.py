"""Oracles: tiktoken with ranks whose published digest is checked, ``str.split``, ``str.encode`` and ``regex``."""

import base64
import dataclasses
import hashlib
import os
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import regex
import rs_bpe.bpe
import tiktoken
import tiktoken_ext.openai_public
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.text import tokens
from corpusmill.operators.text.tokens import Bpe, Bytes, Counter, HuggingFace, Tiktoken, Words

# Digests of the ranks files that OpenAI publishes, as tiktoken_ext/openai_public.py checks them.
PUBLISHED = {
    "cl100k": (100_256, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
    "o200k": (199_998, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
}
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
PIECES = [
    "'", "s", "S", "ſ", "'t", "'RE", "LL", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2028", "\u0085", "\x1c",
    "\u3000", "a", "Zebra", "é", "e\u0301", "1", "2026", "٣", "½", "好", "!", "//", "<|endoftext|>", "\0", FAMILY,
    "ǅ", "ʰ", "ª", "Ⅷ", "\u200b",
]
TEXT = st.one_of(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.text(max_size=60))
DOCUMENTS = st.lists(TEXT, max_size=12)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bpe_of(vocabulary: str):
    return getattr(rs_bpe.bpe.openai, f"{vocabulary}_base")().bpe()


@pytest.fixture(scope="session")
def ranks_file(tmp_path_factory):
    """The ranks of the built-in vocabularies, written as the files that OpenAI publishes."""
    folder = tmp_path_factory.mktemp("ranks")
    for vocabulary, (size, _) in PUBLISHED.items():
        bpe = bpe_of(vocabulary)
        lines = [base64.b64encode(bytes(bpe.decode_tokens([rank]))) + b" %d\n" % rank for rank in range(size)]
        (folder / vocabulary).write_bytes(b"".join(lines))
    return lambda vocabulary: folder / vocabulary


@pytest.fixture(scope="session")
def oracle(ranks_file):
    """tiktoken's own encodings, with its own split patterns and its own reader's ranks."""
    encodings = {}
    with pytest.MonkeyPatch.context() as patch:
        for vocabulary in PUBLISHED:
            ranks = dict(_read(ranks_file(vocabulary)))
            patch.setattr(tiktoken_ext.openai_public, "load_tiktoken_bpe", lambda *_, ranks=ranks, **__: ranks)
            recipe = getattr(tiktoken_ext.openai_public, f"{vocabulary}_base")()
            encodings[vocabulary] = tiktoken.Encoding(**recipe)
    return encodings


def _read(path: Path):
    for line in path.read_bytes().splitlines():
        token, rank = line.split()
        yield base64.b64decode(token), int(rank)


@pytest.fixture(scope="session")
def words_json(tmp_path_factory):
    """A tokenizer.json that pads and cuts; its tokens are runs of what is not whitespace."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "[BOS]": 1, "the": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing("[BOS] $A", special_tokens=[("[BOS]", 1)])
    tokenizer.add_special_tokens(["[UNK]", "[BOS]"])
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding()
    path = tmp_path_factory.mktemp("words") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(params=["bytes", "words", "cl100k", "o200k", "huggingface", "tiktoken"])
def counter(request, ranks_file, words_json):
    """Every counter, with the files that it opens."""
    digest = "0" * 64
    return {
        "bytes": (Bytes(), {}),
        "words": (Words(), {}),
        "cl100k": (Bpe(), {}),
        "o200k": (Bpe("o200k"), {}),
        "huggingface": (HuggingFace("a/tokenizer.json", digest), {"tokenizer": words_json}),
        "tiktoken": (Tiktoken("a/cl100k.tiktoken", digest), {"tokenizer": ranks_file("cl100k")}),
    }[request.param]


def count(counter: Counter, texts: list[str], files=None) -> list[int]:
    return counter.open(files or {})(pa.array(texts, pa.string())).tolist()


@pytest.mark.parametrize("vocabulary", PUBLISHED)
def test_built_in_ranks_are_the_published_ones(vocabulary, ranks_file):
    assert hashlib.sha256(ranks_file(vocabulary).read_bytes()).hexdigest() == PUBLISHED[vocabulary][1]


@pytest.mark.parametrize("vocabulary", PUBLISHED)
@SLOW
@given(texts=DOCUMENTS)
def test_bpe_counts_what_tiktoken_counts(vocabulary, oracle, texts):
    expected = [len(oracle[vocabulary].encode_ordinary(text)) for text in texts]
    assert count(Bpe(vocabulary), texts) == expected


def test_bpe_gives_published_counts():
    """`hello world` is [15339, 1917] in cl100k; a special token's name is ordinary text."""
    assert count(Bpe(), ["hello world", "tiktoken is great!", "<|endoftext|>", ""]) == [2, 6, 7, 0]


@pytest.mark.parametrize("vocabulary", PUBLISHED)
def test_bpe_splits_at_every_character_as_tiktoken(vocabulary, oracle):
    """Both were built with their own Unicode tables: every code point of the basic plane, in several surroundings."""
    plane = [chr(c) for c in range(0x10000) if not 0xD800 <= c < 0xE000]
    texts = ["".join(f"x{c}y {c}{c} 1{c}\n{c}' A{c}b" for c in plane[i:i + 64]) for i in range(0, len(plane), 64)]
    assert count(Bpe(vocabulary), texts) == [len(oracle[vocabulary].encode_ordinary(text)) for text in texts]


@pytest.mark.parametrize("vocabulary", PUBLISHED)
@pytest.mark.parametrize("unit", ["a", "-", "\n", " ", "\0", "ab", "1", "好", "\u00a0", FAMILY, "qXzJ7", " \n"])
def test_bpe_is_linear_in_one_long_run(vocabulary, unit, oracle):
    """A megabyte of one run takes some four times as long as a quarter of it; quadratic time would be sixteen."""
    counted = Bpe(vocabulary).open({})

    def seconds(text: str) -> float:
        array, best = pa.array([text]), np.inf
        for _ in range(3):
            start = time.perf_counter()
            counted(array)
            best = min(best, time.perf_counter() - start)
        return best

    repeats = 1_000_000 // len(unit.encode())
    assert seconds(unit * repeats + "x") < 10 * seconds(unit * (repeats // 4) + "x") + 0.05
    short = unit * (20_000 // len(unit.encode())) + "x"
    assert count(Bpe(vocabulary), [short]) == [len(oracle[vocabulary].encode_ordinary(short))]


@SLOW
@given(texts=DOCUMENTS)
def test_words_and_bytes_are_python_s(texts):
    assert count(Words(), texts) == [len(text.split()) for text in texts]
    assert count(Bytes(), texts) == [len(text.encode()) for text in texts]


@SLOW
@given(texts=DOCUMENTS)
def test_huggingface_ignores_padding_truncation_and_special_tokens(words_json, texts):
    """`[BOS]` within a word does not split it, and none is put in front."""
    texts = [*texts, "x[BOS]y the [UNK]s end"]
    counter = HuggingFace("tokenizer.json", "d")
    assert count(counter, texts, {"tokenizer": words_json}) == [len(regex.findall(r"\S+", t)) for t in texts]


def test_huggingface_groups_cover_every_row(monkeypatch, words_json):
    """Documents larger and smaller than a group, and empty ones at its edges, each keep their count."""
    monkeypatch.setattr(tokens, "GROUP_BYTES", 10)
    texts = ["", "a b", "", "c " * 30, "d", "", "e f g h i", ""]
    counter = HuggingFace("tokenizer.json", "d")
    assert count(counter, texts, {"tokenizer": words_json}) == [len(text.split()) for text in texts]


@pytest.mark.parametrize("pattern", PUBLISHED)
@SLOW
@given(texts=DOCUMENTS)
def test_tiktoken_counts_what_tiktoken_counts(pattern, oracle, ranks_file, texts):
    counter = Tiktoken("ranks", "d", pattern)
    expected = [len(oracle[pattern].encode_ordinary(text)) for text in texts]
    assert count(counter, texts, {"tokenizer": ranks_file(pattern)}) == expected


@SLOW
@given(text=TEXT)
def test_gpt2_pattern_splits_as_the_original_did(text):
    """The original expression, from GPT-2's encoder.py, which tiktoken's faster form replaces."""
    original = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    assert regex.findall(tokens.PATTERNS["gpt2"], text) == regex.findall(original, text)


def test_an_explicit_pattern_splits(ranks_file):
    """With one character per piece nothing merges: a token per ASCII character."""
    counter = Tiktoken("ranks", "d", r"(?s:.)")
    assert count(counter, ["hello world", "a\nb"], {"tokenizer": ranks_file("cl100k")}) == [11, 3]


def test_tiktoken_survives_where_its_regex_engine_does_not(ranks_file, capfd):
    """A run of 10^6 spaces before a letter panicked in tiktoken 0.14: its stack ends."""
    texts = [" " * 1_500_000 + "x", "word" + "\u00a0" * 1_200_000 + " y \n z"]
    counted = count(Tiktoken("ranks", "d"), texts, {"tokenizer": ranks_file("cl100k")})
    capfd.readouterr()
    assert counted == count(Bpe(), texts)


@SLOW
@given(texts=DOCUMENTS, data=st.data())
def test_a_count_never_depends_on_its_batch(counter, texts, data):
    """Alone, in a slice with an offset, or in any split: the same count."""
    made, files = counter
    counted = made.open(files)
    array = pa.array(texts, pa.string())
    whole = counted(array)
    assert whole.dtype == np.int64
    assert whole.shape == (len(texts),)
    cut = data.draw(st.integers(0, len(texts)))
    assert counted(array.slice(0, cut)).tolist() + counted(array.slice(cut)).tolist() == whole.tolist()
    assert [counted(pa.array([text]))[0] for text in texts] == whole.tolist()


def test_counters_travel_and_describe_themselves(counter):
    made, files = counter
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    assert count(again, ["one two"], files) == count(made, ["one two"], files)
    assert made.unit in ("tokens", "words", "bytes")
    assert made.exact
    assert bool(made.artifacts) == bool(files)
    assert made.name
    assert made.version


def test_counters_refuse_nulls_and_other_types(counter):
    made, files = counter
    counted = made.open(files)
    with pytest.raises(DataError, match="1 nulls"):
        counted(pa.array(["a", None]))
    with pytest.raises(SchemaError, match="expected string"):
        counted(pa.array([b"a"]))


@pytest.mark.parametrize("made", [HuggingFace("folder/tokenizer.json"), Tiktoken("folder/tokenizer.json")])
def test_a_file_counter_needs_its_file(made):
    assert made.artifacts == {"tokenizer": ""}
    assert made.name == "folder/tokenizer.json"
    with pytest.raises(ConfigError, match="has not been fetched"):
        made.open({"tokenizer": Path("somewhere")})
    with pytest.raises(ConfigError, match="has not been fetched"):
        dataclasses.replace(made, digest="d").open({})


@pytest.mark.parametrize(("content", "message"), [
    (b"aGVsbG8= 1\nnot a rank\n", "line 2: expected a base64 token"),
    (b"aGVsbG8= 1\n", "256 single bytes, first 0x00"),
    (b"".join(base64.b64encode(bytes([b])) + b" 7\n" for b in range(256)), "the same rank"),
])
def test_a_broken_ranks_file_is_named(tmp_path, content, message):
    path = tmp_path / "ranks"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Tiktoken("ranks", "d").open({"tokenizer": path})


def test_a_broken_tokenizer_json_is_named(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(ConfigError, match=r"is no tokenizer\.json"):
        HuggingFace("tokenizer.json", "d").open({"tokenizer": path})


def test_misspelt_names_are_refused():
    with pytest.raises(ConfigError, match="cl100k or o200k, got 'cl100'"):
        Bpe("cl100")
    with pytest.raises(ConfigError, match="gpt2, cl100k, o200k or a regular expression, got 'cl100'"):
        Tiktoken("ranks", "d", "cl100")


def test_a_broken_pattern_is_refused(ranks_file):
    with pytest.raises(ConfigError, match="no regular expression"):
        Tiktoken("ranks", "d", r"(\p{L}").open({"tokenizer": ranks_file("cl100k")})


@pytest.mark.parametrize(("made", "module"), [(HuggingFace("t", "x"), "tokenizers"), (Tiktoken("t", "x"), "tiktoken")])
def test_a_missing_package_names_its_extra(monkeypatch, tmp_path, made, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r"corpusmill\[tokenizers\]"):
        made.open({"tokenizer": tmp_path / "none"})


def test_one_thread_per_worker(monkeypatch, words_json):
    """`tokenizers` starts no thread pool once a counter is open."""
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    HuggingFace("t", "d").open({"tokenizer": words_json})
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
