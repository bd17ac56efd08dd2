"""Rounds over parts of the corpus against a plain pass over all of it."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import repeated
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.dedup import cutting
from corpusmill.operators.dedup.cutting import Covered
from corpusmill.operators.dedup.paragraphs import Paragraphs
from corpusmill.operators.dedup.repeats import FIRST, OCCURRENCES, REPEATED, Standing, judge, removed, settle
from corpusmill.operators.dedup.substrings import Substrings
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.text.buffers import Texts

DOCS = Path(__file__).parents[4] / "shared" / "data" / "corpus" / "techdocs-00000.parquet"


def digest(*parts):
    return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()


def occurrences(method, texts, sources, keys=None):
    """OCCURRENCES of documents that stand in one shard; rank is the digest of the text and its place."""
    batch = pa.record_batch({"text": pa.array(texts, pa.string()), "source": pa.array(sources, pa.string())})
    sighted = method.sightings(batch)
    found, times = np.unique(sighted, return_counts=True)
    items = method.items(batch, found[times > 1] if keys is None else keys)
    ids = pa.array([digest(t, i) for i, t in enumerate(texts)], pa.binary(16))
    row = pa.array(items.row)
    hashes = pa.ListArray.from_arrays(pa.array(items.offsets.astype(np.int32)), pa.array(items.hashes))
    columns = [pa.array(items.key), pa.array(items.row.astype(np.uint64)), pa.array(np.zeros(len(row), np.int64)),
               ids.take(row), ids.take(row), *(pa.array(n.astype(np.int32)) for n in (items.at, items.size, items.total)),
               hashes.cast(OCCURRENCES.field("hashes").type)]
    return pa.Table.from_arrays(columns, schema=OCCURRENCES), ids


def trimmed(method, texts, sources=None, parts=1):
    """What becomes of each document, items judged in ``parts`` partitions; and how many rounds that took."""
    table, ids = occurrences(method, texts, sources or ["s"] * len(texts))
    where = table.column("key").to_numpy() % np.uint64(parts)
    tables = [table.filter(pa.array(where == p)) for p in range(parts)]
    standing, rounds, dropped = Standing.unknown(), 0, np.empty(0, np.uint64)
    while True:
        runs = [judge(t, standing, method.width, only_open=rounds > 0) for t in tables]
        states = settle(pa.Table.from_batches(runs), method.width, method.drops)
        ref, is_open = states.column("ref").to_numpy(), states.column("open").to_numpy(zero_copy_only=False)
        dropped = np.union1d(dropped, ref[~is_open])
        standing = Standing(dropped, np.unique(ref[is_open]))
        rounds += 1
        if not len(standing.open):
            break
    final = pa.Table.from_batches([judge(t, standing, method.width, only_open=False) for t in tables])
    return _left(method, texts, ids, final), rounds


def _left(method, texts, ids, runs):
    refs, lost, total = removed(runs, method.width, REPEATED)
    reasons = dict(zip(refs.tolist(), method.drops(lost, total).tolist(), strict=True))
    array = pa.array(texts, pa.string())
    held = Texts.of(array)
    runs = runs.filter(pa.array(runs.column("verdict").to_numpy() != FIRST))
    runs = runs.sort_by([("ref", "ascending"), ("at", "ascending")])
    names = runs.column("first_doc_id").to_pylist()
    place = {name: i for i, name in enumerate(ids.to_pylist())}
    columns = [runs.column(n).to_numpy().astype(np.int64) for n in ("ref", "at", "count")]
    covered = Covered(*columns, np.array([place[n] for n in names], np.int64))
    found = cutting.cuts(held, method.pieces(held), covered, method.width)
    cut = cutting.without(held, found, np.ones(len(texts), np.bool_)).to_pylist()
    spans = list(zip(found.starts.tolist(), found.ends.tolist(), found.holders.tolist(), strict=True))
    result = {}
    for i, _ in enumerate(texts):
        number = reasons.get(i, 0)
        result[i] = repeated.Left(method.reasons[number - 1] if number else None, cut[i],
                                  spans[found.offsets[i] : found.offsets[i + 1]])
    chars = [array[d].as_py().encode()[s:e].decode() for d in range(len(texts))
             for s, e, _ in spans[found.offsets[d] : found.offsets[d + 1]]]
    assert [len(c) for c in chars] == found.chars.tolist()
    return result


def in_bytes(left, text):
    """The reference's spans in bytes."""
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return repeated.Left(left.reason, left.text, [(at[s], at[e], h) for s, e, h in left.spans])


