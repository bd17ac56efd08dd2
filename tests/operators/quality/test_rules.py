"""What a rule can bound, and how: exclusive bounds, lists, inverses, nulls, dates, bounds for each group."""

import datetime as dt
import math

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.rules import moments
from corpusmill.operators.quality.select import Rule, check, fails, parse_rules, restore, select

NUMBERS = st.one_of(st.none(), st.integers(-5, 5), st.integers(-(2**40), 2**40))
DATES = pa.timestamp("us", tz="UTC")


def batch_of(**columns):
    rows = len(next(iter(columns.values())))
    return pa.record_batch({"doc_id": pa.array([bytes(16)] * rows, pa.binary(16)), **columns})


def reasons(batch, *entries):
    """The verdicts of rules written as YAML writes them."""
    rules = parse_rules([yaml.safe_load(e) if isinstance(e, str) else e for e in entries])
    return select(batch, rules).batch["reason"].to_pylist()


@given(st.lists(NUMBERS, min_size=1), st.integers(-5, 5), st.integers(1, 5), st.sampled_from(["min", "above"]),
       st.sampled_from(["max", "below"]), st.booleans(), st.sampled_from(["pass", "drop"]))
def test_a_rule_keeps_what_plain_comparisons_keep(numbers, low, width, at_least, at_most, invert, missing):
    high = low + width
    rule = Rule("r", "n", **{at_least: low, at_most: high}, invert=invert, missing=missing)
    outcome = select(batch_of(n=pa.array(numbers, pa.int64())), [rule])

    def keeps(n):
        if n is None:
            return missing == "pass" or invert
        inside = (n >= low if at_least == "min" else n > low) and (n <= high if at_most == "max" else n < high)
        return inside != invert

    assert outcome.batch["keep"].to_pylist() == [keeps(n) for n in numbers]
    assert outcome.counts.get("not_applicable.r", 0) == (numbers.count(None) if missing == "pass" else 0)


@pytest.mark.parametrize("bound", [0.0, 0.1, 1 / 3, 5e-324, 1e300, -7.25])
def test_exclusive_bounds_drop_the_bound_and_keep_the_next_float(bound):
    beside = [math.nextafter(bound, -math.inf), bound, math.nextafter(bound, math.inf)]
    assert reasons(batch_of(x=beside), {"reason": "r", "signal": "x", "above": bound}) == ["r", "r", None]
    assert reasons(batch_of(x=beside), {"reason": "r", "signal": "x", "below": bound}) == [None, "r", "r"]


def test_lists_take_values_or_all_others_and_patterns():
    batch = batch_of(license=["CC-BY-4.0", "CC-BY-SA-3.0", "MIT", "GPL-3.0", None, ""])
    assert reasons(batch, "{reason: r, signal: license, in: ['CC-BY-*', MIT]}") == [None, None, None, "r", None, "r"]
    assert reasons(batch, "{reason: r, signal: license, isin: ['CC-BY-*', MIT]}") == [None, None, None, "r", None, "r"]
    assert reasons(batch, "{reason: r, signal: license, not_in: ['*GPL*', '']}") == [None, None, None, "r", None, "r"]
    assert reasons(batch_of(n=[1, 2, None]), "{reason: r, signal: n, not_in: [2]}") == [None, "r", None]


def test_a_value_can_be_required():
    batch = batch_of(license=["MIT", None], a=pa.array([0, 3]), b=pa.array([0, 2]))
    assert reasons(batch, "{reason: no_license, signal: license, missing: drop}") == [None, "no_license"]
    assert reasons(batch, "{reason: r, signal: license, in: [CC0], missing: drop}") == ["r", "r"]
    assert reasons(batch, "{reason: r, signal: a / b, missing: drop}") == ["r", None]
    assert reasons(batch, "{reason: r, signal: a / b, max: 9, missing: drop}") == ["r", None]


def test_the_inverse_of_a_rule_swaps_what_it_decides_and_nothing_else():
    batch = batch_of(license=["MIT", None, "GPL"], source=["web", "web", "code"])
    assert reasons(batch, "{reason: r, signal: license, in: [MIT], invert: true}") == ["r", None, None]
    assert reasons(batch, "{reason: r, signal: license, missing: drop, invert: true}") == ["r", None, "r"]
    assert reasons(batch, "{reason: r, signal: license, in: [MIT], invert: true, when: {source: [code]}}") == [None, None, None]


