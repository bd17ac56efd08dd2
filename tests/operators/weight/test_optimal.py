import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws import law_of
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.optimal import Optimal
from corpusmill.operators.weight.runs import Points, Runs, joined
from corpusmill.operators.weight.unimax import UniMax
from tests.support.mixing import AVAILABLE, DOMAINS, TARGETS, additive, grid, model

MIXLAW = Path(__file__).parents[4] / "shared" / "data" / "mixlaw"
FREE = {"max_epochs": None}


def weighed(law=None, available=AVAILABLE, **settings):
    return Optimal("law.json", **settings).weigh(available, {"law": (law or model()).to_json()})


def losses(mix):
    return additive().predict(Points(np.atleast_2d(mix)))


def array(proportions):
    return np.array([proportions[name] for name in DOMAINS])


@pytest.mark.parametrize(("targets", "weights"), [("uniform", (0.5, 0.5)), ("natural", (0.25, 0.75)), ({"code": 3}, (1, 0)),
                                                   ({"code": 1, "prose": 4}, (0.2, 0.8))])
def test_the_weighted_optimum_is_that_of_a_grid(targets, weights):
    found = weighed(**FREE, targets=targets)
    points = grid(3, 100)
    values = losses(points) @ np.array(weights)
    assert float((losses(array(found.proportions)) @ np.array(weights))[0]) <= values.min() + 1e-9
    assert np.abs(array(found.proportions) - points[values.argmin()]).max() < 0.02
    assert found.details["solution"]["targets"] == pytest.approx(dict(zip(TARGETS, weights, strict=True)))


@pytest.mark.parametrize("baseline", ["natural", "uniform", "unimax", "best_run", {"code": 2.0, "prose": 2.0}])
def test_the_worst_case_is_that_of_a_grid(baseline):
    law = model()
    base = {"natural": losses([0.1, 0.3, 0.6]), "uniform": losses(np.full(3, 1 / 3)), "unimax": losses(np.full(3, 1 / 3)),
            "best_run": losses(law.design[law.losses.mean(1).argmin()])}
    floor = np.array([[2.0, 2.0]]) if isinstance(baseline, dict) else base[baseline]
    found = weighed(law, **FREE, objective="worst", baseline=baseline, margin=0)
    values = (losses(grid(3, 100)) - floor).max(1)
    reached = float((losses(array(found.proportions)) - floor).max())
    assert values.min() - 0.02 < reached <= values.min() + 1e-9
    assert found.details["solution"]["strategies"]["optimum"]["objective"] == pytest.approx(reached)


def test_proportions_keep_every_limit():
    found = weighed(max_epochs=1.5, budget=1200, shares={"web": {"min": 0.45}}, margin=0,
                    groups={"text": {"domains": ["prose", "web"], "min": 0.875}})
    assert found.proportions["code"] * 1200 <= 1.5 * 100
    assert found.proportions["web"] >= 0.45
    assert found.proportions["prose"] + found.proportions["web"] >= 0.875 - 1e-15
    assert sum(found.proportions.values()) == pytest.approx(1, abs=1e-15)
    prices = {one["limit"]: one["price"] for one in found.details["solution"]["binding"]}
    assert set(prices) <= {"weigh.shares.web.min=0.45", "weigh.groups.text.min=0.875",
                           "weigh.max_epochs=1.5 of the 100 tokens of 'code' in weigh.budget=1200",
                           "weigh.max_epochs=1.5 of the 300 tokens of 'prose' in weigh.budget=1200"}
    assert max(prices.values()) > 0


def test_a_strong_pull_to_natural_wins():
    found = weighed(**FREE, kl=1e4, margin=0)
    np.testing.assert_allclose(array(found.proportions), [0.1, 0.3, 0.6], atol=1e-3)


def test_a_gain_within_the_noise_is_left_for_unimax():
    sure, unsure = weighed(budget=1200), weighed(model(error=1.0), budget=1200)
    expected = UniMax(1200).solve(AVAILABLE)
    assert unsure.proportions == expected
    assert unsure.details["solution"]["fell_back"] is True
    assert any("within the noise" in note and "UniMax is taken" in note for note in unsure.notes)
    assert sure.proportions != expected
    assert sure.details["solution"]["fell_back"] is False
    assert sure.details["solution"]["gain"] == pytest.approx(unsure.details["solution"]["gain"])
    strategies = unsure.details["solution"]["strategies"]
    assert strategies["optimum"]["proportions"] == pytest.approx(sure.proportions)
    assert weighed(model(error=1.0), budget=1200, margin=0).proportions == sure.proportions


