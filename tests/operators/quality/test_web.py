"""WebSignals against a plain-Python reference, and against Gopher's signals."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.web import WebSignals
from corpusmill.operators.quality.web_counting import SENTENCE_ENDS
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.spacy_classes import TERMINAL, classes

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
PHRASES = ["JavaScript", "java script", "Terms of Use", "our privacy policy.", "cookie policy", "It uses cookies",
           "use of cookies", "to use cookies", "cookies", "lorem ipsum", "Lorem\nipsum", "{", "[1]", "[]", "[edit]",
           "[citation needed]", "[12", "[x]"]
ENDS = ["the end.", "what?", "so!", 'he said "it."', "'tis'", "wait...", "..", "…", "one two", "中文。", "Հայ։", ".\u00a0",
        "? ", "", " "]
PIECES = st.one_of(st.sampled_from(PHRASES), st.sampled_from(ENDS), st.text(st.characters(codec="utf-8"), max_size=9),
                   st.text(st.sampled_from("ab. é!?[]{}\"'中"), max_size=40))
LINES = st.lists(PIECES, max_size=6).map(" ".join)
TEXTS = st.lists(LINES, max_size=12).map("\n".join)


def lowered(text):
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text)


def of_c4(line):
    """What C4 asks of one line: name to number."""
    content, words = lowered(line.strip()), line.split()
    found = {
        "terminal_lines": content[-1] in '.!?"', "apostrophe_lines": content[-1] == "'", "dots_lines": content.endswith("..."),
        "lines_below_3_words": len(words) < 3, "lines_below_5_words": len(words) < 5,
        "long_word_lines": max(map(len, words)) > 1000,
        "javascript_lines": "javascript" in content, "policy_lines": any(phrase in content for phrase in POLICY),
        "lorem_ipsum_lines": "lorem ipsum" in content, "curly_lines": "{" in content,
        "citations": len(re.findall(r"\[[0-9]*\]|\[edit\]|\[citation needed\]", line)),
        "sentences": sum(word[-1] in ".!?" for word in words),
    }  # fmt: skip
    dropped = found["dots_lines"] or any(found[name] for name in ("long_word_lines", "javascript_lines", "policy_lines"))
    for n in (3, 5):
        found[f"kept_lines_{n}"] = found["terminal_lines"] and not dropped and len(words) >= n
        found[f"kept_sentences_{n}"] = found["sentences"] * found[f"kept_lines_{n}"]
    return found


SOME_ENDS = "?!.።。։؟।॥‼⁇？！．។៕\u17d6𑅁𛲟"  # of every script that the tests write


def reference(text):
    lines = [line for line in text.split("\n") if line.strip()]
    found = dict.fromkeys(of_c4("x"), 0)
    for line in lines:
        found = {name: n + of_c4(line)[name] for name, n in found.items()}
    seen, copied = set(), 0
    for line in lines:
        copied += len(line) if line in seen else 0
        seen.add(line)
    return found | {
        "chars": len(text), "newlines": text.count("\n"), "chars_in_lines": len(text) - text.count("\n"),
        "stop_lines": sum(line[-1] in SOME_ENDS for line in lines),
        "short_lines": sum(len(line) <= 30 for line in lines), "copied_line_chars": copied,
    }  # fmt: skip


def signals(values, operator):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    columns = operator.open({})(batch).batch.drop_columns(["text"]).to_pylist()
    return [{name.partition(".")[2]: n for name, n in row.items()} for row in columns]


def agree(values, ends_are_listed=True):
    for found, value in zip(signals(values, WebSignals()), values, strict=True):
        expected = reference(value)
        if not ends_are_listed:
            expected["stop_lines"] = found["stop_lines"]
        assert {name: found[name] for name in expected} == expected


@given(st.lists(TEXTS, max_size=4))
@example(["", "\n" * 200, "w" * 1001 + " z.", "é" * 1000 + " z.", "é" * 1001, "a b c.\na b c.\n a b c.\na b c. "])
@example([" " * k + "JAVASCRIPT privacy policy. {[1]" for k in range(45, 65)])
def test_signals_are_those_of_the_reference(values):
    agree(values, ends_are_listed=False)


@pytest.mark.parametrize("n", range(50, 66, 3))
@pytest.mark.parametrize("phrase", PHRASES)
def test_phrases_are_found_across_the_edges_of_blocks(n, phrase):
    agree(["a" * n + phrase, " " * n + phrase + "\n" + phrase[:-1], "\n".join([phrase] * 12)])


@given(st.lists(TEXTS, max_size=4), st.sampled_from(["space", "uax29"]))
def test_the_signals_of_gopher_are_among_them(values, ngrams):
    names = [name.partition(".")[2] for name in Gopher().adds.names]
    found = [{name: row[name] for name in names} for row in signals(values, WebSignals(ngrams=ngrams))]
    assert found == signals(values, Gopher(ngrams=ngrams))


@pytest.mark.parametrize("end", SOME_ENDS)
def test_a_sentence_terminal_of_any_script_ends_a_line(end):
    found, = signals([f"line{end}\nline{end} \n{end}\nline{end}'\nline…\nline\""], WebSignals())
    assert found["stop_lines"] == 2


def test_the_two_lists_of_what_ends_a_sentence_for_datatrove_are_one():
    assert {chr(point) for point in np.flatnonzero(classes() & TERMINAL)} == set(SENTENCE_ENDS)


def test_other_words_for_ngrams_are_a_clear_error():
    with pytest.raises(ConfigError, match="ngrams must be one of space, uax29; got 'spacy'"):
        WebSignals(ngrams="spacy")


@pytest.mark.corpus
def test_signals_of_real_documents_are_those_of_the_reference():
    files = sorted(CORPUS.glob("*.parquet"))
    if not files:
        pytest.skip(f"no corpus in {CORPUS}")
    for file in files:
        column = pq.read_table(file, columns=["text"])["text"].cast(pa.string())
        texts = [text for text in column.to_pylist()[5::max(1, len(column) // 40)] if len(text) < 100_000]
        agree(texts, ends_are_listed=file.stem != "multilingual-00000")
