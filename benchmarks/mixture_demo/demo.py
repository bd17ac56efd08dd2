"""The demonstration of PROTOCOL.md, step by step: what has been computed is not computed again.

    .venv/bin/python benchmarks/mixture_demo/demo.py out/demo [--until STEP]

Steps: data, design, proxies, law, targets, balance, told. Two to three hours on two cores in all; needs the shared corpus.
"""

import argparse
import hashlib
import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.csv import write_csv
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from common import CORPUS, machine
from telling import told

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import stage
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store import open_store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.weight.laws import law_of
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.laws.validation import fit, measured
from corpusmill.operators.weight.optimal import Optimal
from corpusmill.operators.weight.runs import HELD_OUT, MIX, Points, Runs
from corpusmill.operators.weight.unimax import UniMax

DOMAINS = ("books", "commit_messages", "encyclopedia", "health_qa", "law", "math", "speeches")
SCARCE, SCARCE_BYTES = "speeches", 480_000
PROXY_TOKENS, TARGET_TOKENS, SEEDS, EPOCHS = 4_000_000, 12_000_000, (1, 2, 3), 4
EVAL_TOKENS = 65_536  # of each domain
STREAMS = ("streams.held_out=128KiB", "streams.max_tokens=20e6")
TARGET = ("layers=2", "width=128", "heads=4", "context=128")
LEARNING = ("batch=16", "rate=0.004", "warm_up=0.05")
SCALES = ("joint", "chinchilla", "calibrated")
LAWS = ("additive", "exponential", "linear", "loglinear", "implicit", "constant")
SAME = 1e-4  # difference of shares below which two mixtures are one, and run once
EVALUATED = "eval.at=[0.2,0.4,0.6,0.7,0.8,0.9,1.0]"  # of the targets
STEPS = ("data", "design", "proxies", "law", "targets", "balance", "told")
RESULTS = Path(__file__).resolve().parent.parent / "results" / "mixture_demo.json"


class Demo:
    """A folder in which the demonstration is carried out."""

    def __init__(self, folder, part=1.0):
        self.proxy_tokens, self.target_tokens = round(PROXY_TOKENS * part), round(TARGET_TOKENS * part)
        self.engine = "ray" if part == 1 else "inline"
        self.evaluated = f"eval.tokens={max(1024, round(EVAL_TOKENS * part))}"
        self.folder, self.store = Path(folder), open_store(str(Path(folder) / "store"))

    def mill(self, job, *words, name="", engine=None):
        """Run a job; its manifest."""
        command = [str(Path(sys.executable).parent / "corpusmill"), job, *words, f"store.root={self.folder / 'store'}",
                   f"engine={engine or self.engine}"]
        command += [f"name={name}"] if name else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return manifests.resolve(self.store, done.stdout.splitlines()[-1].removeprefix("manifest: "))

    def table(self, made):
        return self.table_of(made, made.details["file"])

    def table_of(self, made, file):
        return pq.read_table(io.BytesIO(bytes(memoryview(self.store.read(f"{made.folder}/{file}")))))

    def named(self, name):
        return manifests.resolve(self.store, f"@{name}")

    def balanced(self, seed):
        """R&B from one seed of the first weights."""
        self.mill("balance", "domains=@domains", "counts=@counts", "balance=rb", EVALUATED, self.evaluated, *STREAMS,
                  *(f"model.{word}" for word in TARGET), *(f"training.{word}" for word in LEARNING),
                  f"training.tokens={self.target_tokens}", f"training.seed={seed}", name=f"rb-{seed}", engine="inline")

    def commit_design(self, name, rows, seeds):
        """A design of proportions by name, each with every seed."""
        columns = {"run_id": [f"{row}-{seed}" for row in rows for seed in seeds],
                   "design": [row for row in rows for _ in seeds], "seed": [seed for _ in rows for seed in seeds]}
        columns |= {MIX + d: [float(shares[d]) for shares in rows.values() for _ in seeds] for d in DOMAINS}
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        made = stage.Stage("design", stage.NO_ROWS, {"rows": rows, "seeds": list(seeds)}, {"domains": self.named("domains")})
        done = stage.commit_file(Session(self.store, InlineEngine(), quiet=True), made, "design.parquet", sink.getvalue(), {})
        manifests.move_name(self.store, name, done)


