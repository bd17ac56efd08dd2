"""What a predicted gain may be off by, as weigh=law tells it, beside what it is off by: on RegMix's runs.

    python benchmarks/bench_gains.py [--data FOLDER] [--draws 12] [--json PATH]

``additive`` is fitted on n of the 512 runs. Among the others are taken the twelve of which it predicts the least mean loss, and
the twelve nearest to the even mixture. Each pair is a gain that is predicted and observed. Their difference over the noise
that solve/report.py tells has a root mean square of 1 where that noise is right, and less where it is too careful. Observed
losses are of one run each, so the noise of seeds is in them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from common import CORPUS, machine, regmix

from corpusmill.operators.weight.laws import law_of
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.laws.validation import Folds, cross_validated, fit, noise
from corpusmill.operators.weight.runs import Points
from corpusmill.operators.weight.solve.objective import Predicted
from corpusmill.operators.weight.solve.report import overall, uncertainty

SIZES, TAKEN = (48, 64, 128, 256), 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=CORPUS.parent / "mixlaw", help="folder of train_*_1m.csv")
    parser.add_argument("--draws", type=int, default=12, help="of the runs that the law is fitted on")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    runs = regmix(options.data)
    found = {n: summed([pairs(runs, n, seed) for seed in range(options.draws)]) for n in SIZES}
    for n, row in found.items():
        print(n, *(f"{name} {value}" for name, value in row.items()), sep="\n  ")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "draws": options.draws, "n runs": found}, indent=1) + "\n")


def pairs(runs, n, seed):
    """(errors, noise near the mixtures, noise of the whole design) of all pairs."""
    order = np.random.default_rng(seed).permutation(len(runs))
    taught, others = runs.take(order[:n]), runs.take(order[n:])
    law = law_of("additive")
    told = cross_validated(law, taught, Folds(5, 1, seed))
    model = LawModel(law, fit(law, taught), runs.domains, runs.targets, taught.points.mix, taught.losses, told.errors,
                     noise(taught), (), told.predictions)
    mix, observed = others.points.mix, others.losses.mean(1)
    predicted = model.predict(others.points).mean(1)
    best = np.argsort(predicted)[:TAKEN]
    even = np.argsort(np.abs(mix - 1 / mix.shape[1]).sum(1))[:TAKEN]
    t, m = len(runs.targets), mix.shape[1]
    objective = Predicted(lambda at: model.predict(Points(at)), lambda at: model.gradient(Points(at)), np.full(t, 1 / t),
                          np.full(m, 1 / m))
    whole = overall(model, objective)
    return [((predicted[i] - predicted[j]) - (observed[i] - observed[j]), uncertainty(model, objective, mix[[i, j]]), whole)
            for i in best for j in even if i != j]


def summed(draws):
    errors, near, whole = np.array([row for draw in draws for row in draw]).T
    return {"error": rms(errors), "noise": rms(near), "error in units of the noise": rms(errors / near),
            "noise of the whole design": rms(whole), "error in units of that": rms(errors / whole)}


def rms(values):
    return round(float(np.sqrt(np.mean(np.square(values)))), 4)


if __name__ == "__main__":
    main()
