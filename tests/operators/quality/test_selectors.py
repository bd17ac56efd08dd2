"""Selectors: the order of rows, sampling by hash, and what they refuse."""

import hashlib
import math

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.select import Condition, Pareto, Ranked, Rule, check, parse_rules, select
from corpusmill.operators.quality.selectors import log, ordered, restored, uniform

FLOATS = st.floats(allow_nan=False)


def ids(n, salt=0):
    return pa.array([hashlib.md5(f"{salt}/{i}".encode(), usedforsecurity=False).digest() for i in range(n)], pa.binary(16))


@given(st.lists(FLOATS, min_size=1))
def test_keys_are_in_the_order_of_floats_and_give_them_back(floats):
    keys = ordered(np.array(floats)).tolist()
    for a, x in zip(keys, floats, strict=True):
        assert restored(a) == x
        for b, y in zip(keys, floats, strict=True):
            assert (a < b, a == b) == (x < y, x == y)


@given(st.lists(st.floats(min_value=5e-324, allow_infinity=False), min_size=1))
def test_logarithms_are_those_of_the_mathematical_library(positive):
    found = log(np.array(positive))
    wanted = [math.log(x) for x in positive]
    assert found.tolist() == pytest.approx(wanted, rel=1e-15, abs=5e-16)


def test_logarithms_do_not_change():
    """To the bit: of other bits other documents would be drawn."""
    found = log(np.array([0.1, 0.5, 1.0, 3.0, 1e-17, 12345.678]))
    assert [x.hex() for x in found] == ["-0x1.26bb1bbb55515p+1", "-0x1.62e42fefa39efp-1", "0x0.0p+0", "0x1.193ea7aad030bp+0",
                                        "-0x1.3926cd770aa67p+5", "0x1.2d79559791e31p+3"]


def test_uniform_numbers_are_never_zero_or_one():
    ends = uniform(np.array([0, (1 << 64) - 1], np.uint64))
    assert 0 < ends[0] < 1e-15
    assert 1 - 1e-15 < ends[1] < 1


@pytest.mark.parametrize(("alpha", "score", "share"), [(9, 0.0, 0.00195), (9, 0.5, 0.026), (9, 0.9, 0.424), (9, 1.0, 1.0),
                                                       (3, 0.5, 0.2963), (3, 0.0, 0.125)])
def test_pareto_keeps_the_share_that_its_law_gives(alpha, score, share):
    """P(X > 1 - s) = (2 - s)^-alpha, within 4 standard deviations; the rows that are kept depend on the seed."""
    n = 60_000
    batch = pa.record_batch({"doc_id": ids(n), "score": np.full(n, score)})
    kept = select(batch, [Pareto("p", "score", alpha=alpha)]).batch["keep"].to_numpy(zero_copy_only=False)
    assert abs(kept.mean() - (2 - score) ** -alpha) <= 4 * math.sqrt(share * (1 - share) / n) + 1e-12
    assert share == pytest.approx((2 - score) ** -alpha, abs=5e-4)
    again = select(batch, [Pareto("p", "score", alpha=alpha, seed=1)]).batch["keep"].to_numpy(zero_copy_only=False)
    assert score == 1 or (kept != again).any()


def test_pareto_is_numpys_convention():
    """The condition of GPT-3 on the same uniform numbers, by the inverse of the distribution that numpy draws from."""
    n = 5_000
    rng = np.random.default_rng(5)
    score = rng.random(n)
    batch = pa.record_batch({"doc_id": ids(n), "score": score})
    kept = select(batch, [Pareto("p", "score")]).batch["keep"].to_pylist()
    head = (0).to_bytes(8, "little") + hashlib.blake2b(b"pareto/p", digest_size=16).digest()
    for i, doc_id in enumerate(batch["doc_id"].to_pylist()):
        hashed = int.from_bytes(hashlib.blake2b(head + doc_id + bytes(8), digest_size=16).digest()[:8], "little")
        u = ((hashed >> 12) + 0.5) / 2**52
        assert kept[i] == (u ** (-1 / 9) - 1 > 1 - score[i])


def test_pareto_refuses_what_is_no_probability():
    batch = pa.record_batch({"doc_id": ids(2), "n": [0.5, 12.0]})
    with pytest.raises(DataError, match=r"pareto needs a score from 0 to 1; 'n' is 12.0"):
        select(batch, [Pareto("p", "n")])


def test_pareto_looks_at_the_scores_of_all_rows_that_it_is_meant_for_and_of_no_others():
    """Whatever other rules drop, and whatever their order; of a source without such scores it says nothing."""
    batch = pa.record_batch({"doc_id": ids(4), "n": [0.5, 12.0, -math.inf, math.nan], "source": ["a", "b", "b", "b"]})
    drops = Rule("r", "source", not_in=("b",))
    for rules in ([drops, Pareto("p", "n")], [Pareto("p", "n"), drops]):
        with pytest.raises(DataError, match=r"'n' is 12\.0"):
            select(batch, rules)
    outcome = select(batch, [Pareto("p", "n", alpha=1e-9, when=Condition("source", ("a",)))])
    assert outcome.batch["keep"].to_pylist() == [True] * 4
    with pytest.raises(DataError, match=r"'n' is 12\.0"):
        select(batch, [drops, Pareto("p", "n", when=Condition("source", ("b",)))])