def expected(method, texts, pieces_of, items_of):
    def reason_of(lost, total):
        number = int(method.drops(np.array([lost]), np.array([total]))[0])
        return method.reasons[number - 1] if number else None

    ranked = sorted(range(len(texts)), key=lambda i: digest(texts[i], i))
    plain = repeated.plain([(i, texts[i]) for i in ranked], pieces_of, items_of, method.width, reason_of)
    return {i: in_bytes(plain[i], texts[i]) for i in range(len(texts))}


def by_windows(width):
    return lambda text, pieces: repeated.windows([text[s:e] for s, e, _ in pieces], width)


tokens = st.sampled_from(["a", "bb", "é", "中文", "x" * 9])
texts_of_words = st.lists(st.lists(st.tuples(tokens, st.sampled_from([" ", "  ", "\n"])), max_size=14).map(
    lambda found: "".join(t + s for t, s in found)), min_size=1, max_size=7)
some_lines = st.sampled_from(["one", "One ", "two é", "thr", "", " ", "a longer line"])
lines_of = st.lists(st.lists(some_lines, max_size=7).map("\n".join), min_size=1, max_size=6)


@settings(max_examples=300)
@given(texts_of_words, st.integers(2, 6), st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]), st.integers(1, 4), st.integers(1, 3))
def test_substrings_are_those_of_a_plain_pass(texts, length, fraction, least, parts):
    """Spans, holders, texts and reasons, for any number of partitions."""
    method = Substrings(length=length, max_fraction=fraction, min_left=least)
    found, _ = trimmed(method, texts, parts=parts)
    assert found == expected(method, texts, repeated.words, by_windows(length))


@settings(max_examples=300)
@given(lines_of, st.sampled_from(["line", "paragraph"]), st.sampled_from(["raw", "folded"]), st.integers(1, 4),
       st.integers(1, 12), st.integers(1, 3))
def test_paragraphs_are_those_of_a_plain_pass(texts, unit, match, shortest, least, parts):
    method = Paragraphs(unit=unit, match=match, min_chars=shortest, min_left=least)
    fold = (lambda s: " ".join(s.lower().split())) if match == "folded" else str

    def items(text, pieces):
        return [fold(text[s:e]) if size >= shortest else None for s, e, size in pieces]

    found, _ = trimmed(method, texts, parts=parts)
    assert found == expected(method, texts, repeated.lines if unit == "line" else repeated.paragraphs, items)


def test_a_dropped_document_holds_nothing_for_others():
    """A: body. B: mostly the body, and a line that C has too. B goes, and C keeps that line although B ranks above."""
    body, line = " ".join(f"w{i}" for i in range(40)), " ".join(f"x{i}" for i in range(12))
    method = Substrings(length=10, max_fraction=0.7, min_left=1)
    for i in range(200):  # until the ids rank as the story has it
        texts = [f"{body} a{i}", f"{body} {line}", f"c{i} {line} and more of it"]
        if sorted(range(3), key=lambda k: digest(texts[k], k)) == [0, 1, 2]:
            break
    found, rounds = trimmed(method, texts)
    assert rounds > 1
    assert [found[k].reason for k in range(3)] == [None, "mostly_repeated", None]
    assert found[2].text == texts[2]


