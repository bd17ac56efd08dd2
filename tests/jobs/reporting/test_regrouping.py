import dataclasses
import re

import pytest

from corpusmill.jobs.reporting import regrouping
from corpusmill.jobs.reporting.facts import collect

TRIED = tuple({"k": k, "silhouette": s, "stability": t, "least_words": n, "score": r, "chosen": k == 20}
              for k, s, t, n, r in ((10, 0.12, 0.8, 900, 0.2), (20, 0.15, 0.9, 400, 1.0), (40, 0.2, 0.5, 3, None)))


@pytest.fixture
def facts(lineage, small):
    """Of a mixture, with what one's own facts are."""
    return lambda **found: dataclasses.replace(collect(lineage.store, small()), **found)


def test_all_three_measures_are_drawn_and_the_choice_is_told(facts):
    drawn = regrouping.choice(facts(choice=TRIED))
    assert drawn.count("<svg") == 3
    for words in ("Silhouette: 0.12 at 10, 0.15 at 20, 0.2 at 40", "Stability: 0.8 at 10",
                  "Words of the smallest domain: 900 at 10",
                  "20 domains have the best mean of silhouette", "too few words", "chosen"):
        assert words in drawn, words


@pytest.mark.parametrize("missing", TRIED[0])
def test_a_choice_by_other_measures_is_left_out(facts, missing):
    """Models of earlier versions told a rank and no score."""
    tried = tuple({name: value for name, value in one.items() if name != missing} | {"rank": 1.5} for one in TRIED)
    assert regrouping.choice(facts(choice=tried)) == ""


def test_domains_are_rows_and_sources_columns_with_the_rest_as_one(facts):
    counts = [(f"s{i:02d}", "law", 100 - i) for i in range(15)] + [("s00", "art", 50)]
    drawn = regrouping.crossed(facts(crossed=tuple(sorted(counts))))
    rows = [re.sub("<[^>]+>", "|", row) for row in drawn.split("<tr>")[2:]]
    assert "law" in rows[0]
    assert "art" in rows[1]
    assert "4 others" in drawn
    assert f"{sum(100 - i for i in range(11, 15)):,}" in rows[0]
    assert "100.0 %" in rows[1]
    assert f"{sum(n for *_, n in counts):,}" in rows[2]


def test_nothing_is_drawn_where_nothing_was_chosen_or_domains_are_sources(facts):
    assert regrouping.choice(facts()) == ""
    assert regrouping.crossed(facts(crossed=())) == ""
    assert regrouping.crossed(facts(crossed=(("web", "web", 3),))) == ""
