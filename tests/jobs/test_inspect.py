"""``corpusmill inspect``: what a user sees of the documents that came to an outcome."""

import pytest


def shown(result):
    """The ids on the panels, in order."""
    return [line.split()[1] for line in result.out.splitlines() if line.startswith("╭─ ")]


def test_dropped_documents_are_shown_with_the_signal_that_decided(built):
    mill, uri = built
    result = mill.run("inspect", f"manifest={uri}", "reason=too_short", "n=2")
    decisions = {row["doc_id"].hex(): row for row in mill.rows(mill.lineage(uri)["decisions"])}
    assert result.code == 0, result.err
    assert len(shown(result)) == 2
    assert {decisions[doc_id]["reason"] for doc_id in shown(result)} == {"too_short"}
    dropped = sum(row["reason"] == "too_short" for row in decisions.values())
    assert result.out.splitlines()[-1] == f"2 of {dropped} documents"
    assert "text.chars = " in result.out


def test_more_samples_hold_the_fewer(built):
    mill, uri = built
    few, many = (shown(mill.run("inspect", f"manifest={uri}", "reason=kept", f"n={n}")) for n in (3, 9))
    assert (len(few), len(many)) == (3, 9)
    assert few == many[:3]
    assert shown(mill.run("inspect", f"manifest={uri}", "reason=kept", "n=9", "seed=1")) != many


def test_pairs_stand_side_by_side(built):
    mill, uri = built
    result = mill.run("inspect", f"manifest={uri}", "reason=exact_duplicate", "n=50")
    rows = {row["doc_id"].hex(): row for row in mill.rows(mill.lineage(uri)["duplicates"])}
    ids = shown(result)
    assert len(ids) == 2 * sum(row["keep"] is False for row in rows.values()) > 0
    for dropped, kept in zip(ids[::2], ids[1::2], strict=True):
        assert rows[dropped]["matched_doc_id"].hex() == kept


@pytest.mark.parametrize(("words", "says"), [
    (["reason=too_shrt"], "did you mean 'too_short'"), (["reason=near_duplicates"], "did you mean 'near_duplicate'"),
    ([], "reason must be given"), (["reason=kept", "n=0"], "n=0: give at least 1"),
])
def test_a_reason_that_nobody_gave_is_a_clear_error(built, words, says):
    mill, uri = built
    result = mill.run("inspect", f"manifest={uri}", *words)
    assert result.code == 2
    assert says in result.err


def test_documents_alone_came_to_no_outcome(built):
    mill, uri = built
    result = mill.run("inspect", f"manifest={mill.lineage(uri)['documents'].path}", "reason=kept")
    assert (result.code, "no decisions are in its lineage" in result.err) == (2, True)


def test_looking_writes_nothing(built):
    mill, uri = built
    before = mill.objects()
    mill.run("inspect", f"manifest={uri}", "reason=kept", "n=1")
    assert mill.objects() == before
