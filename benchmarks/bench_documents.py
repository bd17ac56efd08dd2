"""Every operator on one document that doubles to 100 MB: seconds, which must double too, and the most memory.

    python benchmarks/bench_documents.py [--mb 100] [--operators NAME …] [--json PATH]

Five kinds of text: prose of random words in lines and paragraphs, one line without a space, line feeds alone, NULs, and one
word again and again. Each operator runs in a process of its own, with the small files that the tests give it. MB = 10^6
bytes; times are processor time of one pass, compilation left out; memory is the process's peak beyond what it had with the
text in hand, per byte of text.
"""

import argparse
import json
import multiprocessing
import random
import resource
import sys
import time
from pathlib import Path

from common import machine

from corpusmill.jobs.runtime import kernels

SUPPORT = Path(__file__).resolve().parents[1] / "tests" / "support"
STEPS = 3  # sizes, each twice the one before
KINDS = ("prose", "no spaces", "line feeds", "NULs", "one word")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=float, default=100, help="size of the largest document")
    parser.add_argument("--operators", nargs="*", help="instances by name; all where none is named")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    sys.path.append(str(SUPPORT))
    import roster

    names = [o.name for o in roster.OPERATORS if "text" in o.reads.names and o.name in (options.operators or [o.name])]
    context = multiprocessing.get_context("spawn")
    found = {}
    for name in names:
        with context.Pool(1) as pool:
            found[name] = {kind: pool.apply(figures, (name, kind, options.mb)) for kind in KINDS}
        for kind, row in found[name].items():
            print(f"{name:14}{kind:12}" + "".join(f"{s:9.2f} s" for s in row["seconds"]) +
                  f"{row['MB/s']:8.1f} MB/s  last step × {row['growth']:.2f}  {row['bytes_per_byte']:6.1f} B/B", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"mb": options.mb, "operators": found, "machine": machine()}, indent=1) + "\n")


def figures(name: str, kind: str, mb: float) -> dict:
    """Seconds at each size, and the rate, growth and memory at the last."""
    sys.path.append(str(SUPPORT))
    import roster

    kernels.use_cache()
    operator = next(o for o in roster.OPERATORS if o.name == name)
    apply = roster.opened(operator)
    apply(roster.batch_of(["compiled, with kernels' first calls. " * 9]))
    seconds = []
    for step in reversed(range(STEPS)):
        text = document(kind, int(mb * 1e6) >> step)
        batch = roster.batch_of([text], [n for n in roster.FIELDS.names if n in operator.reads.names])
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        apply(batch)
        seconds.append(round(time.process_time() - start, 3))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / len(text)
    return {"seconds": seconds, "MB/s": round(mb / max(seconds[-1], 1e-3), 1),
            "growth": round(seconds[-1] / max(seconds[-2], 1e-3), 2), "bytes_per_byte": round(grown, 1)}


def document(kind: str, size: int) -> str:
    """One text of ``size`` bytes."""
    if kind == "prose":
        draw = random.Random(5)
        words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(1, 9))) for _ in range(20_000)]
        page = "".join(draw.choice(words) + draw.choices([" ", ", ", ".\n", ".\n\n"], [80, 8, 9, 3])[0] for _ in range(400_000))
        return (page * (size // len(page) + 1))[:size]
    unit = {"no spaces": "x", "line feeds": "\n", "NULs": "\0", "one word": "word "}[kind]
    return (unit * (size // len(unit) + 1))[:size]


if __name__ == "__main__":
    main()
