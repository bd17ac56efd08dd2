"""Decisions and reasons of datatrove's filters against ours, document by document.

    python benchmarks/agreement_datatrove.py --peer DATATROVE_PYTHON [--corpus FOLDER] [--json PATH]

``--peer`` is the Python of an environment with ``pip install 'datatrove[processing]' spacy``. The sample has at most
``--documents`` documents of each file in the corpus, chosen by a seed among those of at most ``--largest`` characters.
A reason agrees where both drop for the same one or both keep.
"""

import argparse
import collections
import json
import random
import subprocess
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import CORPUS, batch_of, profile, reasons, texts_of

from corpusmill.jobs.runtime import kernels

# Which rules of which profile are those of a filter: all, or the first and the others.
PROFILES = {"gopher_repetition": "gopher_datatrove", "gopher_quality": "gopher_datatrove", "fineweb": "fineweb"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, help="a Python that can import datatrove and spacy")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--documents", type=int, default=300, help="of each file, at most")
    parser.add_argument("--largest", type=int, default=100_000, help="characters of a document, at most")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    kernels.use_cache()
    batch = sample(options)
    with tempfile.TemporaryDirectory() as folder:
        texts, target = Path(folder) / "texts.parquet", Path(folder) / "verdicts.json"
        pq.write_table(pa.table({"text": batch["text"]}), texts)
        subprocess.run([options.peer, Path(__file__).parent / "agreement" / "datatrove_peer.py", texts, target], check=True)
        peer = json.loads(target.read_text())
    report = {"documents": batch.num_rows, "bytes": batch["text"].nbytes, "seed": options.seed, "largest": options.largest,
              "documents_per_domain": options.documents, "peer": peer["versions"],
              "filters": {name: compare(batch, peer["verdicts"][name], ours(batch, name)) for name in PROFILES}}
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def sample(options):
    """Some documents of every file, its name as their source."""
    texts, sources = [], []
    for name, column in texts_of(options.corpus):
        found = [text for text in column if len(text) <= options.largest]
        chosen = random.Random(f"{options.seed} {name}").sample(found, min(options.documents, len(found)))
        texts += chosen
        sources += [name.partition("-")[0]] * len(chosen)
    return batch_of(texts, sources)


def ours(batch, name):
    """The reason of each document, by the profile's rules for this filter alone."""
    found = profile(PROFILES[name])
    if PROFILES[name] == "gopher_datatrove":
        found["rules"] = [rule for rule in found["rules"]
                          if rule["reason"].startswith("gopher_") == (name == "gopher_quality")]
    return reasons(found, batch)


def compare(batch, theirs, found):
    """Shares that agree, by domain too, and every pair of reasons that does not."""
    rows = list(zip(batch["source"].to_pylist(), theirs, found, strict=True))
    domains = sorted({source for source, _, _ in rows})
    differ = collections.Counter((a, b) for _, a, b in rows if a != b)
    return {"decisions": share([(a is None) == (b is None) for _, a, b in rows]),
            "reasons": share([a == b for _, a, b in rows]),
            "dropped": sum(a is not None for _, a, _ in rows),
            "by_domain": {domain: {"documents": sum(source == domain for source, _, _ in rows),
                                   "reasons": share([a == b for source, a, b in rows if source == domain])}
                          for domain in domains},
            "by_reason": dict(collections.Counter(str(a) for _, a, _ in rows).most_common()),
            "differ": [{"datatrove": a, "ours": b, "documents": n} for (a, b), n in differ.most_common()]}


def share(values):
    return round(sum(values) / len(values), 6) if values else None


def show(report):
    print(f"{report['documents']} documents, {report['bytes'] / 1e6:.1f} MB; {report['peer']}")
    for name, figures in report["filters"].items():
        print(f"{name:20} decisions {figures['decisions']:.4%}  reasons {figures['reasons']:.4%}  {figures['differ'] or ''}")


if __name__ == "__main__":
    main()
