import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.mixture.budget import Plan, plan

NAMES = "abcdef"


@st.composite
def mixtures(draw, most=40):
    """Proportions (some of them 0 or equal) and available tokens (some of them 0) of up to six domains."""
    n = draw(st.integers(1, 6))
    weights = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n).filter(any))
    tokens = draw(st.lists(st.just(0) | st.integers(2, most), min_size=n, max_size=n))
    proportions = {name: w / sum(weights) for name, w in zip(NAMES, weights, strict=False)}
    available = dict(zip(NAMES, tokens, strict=False))
    assume(any(proportions[name] and available[name] for name in available))
    return proportions, available


def one_by_one(proportions, available, budget, max_epochs):
    """Hand tokens out singly to the largest p / (tokens + ½) below its cap, the first name of equals."""
    shares = {name: Fraction(p) for name, p in proportions.items()}
    tokens = dict.fromkeys(sorted(shares), 0)
    for _ in range(budget):
        open_ = [name for name in tokens
                 if shares[name] and tokens[name] + 1 <= Fraction(max_epochs) * available[name]]
        if not open_:
            break
        tokens[max(open_, key=lambda name: shares[name] / (tokens[name] + Fraction(1, 2)))] += 1
    return tokens


def tokens_of(planned):
    return {d.domain: d.tokens for d in planned.domains}


@given(mixtures(), st.integers(1, 200), st.sampled_from([1.0, 1.5, 2.0, 4.0]))
def test_equals_handing_out_tokens_one_by_one(mixture, budget, max_epochs):
    assert tokens_of(plan(*mixture, budget, max_epochs)) == one_by_one(*mixture, budget, max_epochs)


@given(mixtures(10**13), st.integers(1, 10**14), st.floats(0.5, 50))
def test_budget_and_caps_hold_and_every_token_is_accounted_for(mixture, budget, max_epochs):
    planned = plan(*mixture, budget, max_epochs)
    allowed = sum(math.floor(Fraction(max_epochs) * d.available) for d in planned.domains if d.proportion)
    assert planned.total == sum(d.tokens for d in planned.domains) == min(budget, allowed)
    assert planned.total + planned.shortfall == planned.budget == budget
    for d in planned.domains:
        assert d.tokens <= Fraction(max_epochs) * d.available
        assert d.tokens == d.whole_epochs * d.available + d.remainder_tokens
        assert 0 <= d.remainder_tokens < max(1, d.available)
        assert d.epochs == (d.tokens / d.available if d.available else 0)
        assert d.tokens == 0 or d.proportion > 0


@given(mixtures(10**13), st.integers(1, 10**14), st.floats(0.5, 50))
def test_domains_below_their_cap_keep_their_ratios_to_within_a_rounded_token(mixture, budget, max_epochs):
    planned = plan(*mixture, budget, max_epochs)
    free = [d for d in planned.domains if d.proportion and not d.capped]
    half = Fraction(1, 2)
    for a in free:
        for b in free:
            assert (a.tokens - half) / Fraction(a.proportion) <= (b.tokens + half) / Fraction(b.proportion)


@given(mixtures(), st.integers(1, 100), st.sampled_from([1.0, 1.5, 4.0]))
def test_a_domain_is_capped_where_it_would_get_more_if_it_alone_had_more_tokens(mixture, budget, max_epochs):
    proportions, available = mixture
    for d in plan(proportions, available, budget, max_epochs).domains:
        lifted = one_by_one(proportions, available | {d.domain: 1000}, budget, max_epochs)
        assert d.capped == (lifted[d.domain] > d.tokens)


@given(mixtures(), st.integers(1, 120), st.integers(1, 5), st.sampled_from([1.0, 2.5]))
def test_a_larger_budget_takes_no_token_from_any_domain(mixture, budget, more, max_epochs):
    """Nested mixtures rest on this; rounding by largest remainder would break it (the Alabama paradox)."""
    small, large = (tokens_of(plan(*mixture, b, max_epochs)) for b in (budget, budget + more))
    assert all(small[name] <= large[name] for name in small)


@given(mixtures(10**12), st.integers(1, 10**12), st.data())
def test_the_order_of_the_mappings_does_not_matter(mixture, budget, data):
    proportions, available = mixture
    order = data.draw(st.permutations(list(available)))
    shuffled = plan({n: proportions[n] for n in reversed(order)}, {n: available[n] for n in order}, budget, 4.0)
    assert shuffled == plan(proportions, available, budget, 4.0)


