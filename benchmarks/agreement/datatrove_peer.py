"""What datatrove's own filters say of texts; run by ``agreement_datatrove.py`` with the Python of datatrove's environment.

    python datatrove_peer.py TEXTS.parquet VERDICTS.json
"""

import importlib.metadata
import json
import sys

import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

FILTERS = {"gopher_repetition": GopherRepetitionFilter, "gopher_quality": GopherQualityFilter, "fineweb": FineWebQualityFilter}
PACKAGES = "datatrove", "spacy"


def main() -> None:
    texts, target = sys.argv[1:]
    filters = {name: kind() for name, kind in FILTERS.items()}
    verdicts = {name: [] for name in filters}
    for text in pq.read_table(texts, columns=["text"])["text"].to_pylist():
        for name, kind in filters.items():
            verdicts[name].append(reason(kind.filter(Document(text=text, id=""))))
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    with open(target, "w") as file:
        json.dump({"versions": versions | {"python": sys.version.split()[0]}, "verdicts": verdicts}, file)


def reason(result):
    """None where the document is kept."""
    kept, why = result if isinstance(result, tuple) else (result, None)
    return None if kept else why or "dropped"


if __name__ == "__main__":
    main()
