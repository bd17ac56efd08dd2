from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.reporting import examples
from corpusmill.jobs.reporting.origins import SOURCES, _Ids, matrix, origins_of
from corpusmill.operators.schema import DOC_ID

NAMES = st.sampled_from([f"source {i}" for i in range(SOURCES + 4)])


def counted(mill, uri):
    """(source of the dropped, source of the named one) -> documents, row by row from the export."""
    made = mill.lineage(uri)
    source = {row["doc_id"]: row["source"] for row in mill.rows(made["documents"])}
    return Counter((source[row["doc_id"]], source[row["matched_doc_id"]])
                   for row in mill.rows(made["duplicates"]) if row["keep"] is False)


def test_the_matrix_is_that_of_the_rows(near):
    mill, uri = near
    expected = counted(mill, uri)
    found = origins_of(mill.store, mill.lineage(uri))
    cells = {(row, column): n for row, counts in zip(found.sources, found.documents, strict=True)
             for column, n in zip(found.sources, counts, strict=True) if n}
    assert cells == expected
    assert len(expected) > 5
    assert (found.within, found.total) == (sum(n for (a, b), n in expected.items() if a == b), sum(expected.values()))


def test_exact_duplicates_have_one_too(built):
    mill, uri = built
    found, expected = origins_of(mill.store, mill.lineage(uri)), counted(mill, uri)
    assert found == matrix(expected)
    assert 0 < found.within < found.total


@pytest.mark.parametrize("keep", ["star", "components"])
def test_where_all_copies_go_those_that_name_none_are_left_out(near, keep):
    mill, uri = near
    made = mill.lineage(uri)
    other = mill("dedup", f"documents={made['documents'].path}", "dedup=minhash", f"dedup.keep={keep}", "dedup.copies=drop_all",
                 "dedup.allow_loss=true")
    found = origins_of(mill.store, mill.lineage(other))
    named = [row for row in mill.rows(other) if row["keep"] is False and row["matched_doc_id"] is not None]
    assert found.total == len(named) < sum(row["keep"] is False for row in mill.rows(other))


@given(st.dictionaries(st.tuples(NAMES, NAMES), st.integers(1, 1000), min_size=1))
def test_of_many_sources_the_others_are_one(counts):
    found = matrix(counts)
    names = {name for pair in counts for name in pair}
    assert len(found.sources) + found.others == len(names)
    assert len(found.documents) == len(found.sources) + (found.others > 0) <= SOURCES
    for i, row in enumerate(found.sources):
        for j, column in enumerate(found.sources):
            assert found.documents[i][j] == counts.get((row, column), 0)
    assert sum(map(sum, found.documents)) == found.total == sum(counts.values())
    assert found.within == sum(n for (a, b), n in counts.items() if a == b)


def test_of_more_shards_than_a_report_reads_there_is_none(near, monkeypatch):
    mill, uri = near
    monkeypatch.setattr(examples, "SHARDS", 1)
    assert origins_of(mill.store, mill.lineage(uri)) is None


def test_documents_of_no_source_are_of_an_unknown_one(mill, tmp_path):
    text = "the same text in two files, over and over and over again"
    (tmp_path / "files").mkdir()
    for name in ("a", "b"):
        (tmp_path / "files" / f"{name}.txt").write_text(text)
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'files'}]")
    duplicates = mill("dedup", f"documents={documents}", "dedup=exact")
    assert origins_of(mill.store, mill.lineage(duplicates)) == matrix(counted(mill, duplicates))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12, unique=True), st.data())
def test_ids_that_begin_alike_are_told_apart(ids, data):
    """As hashes hardly ever do."""
    asked = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=20))
    stored, query = ([b"".join(word.to_bytes(8, "big") for word in one) for one in some] for some in (ids, asked))
    rows, places = _Ids(pa.array(stored, DOC_ID)).find(pa.array(query, DOC_ID))
    expected = {(row, ids.index(one)) for row, one in enumerate(asked) if one in ids}
    assert set(zip(rows.tolist(), places.tolist(), strict=True)) == expected
    assert len(rows) == len(expected)
