"""Rules: what they keep, why they drop, and what they refuse."""

import base64
import importlib.resources
import random
from fractions import Fraction

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.contract import chain
from corpusmill.operators.errors import ConfigError, SchemaError
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.select import Condition, Rule, check, columns_read, parse_rules, select
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.schema import DECISIONS, DOCUMENTS
from corpusmill.operators.text.normalise import Normalise

COUNTS = st.one_of(st.none(), st.integers(0, 20), st.integers(0, 2**40))


def batch_of(**columns):
    rows = len(next(iter(columns.values())))
    return pa.record_batch({"doc_id": pa.array([bytes(16)] * rows, pa.binary(16)), **columns})


def decide(batch, *rules):
    outcome = select(batch, rules)
    assert outcome.batch.schema == DECISIONS
    assert outcome.batch.column("keep").to_pylist() == [r is None for r in outcome.batch.column("reason").to_pylist()]
    dropped = sum(n for key, n in outcome.counts.items() if key.startswith("dropped."))
    assert outcome.counts["rows_in"] == batch.num_rows == outcome.counts["kept"] + dropped
    return outcome.batch.column("reason").to_pylist(), outcome.counts


@settings(deadline=None)
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1), st.sampled_from(["0.1", "0.5", "0.25", "0.3"]))
def test_ratios_meet_their_bounds_as_exact_fractions_do(pairs, bound):
    batch = batch_of(a=pa.array([a for a, _ in pairs], pa.int64()), b=pa.array([b for _, b in pairs], pa.int64()))
    reasons, counts = decide(batch, Rule("high", "a / b", max=float(bound)))
    applicable = [(a, b) for a, b in pairs if a is not None and b is not None and (a or b)]
    assert counts.get("not_applicable.high", 0) == len(pairs) - len(applicable)
    # A count over zero is infinite; exact fractions closer than float64 resolves are beyond counts of 2^40 over 20.
    expected = [None if pair not in applicable or (pair[1] and Fraction(*pair) <= Fraction(bound)) else "high"
                for pair in pairs]
    assert reasons == expected


def test_bounds_are_inclusive_and_the_first_failing_rule_gives_the_reason():
    reasons, counts = decide(batch_of(n=[1, 2, 3, 4]), Rule("low", "n", min=2), Rule("range", "n", min=3, max=3))
    assert reasons == ["low", "range", None, "range"]
    assert counts == {"rows_in": 4, "kept": 1, "dropped.low": 1, "dropped.range": 2}


def test_products_and_lists_of_values():
    batch = batch_of(n=[1, 2, 3], s=["x", "y", None])
    assert decide(batch, Rule("large", "n * n", max=4))[0] == [None, None, "large"]
    reasons, counts = decide(batch, Rule("wrong", "s", isin=("x",)))
    assert reasons == [None, "wrong", None]
    assert counts["not_applicable.wrong"] == 1
    assert decide(batch, Rule("odd", "n", isin=(2,)))[0] == ["odd", None, "odd"]


def test_a_condition_limits_a_rule_to_its_rows():
    batch = batch_of(n=[1, 1, 1], source=["web", "code", None])
    rule = Rule("low", "n", min=2, when=Condition("source", ("web", "mail")))
    assert decide(batch, rule)[0] == ["low", None, None]


def test_a_negated_condition_limits_a_rule_to_the_other_rows():
    batch = batch_of(n=[1, 1, 1], source=["web", "code", None])
    rule = Rule("low", "n", min=2, when=Condition("source", ("code",), negated=True))
    assert decide(batch, rule)[0] == ["low", None, "low"]