def test_unimax_is_moved_into_limits_that_it_misses():
    found = weighed(model(error=1.0), shares={"web": {"min": 0.7}})
    assert found.details["solution"]["fell_back"] is True
    assert found.proportions == pytest.approx({"code": 0.15, "prose": 0.15, "web": 0.7})
    assert any("UniMax misses the limits" in note for note in found.notes)


def test_all_that_competes_is_told():
    law = model(error=0.003, noise=0.004)
    told = json.loads(json.dumps(weighed(law).details))["solution"]
    assert set(told["strategies"]) == {"optimum", "natural", "uniform", "unimax", "best_run"}
    assert told["law"]["name"] == "additive"
    assert told["law"]["mre"] == pytest.approx(0.001)
    assert told["law"]["noise"] == {"code": 0.004, "prose": 0.004}
    assert told["strategies"]["natural"]["losses"] == pytest.approx(dict(zip(TARGETS, losses([0.1, 0.3, 0.6])[0], strict=True)))
    best = law.losses.mean(1).argmin()
    assert told["observed"] == pytest.approx(dict(zip(TARGETS, law.losses[best], strict=True)))
    assert told["strategies"]["best_run"]["proportions"] == pytest.approx(dict(zip(DOMAINS, law.design[best], strict=True)))
    assert min(told["strategies"].values(), key=lambda one: one["objective"]) == told["strategies"]["optimum"]


def test_an_optimum_outside_of_the_runs_is_pointed_out():
    inside, outside = weighed(**FREE), weighed(model(design=np.array([[0.1, 0.3, 0.6], [0.1, 0.2, 0.7]])), **FREE)
    assert not any("outside" in note for note in inside.notes)
    assert any("outside of the mixtures that were run" in note for note in outside.notes)


def test_domains_of_the_law_are_those_of_the_data():
    theirs = {"my_code": 100, "prose": 300, "web": 600}
    with pytest.raises(ConfigError, match=r"names the domain 'code', which is not in the data: did you mean 'my_code'"):
        weighed(available=theirs)
    renamed = weighed(available=theirs, rename={"code": "my_code"}, **FREE)
    assert renamed.proportions == pytest.approx({"my_code": weighed(**FREE).proportions["code"]} | {
        name: weighed(**FREE).proportions[name] for name in ("prose", "web")})
    with pytest.raises(ConfigError, match=r"does not know 'wiki'.*fit the law on runs with these domains"):
        weighed(available=AVAILABLE | {"wiki": 5})
    with pytest.raises(ConfigError, match="'coda', which is not there: did you mean 'code'"):
        weighed(rename={"coda": "code"})
    with pytest.raises(ConfigError, match="'prose' and 'web' both become 'web'"):
        weighed(rename={"prose": "web"})


def test_the_order_of_domains_in_law_and_data_does_not_matter():
    fitted = additive()
    turned = dataclasses.replace(fitted, coefficients=fitted.coefficients[:, ::-1], exponents=fitted.exponents[:, ::-1])
    other = model(turned, DOMAINS[::-1])
    assert weighed(other, budget=1200).proportions == pytest.approx(weighed(budget=1200).proportions, abs=1e-6)
    backwards = dict(reversed(AVAILABLE.items()))
    assert weighed(available=backwards, budget=1200).proportions == weighed(budget=1200).proportions
    assert list(weighed(other).proportions) == sorted(DOMAINS)


def test_an_empty_domain_gets_nothing():
    found = weighed(available=AVAILABLE | {"code": 0}, margin=0)
    assert found.proportions["code"] == 0.0
    assert found.details["solution"]["strategies"]["uniform"]["proportions"] == {"code": 0.0, "prose": 0.5, "web": 0.5}


