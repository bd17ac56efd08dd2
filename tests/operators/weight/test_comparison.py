import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.comparison import Arm, Realised, Size, check_equal, compared, ground
from corpusmill.operators.weight.laws.linear import Linear
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Points, Runs

DOMAINS, TARGETS = ("code", "web"), ("chat", "news")
SLOPES = np.array([[1.0, 3.0], [2.0, 2.5]])  # loss of a target where all is of a domain
SIZE = Size(10, 1000)


def mix(code):
    return np.array([code, 1 - code])


def truth(codes):
    return np.stack([SLOPES @ mix(code) for code in codes])


def law(codes=(0, 0.25, 0.5, 0.75, 1)):
    design, losses = np.stack([mix(code) for code in codes]), truth(codes)
    return LawModel(Linear(), Linear().fit(Points(design), losses), DOMAINS, TARGETS, design, losses, {}, None)


def table(codes, **columns):
    losses = truth(codes)
    rows = {"run_id": [f"r{i}" for i in range(len(codes))], "n_params": [10] * len(codes), "tokens": [1000] * len(codes),
            "mix/web": 1 - np.array(codes), "mix/code": np.array(codes, float), "loss/news": losses[:, 1],
            "loss/chat": losses[:, 0]}
    return Runs.of(pa.table(rows | columns))


def test_a_law_ranks_arms_and_says_what_chance_and_single_sources_reach():
    arms = [Arm("even", mix(0.5), SIZE), Arm("coded", mix(0.9), SIZE)]
    found, facts = compared(arms, ground(law(), None, None))
    rows = found.to_pylist()
    assert [row["arm"] for row in rows] == ["coded", "even"]
    assert [row["rank"] for row in rows] == [1, 2]
    assert rows[0]["predicted/chat"] == pytest.approx(1.2, abs=1e-6)
    assert rows[1]["loss"] == rows[1]["predicted"] == pytest.approx((2 + 2.25) / 2, abs=1e-6)
    assert rows[0]["vs_best_single_source"] == pytest.approx((1.2 + 2.05) / 2 - 1.5, abs=1e-6)
    assert rows[1]["vs_random"] == pytest.approx(0, abs=1e-6)  # the design without its corners is even in the mean
    assert facts["controls"]["best_single_source"]["source"] == "code"
    assert facts["controls"]["random"]["mixtures"] == 3
    assert (facts["basis"], facts["best"], rows[0]["realised"], rows[0]["distance"]) == ("predicted", "coded", None, 0)
    assert rows[0]["flops"] == 6 * 10 * 1000


def test_runs_of_the_mixtures_count_more_than_predictions():
    codes = [0.5, 0.5, 0.901, 0.2, 0.3, 1, 0]
    runs = table(codes, design=["centre", "centre", "x", "sobol", "dirichlet/held_out", "corners", "corners"],
                 **{"loss/chat": [2.1, 2.3, 1.0, 9.0, 7.0, 5.0, 6.0]})
    arms = [Arm("even", mix(0.5), SIZE), Arm("coded", mix(0.9), SIZE)]
    found, facts = compared(arms, ground(law(), runs, {"chat": 2}))
    coded, even = found.to_pylist()
    assert (facts["basis"], even["repeats"], coded["repeats"]) == ("realised", 2, 1)
    assert (even["realised"], coded["realised"]) == (pytest.approx(2.2), 1.0)
    assert even["predicted"] == pytest.approx(2.0, abs=1e-6)
    assert even["deviation"] == pytest.approx(np.std([2.1, 2.3], ddof=1))
    assert coded["vs_random"] == pytest.approx(1.0 - 8.0)
    assert coded["vs_best_single_source"] == pytest.approx(1.0 - 5.0)
    assert facts["noise"] == pytest.approx(np.std([2.1, 2.3], ddof=1))
    assert even["realised/news"] == pytest.approx(2.25)


