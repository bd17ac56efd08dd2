from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.centre import Centre
from corpusmill.operators.weight.designs.compose import Part, composed, least
from corpusmill.operators.weight.designs.corners import Corners
from corpusmill.operators.weight.designs.dirichlet import Dirichlet
from corpusmill.operators.weight.designs.lattice import Centroids
from corpusmill.operators.weight.designs.sobol import Sobol
from corpusmill.operators.weight.designs.space import space_of

SPACE = space_of({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1})
MIXED = [Part("near", Dirichlet(), share=0.7), Part("wide", Sobol(), share=0.3), Part("corners", Corners()),
         Part("centre", Centre())]


def mixes(table):
    return np.stack([table.column(name).to_numpy() for name in table.column_names if name.startswith("mix/")], 1)


def test_designs_of_a_size_come_whole_and_the_others_share_what_is_left():
    table = composed(SPACE, MIXED, 28, held_out=10)
    assert Counter(table.column("design").to_pylist()) == {"near": 14, "wide": 6, "corners": 4, "centre": 4,
                                                           "near/held_out": 7, "wide/held_out": 3}
    assert table.column_names == ["run_id", "design", "seed", "mix/a", "mix/b", "mix/c", "mix/d"]
    assert len(set(table.column("run_id").to_pylist())) == 38


def test_runs_share_a_seed_and_repeats_have_their_own():
    table = composed(SPACE, MIXED, 28, start=5)
    seeds = dict(zip(table.column("run_id").to_pylist(), table.column("seed").to_pylist(), strict=True))
    assert [seed for run, seed in seeds.items() if run.startswith("centre")] == [5, 6, 7, 8]
    assert {seed for run, seed in seeds.items() if not run.startswith("centre")} == {5}
    assert len(np.unique(mixes(table)[-4:], axis=0)) == 1


@given(st.integers(2, 7), st.integers(0, 50))
@settings(max_examples=20)
def test_by_default_there_are_three_different_mixtures_for_each_domain_and_one_more(m, seed):
    space = space_of({f"d{i}": 1 + i for i in range(m)})
    table = composed(space, MIXED, None, seed=seed)
    assert len(table) == least(m) + 3 == 3 * (m + 1) + 3
    assert len(np.unique(np.round(mixes(table), 9), axis=0)) == 3 * (m + 1)


def test_a_mixture_that_two_designs_have_is_run_once():
    table = composed(SPACE, [Part("corners", Corners()), Part("vertices", Centroids()), Part("wide", Sobol())], 12)
    assert Counter(table.column("design").to_pylist()) == {"corners": 4, "vertices": 1, "wide": 7}


def test_a_design_is_a_function_of_its_seed():
    assert composed(SPACE, MIXED, 28, 4, 1).equals(composed(SPACE, MIXED, 28, 4, 1))
    assert not composed(SPACE, MIXED, 28, 4, 1).equals(composed(SPACE, MIXED, 28, 4, 2))
    assert composed(SPACE, MIXED, 28, 4, 1).slice(0, 28).equals(composed(SPACE, MIXED, 28, 0, 1))


def test_a_number_that_is_said_is_kept():
    table = composed(SPACE, [Part("near", Dirichlet(), runs=5), Part("corners", Corners(), runs=2), Part("wide", Sobol())], 10)
    assert Counter(table.column("design").to_pylist()) == {"near": 5, "corners": 2, "wide": 3}


@pytest.mark.parametrize(("parts", "runs", "held_out", "message"), [
    ([Part("corners", Corners())], 9, 0, "design.runs=9, but corners make 4 runs"),
    ([Part("corners", Corners()), Part("near", Dirichlet())], 4, 0, "corners make 4 runs, which leaves none for near"),
    ([Part("near", Dirichlet())], 0, 0, "design.runs=0"),
    ([Part("corners", Corners())], None, 2, "design.held_out=2"),
])
def test_what_cannot_be_divided_is_refused(parts, runs, held_out, message):
    with pytest.raises(ConfigError, match=message):
        composed(SPACE, parts, runs, held_out)


def test_bounds_that_leave_too_few_mixtures_are_refused():
    tight = space_of({"a": 1, "b": 1}, low=0.4999)
    with pytest.raises(ConfigError, match="only 1 of 9 different mixtures lie within the bounds"):
        composed(tight, [Part("near", Dirichlet())], None)


@pytest.mark.parametrize("settings", [{"runs": 0}, {"runs": 1.5}, {"share": 0}, {"share": "x"}])
def test_a_part_without_a_sensible_number_is_refused(settings):
    with pytest.raises(ConfigError, match=f"design.parts.near.{next(iter(settings))}"):
        Part("near", Dirichlet(), **settings)
