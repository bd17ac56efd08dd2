"""Regrouping by k-means: agreement with the sources of a corpus that it does not see, and MB/s on one core.

    python benchmarks/bench_regroup.py [--corpus FOLDER] [--seeds 5] [--cap 1500] [--repeat 3] [--json PATH]
                                        [--embedder tfidf] [--model PATH] [--quick]

A source is a Parquet file. Purity is the share of documents in the largest source of their domain; NMI is the mutual
information over the mean of both entropies. Each seed draws other documents (at most ``--cap`` of a source; all of them in
the lines «all») and other starts. MB = 10^6 bytes of UTF-8 text; times are the best of ``--repeat`` passes after one that
compiles. «terms» hashes and counts words; «assign» is all that a document needs once a model is there; «look» is what the
fit does with every document; «kmeans_seconds» tells how k-means grows
with the points (128 dimensions). ``--embedder`` is an option of the group; language_model and transformer take ``--model``,
the file or folder, and fastText tells words/s of its learning. ``--quick``: no lines «all».
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from unittest import mock

import common
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from corpusmill.jobs.runtime.config import instantiate
from corpusmill.operators.domain import lloyd
from corpusmill.operators.domain.embed import terms
from corpusmill.operators.domain.embedders.embedder import ByWords
from corpusmill.operators.domain.embedders.registry import described
from corpusmill.operators.domain.embedders.tfidf import Tfidf
from corpusmill.operators.domain.kmeans import READS, KMeans, Learn, threshold_of
from corpusmill.operators.domain.model import Model


def main() -> None:
    options = _options()
    files = sorted(options.corpus.glob("*.parquet"))
    if not files:
        sys.exit(f"skipped: no Parquet files in {options.corpus}; name a folder with --corpus")
    found = {"machine": common.machine(), "seeds": options.seeds, "cap": options.cap}
    embedder, held = _embedder(options)
    found["embedder"] = described(embedder)
    batches = [_documents(files, options.cap, seed) for seed in range(options.seeds)]
    states = [_state(KMeans(seed=seed, embedder=embedder), batch, held) for seed, batch in enumerate(batches)]
    found["agreement"] = {f"k={k}": _agreement(batches, states, k, embedder, held) for k in (14, 20)}
    if not options.quick:
        whole = [_documents(files, None, 0)] * min(3, options.seeds)
        states = [_state(KMeans(seed=seed, embedder=embedder), batch, held) for seed, batch in enumerate(whole)]
        found["agreement"] |= {f"all k={k}": _agreement(whole, states, k, embedder, held) for k in (14, 20)}
    found["mb_per_second"] = _rates(batches[0], options.repeat, embedder, held)
    if isinstance(embedder, Tfidf):
        found["kmeans_seconds"] = _scaling()
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=common.CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--seeds", type=int, default=5, help="draws and fits, of which the mean is shown")
    parser.add_argument("--cap", type=int, default=1500, help="documents of a source at most")
    parser.add_argument("--repeat", type=int, default=3, help="passes, of which the best counts")
    parser.add_argument("--embedder", default="tfidf", help="an option of the group embedder")
    parser.add_argument("--model", default="", help="the model of language_model or transformer: a file, or a folder")
    parser.add_argument("--quick", action="store_true", help="only documents up to --cap of a source")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _documents(files: list[Path], cap: int | None, seed: int) -> pa.RecordBatch:
    """Rows of READS; the source is there to be compared with, k-means does not look at it."""
    rng = np.random.default_rng(seed)
    texts, sources = [], []
    for path in files:
        column = pq.read_table(path, columns=["text"])["text"].cast(pa.string()).combine_chunks()
        text = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
        if cap is not None and len(text) > cap:
            text = text.take(pa.array(np.sort(rng.permutation(len(text))[:cap])))
        texts.append(text)
        sources += [path.stem] * len(text)
    text = pa.concat_arrays(texts)
    names = (f"{source}/{value}".encode() for source, value in zip(sources, text.to_pylist(), strict=True))
    ids = [hashlib.blake2b(name, digest_size=16).digest() for name in names]
    return pa.record_batch([pa.array(ids, pa.binary(16)), pa.array(sources), text], schema=READS)


def _embedder(options: argparse.Namespace):
    """The embedder of an option, and its files by name."""
    node = yaml.safe_load((Path(__file__).resolve().parents[1] / "conf" / "embedder" / f"{options.embedder}.yaml").read_text())
    if not options.model:
        return instantiate(node, "embedder"), {}
    return instantiate(node | {"digest": "of the benchmark"}, "embedder"), {"model": Path(options.model)}


def _state(given: KMeans, batch: pa.RecordBatch, held: dict[str, Path]):
    return Learn(given, threshold_of(given.sample, batch.num_rows), files=held).partial(batch)


def _agreement(batches: list[pa.RecordBatch], states: list, k: int, embedder, held: dict[str, Path]) -> dict[str, object]:
    scores, seconds = [], []
    for seed, (batch, state) in enumerate(zip(batches, states, strict=True)):
        fit = Learn(KMeans(k=k, seed=seed, embedder=embedder), files=held)
        start = time.perf_counter()
        model = Model.from_bytes(fit.finish(state))
        seconds.append(time.perf_counter() - start)
        scores.append(_compared(model.label(batch, held)[0].to_pylist(), batch.column("source").to_pylist()))
    purity, nmi = np.mean(scores, axis=0)
    return {"documents": int(np.mean([b.num_rows for b in batches])), "purity": round(purity, 3), "nmi": round(nmi, 3),
            "purity_by_seed": [round(p, 3) for p, _ in scores], "fit_seconds": round(min(seconds), 1)}


def _compared(domains: list[str], sources: list[str]) -> tuple[float, float]:
    """Purity and NMI."""
    places = [np.unique(names, return_inverse=True)[1] for names in (domains, sources)]
    table = np.zeros([p.max() + 1 for p in places])
    np.add.at(table, tuple(places), 1 / len(domains))
    rows, columns = table.sum(1), table.sum(0)
    seen = table > 0
    mutual = (table[seen] * np.log(table[seen] / np.outer(rows, columns)[seen])).sum()
    return table.max(1).sum(), mutual / ((_entropy(rows) + _entropy(columns)) / 2)


def _entropy(shares: np.ndarray) -> float:
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())


def _rates(batch: pa.RecordBatch, repeat: int, embedder, held: dict[str, Path]) -> dict[str, float]:
    batch = batch if isinstance(embedder, ByWords) else batch.slice(0, 500)
    text = batch.column("text")
    fit = Learn(KMeans(embedder=embedder), threshold_of(20_000, batch.num_rows), files=held)
    model = Model.from_bytes(fit.finish(fit.partial(batch)))
    steps = {"terms": lambda: terms(text, 18), "embed": lambda: model.embed(batch, held),
             "assign": lambda: model.label(batch, held), "look": lambda: fit.partial(batch)}
    return {name: round(text.nbytes / 1e6 / _best(step, repeat), 2) for name, step in steps.items()}


def _scaling() -> dict[str, float]:
    """Seconds of one start at k = 20 and 20 rounds over more and more points without clusters, which never settle before."""
    rng = np.random.default_rng(0)
    found = {}
    with mock.patch.object(lloyd, "ITERATIONS", 20):
        for n in (10_000, 20_000, 40_000, 80_000):
            points = rng.standard_normal((n, 128)).astype(np.float32)
            found[str(n)] = round(_best(lambda points=points: lloyd.cluster(points, 20, 1, 0), 3), 2)
    return found


def _best(step, repeat: int) -> float:
    seconds = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


if __name__ == "__main__":
    main()