def test_where_one_arm_was_not_run_all_are_ranked_by_predictions():
    arms = [Arm("run", mix(0.5)), Arm("not", mix(0.7))]
    known = ground(law(), table([0.5, 0.1]), None)
    found, facts = compared(arms, known)
    assert facts["basis"] == "predicted"
    assert {row["arm"]: row["realised"] is None for row in found.to_pylist()} == {"run": False, "not": True}
    with pytest.raises(DataError, match="no run is of the mixture of not: give law="):
        compared(arms, dataclasses.replace(known, law=None))


def test_arms_of_different_sizes_are_not_ranked():
    check_equal({"a": Size(1000, 100), "b": Size(1009, 100), "c": Size()})
    with pytest.raises(DataError, match=r"a and b are not ranked: they take 600,000 and 607,200 FLOPs"):
        check_equal({"a": Size(1000, 100), "b": Size(1012, 100), "c": Size()})
    with pytest.raises(DataError, match="a and b are not ranked: they take 100 and 101 tokens"):
        check_equal({"b": Size(None, 101), "a": Size(None, 100)})
    with pytest.raises(DataError, match="FLOPs"):
        check_equal({"a": Size(told=1e9), "b": Size(told=1.02e9)})
    arms = [Arm("a", mix(0.5), Size(10, 1000)), Arm("b", mix(0.6), Size(10, 1001))]
    with pytest.raises(DataError, match="a and b are not ranked"):
        compared(arms, ground(law(), None, None))


def test_runs_of_different_sizes_are_not_ranked_either():
    runs = table([0.5, 0.9], flops=[1e6, 1.2e6])
    with pytest.raises(DataError, match="even and coded are not ranked: they take 1e"):
        compared([Arm("even", mix(0.5)), Arm("coded", mix(0.9))], ground(None, runs, None))
    with pytest.raises(DataError, match="n_params=10 tokens=1000 and n_params=20 tokens=1000: give n_params="):
        compared([Arm("even", mix(0.5))], ground(None, table([0.5, 0.5], n_params=[10, 20]), None))


def test_controls_are_matched_by_tokens_and_operations():
    runs = table([0.5, 0.2, 0.8, 1, 1], tokens=[1000, 1000, 2000, 2000, 1000], **{"loss/chat": [1.0, 3.0, 9.0, 0.0, 2.0]})
    found, facts = compared([Arm("even", mix(0.5))], ground(None, runs, {"chat": 1}))
    assert facts["controls"]["random"] == {"loss": 2.0, "mixtures": 2}
    assert facts["controls"]["best_single_source"] == {"loss": 2.0, "source": "code"}
    assert found.column("vs_random").to_pylist() == [-1.0]


def test_proportions_that_moved_in_a_run_are_judged_by_it():
    own = Realised(np.array([1.0, 1.0]), Size(10, 1000, 60_000))
    arms = [Arm("moved", mix(0.4), own=own), Arm("even", mix(0.5))]
    found, facts = compared(arms, ground(None, table([0.5, 0.4]), None))
    assert found.column("arm").to_pylist() == ["moved", "even"]
    assert facts["basis"] == "realised"
    dear = dataclasses.replace(own, size=Size(10, 1000, 70_000))
    with pytest.raises(DataError, match="even and moved are not ranked"):
        compared([Arm("moved", mix(0.4), own=dear), arms[1]], ground(None, table([0.5, 0.4]), None))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ConfigError, match="law=MANIFEST or runs=MANIFEST"):
        ground(None, None, None)
    with pytest.raises(ConfigError, match="weights names 'chit'"):
        ground(law(), None, {"chit": 1})
    with pytest.raises(ConfigError, match="not all 0"):
        ground(law(), None, {"chat": 0})
    other = dataclasses.replace(law(), targets=("chat", "mail"))
    with pytest.raises(DataError, match="different targets: mail, news"):
        ground(other, table([0.5]), None)
