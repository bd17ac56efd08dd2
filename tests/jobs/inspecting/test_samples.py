"""Draws against a plain sort of all rows."""

import hashlib
import struct

import pyarrow.compute as pc
import pytest

from corpusmill.jobs.inspecting import samples


def priority(doc_id, seed):
    """As the definition of a priority has it, in hashlib."""
    purpose = hashlib.blake2b(b"inspect", digest_size=16).digest()
    data = struct.pack("<Q", seed) + purpose + doc_id + struct.pack("<Q", 0)
    return int.from_bytes(hashlib.blake2b(data, digest_size=16).digest()[:8], "little")


@pytest.mark.parametrize("n", [1, 5, 1000])
def test_a_draw_is_the_rows_of_lowest_priority(built, n):
    mill, uri = built
    decisions = mill.lineage(uri)["decisions"]
    places = samples.draw(mill.store, decisions, ["keep"], lambda rows: rows["keep"], n, 7, "kept")
    kept = [row["doc_id"] for row in mill.rows(decisions) if row["keep"]]
    expected = sorted((priority(doc_id, 7), doc_id) for doc_id in kept)[:n]
    assert [(p.priority, p.doc_id) for p in places] == expected


def test_nothing_is_drawn_where_nothing_is_allowed(built):
    mill, uri = built
    decisions = mill.lineage(uri)["decisions"]
    never = samples.draw(mill.store, decisions, ["reason"], lambda rows: pc.equal(rows["reason"], "none such"), 3, 0)
    assert never == []


def test_documents_are_found_by_their_id_and_read_at_their_view(built):
    mill, uri = built
    made = mill.lineage(uri)
    rows = mill.rows(uri)[:5]
    places = samples.locate(mill.store, made["documents"], [row["doc_id"] for row in rows])
    columns = {"text": ("documents", "text"), "domain": ("domains", "domain")}
    found = samples.read(mill.store, made, made["mixture"].view, columns, places.values())
    for row in rows:
        assert found[places[row["doc_id"]]] == {"text": row["text"], "domain": row["domain"]}
    assert samples.locate(mill.store, made["documents"], [bytes(16)]) == {}
