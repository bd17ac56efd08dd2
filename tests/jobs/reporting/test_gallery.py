import dataclasses

import pytest

from corpusmill.jobs.reporting.examples import Examples, Outcome, Pair, Shown
from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.gallery import gallery, pair

DROPPED = Shown("00", "web", "page 1", "the old mill by the river", 0, 25, {})
KEPT = Shown("01", "web", "page 2", "the new mill by the river", 0, 25, {})


@pytest.fixture
def draw(lineage, small):
    """A function that draws examples."""
    return lambda **examples: gallery(dataclasses.replace(collect(lineage.store, small()), examples=Examples(**examples)))


def test_words_that_differ_are_marked_on_both_sides(draw):
    drawn = draw(pairs=(Pair("near", 0.8, 2, DROPPED, KEPT),))
    assert "the<mark> old</mark> mill" in drawn
    assert "the<mark> new</mark> mill" in drawn
    assert drawn.count("<mark>") == 2
    assert "Similarity 0.80, 2 documents in the cluster; words that differ are marked." in drawn


def test_a_verified_pair_is_of_no_cluster_and_says_which_ranks_above():
    drawn = pair(Pair("near", 0.66, None, DROPPED, KEPT))
    assert "Similarity 0.66; words that differ are marked." in drawn
    assert drawn.index("<h3>Lower in rank</h3>") < drawn.index("page 1") < drawn.index("<h3>Upper</h3>") < drawn.index("page 2")


@pytest.mark.parametrize(("kind", "heading"), [("exact", "Exact"), ("near", "Near"), ("semantic", "Semantic")])
def test_every_kind_of_duplicate_has_a_heading(draw, kind, heading):
    assert f"<strong>{heading} duplicates</strong>" in draw(pairs=(Pair(kind, 0.8, 2, DROPPED, KEPT),))


def test_equal_parts_are_said_to_be_equal(draw):
    drawn = draw(pairs=(Pair("exact", 1.0, 3, DROPPED, DROPPED),))
    assert "<mark>" not in drawn
    assert "the part that is shown is the same in both" in drawn


def test_an_outcome_stands_with_its_rule_and_its_signals(draw):
    shown = dataclasses.replace(DROPPED, signals={"text.chars": 25})
    drawn = draw(outcomes=(Outcome("too_short", 1234, (shown,)),))
    for words in ("too_short", "1 of 1,234; kept where 100 ≤ text.chars", "text.chars = 25", "page 1"):
        assert words in drawn


def test_documents_that_were_nearly_dropped_stand_below(draw):
    near = dataclasses.replace(KEPT, signals={"text.chars": 101})
    drawn = draw(outcomes=(Outcome("too_short", 1, (DROPPED,), (near,)),))
    assert drawn.index("page 1") < drawn.index("Kept, but near the bound") < drawn.index("text.chars = 101")


def test_nothing_to_show_says_why_or_is_left_out(draw):
    assert draw() == ""
    assert "too many" in draw(note="too many")
