"""Rules as people write them."""

import pytest
import yaml

from corpusmill.jobs.filtering.wording import bounds
from corpusmill.operators.contract import describe
from corpusmill.operators.quality.select import parse_rules

RULE = {"reason": "r", "signal": "text.words", "min": None, "max": None, "isin": None, "when": None}


@pytest.mark.parametrize(("changes", "wanted"), [
    ({"min": 3, "max": 100}, "3 ≤ text.words ≤ 100"), ({"max": 0.25}, "text.words ≤ 0.25"),
    ({"max": 1e6}, "text.words ≤ 1,000,000"), ({"isin": ["en", "de"]}, "text.words is one of en, de"),
    ({"min": 1, "when": {"column": "source", "values": ["web"]}}, "1 ≤ text.words, for source in web"),
    ({"min": 1, "when": {"column": "source", "values": ["code", "docs"], "negated": True}},
     "1 ≤ text.words, for source not in code, docs"),
])
def test_rules_of_older_manifests_read_as_people_write_them(changes, wanted):
    assert bounds(RULE | changes) == wanted


@pytest.mark.parametrize(("entry", "wanted"), [
    ("{signal: a / b, above: 0, below: 0.5}", "0 < a / b < 0.5"),
    ("{signal: license, not_in: [GPL], missing: drop}", "license is none of GPL, and missing is dropped"),
    ("{signal: license, missing: drop}", "license is there, and missing is dropped"),
    ("{signal: date, min: 2020-01-01, below: 2021-01-01}", "2020-01-01 ≤ date < 2021-01-01"),
    ("{signal: n, min: 3, invert: true}", "not (3 ≤ n)"),
    ("{signal: n, min: 3, missing: drop, invert: true}", "not (3 ≤ n), and missing is kept"),
    ("{signal: license, missing: drop, invert: true}", "not (license is there), and missing is kept"),
    ("{signal: n, by: language, min: {en: 50, default: 30}}", "(en 50, else 30) ≤ n by language"),
    ("{select: quantile, signal: s, keep: 0.2, order: lowest, by: source}", "the lowest s: share 0.2 of each source"),
    ("{select: top, signal: s, budget: 1000000, size: text.bytes}", "the highest s: 1,000,000 text.bytes"),
    ("{select: gumbel, signal: s, count: 1000}", "a draw weighted by the logarithm s: 1,000"),
    ("{select: pareto, signal: s, alpha: 3}", "pareto(3) > 1 - s"),
])
def test_rules_read_as_people_write_them(entry, wanted):
    (rule,) = parse_rules([yaml.safe_load(entry) | {"reason": "r"}])
    assert bounds(describe(rule)["parameters"]) == wanted
