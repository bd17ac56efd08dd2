"""``corpusmill lineage``: one document's way through every stage."""

import pytest


def told(result):
    """Name → value of every line with both."""
    return dict(line.split(maxsplit=1) for line in result.out.splitlines() if line.startswith("  ") and len(line.split()) > 1)


def test_a_document_is_followed_from_its_file_to_its_copies(built):
    mill, uri = built
    rows = mill.rows(uri)
    chosen = rows[3]["doc_id"]
    result = mill.run("lineage", chosen.hex(), f"manifest={uri}")
    assert result.code == 0, result.err
    facts = told(result)
    assert facts["source"] == f'"{rows[3]["source"]}"'
    assert facts["native_id"] == f'"{rows[3]["native_id"]}"'
    assert (facts["domain"], facts["tokens"]) == (f'"{rows[3]["domain"]}"', str(rows[3]["tokens"]))
    copies = [line for line in result.out.splitlines() if line.startswith("  epoch ")]
    assert len(copies) == sum(row["doc_id"] == chosen for row in rows)


def test_a_dropped_document_tells_why_and_that_it_was_not_drawn(built):
    mill, uri = built
    dropped = next(row for row in mill.rows(mill.lineage(uri)["decisions"]) if not row["keep"])
    result = mill.run("lineage", dropped["doc_id"].hex(), f"manifest={uri}")
    assert told(result)["reason"] == f'"{dropped["reason"]}"'
    assert result.out.splitlines()[-1] == "  not drawn"


@pytest.mark.parametrize(("words", "says"), [
    (["12345678"], "is not 32 hexadecimal characters"), (["x" * 32], "is not 32 hexadecimal characters"),
    (["0" * 32], "has no such document"), ([], "doc_id must be given"),
])
def test_an_id_that_is_none_is_a_clear_error(built, words, says):
    mill, uri = built
    result = mill.run("lineage", *words, f"manifest={uri}")
    assert result.code == 2
    assert says in result.err
