import math
from collections import Counter

import pytest

from corpusmill.jobs.reporting.measures import clusters_of, histograms_of
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.operators.quality.histogram import edges

RULE = {"reason": "few", "signal": "text.words", "min": 3, "max": 9, "isin": None, "when": None}


@pytest.fixture
def decisions(lineage):
    """A manifest of decisions by two rules of one reason, and one that lists values."""
    listed = RULE | {"reason": "other", "signal": "source", "min": None, "max": None, "isin": ["web"]}
    return lineage.put("decisions", {"rows_in": 9, "kept": 4, "dropped.few": 4, "dropped.other": 1, "not_applicable.few": 2,
                                     "hist/few/zero": 1, "hist/few/-3": 2, "hist/few/10": 3, "hist/few/below": 3,
                                     "hist/few/above": 3, "hist/few#2/4": 6},
                       parameters={"rules": [RULE, RULE | {"max": None}, listed]})


def test_histograms_are_read_back_by_rule(decisions):
    """Rules that list values have none."""
    first, second = histograms_of({"decisions": decisions})
    assert (first.label, dict(first.bins), first.zero, first.below, first.above) == ("few", {-3: 2, 10: 3}, 1, 3, 3)
    assert (first.values, first.dropped, first.not_applicable) == (6, 4, 2)
    assert (second.label, dict(second.bins), second.rule["max"]) == ("few#2", {4: 6}, None)


def test_before_they_were_counted_there_are_none(lineage, small):
    made = manifests.lineage(lineage.store, small())
    assert histograms_of(made) == ()
    assert clusters_of(made) is None


def test_clusters_are_in_order_of_size(lineage):
    duplicates = lineage.put("duplicates", {"rows_in": 2, "kept": 1, "dropped.near_duplicate": 1, "clusters/17-32": 1,
                                            "clusters/2": 5, "clusters/3-4": 2})
    found = clusters_of({"duplicates": duplicates})
    assert list(found.sizes.items()) == [("2", 5), ("3-4", 2), ("17-32", 1)]
    assert (found.count, found.kinds) == (8, {"near": 1})


def test_the_histograms_of_a_build_are_those_of_its_rows(built):
    """Counted again, one value after the other, from the exported annotations."""
    mill, uri = built
    made = mill.lineage(uri)
    rows = mill.rows(made["annotations"])
    for h in histograms_of(made):
        terms = [term.strip() for term in h.rule["signal"].split("/")]
        found = Counter()
        for row in rows:
            value = row[terms[0]] if len(terms) == 1 else row[terms[0]] / row[terms[1]] if row[terms[1]] else math.nan
            if value > 0:
                found[next(b for b in range(-80, 80) if edges(b)[0] <= value < edges(b)[1])] += 1
        assert dict(h.bins) == dict(found), h.label


def test_histograms_stay_out_of_the_index(built):
    mill, uri = built
    made = mill.lineage(uri)["decisions"]
    assert any(name.startswith("hist/") for name in made.counts)
    for shard in manifests.shards(mill.store, made):
        assert shard.counts["rows_in"]
        assert not [name for name in shard.counts if name.startswith("hist/")]


def test_clusters_of_a_build_are_those_of_its_rows(built):
    mill, uri = built
    made = mill.lineage(uri)
    sizes = Counter(row["cluster_id"] for row in mill.rows(made["duplicates"]) if row["keep"] is not None)
    expected = Counter()
    for size in sizes.values():
        if size > 1:
            low, high = next((2 ** (p - 1) + 1, 2**p) for p in range(1, 40) if size <= 2**p)
            expected["2" if high == 2 else f"{low}-{high}"] += 1
    found = clusters_of(made)
    assert found.sizes == dict(expected)
    assert sum(found.kinds.values()) == sum(sizes.values()) - len(sizes)