def test_nulls_are_not_applicable_and_inverses_swap():
    batch = pa.record_batch({"doc_id": ids(200), "s": pa.array([None, *[0.5] * 199])})
    plain = select(batch, [Pareto("p", "s", alpha=1)])
    inverse = select(batch, [Pareto("p", "s", alpha=1, invert=True)])
    assert plain.counts["not_applicable.p"] == inverse.counts["not_applicable.p"] == 1
    assert [a != b for a, b in zip(plain.batch["keep"].to_pylist(), inverse.batch["keep"].to_pylist(), strict=True)] == \
        [False, *[True] * 199]
    assert not select(batch, [Pareto("p", "s", alpha=1, missing="drop")]).batch["keep"][0].as_py()


def test_draws_of_two_rules_are_independent():
    """Half of what one keeps, the other keeps."""
    batch = pa.record_batch({"doc_id": ids(4_000), "s": np.zeros(4_000)})
    a, b = (select(batch, [Pareto(name, "s", alpha=1)]).batch["keep"].to_numpy(zero_copy_only=False) for name in "ab")
    assert abs((a & b).mean() - 0.25) < 0.03


def test_gumbel_scores_are_log_weights_with_noise_of_its_law():
    n = 20_000
    batch = pa.record_batch({"doc_id": ids(n), "w": np.full(n, 3.0)})
    noise = Ranked("g", "w", method="gumbel", count=1).score(batch) - 3.0
    assert noise.mean() == pytest.approx(0.5772, abs=4 * 1.2825 / math.sqrt(n))
    for x in (-1.0, 0.0, 1.0, 3.0):
        assert (noise <= x).mean() == pytest.approx(math.exp(-math.exp(-x)), abs=0.015)


SCHEMA = pa.schema({"n": pa.int64(), "x": pa.float64(), "source": pa.string(), "text.bytes": pa.int64()})


@pytest.mark.parametrize(("entry", "message"), [
    ("{reason: r, select: quantil, signal: n, keep: 0.5}", "no selector 'quantil': did you mean 'quantile'?"),
    ("{reason: r, select: quantile, signal: n}", "quantile needs keep; got none"),
    ("{reason: r, select: [top], signal: n, count: 1}", "rules[0].select: there is no selector ['top']"),
    ("{reason: r, select: quantile, method: top, signal: n, count: 1}", "unknown key 'method': a selector is named by select"),
    ("{reason: r, select: pareto, method: top, signal: n}", "unknown key 'method': a selector is named by select"),
    ("{reason: r, select: top, signal: n, count: .inf}", "rules[0]: rule 'r': count is a whole number; got inf"),
    ("{reason: r, select: top, signal: n, budget: .nan, size: text.bytes}", "budget is a whole number; got nan"),
    ("{reason: r, select: top, signal: n, by: source, count: {en: .inf}}", "count is a whole number; got inf"),
    ("{reason: r, select: quantile, signal: n, keep: .nan}", "keep is a share above 0 and up to 1; got nan"),
    ("{reason: r, select: quantile, signal: n, by: source, keep: {}}", "rules[0].keep must be a number, or a number for each"),
    ("{reason: r, select: pareto, signal: n, alpha: {en: 1}}", "rules[0].alpha must be a number; got {'en': 1}"),
    ("{reason: r, select: quantile, signal: n, keep: 50}", "keep is a share above 0 and up to 1; got 50"),
    ("{reason: r, select: quantile, signal: n, count: 5}", "quantile needs keep; got count"),
    ("{reason: r, select: top, signal: n, keep: 0.5}", "top needs count or budget; got keep"),
    ("{reason: r, select: top, signal: n, budget: 5}", "budget and size, the column that it is a sum of, need each other"),
    ("{reason: r, select: top, signal: n, count: 2.5}", "count is a whole number; got 2.5"),
    ("{reason: r, select: gumbel, signal: n, keep: 0.5, count: 1}", "gumbel needs keep or count; got keep and count"),
    ("{reason: r, select: quantile, signal: n, keep: {en: 0.5}}", "keep for each group needs `by`"),
    ("{reason: r, select: quantile, signal: n, keep: 0.5, order: best}", "order is highest or lowest; got 'best'"),
    ("{reason: r, select: quantile, signal: n, keep: 0.5, min: 3}", "rules[0]: unknown key 'min'"),
    ("{reason: r, select: pareto, signal: n, alfa: 3}", "unknown key 'alfa': did you mean 'alpha'?"),
    ("{reason: r, select: pareto, signal: n, alpha: 0}", "alpha is above 0; got 0"),
    ("{reason: r, select: pareto, signal: n, seed: -1}", "seed must be a whole number from 0 to 2^64 - 1; got -1"),
    ("{reason: r, select: quantile, signal: m, keep: 0.5}", "rules[0] (r): there is no signal 'm'"),
    ("{reason: r, select: quantile, signal: source, keep: 0.5}", "'source' is string: a selector ranks numbers"),
    ("{reason: r, select: top, signal: n, budget: 5, size: x}", "size needs a column of integers, such as text.bytes"),
    ("{reason: r, select: top, signal: n, budget: 5, size: text.byte}", "no signal 'text.byte': did you mean 'text.bytes'?"),
    ("{reason: r, select: quantile, signal: n, keep: 0.5, by: x}", "by needs a string column; 'x' is double"),
])
def test_selectors_that_cannot_be_applied_are_refused(entry, message):
    with pytest.raises(ConfigError) as caught:
        check(parse_rules([yaml.safe_load(entry)]), SCHEMA)
    assert message in str(caught.value)


def test_a_threshold_is_a_plain_rule():
    assert parse_rules([{"reason": "r", "select": "threshold", "signal": "n", "min": 1}]) == \
        parse_rules([{"reason": "r", "signal": "n", "min": 1}])