def data(demo):
    """Documents, each once, with their domains and sizes."""
    files = demo.folder / "corpus"
    files.mkdir(parents=True, exist_ok=True)
    for domain in (d for d in DOMAINS if not (files / f"{d}.parquet").exists()):
        texts = pq.read_table(CORPUS / f"{domain}-00000.parquet", columns=["id", "text"])
        if domain == SCARCE:
            texts = scarce(texts)
        pq.write_table(texts.rename_columns(["native_id", "text"]), files / f"{domain}.parquet")
    made = demo.mill("ingest", "corpus=files", f"corpus.paths=[{files}]", "corpus.source='{stem}'")
    kept = demo.mill("dedup", f"documents={demo.store.uri(made.path)}", "dedup=exact")
    found = demo.mill("regroup", f"documents={demo.store.uri(made.path)}", f"duplicates={demo.store.uri(kept.path)}",
                      "regroup=source", name="domains")
    demo.mill("count", f"domains={demo.store.uri(found.path)}", "tokenizer=bytes", name="counts")


def scarce(texts):
    """As many documents, in the order of their digests, as SCARCE_BYTES hold."""
    order = sorted(range(len(texts)), key=lambda i: hashlib.sha256(texts["text"][i].as_buffer()).digest())
    sizes = np.cumsum([len(texts["text"][i].as_buffer()) for i in order])
    return texts.take(order[: max(1, int((sizes <= SCARCE_BYTES).sum()))])


def design(demo):
    """The mixtures of the proxy runs."""
    demo.mill("design", "counts=@counts", "design=mixed", "design.runs=36", "design.held_out=8",
              "design.parts.dirichlet.temperature=3", name="design")


def proxies(demo):
    """The runs that laws are fitted on, those held out, and those of the noise."""
    demo.mill("proxy", "design=@design", "domains=@domains", "proxy=tiny", f"proxy.tokens={demo.proxy_tokens}",
              "eval.at=[1.0]", demo.evaluated, *STREAMS, f"repetition.budget={demo.target_tokens}", name="runs")


def law(demo):
    """The laws, fitted on the runs that are not held out."""
    table = demo.table(demo.named("runs"))
    held = np.array([name.endswith(HELD_OUT) for name in table["design"].to_pylist()])
    for name, rows in (("fit", ~held), ("held_out", held)):
        pq.write_table(table.filter(pa.array(rows)), demo.folder / f"{name}.parquet")
    for kind in LAWS:
        demo.mill("fit_law", f"runs.table={demo.folder / 'fit.parquet'}", f"law={kind}", name=f"law-{kind}")
    demo.commit_design("targets", chosen(demo), SEEDS)


def chosen(demo):
    """Proportions by strategy."""
    unique, model = unique_tokens(demo), law_file(demo, "additive")
    optima = {}
    for name, caps in (("law", None), ("law_capped", EPOCHS)):
        asked = Optimal("law.json", budget=demo.target_tokens, max_epochs=caps, margin=0)
        optima[name] = asked.weigh(unique, {"law": model})
    told = optima["law"].details["solution"]["strategies"]
    rows = {name: told[name]["proportions"] for name in ("natural", "uniform")} | {"best_run": best_run(demo)}
    rows["unimax"] = UniMax(demo.target_tokens, EPOCHS).solve(unique)
    (demo.folder / "solutions.json").write_text(json.dumps({name: one.details for name, one in optima.items()}, indent=1))
    rows["law"] = optima["law"].proportions
    if not capped_is_free(demo):
        rows["law_capped"] = optima["law_capped"].proportions
    return rows


def best_run(demo):
    """The proportions of the best proxy run but for the repeats."""
    runs = [row for row in pq.read_table(demo.folder / "fit.parquet").to_pylist() if "centre" not in row["design"]]
    best = min(runs, key=lambda row: sum(row[f"loss/{domain}"] for domain in DOMAINS))
    return {domain: best[MIX + domain] for domain in DOMAINS}