def test_equal_quotients_go_by_name():
    planned = plan({"c": 0.25, "b": 0.25, "a": 0.25, "d": 0.25}, dict.fromkeys("abcd", 100), 6, 1.0)
    assert tokens_of(planned) == {"a": 2, "b": 2, "c": 1, "d": 1}


def test_what_a_capped_domain_cannot_take_goes_to_the_others_in_proportion():
    """Capping `small` at 40 of its 500 lifts `mid` above its cap too: 360 more go to `large`."""
    planned = plan({"small": 0.5, "mid": 0.3, "large": 0.2}, {"small": 10, "mid": 100, "large": 10_000}, 1000, 4.0)
    assert tokens_of(planned) == {"small": 40, "mid": 400, "large": 560}
    assert planned.capped == ("mid", "small")
    assert planned.notice.startswith("mid, small at the cap of 4 epochs")


def test_a_shortfall_is_said_with_the_domains_that_cause_it():
    planned = plan({"web": 0.9, "code": 0.1, "none": 0}, {"web": 100, "code": 10, "none": 50}, 1000, 2.0)
    assert (planned.total, planned.shortfall) == (220, 780)
    assert planned.notice.startswith("780 of the budget of 1,000 cannot be met: code, web at the cap of 2 epochs")


def test_natural_proportions_for_one_epoch_take_everything_and_cap_nothing():
    """Rounded proportions such as 1/3 lie a hair beside the tokens that they come from; that is no binding cap."""
    available = {"a": 1, "b": 10**12 + 1, "c": 2 * 10**12 - 7}
    everything = sum(available.values())
    planned = plan({name: tokens / everything for name, tokens in available.items()}, available, everything, 1.0)
    assert tokens_of(planned) == available
    assert planned.capped == ()
    assert planned.notice == ""


def test_the_published_llama_mixture_is_planned_to_the_token():
    """Touvron et al. 2023, table 1: 1.4 T tokens at the printed proportions, and Wikipedia's 2.45 epochs."""
    printed = {"CommonCrawl": 0.67, "C4": 0.15, "Github": 0.045, "Wikipedia": 0.045, "Books": 0.045, "ArXiv": 0.025,
               "StackExchange": 0.02}
    available = dict.fromkeys(printed, 10**12) | {"Wikipedia": round(0.045 * 1.4e12 / 2.45)}
    planned = plan(printed, available, 1_400_000_000_000, 4.0)
    assert tokens_of(planned) == {name: round(1000 * p) * 1_400_000_000 for name, p in printed.items()}
    wikipedia = next(d for d in planned.domains if d.domain == "Wikipedia")
    assert wikipedia.epochs == pytest.approx(2.45)
    assert wikipedia.whole_epochs == 2


@given(mixtures(10**12), st.integers(1, 10**12), st.floats(1, 50))
def test_a_plan_survives_json(mixture, budget, max_epochs):
    planned = plan(*mixture, budget, max_epochs)
    assert Plan.from_json(planned.to_json()) == planned
    assert Plan.from_json(planned.to_json()).to_json() == planned.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"domains": []}', '{"domains": [{"domain": "a"}]}'])
def test_json_that_is_no_plan_is_refused(text):
    with pytest.raises(DataError, match="not the plan of a mixture"):
        Plan.from_json(text)


GOOD = {"proportions": {"web": 0.5, "code": 0.5}, "available": {"web": 9, "code": 9}, "budget": 10, "max_epochs": 4.0}


@pytest.mark.parametrize(("change", "message"), [
    ({"budget": 0}, "mix.budget must be"),
    ({"budget": 1.5}, "mix.budget must be"),
    ({"max_epochs": 0.0}, "mix.max_epochs must be"),
    ({"max_epochs": math.nan}, "mix.max_epochs must be"),
    ({"max_epochs": math.inf}, "mix.max_epochs must be"),
    ({"proportions": {"web": 0.5, "cde": 0.5}}, "'cde'.*did you mean 'code'"),
    ({"proportions": {"web": 1.0}}, "leave out 'code'"),
    ({"proportions": {"web": math.nan, "code": 0.5}}, "proportion of 'web' must be"),
    ({"proportions": {"web": 1.5, "code": -0.5}}, "proportion of 'code' must be"),
    ({"proportions": {"web": 0.5, "code": 0.4}}, "must sum to 1, got 0.9"),
])
def test_what_cannot_be_planned_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        plan(**(GOOD | change))


def test_a_mixture_of_nothing_is_refused():
    with pytest.raises(DataError, match="the mixture would be empty: 4 epochs of web hold no token"):
        plan({"web": 1.0, "code": 0.0}, {"web": 0, "code": 5}, 10, 4.0)
