"""How far quality=nemo_english decides as NVIDIA NeMo Curator's own filters do.

    python benchmarks/agreement_curator.py --python PYTHON [--mb 8] [--json PATH]

PYTHON is that of an environment with nemo-curator. Both judge the same seeded sample of every domain of the corpus. Curator
takes the most frequent n-gram by the order of a set, so it runs with PYTHONHASHSEED=0.
"""

import argparse
import collections
import json
import os
import subprocess
import tempfile
from pathlib import Path

from common import CORPUS, batch_of, machine, profile, reasons, sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--python", type=Path, required=True, help="the interpreter of an environment with nemo-curator")
    parser.add_argument("--mb", type=float, default=8, help="size of the sample")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    documents = sample(options.corpus, options.mb * 1e6)
    ours = reasons(profile("nemo_english"), batch_of([text for _, text in documents]))
    theirs, version = peer(options.python, documents)
    differing = collections.Counter((a, b) for a, b in zip(ours, theirs, strict=True) if a != b)
    decisions = sum(n for (a, b), n in differing.items() if (a is None) != (b is None))
    figures = {"machine": machine(), "nemo-curator": version, "documents": len(documents),
               "same decision": 1 - decisions / len(documents), "same reason": 1 - differing.total() / len(documents),
               "differing": {f"{a or 'kept'} | {b or 'kept'}": n for (a, b), n in differing.most_common()}}
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


def peer(python, documents):
    """The same from Curator, and its version."""
    script = Path(__file__).with_name("peers_quality.py")
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "documents.jsonl", Path(folder) / "reasons.jsonl"
        given.write_text("".join(json.dumps(row) + "\n" for row in documents))
        told = subprocess.run([python, script, "curator", given, "--out", found], env=os.environ | {"PYTHONHASHSEED": "0"},
                              capture_output=True, text=True, check=True).stdout
        reasons = [json.loads(line)[1] for line in found.read_text().splitlines()]
    return [next(iter(r), None) for r in reasons], json.loads(told.splitlines()[-1])["version"]


if __name__ == "__main__":
    main()