@pytest.mark.parametrize(("settings", "message"), [
    ({"objective": "best"}, "weigh.objective='best': give weighted or worst"), ({"method": "x"}, "weigh.method='x'"),
    ({"kl": -1}, "weigh.kl=-1"), ({"margin": True}, "weigh.margin=True"), ({"budget": 0}, "weigh.budget"),
    ({"max_epochs": 0}, "weigh.max_epochs must be"), ({"top": 0}, "weigh.top"), ({"shares": 3}, "weigh.shares=3"),
    ({"strength": 0}, "weigh.strength must be"), ({"targets": "even"}, "weigh.targets='even': give uniform, natural"),
    ({"targets": {"cod": 1}}, "weigh.targets names 'cod', which the law does not predict: did you mean 'code'"),
    ({"targets": {"code": -1, "prose": 2}}, "weights are from 0"), ({"targets": {"code": "x"}}, "weigh.targets.code='x'"),
    ({"objective": "worst", "baseline": "doremi"}, "weigh.baseline='doremi': give natural"),
    ({"objective": "worst", "baseline": {"code": 1}}, "weigh.baseline leaves out prose"),
    ({"budget": 2000, "shares": {"code": {"min": 0.5}}}, "weigh.shares.code.min=0.5.*together"),
])  # fmt: skip
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        weighed(**settings)


def test_natural_weights_want_targets_named_after_domains():
    with pytest.raises(ConfigError, match=r"weigh.targets=natural, but other is named after no domain"):
        weighed(model(additive(), targets=("code", "other")), targets="natural")


def test_what_is_no_law_is_said_with_its_place():
    with pytest.raises(DataError, match=r"^law.json is no law.json"):
        Optimal("law.json").weigh(AVAILABLE, {"law": b"{}"})


def test_a_law_that_knows_of_sizes_is_told_them(monkeypatch):
    """Budget, epochs and the model's size reach the law as points; without the size it cannot speak."""
    seen = []

    @dataclasses.dataclass(frozen=True)
    class Sized:
        name = "sized"
        version = "1"
        needs = frozenset({"parameters", "tokens", "unique"})

        def restore(self, parameters):
            return self

        def predict(self, points):
            seen.append(points)
            return losses(points.mix)

        def gradient(self, points):
            return additive().gradient(Points(points.mix))

        def parameters(self):
            return {}

    monkeypatch.setattr("corpusmill.operators.weight.laws.LAWS", {"sized": Sized})
    law = model()
    law = LawModel(Sized(), Sized(), law.domains, law.targets, law.design, law.losses, law.errors, None)
    weighed(law, n_params=7, budget=1200)
    assert {float(n) for points in seen[1:] for n in points.parameters} == {7.0}
    assert {float(n) for points in seen[1:] for n in points.tokens} == {1200.0}
    assert (np.concatenate([points.unique for points in seen[1:]]) == [100, 300, 600]).all()
    with pytest.raises(ConfigError, match=r"weigh.n_params must be given: law sized"):
        weighed(law)


def test_draws_come_near_the_optimum_and_keep_limits():
    settings = {"shares": {"web": {"min": 0.4}}, "max_epochs": None, "margin": 0}
    drawn, solved = weighed(method="draws", draws=20_000, strength=10.0, **settings), weighed(**settings)
    assert drawn.proportions["web"] >= 0.4
    np.testing.assert_allclose(array(drawn.proportions), array(solved.proportions), atol=0.05)
    told = drawn.details["solution"]
    assert (told["method"], told["gap"], told["binding"]) == ("draws", None, [])


@pytest.fixture(scope="module")
def regmix():
    if not MIXLAW.is_dir():
        pytest.skip("the shared data is not here")
    tables = [pyarrow.csv.read_csv(MIXLAW / name) for name in ("train_mixture_1m.csv", "train_pile_loss_1m.csv")]
    runs = Runs.of(joined(*tables))
    law = law_of("additive")
    fitted = law.fit(runs.points, runs.losses)
    errors = {target: {"mre": 0.013, "mae": 0.06, "rmse": 0.08, "pearson": 0.99, "spearman": 0.99} for target in runs.targets}
    return runs, LawModel(law, fitted, runs.domains, runs.targets, runs.points.mix, runs.losses, errors, None)


def test_on_real_runs_the_optimum_is_better_than_every_run(regmix):
    """RegMix's 512 runs, no domain beyond 15 times its natural share, as they were designed."""
    runs, law = regmix
    natural = runs.points.mix.mean(0)
    available = {name: round(1e9 * share) for name, share in zip(runs.domains, natural, strict=True)}
    found = Optimal("law.json", max_epochs=15.0, margin=0).weigh(available, {"law": law.to_json()})
    told = found.details["solution"]
    predicted = law.predict(runs.points).mean(1)
    assert told["strategies"]["optimum"]["objective"] < min(predicted.min(), runs.losses.mean(1).min()) - 0.1
    assert told["gap"] < 1e-6
    assert told["agreeing"] == told["starts"]
    assert all(share <= 15 * n for share, n in zip(found.proportions.values(), available.values(), strict=True))
