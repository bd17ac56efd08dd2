from fractions import Fraction

import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.shares import check_available, check_known, check_matched, proportions, renamed


def test_available_tokens_come_back_sorted_by_name():
    assert list(check_available({"web": 1, "code": 0, "math": 2}).items()) == [("code", 0), ("math", 2), ("web", 1)]


@pytest.mark.parametrize("available", [{"web": -1}, {"web": 1.5}, {"web": True}, {}, {"web": 0, "code": 0}])
def test_counts_that_cannot_be_weighed_are_refused(available):
    with pytest.raises(DataError, match="tokens"):
        check_available(available)


def test_an_unknown_domain_is_named_with_the_nearest_right_one():
    with pytest.raises(ConfigError, match=r"weigh.proportions names the domain 'wikpedia'.*did you mean 'wikipedia'"):
        check_known(["web", "wikpedia"], ["web", "wikipedia", "code"], "weigh.proportions")


def test_proportions_are_rounded_once():
    assert proportions({"b": Fraction(2), "a": Fraction(1)}) == {"a": 1 / 3, "b": 2 / 3}


def test_both_sides_must_hold_the_same_domains():
    check_matched(["web", "code"], ["code", "web"], "k", "remedy")
    with pytest.raises(ConfigError, match="k names the domain 'wab', which is not in the data: did you mean 'web'"):
        check_matched(["wab", "code"], ["web", "code"], "k", "remedy")
    with pytest.raises(ConfigError, match=r"k does not know 'codes' \(near: 'code'\): remedy"):
        check_matched(["web", "code"], ["web", "code", "codes"], "k", "remedy")


def test_names_are_mapped_one_to_one():
    assert renamed(["a", "b"], {"a": "x"}, "k") == {"a": "x", "b": "b"}
    with pytest.raises(ConfigError, match="k names 'c', which is not there"):
        renamed(["a"], {"c": "x"}, "k")
    with pytest.raises(ConfigError, match="k: 'a' and 'b' both become 'b'"):
        renamed(["a", "b"], {"a": "b"}, "k")