def capped_is_free(demo):
    """Whether the caps bind nowhere, so that the capped optimum is the free one."""
    solved = json.loads((demo.folder / "solutions.json").read_text())
    free, capped = (solved[name]["solution"]["strategies"]["optimum"]["proportions"] for name in ("law", "law_capped"))
    return max(abs(free[domain] - capped[domain]) for domain in DOMAINS) < SAME


def unique_tokens(demo):
    """That may be learned from, by domain."""
    tokens = manifests.lineage(demo.store, demo.named("runs"))["domain_tokens"]
    return {name: told["unique_tokens"] for name, told in sorted(tokens.details["domains"].items())}


def law_file(demo, kind):
    """Bytes of a fitted law."""
    return bytes(memoryview(demo.store.read(f"{demo.named(f'law-{kind}').folder}/law.json")))


def targets(demo):
    """The strategies of fixed proportions at the size of the target."""
    demo.mill("proxy", "design=@targets", "domains=@domains", *(f"proxy.{word}" for word in TARGET + LEARNING),
              f"proxy.tokens={demo.target_tokens}", EVALUATED, demo.evaluated, *STREAMS,
              name="target_runs")


def balance(demo):
    """R&B at the size of the target; two seeds at a time, since each is one process."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(demo.balanced, SEEDS))


def told_all(demo):
    """All figures, into benchmarks/results."""
    rules = [demo.table_of(demo.named(f"rb-{seed}"), "runs.parquet") for seed in SEEDS]
    runs = pa.concat_tables([demo.table(demo.named("target_runs")), *map(ended, rules)], promote_options="default")
    strategies = told(runs, DOMAINS)
    proportions = {name: shares(runs, name) for name in strategies}
    beside = predicted(demo, strategies, proportions)
    if capped_is_free(demo):
        strategies["law_capped"] = strategies["law"] | {"same_as": "law"}
    facts = {"machine": machine(), "strategies": strategies, "noise": noise(demo), "laws": laws(demo),
             "proportions": proportions, "predicted": beside,
             "operations": operations(demo, runs), "laws_of_scale": scales(demo)}
    path = RESULTS if demo.target_tokens == TARGET_TOKENS else demo.folder / RESULTS.name
    path.write_text(json.dumps(facts, indent=1) + "\n")
    write_csv(plain(demo.table(demo.named("runs"))), path.with_name("mixture_demo_proxies.csv"))
    write_csv(plain(runs), path.with_name("mixture_demo_targets.csv"))
    for kind, one in facts["laws_of_scale"].items():
        print(f"{kind:12} off by {one['mae']:.4f} nats at the target's size, Spearman {one['spearman']:.2f}")
    for name, one in facts["strategies"].items():
        loss, away = one["loss"], one["difference"]
        print(f"{name:12} {loss['mean']:.4f} ± {loss['half']:.4f}   to natural {away['mean']:+.4f} ± {away['half']:.4f}   "
              f"regressions: {', '.join(one['regressions']) or 'none'}")


def ended(runs):
    """The row of a rule's own run, under the name of its strategy."""
    rows = runs.filter(pa.array([name != "fixed" for name in runs["design"].to_pylist()]))
    return rows.set_column(rows.column_names.index("design"), "design", pa.array(["rb"] * len(rows)))


def plain(runs):
    """A run table without what hangs on the machine."""
    told = [name for name in runs.column_names if name not in ("seconds", "tokens_per_second", "of_limit")]
    floats = [name for name in told if pa.types.is_floating(runs.schema.field(name).type)]
    return pa.table({name: pc.round(runs[name], 6) if name in floats else runs[name] for name in told})


def shares(runs, strategy):
    """Realised at the end, means over the seeds."""
    rows = [row for row in runs.to_pylist() if row["design"] == strategy]
    last = [row for row in rows if row["step"] == max(row["step"] for row in rows)]
    return {domain: float(np.mean([row[MIX + domain] for row in last])) for domain in DOMAINS}


