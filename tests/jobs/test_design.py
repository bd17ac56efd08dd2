"""``design``: from domains to the mixtures to run."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusmill.jobs.runtime import manifest as manifests

NATURAL = "natural={web: 0.6, code: 0.3, books: 0.1}"


def table(mill, uri):
    made = mill.manifest(uri)
    return pq.read_table(mill.root / made.folder / made.details["file"])


def mixes(read):
    return np.stack([read.column(name).to_numpy() for name in read.column_names if name.startswith("mix/")], 1)


def test_a_design_of_given_shares(mill):
    result = mill.run("design", NATURAL, "design=dirichlet", "design.runs=32")
    assert result.code == 0, result.err
    read = table(mill, result.uri)
    assert (len(read), read.column_names) == (32, ["run_id", "design", "seed", "mix/books", "mix/code", "mix/web"])
    assert np.abs(mixes(read).sum(1) - 1).max() < 1e-9
    assert "32 runs of 32 mixtures" in result.err
    told = mill.manifest(result.uri).details
    assert (told["mixtures"], told["warnings"]) == (32, [])
    assert told["most"]["web"] == mixes(read)[:, 2].max()
    before = mill.objects()
    assert mill("design", NATURAL, "design=dirichlet", "design.runs=32") == result.uri
    assert mill.objects() == before


def test_a_design_of_the_tokens_of_domains(copied):
    mill, mixture = copied
    domains, counts = (mill.lineage(mixture)[name].path for name in ("domains", "counts"))
    uri = mill("design", f"domains={domains}", "tokenizer=words", "design.held_out=4")
    made = mill.manifest(uri)
    tokens = {name.removeprefix("tokens/"): n for name, n in mill.manifest(counts).counts.items() if name.startswith("tokens/")}
    total = sum(tokens.values())
    assert made.details["natural"] == {name: n / total for name, n in tokens.items()}
    assert made.inputs["counts"] == manifests.load(mill.store, made.inputs["counts"]).reference
    assert mill("design", f"counts={counts}", "design.held_out=4") == uri
    names = table(mill, uri).column("design").to_pylist()
    assert (len(names), sum(name.endswith("/held_out") for name in names)) == (3 * 4 + 3 + 4, 4)


def test_no_domain_is_repeated_more_often_than_allowed(mill):
    given = ("available={web: 6e9, code: 3e9, books: 1e7}", "bounds.max_epochs=4", "bounds.budget=1e9")
    assert mixes(table(mill, mill("design", *given))).max(0).tolist()[0] == pytest.approx(0.04)
    assert mixes(table(mill, mill("design", *given, "bounds.min={code: 0.2}"))).min(0)[1] >= 0.2


@pytest.mark.parametrize("design", ["corners", "dirichlet", "halvings", "lattice", "leave_one_out", "mixed", "sobol",
                                    "vertices"])
def test_a_domain_without_tokens_is_in_no_mixture(mill, design):
    """The mixtures are those of the other domains, and it is told."""
    result = mill.run("design", "available={a: 10, b: 0, c: 5, d: 3}", f"design={design}")
    assert result.code == 0, result.err
    found = mixes(table(mill, result.uri))
    assert (found[:, 1] == 0).all()
    without = mill("design", "available={a: 10, c: 5, d: 3}", f"design={design}")
    assert found[:, [0, 2, 3]].tolist() == mixes(table(mill, without)).tolist()
    assert "b is in no mixture: it has no tokens, or bounds cap it at 0" in result.err
    told = mill.manifest(result.uri).details
    assert (told["domains"], told["most"]["b"], told["condition"] is None) == (["a", "b", "c", "d"], 0, False)


def test_a_design_in_all_its_parts_is_part_of_its_key(mill):
    words = [(), ("design.seed=1",), ("design.run_seed=1",), ("design.parts.centre.count=5",), ("design.runs=30",),
             ("bounds.max=0.9",), ("design=sobol",), ("design.held_out=1",)]
    assert len({mill("design", NATURAL, *extra) for extra in words}) == len(words)


@pytest.mark.parametrize("design", ["corners", "dirichlet", "halvings", "lattice", "leave_one_out", "mixed", "sobol",
                                    "vertices"])
def test_every_design_is_made_and_few_mixtures_are_pointed_out(mill, design):
    result = mill.run("design", NATURAL, f"design={design}")
    assert result.code == 0, result.err
    told = mill.manifest(result.uri).details
    assert ("laws want 12" in result.err) == (told["mixtures"] < 12)
    assert json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(("words", "message"), [
    ((), "must be given: the domains that a design mixes"),
    (("natural={web: 0.5}",), "the shares of web sum to 0.5"),
    (("natural=0.5",), "natural=0.5: give a number by domain"),
    (("natural={web: 5, code: 1}",), "tokens are given by available="),
    (("available={web: 5, code: 0.5}",), "available.code=0.5 is not a whole number"),
    (("available={web: 5, code: 1}", "natural={web: 0.5, cod: 0.5}"), "did you mean 'code'"),
    (("available={web: 5, code: 1}", "counts=@x"), "give one of them"),
    ((NATURAL, "bounds.max_epochs=4"), "give bounds.budget"),
    ((NATURAL, "+design.parts.more={_target_: corpusmill.operators.weight.uniform.Uniform}"), "design.parts.more="),
    ((NATURAL, "design.parts.dirichlet.weekest=1"), "did you mean 'weakest'"),
    (("available={a: 10, b: 0}",), "a design needs 2 domains; all but a have no tokens"),
    (("available={a: 10, b: 0, c: 1}", "bounds.min={b: 0.1}"), "the floor of 'b' is 0.1, above its cap of 0"),
    ((NATURAL, "design=lattice", "design.parts.lattice.degree=2.5"), "design degree is 2.5; it must be a whole number"),
    ((NATURAL, "design=sobol", "design.runs=-3"), "design.runs=-3: it must be at least 1"),
    ((NATURAL, "design.seed=-1"), "design.seed is -1"),
    ((NATURAL, "design.run_seed=-1"), "design.run_seed is -1"),
    ((NATURAL, "design.runs=5"), "corners, centre make 7 runs, which leaves none for dirichlet, sobol"),
])
def test_a_wrong_setting_is_refused(mill, words, message):
    result = mill.run("design", *words)
    assert (result.code, message in result.err) == (2, True), result.err


def test_a_plan_writes_nothing(mill):
    result = mill.run("design", NATURAL, "plan=true")
    assert (result.code, list(mill.store.list("design/"))) == (0, [])
