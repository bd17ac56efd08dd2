import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError, Corrupt
from corpusmill.operators.quality import evalindex
from corpusmill.operators.quality.evalsets import EvalSet
from corpusmill.operators.text.shingles import mixed

SETS = [EvalSet("a", "first", ("q",)), EvalSet("b", "second", ("q",))]
RECORDS = {"a": [{"id": "é", "q": " ".join(f"w{i}" for i in range(20))}, {"id": "y", "q": "too short"}],
           "b": [{"id": i, "q": " ".join(f"w{i}" for i in range(10))} for i in range(12)]}


def test_an_index_holds_every_ngram_with_its_items(tmp_path):
    (tmp_path / "i").write_bytes(evalindex.build(SETS, RECORDS, "llama3", 8, 8))
    loaded = evalindex.load(tmp_path / "i", "")
    index = loaded.tables
    assert (loaded.names.to_pylist(), loaded.ids.to_pylist()) == (["first", "second"], ["é", "y", *map(str, range(12))])
    assert len(index.keys) == 13
    assert index.words.tolist() == [20, 2] + [10] * 12
    assert index.sets.tolist() == [0, 0] + [1] * 12
    assert [s["items_indexed"] for s in loaded.facts["sets"]] == [1, 12]
    postings = [index.items[a:b].tolist() for a, b in zip(index.firsts, index.firsts[1:], strict=False)]
    assert sorted(postings) == sorted([[0, *range(2, 14)]] * 3 + [[0]] * 10)
    assert index.lengths.tolist() == [8]


def test_an_index_holds_every_place_of_an_ngram(tmp_path):
    (tmp_path / "i").write_bytes(evalindex.build(SETS[:1], {"a": [{"q": "a b c a b"}, {"q": "x a b"}]}, "llama3", 2, 2))
    index = evalindex.load(tmp_path / "i", "places").tables
    places = [index.places[a:b].tolist() for a, b in zip(index.starts, index.starts[1:], strict=False)]
    assert sorted(zip(index.items.tolist(), places, strict=True)) == [(0, [0, 3]), (0, [1]), (0, [2]), (1, [0]), (1, [1])]


def test_an_index_is_the_same_for_the_same_records_wherever_they_lie():
    moved = [EvalSet("elsewhere/a", "first", ("q",)), EvalSet("b", "second", ("q",))]
    there = {"elsewhere/a": RECORDS["a"], "b": RECORDS["b"]}
    assert evalindex.build(SETS, RECORDS, "gpt3", 13, 8) == evalindex.build(moved, there, "gpt3", 13, 8)
    renamed = [SETS[0], EvalSet("b", "third", ("q",))]
    assert evalindex.build(SETS, RECORDS, "gpt3", 13, 8) != evalindex.build(renamed, RECORDS, "gpt3", 13, 8)


def test_the_mixing_of_arrays_is_that_of_the_kernels():
    values = np.random.default_rng(1).integers(0, 1 << 64, 50, np.uint64)
    assert evalindex.mixed(values).tolist() == [mixed(value) for value in values]


def test_sets_without_long_items_and_files_that_are_no_index_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no item of the evaluation sets first has 8 words"):
        evalindex.build(SETS[:1], {"a": [{"q": "short"}]}, "gpt3", 13, 8)
    for data in (b"", b"x", b"3", b"{}\n", b'{"format": 0, "arrays": {}}\n', b'{"format": 2, "arrays": {}}\n', bytes(100)):
        (tmp_path / "i").write_bytes(data)
        evalindex.load.cache_clear()
        with pytest.raises(Corrupt, match="is no index of evaluation sets"):
            evalindex.load(tmp_path / "i", "")


def test_no_part_of_an_index_is_taken_for_the_whole(tmp_path):
    data = evalindex.build(SETS[:1], {"a": [{"q": "a b c a b"}]}, "llama3", 2, 2)
    for size in [*range(len(data)), len(data) + 8]:
        (tmp_path / "i").write_bytes((data + bytes(8))[:size])
        with pytest.raises(Corrupt, match="is no index of evaluation sets"):
            evalindex.load(tmp_path / "i", f"{size}")