@pytest.mark.parametrize(("pattern", "matched"), [
    ("*/code", ["a/code", "a/b/code", "a\n/code"]), ("a/*", ["a/code", "a/b/code", "a/c.de"]), ("a/c.de", ["a/c.de"]),
    ("a/*/c*", ["a/b/code"]), ("[a]*", []), ("code", ["code"]), ("*", ["a/code", "a/b/code", "a\n/code", "code", "a/c.de", ""]),
])  # fmt: skip
def test_a_star_stands_for_any_characters_and_nothing_else_is_special(pattern, matched):
    sources = ["a/code", "a/b/code", "a\n/code", "code", "a/c.de", ""]
    rule = Rule("low", "n", min=2, when=Condition("source", (pattern, "other")))
    reasons, _ = decide(batch_of(n=[1] * len(sources), source=sources), rule)
    assert [source for source, reason in zip(sources, reasons, strict=True) if reason] == matched


def test_rows_that_an_earlier_rule_dropped_do_not_count_as_not_applicable():
    batch = batch_of(n=[0, 5], m=pa.array([None, None], pa.float64()))
    assert decide(batch, Rule("low", "n", min=1), Rule("m", "m", max=1))[1]["not_applicable.m"] == 1


def test_nan_is_not_applicable():
    reasons, counts = decide(batch_of(x=[float("nan"), 2.0]), Rule("x", "x", max=1))
    assert (reasons, counts["not_applicable.x"]) == ([None, "x"], 1)


def test_two_rules_may_share_a_reason():
    reasons, counts = decide(batch_of(n=[1, 5, 9]), Rule("odd size", "n", min=2), Rule("odd size", "n", max=8))
    assert (reasons, counts["dropped.odd size"]) == (["odd size", None, "odd size"], 2)


def test_no_rules_keep_everything_and_an_empty_batch_is_fine():
    assert decide(batch_of(n=[1]))[0] == [None]
    assert decide(batch_of(n=pa.array([], pa.int64())), Rule("low", "n", min=1))[0] == []


def test_a_batch_without_doc_id_is_refused():
    with pytest.raises(SchemaError, match="no column 'doc_id'"):
        select(pa.record_batch({"n": [1]}), [])


def test_columns_read_names_terms_and_conditions():
    rules = [Rule("a", "x / y", max=1), Rule("b", "z", min=1, when=Condition("source", ("web",)))]
    assert columns_read(rules) == {"x", "y", "z", "source"}


SCHEMA = pa.schema({"text.words": pa.int64(), "text.chars": pa.int64(), "source": pa.string()})


@pytest.mark.parametrize(("rule", "message"), [
    (Rule("r", "text.wrods", min=1), "rules[0] (r): there is no signal 'text.wrods': did you mean 'text.words'?"),
    (Rule("r", "text.words / text.char", min=1), "there is no signal 'text.char': did you mean 'text.chars'?"),
    (Rule("r", "source", min=1), "'source' is string, which has no min or max; use isin"),
    (Rule("r", "text.words", isin=("a",)), "'text.words' is int64, which none of ['a'] can be"),
    (Rule("r", "text.words", min=1, when=Condition("sauce", ("a",))), "no signal 'sauce': did you mean 'source'?"),
    (Rule("r", "text.words", min=1, when=Condition("text.words", ("a",))), "when needs a string column"),
])  # fmt: skip
def test_unknown_or_unfit_signals_are_refused_by_name(rule, message):
    with pytest.raises(ConfigError) as caught:
        check([rule], SCHEMA)
    assert message in str(caught.value)


def test_parsed_rules_equal_those_written_in_python():
    entries = [{"reason": "a", "signal": "x / y", "min": 0.5, "when": {"source": ["web"]}},
               {"reason": "b", "signal": "s", "isin": ["p", "q"]},
               {"reason": "c", "signal": "x", "max": 1, "when": {"source": {"not_in": ["*/code"]}}}]
    assert parse_rules(entries) == (Rule("a", "x / y", min=0.5, when=Condition("source", ("web",))),
                                    Rule("b", "s", isin=("p", "q")),
                                    Rule("c", "x", max=1, when=Condition("source", ("*/code",), negated=True)))


