"""Designs in a world whose losses are known: what a law that is fitted on their runs is worth, and how good its optimum is.

    python benchmarks/bench_designs.py [--data FOLDER] [--json PATH]

The world is the stack law (additive, and trees on what it leaves) fitted on RegMix's 512 runs: 17 domains, 13 losses; each run
adds noise of 0.3 % of a loss. An additive law is fitted on a design's runs and asked of mixtures drawn as RegMix draws them and
of mixtures drawn evenly from the simplex; its best of 8,192 such mixtures is held against the world's best of them: the regret
is in nats, of the mean over the losses. Means over five seeds.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from common import CORPUS, machine, regmix

from corpusmill.operators.weight.designs.centre import Centre
from corpusmill.operators.weight.designs.compose import Part, composed, least
from corpusmill.operators.weight.designs.corners import Corners, LeaveOneOut
from corpusmill.operators.weight.designs.dirichlet import Dirichlet
from corpusmill.operators.weight.designs.halvings import Halvings
from corpusmill.operators.weight.designs.properties import properties
from corpusmill.operators.weight.designs.sobol import Sobol
from corpusmill.operators.weight.designs.space import space_of
from corpusmill.operators.weight.laws import law_of
from corpusmill.operators.weight.laws.validation import fit
from corpusmill.operators.weight.runs import MIX, Points

NOISE, SEEDS, CANDIDATES = 0.003, 5, 4096
CENTRE = Part("centre", Centre())
DESIGNS = {
    "dirichlet": [Part("dirichlet", Dirichlet())],
    "dirichlet, strength 1 to 5": [Part("dirichlet", Dirichlet(weakest=1.0))],
    "sobol": [Part("sobol", Sobol())],
    "halvings": [Part("halvings", Halvings())],
    "dirichlet, corners": [Part("dirichlet", Dirichlet()), Part("corners", Corners())],
    "dirichlet, leave one out": [Part("dirichlet", Dirichlet()), Part("leave_one_out", LeaveOneOut())],
    "mixed, without centre": [Part("dirichlet", Dirichlet(), share=0.7), Part("sobol", Sobol(), share=0.3),
                              Part("corners", Corners())],
    "mixed": [Part("dirichlet", Dirichlet(), share=0.7), Part("sobol", Sobol(), share=0.3), Part("corners", Corners()), CENTRE],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=CORPUS.parent / "mixlaw", help="folder of train_*_1m.csv")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    runs = regmix(options.data)
    world = fit(law_of("stack"), runs)
    space = space_of(dict(zip(runs.domains, runs.points.mix.mean(0), strict=True)))
    tests = {"regmix": Dirichlet().draw(space, CANDIDATES, 1 << 40), "even": Sobol().draw(space, CANDIDATES, 1 << 40)}
    truth = {name: world.predict(Points(mixes)) for name, mixes in tests.items()}
    sizes = (least(len(space)), 2 * least(len(space)))
    found = {label: {n: figures(parts, n, space, world, tests, truth) for n in sizes} for label, parts in DESIGNS.items()}
    for label, told in found.items():
        print(label, *(f"{n} runs: {row}" for n, row in told.items()), sep="\n  ")
    if options.json:
        told = {"domains": len(runs.domains), "targets": len(runs.targets), "noise": NOISE, "seeds": SEEDS,
                "machine": machine()}
        options.json.write_text(json.dumps(told | {"designs": found}, indent=1) + "\n")


def figures(parts, runs, space, world, tests, truth):
    rows = []
    for seed in range(SEEDS):
        table = composed(space, parts, runs, seed=seed)
        mixes = np.stack([table.column(MIX + d).to_numpy() for d in space.domains], 1)
        losses = world.predict(Points(mixes)) * (1 + NOISE * np.random.default_rng(seed).standard_normal((len(mixes), 1)))
        law = law_of("additive").fit(Points(mixes), losses)
        said = {name: law.predict(Points(asked)) for name, asked in tests.items()}
        row = {f"mre, {name}": np.abs(said[name] / truth[name] - 1).mean() for name in tests}
        every, claimed = (np.concatenate([values[name].mean(1) for name in tests]) for values in (truth, said))
        told = properties(mixes, space.domains)
        rows.append(row | {"regret": every[claimed.argmin()] - every.min(), "nearest": told["nearest"], "zeros": told["zeros"]})
    return {key: round(float(np.mean([row[key] for row in rows])), 5) for key in rows[0]}


if __name__ == "__main__":
    main()