def test_a_chain_of_drifting_versions_keeps_what_nobody_else_holds():
    """Each shares half with the one before: what is dropped rests on what is kept, however long the chain."""
    parts = [" ".join(f"p{i}t{k}" for k in range(10)) for i in range(60)]
    texts = [f"{parts[i]} {parts[i + 1]}" for i in range(59)]
    method = Substrings(length=5, max_fraction=0.4, min_left=1)
    found, rounds = trimmed(method, texts, parts=2)
    assert found == expected(method, texts, repeated.words, by_windows(5))
    assert 2 < rounds < 15


def test_sources_are_kept_apart_on_request():
    text = " ".join(f"w{i}" for i in range(30))
    for method in (Substrings(length=10, scope="source"), Paragraphs(scope="source", min_chars=10)):
        found, _ = trimmed(method, [text, text, text], ["a", "b", "a"])
        assert sorted(str(found[i].reason) for i in (0, 2)) == sorted(["None", method.reasons[0]])
        assert found[1].text == text


@pytest.mark.parametrize("kind", ["uax29", "bytes"])
def test_other_tokens_find_what_was_planted_and_cut_no_character(kind):
    shared = "Ünïcode “quoted” text 中文字 – with punctuation, and more; " * 2
    texts = [f"Anfang {shared}", f"zwei é {shared}ende über", "nothing of it here at all"]
    method = Substrings(tokens=kind, length=12, max_fraction=1.0, min_left=1)
    found, _ = trimmed(method, texts)
    kept = [found[i].text for i in range(3)]
    assert texts[2] == kept[2]
    assert sum(map(len, kept)) < sum(map(len, texts)) - 0.8 * len(shared)
    assert all(t.encode().decode() for t in kept)


def test_words_by_unicode_agree_whatever_punctuation_stands_between():
    first = " ".join(f"w{i}" for i in range(20))
    texts = [first, "x, " + first.replace(" ", ", ") + "! y z"]
    found, _ = trimmed(Substrings(tokens="uax29", length=20, max_fraction=1.0, min_left=1), texts)
    assert sorted(len(left.spans) for left in found.values()) == [0, 1]
    assert not any(left.spans for left in trimmed(Substrings(length=20), texts)[0].values())


@pytest.mark.parametrize(("make", "says"), [
    (lambda: Paragraphs(unit="page"), "unit is 'page'"), (lambda: Paragraphs(min_left=0), "min_left is 0"),
    (lambda: Substrings(tokens="bpe"), "tokens is 'bpe'"), (lambda: Substrings(length=1), "length is 1"),
    (lambda: Substrings(max_fraction=1.5), "max_fraction is 1.5"), (lambda: Paragraphs(scope="shard"), "scope is 'shard'"),
])
def test_parameters_that_mean_nothing_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def test_nothing_repeated_leaves_everything():
    for method in (Paragraphs(), Substrings()):
        found, rounds = trimmed(method, ["", "one", " ".join(map(str, range(200)))])
        assert rounds == 1
        assert [left.spans for left in found.values()] == [[], [], []]


def test_a_hot_item_costs_as_much_as_any():
    """Documents of one repeated word, and one of 200,000 of them: one window's tokens stay in all."""
    texts = ["word " * 200_000, *["word " * 60] * 2_000]
    method = Substrings(max_fraction=1.0, min_left=1)
    found, _ = trimmed(method, texts)
    assert sum(left.text.count("word") for left in found.values() if left.reason is None) < 60 + 50


@pytest.mark.corpus
@pytest.mark.skipif(not DOCS.exists(), reason="there is no corpus in ../shared/data/corpus")
def test_real_pages_lose_what_a_plain_pass_takes_away():
    """Documentation in parallel versions: 50 words and more that any of 150 pages repeats."""
    texts = pq.read_table(DOCS, columns=["text"]).column("text").slice(0, 150).to_pylist()
    found, _ = trimmed(Substrings(max_fraction=0.5), texts, parts=3)
    plain = expected(Substrings(max_fraction=0.5), texts, repeated.words, by_windows(50))
    assert found == plain
    assert sum(bool(left.spans) for left in found.values()) > 20
