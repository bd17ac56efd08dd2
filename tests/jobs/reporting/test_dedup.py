import dataclasses
import re

import pytest

from corpusmill.jobs.reporting.dedup import duplicates
from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.measures import Clusters
from corpusmill.jobs.reporting.origins import Origins
from corpusmill.jobs.reporting.pairs import PairFacts, Precision, Recall, Share, Similarities

TEXT = re.compile(r"<[^>]*>")
SIMILARITIES = Similarities(0.7, {70: 30, 95: 30, 99: 30, 100: 10}, {64: 1, 66: 6, 69: 6})
RECALL = Recall(14, 8, {"0.7": 0.5647, "0.9": 0.9998}, 0.875, 0)
PRECISION = Precision(1234, 200, 0.7, Share(190, 0.91, 0.97), Share(199, 0.97, 1.0), 0.03, ())


@pytest.fixture
def draw(lineage, small):
    """A function that draws the section of facts with some of one's own."""
    return lambda **own: duplicates(dataclasses.replace(collect(lineage.store, small()), **own))


def cells(drawn):
    """The cells of each row of the tables."""
    rows = re.findall("<tr>(.*?)</tr>", drawn)
    return [[TEXT.sub("", cell) for cell in re.findall("<t[dh].*?</t[dh]>", row)] for row in rows]


def test_where_no_duplicates_were_looked_for_nothing_is_drawn(draw):
    assert draw() == ""


def test_clusters_are_drawn_by_size_and_dropped_documents_by_kind(draw):
    drawn = draw(clusters=Clusters({"2": 5, "3-4": 2}, {"exact": 3, "near": 7}))
    assert "7 clusters of documents that repeat each other. One of each is kept, so 10 documents were dropped: 3 exact" in drawn
    assert ">3–4</text>" in drawn
    assert drawn.count("<svg") == 2


def test_where_all_copies_go_none_is_said_to_be_kept(draw, lineage):
    made = lineage.put("duplicates", {"rows_in": 4, "kept": 2, "clusters/2": 1, "dropped.exact_duplicate": 2},
                       parameters={"copies": "drop_all"})
    drawn = duplicates(collect(lineage.store, made))
    assert "1 cluster of documents that repeat each other. None is kept, so 2 documents were dropped" in drawn


def test_similarities_show_what_was_verified_and_what_missed(draw):
    drawn = draw(pairs=PairFacts(SIMILARITIES))
    assert "100 pairs at least 0.7 alike, 13 near misses." in drawn
    assert drawn.count('<rect class="drop" x="') == 3 + 1, "and one in the legend"
    assert drawn.count('<rect class="kept" x="') == 2 + 1
    assert "≥ 0.7</text>" in drawn
    assert [f">{tick}</text>" in drawn for tick in ("0.5", "0.6", "1.0")] == [False, True, True]


def test_the_curve_says_its_values(draw):
    drawn = draw(pairs=PairFacts(None, RECALL))
    assert "14 bands of 8 rows: 56.5 % at 0.7, &gt; 99.9 % at 0.9." in drawn
    assert drawn.count("<circle") == 2


def test_precision_and_recall_stand_with_what_they_are_estimated_on(draw):
    drawn = draw(pairs=PairFacts(SIMILARITIES, dataclasses.replace(RECALL, skipped=12), PRECISION))
    head, alike, nearly, recall = cells(drawn)
    assert head == ["How far to trust it", "Share", "95 % between", "Of"]
    assert alike[:3] == ["Precision: in truth at least 0.7 alike", "95.0 %", "91.0 % – 97.0 %"]
    assert nearly[:3] == ["Precision: in truth at least 0.65 alike", "99.5 %", "97.0 % – 100.0 %"]
    assert "200 of 1,234 verified near pairs" in alike[3]
    assert recall[:3] == ["Recall: expected of all near pairs at least 0.7 alike", "87.5 %", "–"]
    assert "12 pairs of large buckets went uncompared" in recall[3]


def test_the_matrix_has_sums(draw):
    origins = Origins(("web", ""), 3, ((4, 0, 1), (2, 1, 0), (0, 0, 2)), 6, 10)
    drawn = draw(clusters=Clusters({"2": 5}, {"exact": 10}), origins=origins)
    assert cells(drawn) == [["Dropped of", "web", "unknown", "3 others", "All"], ["web", "4", "", "1", "5"],
                            ["unknown", "2", "1", "", "3"], ["3 others", "", "", "2", "2"], ["All", "6", "1", "3", "10"]]
    assert "6 within a source, 4 across sources." in drawn


def test_of_a_corpus_the_section_shows_each_part(near):
    mill, uri = near
    drawn = duplicates(collect(mill.store, mill.lineage(uri)["duplicates"]))
    for words in ("Clusters by number", "Compared pairs by similarity", "Chance of being compared", "Precision:", "Recall:",
                  "Dropped of", "the 3 least alike of the", "<mark> elsewhere</mark>"):
        assert words in drawn, words
