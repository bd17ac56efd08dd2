import dataclasses

import numpy as np
import pytest

from corpusmill.operators.weight.laws import law_of
from corpusmill.operators.weight.runs import Points
from corpusmill.operators.weight.solve import report
from corpusmill.operators.weight.solve.constraints import region
from corpusmill.operators.weight.solve.objective import Predicted
from tests.support.mixing import AVAILABLE, additive, model

NATURAL, EVEN = np.array([0.1, 0.3, 0.6]), np.full(3, 1 / 3)
WEIGHTS = np.array([0.25, 0.75])


def predicted(law, **settings):
    return Predicted(lambda mix: law.predict(Points(mix)), lambda mix: law.gradient(Points(mix)), WEIGHTS, NATURAL, **settings)


def with_residuals(law, residuals):
    return dataclasses.replace(law, losses=law.predict(Points(law.design)) + residuals)


def test_the_noise_of_a_whole_design_joins_held_out_error_and_noise():
    """3-4-5; targets that err together add, those that err apart add in squares, those that err against each other cancel."""
    law, n = model(error=0.03, noise=0.04), 7
    wave, other = np.sin(np.arange(n)) - np.sin(np.arange(n)).mean(), np.array([1, -2, 1, 0, 1, -2, 1.0])
    other = other - other.mean() - wave * (wave @ (other - other.mean())) / (wave @ wave)
    cases = {(1, 0): 0.05 * 1.0, (-1, 0): 0.05 * 0.5, (0, 1): 0.05 * np.sqrt(0.25**2 + 0.75**2)}
    for (along, across), expected in cases.items():
        found = report.overall(with_residuals(law, np.stack([wave, along * wave + across * other], 1)), predicted(law))
        assert found == pytest.approx(expected)


def test_the_worst_case_is_as_uncertain_as_its_most_uncertain_target():
    law = model(error=0.03, noise=0.04)
    errors = {"code": law.errors["code"] | {"rmse": 0.3}, "prose": law.errors["prose"]}
    law = dataclasses.replace(law, errors=errors)
    assert report.overall(law, predicted(law, baseline=np.zeros(2))) == pytest.approx(np.hypot(0.3, 0.04))


def held_out(residuals, design, **more):
    law = model(design=design, error=9.0, **more)
    return dataclasses.replace(law, held_out=law.losses + residuals)


def test_the_noise_of_a_gain_is_that_of_the_runs_nearest_to_both_mixtures():
    """Ten runs near the even mixture err by .01 in the objective, ten near a corner by .5, twenty others by 3."""
    rng = np.random.default_rng(0)
    corner = np.array([0.96, 0.02, 0.02])
    design = np.concatenate([rng.dirichlet(500 * EVEN, 10), rng.dirichlet(500 * corner, 10), rng.dirichlet([1, 1, 200], 20)])
    signs = rng.choice([-1.0, 1.0], (40, 1))
    law = held_out(signs * np.repeat([0.01, 0.5, 3.0], [10, 10, 20])[:, None], design)
    for pair, expected in (((EVEN, EVEN), 0.01), ((corner, corner), 0.5), ((EVEN, corner), np.hypot(0.01, 0.5) / np.sqrt(2))):
        assert report.uncertainty(law, predicted(law), np.array(pair)) == pytest.approx(expected)
    assert report.judged(law, predicted(law), EVEN, corner, 1.0).noise == pytest.approx(np.hypot(0.01, 0.5) / np.sqrt(2))
    calibrated = dataclasses.replace(law, law=law_of("calibrated"))
    assert report.uncertainty(calibrated, predicted(law), np.array([EVEN, EVEN])) == report.overall(calibrated, predicted(law))


def test_errors_of_targets_that_cancel_are_no_noise_but_repeats_are():
    design = np.random.default_rng(0).dirichlet(np.ones(3), 12)
    apart = np.ones((12, 1)) * np.array([0.3, -0.1])  # weighed by 1/4 and 3/4
    law = held_out(apart, design)
    assert report.uncertainty(law, predicted(law), np.array([EVEN, NATURAL])) == pytest.approx(0, abs=1e-12)
    law = held_out(apart, design, noise=0.02)
    assert report.uncertainty(law, predicted(law), np.array([EVEN, NATURAL])) == pytest.approx(0.02)
    worst = predicted(law, baseline=np.zeros(2))
    assert report.uncertainty(law, worst, np.array([EVEN, NATURAL])) == pytest.approx(0.3)


