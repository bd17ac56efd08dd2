import dataclasses
import math
import pickle

import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.recipe import Recipe

# Touvron et al. 2023, table 1; and Brown et al. 2020, table 2.2, whose printed weights sum to 1.01.
LLAMA = {"CommonCrawl": 0.67, "C4": 0.15, "Github": 0.045, "Wikipedia": 0.045, "Books": 0.045, "ArXiv": 0.025,
         "StackExchange": 0.02}
GPT3 = {"common_crawl": 0.6, "webtext2": 0.22, "books1": 0.08, "books2": 0.08, "wikipedia": 0.03}
PAIR = {"web": 5, "code": 5}


def test_a_published_recipe_comes_back_as_printed():
    solved = Recipe(LLAMA).solve(dict.fromkeys(LLAMA, 1000))
    assert list(solved) == sorted(LLAMA)
    assert solved == pytest.approx(LLAMA, rel=1e-12)
    assert math.isclose(sum(solved.values()), 1, rel_tol=1e-15)


def test_a_rounded_table_needs_normalise():
    with pytest.raises(ConfigError, match=r"must sum to 1, got 1.01: .*weigh.normalise=true"):
        Recipe(GPT3)
    solved = Recipe(GPT3, normalise=True).solve(dict.fromkeys(GPT3, 1000))
    assert solved == pytest.approx({name: p / 1.01 for name, p in GPT3.items()}, rel=1e-12)


def test_an_unknown_domain_is_named_with_the_nearest_right_one():
    with pytest.raises(ConfigError, match=r"'cod'.*did you mean 'code'"):
        Recipe({"web": 0.5, "cod": 0.5}).solve(PAIR)


def test_a_domain_that_is_left_out_is_an_error_unless_zero_is_asked_for():
    with pytest.raises(ConfigError, match=r"leaves out 'code': .*weigh.missing=zero"):
        Recipe({"web": 1.0}).solve(PAIR)
    assert Recipe({"web": 1.0}, missing="zero").solve(PAIR) == {"code": 0.0, "web": 1.0}


def test_a_share_of_an_empty_domain_is_refused_and_zero_is_not():
    with pytest.raises(ConfigError, match="asks for 'code', where there are no tokens"):
        Recipe({"web": 0.5, "code": 0.5}).solve({"web": 5, "code": 0})
    assert Recipe({"web": 1.0, "code": 0}).solve({"web": 5, "code": 0}) == {"code": 0.0, "web": 1.0}


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "half", True, None])
def test_a_value_that_is_no_proportion_is_refused(value):
    with pytest.raises(ConfigError, match=r"weigh.proportions.code must be a number from 0"):
        Recipe({"web": 1.0, "code": value})


@pytest.mark.parametrize("proportions", [{}, {"web": 0.0}])
def test_a_recipe_of_nothing_is_refused(proportions):
    with pytest.raises(ConfigError, match="must name a domain"):
        Recipe(proportions, normalise=True)


def test_a_domain_that_yaml_reads_as_a_number_is_a_name():
    assert Recipe({2024: 1.0}).solve({"2024": 5}) == {"2024": 1.0}


def test_a_misspelt_rule_for_missing_domains_is_refused():
    with pytest.raises(ConfigError, match="'error' or 'zero', got 'ignore'"):
        Recipe({"web": 1.0}, missing="ignore")


def test_the_order_of_the_recipe_is_no_part_of_it():
    a, b = Recipe({"web": 0.25, "code": 0.75}), Recipe({"code": 0.75, "web": 0.25})
    assert pickle.dumps(dataclasses.astuple(a)) == pickle.dumps(dataclasses.astuple(b))
    assert pickle.loads(pickle.dumps(a)) == a