def predicted(demo, strategies, proportions):
    """The objective by the law at the size of the proxies, beside what came of it at the size of the target."""
    model = LawModel.from_json(law_file(demo, "additive"), "additive")
    mix = np.array([[proportions[name][domain] for domain in model.domains] for name in strategies])
    said = model.predict(Points(mix / mix.sum(1, keepdims=True))).mean(1)
    came = [one["loss"]["mean"] for one in strategies.values()]
    return {"objective": dict(zip(strategies, said.tolist(), strict=True)), "spearman": ranked(said, came)}


def noise(demo):
    """Standard deviation of the objective between the repeats of the centre."""
    runs = Runs.of(pq.read_table(demo.folder / "fit.parquet"))
    repeats = np.array(["centre" in name for name in runs.table["design"].to_pylist()])
    return {"objective": float(np.std(runs.losses[repeats].mean(1), ddof=1)), "repeats": int(repeats.sum()),
            "between_mixtures": float(np.std(runs.losses[~repeats].mean(1), ddof=1))}


def laws(demo):
    """Errors of every law on the runs that were held out of everything."""
    held = Runs.of(pq.read_table(demo.folder / "held_out.parquet"))
    found = {}
    for kind in LAWS:
        model = LawModel.from_json(law_file(demo, kind), kind)
        errors = measured(held.losses, model.predict(held.points), held.targets)
        mean = (model.predict(held.points).mean(1), held.losses.mean(1))
        found[kind] = {"mre": float(np.mean([one["mre"] for one in errors.values()])),
                       "objective_mae": float(np.abs(mean[0] - mean[1]).mean()),
                       "objective_spearman": ranked(*mean),
                       "cross_validated_mre": float(np.mean([one["mre"] for one in model.errors.values()]))}
    return found


def ranked(one, other):
    """Spearman's correlation; None where a side does not vary."""
    return None if len(set(one)) < 2 or len(set(other)) < 2 else float(spearmanr(one, other).statistic)


def scales(demo):
    """Laws that know of sizes, fitted on the proxies and the other strategies' targets: the objective of the one left out.

    Not in the protocol, and nothing was chosen by it.
    """
    proxies, targets = demo.table(demo.named("runs")), demo.table(demo.named("target_runs"))
    runs = Runs.of(pa.concat_tables([proxies, targets], promote_options="default"))
    design, found = np.array(runs.table["design"].to_pylist()), {}
    for kind in SCALES:
        rows = {}
        for name in sorted(set(targets["design"].to_pylist())):
            left, taught = runs.take(design == name).final(), runs.take(design != name)
            model = fit(law_of(kind), taught)
            said = model.predict(left.points)
            rows[name] = {"predicted": float(said.mean()), "realised": float(left.losses.mean()),
                          "mre": float(np.mean(np.abs(said.mean(0) / left.losses.mean(0) - 1)))}
        said, came = ([row[key] for row in rows.values()] for key in ("predicted", "realised"))
        found[kind] = {"strategies": rows, "mae": float(np.mean(np.abs(np.subtract(said, came)))),
                       "spearman": ranked(said, came)}
    return found


def operations(demo, runs):
    """Of the proxies, and of the targets."""
    last = {}
    for row in demo.table(demo.named("runs")).to_pylist():
        last[row["run_id"]] = max(row["flops"], last.get(row["run_id"], 0))
    ends = {}
    for row in runs.to_pylist():
        ends[row["run_id"]] = max(row["flops"], ends.get(row["run_id"], 0))
    return {"proxies": sum(last.values()), "targets": sum(ends.values()), "one_target": max(ends.values())}


DOING = dict(zip(STEPS, (data, design, proxies, law, targets, balance, told_all), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--until", choices=STEPS, default=STEPS[-1])
    parser.add_argument("--part", type=float, default=1.0, help="of the tokens of every run, to try the steps; told nowhere")
    given = parser.parse_args()
    if not CORPUS.is_dir():
        sys.exit(f"there is no {CORPUS}: the demonstration runs on the shared corpus")
    demo = Demo(given.folder, given.part)
    for step in STEPS[: STEPS.index(given.until) + 1]:
        print(f"== {step}", file=sys.stderr, flush=True)
        DOING[step](demo)


if __name__ == "__main__":
    main()