def test_of_few_runs_all_are_near():
    law = held_out(np.full((7, 2), 0.2), model().design)
    assert report.uncertainty(law, predicted(law), np.array([EVEN, NATURAL])) == pytest.approx(0.2)


def test_a_law_without_held_out_errors_is_not_judged_by_them():
    law = dataclasses.replace(model(), errors={})
    verdict = report.judged(law, predicted(law), EVEN, EVEN, 1.0)
    assert (verdict.noise, verdict.worth) == (None, True)


@pytest.mark.parametrize(("margin", "worth"), [(0.0, True), (0.5, True), (2.0, False)])
def test_a_gain_counts_from_the_noise_on(margin, worth):
    law = model(error=0.1)
    objective = predicted(law)
    gain = float(np.subtract(*objective.loss(law.predict(Points(np.array([NATURAL, EVEN]))))))
    better, worse = (EVEN, NATURAL) if gain > 0 else (NATURAL, EVEN)
    law = with_residuals(law, np.linspace(-1, 1, 7)[:, None] * np.ones(2))
    law = dataclasses.replace(law, errors={t: {"mre": 0.1, "rmse": abs(gain)} for t in law.targets})
    verdict = report.judged(law, objective, better, worse, margin)
    assert verdict.gain == pytest.approx(abs(gain))
    assert verdict.noise == pytest.approx(abs(gain))
    assert verdict.worth is worth


def test_strategies_are_told_with_losses_distance_and_whether_they_are_allowed():
    law = model(design=np.array([NATURAL, EVEN]))
    allowed = region(AVAILABLE, 1000, 2.0, {}, {})
    told = report.strategies(law, predicted(law), allowed, {"natural": NATURAL, "corner": np.array([1.0, 0, 0])})
    expected = law.predict(Points(NATURAL[None]))[0]
    assert told["natural"]["losses"] == pytest.approx(dict(zip(law.targets, expected, strict=True)))
    assert told["natural"]["objective"] == pytest.approx(WEIGHTS @ list(told["natural"]["losses"].values()))
    assert (told["natural"]["distance"], told["corner"]["distance"]) == (pytest.approx(0, abs=1e-9), pytest.approx(2 / 3))
    assert (told["natural"]["allowed"], told["corner"]["allowed"]) == (True, False)
    assert told["corner"]["divergence"] == pytest.approx(np.log(10))


def test_the_distance_of_an_even_mixture_of_many_domains_is_found():
    """The primal program of moved shares looped here without end."""
    design = np.random.default_rng(0).dirichlet(np.ones(200), 600)
    names = tuple(f"d{i}" for i in range(200))
    law = model(additive(names, ("d0",)), names, ("d0",), design=design)
    assert law.distance(np.full(200, 1 / 200)) == pytest.approx(0, abs=1e-9)
    assert law.distance(np.eye(200)[0]) == pytest.approx(1 - design[:, 0].max())


def test_what_the_user_should_know_is_said():
    law = dataclasses.replace(model(error=0.1), warnings=("few runs",))
    told = {"law": report.law(law), "gap": 0.1,
            "strategies": {"optimum": {"objective": 1.0, "distance": 0.2}, "natural": {"objective": 2.0, "distance": 0.0}}}
    said = " | ".join(report.sentences(law, told, report.Verdict(0.01, 0.1, worth=False)))
    for part in ("optimum 1.0000, natural 2.0000", "0.0100 nats, is within the noise of 0.1000", "UniMax is taken",
                 "outside of the mixtures that were run: 20.00%", "up to 0.1000 nats may be left", "warning: few runs"):
        assert part in said
    assert "cannot be said" in " ".join(report.sentences(law, told, report.Verdict(0.01, None, worth=True)))