@pytest.mark.parametrize(("entry", "message"), [
    ({"reason": "a", "signal": "x", "maxx": 1}, "rules[1]: unknown key 'maxx': did you mean 'max'?"),
    ({"reason": "a", "sginal": "x", "max": 1}, "rules[1]: unknown key 'sginal': did you mean 'signal'?"),
    ({"signal": "x", "max": 1}, "rules[1].reason must be a string; got None"),
    ({"reason": "a", "signal": "x", "max": "ten"}, "rules[1].max must be a number; got 'ten'"),
    ({"reason": "a", "signal": "x", "max": True}, "rules[1].max must be a number; got True"),
    ({"reason": "a", "signal": "x"}, "rules[1]: rule 'a' needs min, max or both, or else isin"),
    ({"reason": "a", "signal": "x", "min": 2, "max": 1}, "rule 'a' drops everything: min 2 is above max 1"),
    ({"reason": "a", "signal": "x", "max": float("nan")}, "min and max must be finite"),
    ({"reason": "a", "signal": "x / y / z", "max": 1}, "signal 'x / y / z' is not a column, 'a / b' or 'a * b'"),
    ({"reason": "a", "signal": "x y", "max": 1}, "signal 'x y' is not a column"),
    ({"reason": "a", "signal": "x / y", "isin": ["p"]}, "isin needs values, and a column; got signal 'x / y'"),
    ({"reason": "a", "signal": "x", "isin": "web"}, "rules[1].isin must be a list of values; got 'web'"),
    ({"reason": "a", "signal": "x", "max": 1, "when": {}}, "rules[1].when must be one column with the values"),
    ({"reason": "a", "signal": "x", "max": 1, "when": {"source": "web"}}, "rules[1].when.source must be a list"),
    ({"reason": "a", "signal": "x", "max": 1, "when": {"source": {"in": ["web"]}}}, "a list of values, or not_in with one"),
    ({"reason": "a", "signal": "x", "max": 1, "when": {"source": {"not_in": []}}}, "rules[1].when.source.not_in must be"),
    ("short", "rules[1] must be a mapping"),
])  # fmt: skip
def test_a_wrong_rule_is_refused_with_its_place(entry, message):
    with pytest.raises(ConfigError) as caught:
        parse_rules([{"reason": "fine", "signal": "x", "max": 1}, entry])
    assert message in str(caught.value)


def default_rules():
    profile = importlib.resources.files("corpusmill.conf") / "quality" / "default.yaml"
    return parse_rules(yaml.safe_load(profile.read_text())["rules"])


STEPS = chain([Normalise(), BasicSignals(), Compression()], DOCUMENTS)
ENCODED = base64.b64encode(random.Random(0).randbytes(2400)).decode()
PROSE = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of folly.\n"
CODE = "\n".join(f"    if value[{i}] is not None:\n        total += weight_{i} * value[{i}]" for i in range(40))


def test_the_rules_of_the_default_profile_read_signals_of_its_chain():
    check(default_rules(), pa.schema([*DOCUMENTS, *STEPS.signals]))


@pytest.mark.parametrize(("text", "reason"), [
    (PROSE * 2, None), (CODE, None), ("人人生而自由,在尊严和权利上一律平等。" * 8, None),
    ("short", "too_short"), ("x" + " " * 500 + "y", "mostly_space"), ("0123456789 " * 50, "mostly_digits"),
    ("=-=-=-= " * 50, "mostly_symbols"), ("3,1 42.5 17-8 9:30 " * 20, "no_words"), (ENCODED, "endless_words"),
    (PROSE * 3000, "endless_line"), ("The same line of a template.\n" * 60, "repeated_lines"),
    ("word " * 800, "repetitive"),
])  # fmt: skip
def test_the_default_profile_keeps_text_and_names_what_is_not(text, reason):
    text = text.replace("\n", " ") if reason == "endless_line" else text
    row = pa.record_batch([pa.array([bytes(16)], pa.binary(16)), pa.array([text])], names=["doc_id", "text"])
    assert decide(STEPS.open()(row).batch, *default_rules())[0] == [reason]
