import pytest

from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.reasons import bounds, reasons

RULE = {"reason": "r", "signal": "text.words", "min": None, "max": None, "isin": None, "when": None}


@pytest.mark.parametrize(("changes", "wanted"), [
    ({"min": 3, "max": 100}, "3 ≤ text.words ≤ 100"), ({"max": 0.25}, "text.words ≤ 0.25"),
    ({"max": 1e6}, "text.words ≤ 1,000,000"), ({"isin": ["en", "de"]}, "text.words is one of en, de"),
    ({"min": 1, "when": {"column": "source", "values": ["web"]}}, "1 ≤ text.words, for source in web"),
])
def test_rules_read_as_people_write_them(changes, wanted):
    assert bounds(RULE | changes) == wanted


def test_each_reason_stands_with_its_rule_and_its_documents(lineage, small):
    drawn = reasons(collect(lineage.store, small()))
    for words in ("too_short", "100 ≤ text.chars", "near_duplicate", "bad_utf8", "Not applicable", "By source and reason"):
        assert words in drawn


def test_nothing_is_drawn_where_nothing_was_dropped(lineage):
    assert reasons(collect(lineage.store, lineage.put("documents", {"rows_in": 1, "kept": 1}))) == ""