@pytest.mark.parametrize(("bounds", "kept"), [
    ("min: 2020-01-01, max: 2020-12-31", "bcd"), ("min: 2020-01-01, below: 2021-01-01", "bcd"),
    ("above: 2020-01-01, below: 2020-12-31", ""), ("above: 2019-12-31", "bcde"), ("max: '2020-01-01T00:00'", "ab"),
    ("below: '2020-01-01T01:00+01:00'", "a"), ("min: '2020-12-31T23:59:59.999999'", "de"), ("max: 2019-12-31", "a"),
])
def test_dates_are_bounds_of_a_day_and_times_of_an_instant(bounds, kept):
    at = {"a": "2019-12-31T23:59:59.999999", "b": "2020-01-01T00:00:00", "c": "2020-01-01T23:59:59.999999",
          "d": "2020-12-31T23:59:59.999999", "e": "2021-01-01T00:00:00"}
    times = [dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in at.values()]
    found = reasons(batch_of(date=pa.array([*times, None], DATES)), f"{{reason: r, signal: date, {bounds}}}")
    assert found == [None if name in kept else "r" for name in at] + [None]


@given(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2240, 1, 1)))
def test_a_moment_is_the_microsecond_that_arrow_stores(when):
    stored = pa.array([when], pa.timestamp("us")).cast(pa.int64())[0].as_py()
    assert moments(when.isoformat() if when.time() != dt.time() else f"{when.isoformat()}.0") == (stored, stored + 1)
    midnight = pa.array([dt.datetime.combine(when.date(), dt.time())], pa.timestamp("us")).cast(pa.int64())
    start = midnight[0].as_py()
    assert moments(when.date().isoformat()) == (start, start + 86_400 * 10**6)


def test_each_group_has_its_bound():
    batch = batch_of(n=[49, 50, 41, 39, 31, 29, 30, None], language=["en", "en", "de", "de", "fr", "fr", None, "en"])
    entry = "{reason: r, signal: n, by: language, min: {en: 50, de: 40, default: 30}}"
    assert reasons(batch, entry) == ["r", None, None, "r", None, "r", None, None]
    outcome = select(batch, parse_rules([yaml.safe_load("{reason: r, signal: n, by: language, above: {en: 50}, max: 99}")]))
    assert outcome.batch["reason"].to_pylist() == ["r", "r", None, None, None, None, None, None]
    assert outcome.counts["not_applicable.r"] == 6


SCHEMA = pa.schema({"n": pa.int64(), "m": pa.int64(), "date": DATES, "source": pa.string()})


@pytest.mark.parametrize(("entry", "message"), [
    ("{reason: r, signal: n, min: 2020-01-01}", "'n' is int64: its bounds are numbers; got 2020-01-01"),
    ("{reason: r, signal: date, min: 2020}", "'date' is a time: its bounds are dates such as 2020-01-31; got 2020"),
    ("{reason: r, signal: n / source, missing: drop}", "'source' is string, which has no min or max"),
    ("{reason: r, signal: n, by: m, min: {en: 1}}", "by needs a string column; 'm' is int64"),
    ("{reason: r, signal: n, by: sauce, min: {en: 1}}", "no signal 'sauce': did you mean 'source'?"),
    ("{reason: r, signal: source, not_in: [1]}", "'source' is string, which none of [1] can be"),
    ("{reason: r, signal: source, in: [no]}", "rules[0] (r): 'source' is string, which none of [False] can be"),
    ("{reason: r, signal: n, in: [yes]}", "'n' is int64, which none of [True] can be"),
    ("{reason: r, signal: n, in: ['1']}", "'n' is int64, which none of ['1'] can be"),
    ("{reason: r, signal: n, in: [99999999999999999999]}", "'n' is int64, which none of"),
    ("{reason: r, signal: date, in: [2020]}", "which none of [2020] can be"),
])
def test_types_that_a_rule_cannot_judge_are_refused(entry, message):
    with pytest.raises(ConfigError) as caught:
        check(parse_rules([yaml.safe_load(entry)]), SCHEMA)
    assert message in str(caught.value)


