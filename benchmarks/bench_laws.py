"""Mixture laws on RegMix's runs: errors by cross-validation, errors by the number of runs that are fitted on, and time.

    python benchmarks/bench_laws.py [--data FOLDER] [--json PATH]

512 runs of a model of one million parameters over 17 domains of the Pile, 13 validation losses; figures are means over the 13.
Folds are of runs, five of them, divided anew twice; a law of n runs is tested on all others, three draws for each n. Nothing
of a law is chosen on the runs that it is tested on; its fixed ties (decision 0027) were chosen by such folds.
"""

import argparse
import json
import time
from pathlib import Path

from common import CORPUS, machine, regmix

from corpusmill.operators.weight.laws import law_of, named
from corpusmill.operators.weight.laws.validation import Folds, cross_validated, efficiency, fit

SIZES = (32, 64, 128, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=CORPUS.parent / "mixlaw", help="folder of train_*_1m.csv")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    runs = regmix(options.data)
    laws = {name: law_of(name) for name in
            ("constant", "linear", "loglinear", "exponential", "bimix", "additive", "lightgbm", "stack")}
    laws["bimix, sum"] = law_of("bimix", form="sum")
    found = {label: figures(named(law, runs.domains, runs.targets), runs) for label, law in laws.items()}
    for label, row in found.items():
        print(label, *(f"{key} {value}" for key, value in row.items()), sep="\n  ")
    if options.json:
        told = {"runs": len(runs), "domains": len(runs.domains), "targets": len(runs.targets), "machine": machine()}
        options.json.write_text(json.dumps(told | {"laws": found}, indent=1) + "\n")


def figures(law, runs):
    start = time.process_time()
    fit(law, runs)
    seconds = time.process_time() - start
    crossed = cross_validated(law, runs, Folds(5, 2)).mean
    curve = efficiency(law, runs, SIZES, Folds(repeats=3))
    return {"seconds to fit all targets": round(seconds, 2), "5 folds": rounded(crossed),
            "n runs": {n: {key: rounded(told)[key] for key in ("mre", "spearman")} for n, told in curve.items()}}


def rounded(errors):
    return {name: round(value, 4) for name, value in errors.items()}


if __name__ == "__main__":
    main()
