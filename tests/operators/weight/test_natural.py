"""Natural weights, and the laws that every derived weigher keeps."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.weight.natural import Natural
from corpusmill.operators.weight.temperature import Temperature
from corpusmill.operators.weight.uniform import Uniform
from corpusmill.operators.weight.unimax import UniMax

NAMES = "abcdefgh"
WEIGHERS = [Natural(), Uniform(), Temperature(), Temperature(0.2), UniMax(), UniMax(budget=1000, max_epochs=1.5)]
counts = st.lists(st.integers(0, 10**13), min_size=1, max_size=8).filter(any)
each_weigher = pytest.mark.parametrize("weigher", WEIGHERS, ids=repr)


@each_weigher
@given(counts=counts)
def test_proportions_sum_to_one_and_are_sorted_by_name(weigher, counts):
    solved = weigher.solve(dict(zip(reversed(NAMES[: len(counts)]), counts, strict=True)))
    assert math.isclose(sum(solved.values()), 1, rel_tol=1e-12)
    assert all(p >= 0 for p in solved.values())
    assert list(solved) == sorted(solved)


@each_weigher
@given(counts=counts, data=st.data())
def test_domains_are_treated_alike_whatever_they_are_called(weigher, counts, data):
    """Renaming domains, which also reorders the mapping, permutes the proportions and changes none of them."""
    names = list(NAMES[: len(counts)])
    other = data.draw(st.permutations(names))
    solved = weigher.solve(dict(zip(names, counts, strict=True)))
    renamed = weigher.solve(dict(zip(other, counts, strict=True)))
    assert [solved[name] for name in names] == [renamed[name] for name in other]


@each_weigher
@given(counts=counts)
def test_an_empty_domain_gets_nothing(weigher, counts):
    names = NAMES[: len(counts)]
    solved = weigher.solve(dict(zip(names, counts, strict=True)))
    assert all(solved[name] == 0 for name, tokens in zip(names, counts, strict=True) if tokens == 0)


def test_natural_is_the_share_of_tokens():
    """SlimPajama's card gives the shares of its seven sources; here in tenths of a per cent."""
    card = {"CommonCrawl": 522, "C4": 267, "GitHub": 52, "Books": 42, "ArXiv": 46, "Wikipedia": 38, "StackExchange": 33}
    assert Natural().solve(card) == {name: card[name] / 1000 for name in sorted(card)}


def test_a_weigher_says_its_version():
    assert all(isinstance(weigher.version, str) and weigher.version for weigher in WEIGHERS)
