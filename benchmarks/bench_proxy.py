"""Proxy runs: tokens per second of one thread, the share of what matrix products alone allow, and what a run learns.

    python benchmarks/bench_proxy.py [--corpus FOLDER] [--steps 40] [--rates 0.003,0.006] [--batches 8,16] [--json PATH]

Speed is by processor time, the median of ``--steps`` steps after three, on bytes of the corpus. «rates»: by rate and batch the
loss of the tiny model on held-out bytes after ``--tokens`` tokens of an even mixture of four domains, in nats per token.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import common
import torch
import yaml

from corpusmill.jobs.proxy import throughput
from corpusmill.operators.lm.evaluation import held_windows, measured
from corpusmill.operators.lm.gpt import Shape
from corpusmill.operators.lm.mixing import MixtureTrainer, Streams
from corpusmill.operators.lm.tokens import Vocabulary, stream
from corpusmill.operators.lm.training import Plan

DOMAINS = ("encyclopedia", "law", "stackexchange", "techdocs")
PRESETS = Path(__file__).parents[1] / "conf" / "proxy"


def main() -> None:
    options = _options()
    texts = {name.partition("-")[0]: texts for name, texts in common.texts_of(options.corpus)}
    if not set(DOMAINS) <= set(texts):
        sys.exit(f"{options.corpus} lacks one of {', '.join(DOMAINS)}")
    torch.set_num_threads(1)
    tokens = {name: stream(text.encode() for text in texts[name])[:6_000_000] for name in DOMAINS}
    found = {"machine": common.machine(), "torch": torch.__version__, "presets": {}, "rates": {}}
    for path in sorted(PRESETS.glob("*.yaml")):
        found["presets"][path.stem] = _speed(yaml.safe_load(path.read_text()), tokens, options.steps)
    tiny = yaml.safe_load((PRESETS / "tiny.yaml").read_text())
    for batch in options.batches:
        for rate in options.rates:
            learned = _learned(tiny | {"batch": batch}, tokens, rate, options.tokens)
            found["rates"][f"{rate} by {batch}"] = learned
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def _trainer(preset: dict, tokens: dict, rate: float, budget: int) -> MixtureTrainer:
    shape = Shape(preset["layers"], preset["width"], preset["heads"], preset["context"])
    plan = Plan(budget, preset["batch"], rate, preset["warm_up"], 0, "cpu")
    learned = {name: stream[:-200_000] for name, stream in tokens.items()}
    return MixtureTrainer(shape, plan, Streams(learned, shape.context), dict.fromkeys(DOMAINS, 0.25))


def _speed(preset: dict, tokens: dict, steps: int) -> dict:
    trainer = _trainer(preset, tokens, preset["rate"], preset["tokens"])
    limit = throughput.limit(trainer.model.shape, trainer.plan.batch, trainer.device, 1)
    seconds = []
    for _ in range(steps + 3):
        started = time.process_time()
        trainer.advance()
        seconds.append(time.process_time() - started)
    speed = trainer.plan.batch * trainer.model.shape.context / statistics.median(seconds[3:])
    return {"parameters": trainer.model.shape.parameters, "tokens_per_second": round(speed), "limit": round(limit),
            "of_limit": round(speed / limit, 3), "minutes_per_run": round(preset["tokens"] / speed / 60, 1)}


def _learned(preset: dict, tokens: dict, rate: float, budget: int) -> dict:
    trainer = _trainer(preset, tokens, rate, budget)
    while trainer.step < trainer.total:
        trainer.advance()
    windows = {name: held_windows(tokens[name][-200_000:], preset["context"], 65_536) for name in DOMAINS}
    losses = {name: measured(trainer.model.eval(), held, Vocabulary().widths, trainer.device).loss
              for name, held in windows.items()}
    return {"tokens": budget, "mean": round(statistics.mean(losses.values()), 4)} | {n: round(v, 4) for n, v in losses.items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=common.CORPUS)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rates", type=lambda text: [float(one) for one in text.split(",") if one], default=[0.003, 0.01])
    parser.add_argument("--batches", type=lambda text: [int(one) for one in text.split(",") if one], default=[8, 16, 32])
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
