import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.solve.constraints import region

SIZES = {"code": 100, "prose": 300, "web": 600}


def regions(budget=1000, max_epochs=None, shares=None, groups=None, sizes=SIZES):
    return region(sizes, budget, max_epochs, shares or {}, groups or {})


def test_an_epoch_cap_bounds_a_share_by_what_there_is():
    found = regions(2000, 4.0)
    assert [(limit.of, limit.bound) for limit in found.limits] == [("code", 0.2), ("prose", 0.6)]
    assert found.missed(np.array([0.2, 0.6, 0.2])) == 0
    assert found.missed(np.array([0.3, 0.5, 0.2])) == pytest.approx(0.1)


def test_bounds_sums_and_fixed_ratios_hold_together():
    text = {"domains": ["prose", "web"], "max": 0.8, "ratios": "natural"}
    found = regions(shares={"web": {"min": 0.1}}, groups={"text": text})
    assert found.blend.shape == (3, 2)
    assert found.missed(np.array([0.4, 0.2, 0.4])) < 1e-15
    assert found.missed(np.array([0.4, 0.3, 0.3])) == pytest.approx(0.1)  # 1 to 2 is natural
    assert found.missed(np.array([0.1, 0.3, 0.6])) == pytest.approx(0.1)  # more than 0.8
    low, high, rows, _ = found.split()
    assert (len(rows), high[0], low[0]) == (0, pytest.approx(0.8), pytest.approx(0.15))


@pytest.mark.parametrize(("settings", "named"), [
    ({"shares": {"code": {"min": 0.6}, "web": {"min": 0.5}}}, ["weigh.shares.code.min=0.6", "weigh.shares.web.min=0.5"]),
    ({"budget": 2000, "max_epochs": 4.0, "shares": {"code": {"min": 0.4}}},
     ["weigh.shares.code.min=0.4", "weigh.max_epochs=4 of the 100 tokens of 'code' in weigh.budget=2000"]),
    ({"shares": {"web": {"max": 0.2}}, "groups": {"g": {"domains": ["code", "prose"], "max": 0.5}}},
     ["weigh.shares.web.max=0.2", "weigh.groups.g.max=0.5"]),
    ({"groups": {"g": {"domains": ["code", "prose"], "min": 0.5, "max": 0.4}}}, ["weigh.groups.g.min=0.5", "groups.g.max"]),
    ({"groups": {"g": {"domains": ["code", "prose", "web"], "max": 0.9}}}, ["no mixture meets weigh.groups.g.max=0.9: shares"]),
    ({"groups": {"g": {"domains": ["code", "prose"], "ratios": {"code": 1, "prose": 1}}},
      "shares": {"code": {"min": 0.4}, "prose": {"max": 0.3}}}, ["weigh.shares.code.min=0.4", "weigh.shares.prose.max=0.3"]),
])  # fmt: skip
def test_what_contradicts_is_named_and_nothing_else(settings, named):
    settings = {"shares": {}, "groups": {}} | settings
    settings["shares"] = settings["shares"] | {"prose": settings["shares"].get("prose", {"max": 0.9})}
    with pytest.raises(ConfigError) as error:
        regions(**settings)
    assert all(name in str(error.value) for name in named)
    assert str(error.value).count("weigh.") <= 3
    assert "0.9" not in str(error.value) or "max=0.9" in named[0]


def test_a_budget_beyond_all_epochs_is_said_in_one_sentence():
    with pytest.raises(ConfigError, match=r"weigh.max_epochs=2 of all 3 domains holds less than weigh.budget=2001: lower"):
        regions(2001, 2.0)
    assert regions(2000, 2.0).missed(np.array([0.1, 0.3, 0.6])) <= 1e-9


def test_an_empty_domain_gets_nothing():
    found = regions(sizes={"code": 0, "web": 5})
    assert found.missed(np.array([0.0, 1.0])) == 0
    with pytest.raises(ConfigError, match=r"no tokens of 'code' and weigh.shares.code.min=0.1 together"):
        regions(sizes={"code": 0, "web": 5}, shares={"code": {"min": 0.1}})


@pytest.mark.parametrize(("settings", "message"), [
    ({"shares": {"cod": {"min": 0.1}}}, "weigh.shares names the domain 'cod'.*did you mean 'code'"),
    ({"shares": {"code": {"least": 0.1}}}, "weigh.shares.code has 'least': give a mapping with min, max"),
    ({"shares": {"code": 0.1}}, "weigh.shares.code=0.1: give a mapping"),
    ({"shares": {"code": {"min": 1.1}}}, "weigh.shares.code.min=1.1: give a share from 0 to 1"),
    ({"groups": {"g": {"domains": "code"}}}, "weigh.groups.g.domains='code': list"),
    ({"groups": {"g": {"domains": ["code", "wab"]}}}, "weigh.groups.g.domains names the domain 'wab'.*'web'"),
    ({"groups": {"g": {"domains": ["code", "code"]}}}, "twice"),
    ({"groups": {"g": {"domains": ["code"], "ratios": "even"}}}, "weigh.groups.g.ratios='even': give natural"),
    ({"groups": {"g": {"domains": ["code"], "ratios": {"code": -1}}}}, "give numbers from 0"),
    ({"groups": {"g": {"domains": ["code", "web"], "ratios": "natural"}, "h": {"domains": ["code"], "ratios": "natural"}}},
     "weigh.groups.h.ratios: 'code' is held by weigh.groups.g"),
])  # fmt: skip
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        regions(**settings)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda row: sum(row) > 0.01), st.floats(1e-16, 1e-10))
def test_rounding_is_repaired(row, error):
    """Whatever is off by rounding ends within its bounds, to the last bit, and sums to 1."""
    found = regions(2000, 4.0, groups={"g": {"domains": ["code", "prose"], "min": 0.3, "max": 0.7}})
    inside = found.settled(np.array(row) / sum(row))
    low, high, _, _ = found.split()
    moved = found.settled(inside + error * np.array([1, -3, 1.5]))
    for x in (inside, moved):
        assert (x >= low).all()
        assert (x <= high).all()
        assert x.sum() == pytest.approx(1, abs=3e-16)