@pytest.mark.parametrize(("entry", "message"), [
    ("{reason: r, signal: n, min: 1, above: 0}", "min and above are the same bound"),
    ("{reason: r, signal: n, in: [1], isin: [2]}", "in and isin are one key"),
    ("{reason: r, signal: n, in: [1], not_in: [2]}", "needs min, max or both, or else isin"),
    ("{reason: r, signal: n, missing: dorp, min: 1}", "missing is pass or drop; got 'dorp'"),
    ("{reason: r, signal: n, min: 1, invert: 'yes'}", "rules[0].invert must be true or false; got 'yes'"),
    ("{reason: r, signal: n, min: {en: 1}}", "a bound for each group and `by`"),
    ("{reason: r, signal: n, min: 1, by: source}", "a bound for each group and `by`"),
    ("{reason: r, signal: n, by: source, min: {no: 1}}", 'put "no", "on", "off" and the like in quotes; got False'),
    ("{reason: r, signal: n, by: source, min: {en: ten}}", "rules[0].min.en must be a number; got 'ten'"),
    ("{reason: r, signal: date, min: '2020-13-01'}", "'2020-13-01' is neither a number nor a date"),
    ("{reason: r, signal: date, min: 2021-01-01, max: 2020-01-01}", "min 2021-01-01 is above max 2020-01-01"),
    ("{reason: r, signal: n, above: 1, below: 1}", "drops everything: min 1 is above max 1"),
    ("{reason: r, signal: date, min: 2021-01-01, max: 5}", "bounds are numbers or dates, not both"),
    ("{reason: r, signal: n, mni: 1}", "unknown key 'mni': did you mean 'min'?"),
    ("{reason: kept, signal: n, min: 1}", "rules[0].reason must be a word of your own"),
    ("{reason: '', signal: n, min: 1}", "without / and #; got ''"),
    ("{reason: ' ', select: pareto, signal: n}", "without / and #; got ' '"),
    ("{reason: a/b, signal: n, min: 1}", "without / and #; got 'a/b'"),
    ("{reason: 'a#2', select: quantile, signal: n, keep: 0.5}", "without / and #; got 'a#2'"),
    ("{reason: r, signal: n, in: [1, a]}", "rules[0].isin must be a list of values of one type"),
    ("{reason: r, signal: n, not_in: [no, da]}", 'put "no", "on", "off"'),
    ("{reason: r, signal: n, in: [1.5]}", "rules[0].isin must be a list of values"),
    ("{reason: r, signal: n, by: source, min: {}}", "rules[0].min must be a number, or a number for each group; got {}"),
    ("{reason: r, signal: n, by: source, min: {en: 5, de: 1}, max: {en: 4, default: 9}}",
     "rule 'r' drops everything of 'en': min 5 is above max 4"),
    ("{reason: r, signal: n, by: source, above: {en: 5}, max: 5}", "everything of 'en': min 5 is above max 5"),
    ("{reason: r, signal: n, by: source, min: 3, max: {en: 4, default: 2}}", "everything of the others: min 3 is above max 2"),
    ("{reason: r, signal: n, min: 1, method: top}", "unknown key 'method': a selector is named by select"),
])
def test_rules_that_contradict_themselves_are_refused(entry, message):
    with pytest.raises(ConfigError) as caught:
        parse_rules([yaml.safe_load(entry)])
    assert message in str(caught.value)


@pytest.mark.parametrize("entry", [
    "{reason: r, signal: n, above: 1, max: 5, invert: true}", "{reason: r, signal: source, not_in: ['a*']}",
    "{reason: r, signal: date, min: 2020-01-01, missing: drop}",
    "{reason: r, signal: n, by: source, min: {en: 1, default: 3}, when: {source: {not_in: [x]}}}",
    "{reason: r, select: quantile, signal: n, keep: {en: 0.5}, by: source, order: lowest}",
    "{reason: r, select: top, signal: n / m, budget: 100, size: m, seed: 3}",
    "{reason: r, select: pareto, signal: n, alpha: 3}",
])
def test_a_manifest_gives_the_rule_back(entry):
    (rule,) = parse_rules([yaml.safe_load(entry)])
    assert restore(describe(rule)["parameters"]) == rule


def test_what_a_rule_alone_drops_is_known():
    batch = batch_of(n=[1, 2, 3], source=["a", "b", "a"])
    (rule,) = parse_rules([{"reason": "r", "signal": "n", "max": 1, "when": {"source": ["a"]}}])
    assert fails(batch, rule).tolist() == [False, False, True]
