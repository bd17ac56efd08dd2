"""How often the profiles gopher_dclm and gopher_dolma decide as the systems that they are named after, on real text.

    python benchmarks/agreement_gopher.py [--corpus FOLDER] [--documents 1000] [--dolma PYTHON] [--uniseg PYTHON] [--json PATH]

A seeded sample of the corpus, the same number of documents from every file. ``--dolma`` and ``--uniseg`` name the Python of
an environment that has the package dolma (its own taggers give the scores) or uniseg (its own function gives the words of
n-grams). DCLM's rules are plain Python of ours, tests/support/gopher_plain.py, since DCLM is no package; without
``--uniseg`` their words are those of the plain rules in tests/support/segmenting.py. A decision agrees where the reason is
the same too.
"""

import argparse
import collections
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from common import CORPUS, batch_of, machine, profile, reasons, texts_of

SUPPORT = Path(__file__).resolve().parents[1] / "tests" / "support"
LONGEST = 10_000  # characters: the plain rules take seconds for a book


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--dolma", help="Python of an environment with dolma")
    parser.add_argument("--uniseg", help="Python of an environment with uniseg")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    sys.path.append(str(SUPPORT))
    import gopher_plain
    import segmenting

    texts = sample(options.corpus, options.documents)
    report = {"documents": len(texts), "MB": round(sum(len(t.encode()) for t in texts) / 1e6, 1), "machine": machine()}
    words = answers(options.uniseg, "uniseg", texts) if options.uniseg else None
    if words:
        report["uax29"] = {"words": sum(map(len, words)), "documents that differ": sum(
            segmenting.words_of(text) != found for text, found in zip(texts, words, strict=True))}
    words = words or [segmenting.words_of(text) for text in texts]
    expected = [gopher_plain.dclm(text, found) for text, found in zip(texts, words, strict=True)]
    report["gopher_dclm"] = agreement(decide("gopher_dclm", texts), expected)
    scores = [gopher_plain.dolma_attributes(text, 1) for text in texts]
    report["gopher_dolma, plain rules"] = agreement(decide("gopher_dolma", texts), list(map(gopher_plain.dolma, scores)))
    for version in (1, 2) if options.dolma else ():
        scores = answers(options.dolma, f"gopher_v{version}", texts)
        found = decide("gopher_dolma", texts, version)
        report[f"gopher_dolma, tagger gopher_v{version}"] = agreement(found, list(map(gopher_plain.dolma, scores)))
        rounded = [gopher_plain.dolma({name: round(score, 5) for name, score in row.items()}) for row in scores]
        report[f"gopher_dolma, tagger gopher_v{version}, rounded scores"] = agreement(found, rounded)
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def sample(corpus, documents):
    files, draw, texts = dict(texts_of(corpus)), random.Random(4), []
    for column in files.values():
        fitting = [text for text in column if len(text) <= LONGEST]
        texts += draw.sample(fitting, min(len(fitting), documents // len(files)))
    return texts


def answers(python, system, texts):
    """What the system's own code gives for each text."""
    start = time.perf_counter()
    done = subprocess.run([python, SUPPORT / "gopher_plain.py", system], input="".join(json.dumps(t) + "\n" for t in texts),
                          stdout=subprocess.PIPE, text=True, check=True)
    print(f"{system}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def decide(name, texts, version=1):
    found = profile(name)
    if version == 2:
        found["rules"] = [dict(rule, signal=rule["signal"].replace("duplicate_lines", "duplicate_lines_v2")
                               .replace("dolma.lines", "dolma.lines_v2")) for rule in found["rules"]]
    return reasons(found, batch_of(texts))


def agreement(found, expected):
    pairs = collections.Counter(zip(found, expected, strict=True))
    same = sum(n for (ours, theirs), n in pairs.items() if ours == theirs)
    kept = sum(n for (ours, theirs), n in pairs.items() if (ours is None) == (theirs is None))
    differing = [{"ours": a, "theirs": b, "documents": n} for (a, b), n in pairs.most_common() if a != b]
    return {"decisions": round(kept / len(found), 6), "decisions and reasons": round(same / len(found), 6),
            "kept": expected.count(None), "reasons met": len({reason for reason in expected if reason}),
            "differing": differing}


if __name__ == "__main__":
    main()
