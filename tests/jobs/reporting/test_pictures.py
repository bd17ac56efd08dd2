import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.reporting import pictures
from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.measures import Histogram
from corpusmill.operators.quality.histogram import edges, tally

RULE = {"reason": "few", "signal": "text.words", "min": 3, "max": 9, "isin": None, "when": None}


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e4)), min_size=1, max_size=40), st.floats(-5, 50), st.floats(0, 100))
def test_each_column_says_how_many_of_its_values_are_outside(values, low, width):
    """Also in the bins that a bound goes through."""
    found = tally(np.array(values), low, low + width)
    bins = {int(name): n for name, n in sorted(found.items(), key=lambda i: i[0]) if name.lstrip("-").isdigit()}
    h = Histogram("few", RULE, dict(sorted(bins.items())), found.get("zero", 0), 0, 0, found.get("below", 0),
                  found.get("above", 0), 0, 0)
    for column in pictures.columns(h):
        inside = [v for v in values if (v == 0 if column.at == "0" else edges(column.at)[0] <= v < edges(column.at)[1])]
        assert column.count == len(inside)
        assert column.dropped == sum(not low <= v <= low + width for v in inside)


@pytest.fixture
def facts(lineage, small):
    """Of a mixture, with pictures of what one's own are."""
    return lambda **pictured: dataclasses.replace(collect(lineage.store, small()), **pictured)


def test_without_counts_of_values_or_cards_nothing_is_drawn(facts):
    assert pictures.signals(facts()) == pictures.domain_map(facts()) == ""


def test_a_rule_says_what_it_dropped_and_what_was_gone_before(facts):
    h = Histogram("few", RULE, {3: 20, 9: 5}, 1, 0, 0, 15, 4, 12, 6)
    drawn = pictures.signals(facts(histograms=(h,)))
    for words in ("3 ≤ text.words ≤ 9", "12 dropped", "7 more outside, gone by an earlier rule", "26 measured",
                  "6 not applicable", "≥ 3", "≤ 9"):
        assert words in drawn, words


def test_an_inverted_rule_drops_what_is_within_and_groups_have_bounds_of_their_own():
    h = Histogram("few", RULE | {"invert": True}, {3: 20, 9: 5}, 1, 0, 0, 15, 4, 12, 6)
    assert [(c.at, c.count, c.dropped) for c in pictures.columns(h)] == [("0", 1, 0), (3, 20, 6), (9, 5, 1)]
    grouped = dataclasses.replace(h, rule=RULE | {"min": {"values": [["en", 3]], "default": 2}, "max": None, "by": "language"})
    assert [c.dropped for c in pictures.columns(grouped)] == [0, 0, 0]


def test_of_many_rules_those_that_dropped_most_are_on_show(facts):
    many = tuple(Histogram(f"rule {i}", RULE, {3: 1}, 0, 0, 0, 0, 0, i, 0) for i in range(20))
    shown, _, folded = pictures.signals(facts(histograms=many)).partition("<details>")
    assert [f"rule {i}<" in shown for i in range(20)] == [i >= 20 - pictures.MOST_RULES for i in range(20)]
    assert f"{20 - pictures.MOST_RULES} more rules" in folded
    assert shown.count("<svg") + folded.count("<svg") == 20 + 2, "and two in the legend"


def test_cards_tell_of_each_domain(facts):
    card = {"domain": "prose", "documents": 4, "place": [0.1, 0.2], "terms": [{"term": "river"}, {"term": "mill"}],
            "sources": [{"source": "web", "documents": 3}], "nearest": [{"excerpt": "The  river\ncarries " + "sand " * 99}]}
    drawn = pictures.domain_map(facts(cards=(card, card | {"domain": "code", "place": [0.3, 0.1]})))
    assert drawn.count("<circle") == 2
    for words in ("prose: 300 tokens; river, mill", "75.0 %", "The river carries sand"):
        assert words in drawn
    assert "sand " * 40 not in drawn
