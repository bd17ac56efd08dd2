"""Clustering the points of regrouping: agreement with the sources of a corpus by variant, the choice of k, and seconds by size.

    python benchmarks/bench_clustering.py [--corpus FOLDER] [--seeds 5] [--cap 1500] [--largest 1000000] [--json PATH]

Points are those of hashed TF-IDF; purity and NMI as in ``bench_regroup.py``. A variant is (finer, power, starts): so many
clusters for each domain, merged with sizes to that power. «sample», «all» and «minibatch» are what k-means sees of all
documents, from the same 20,000. Seconds are of one pass of each kind over random points of 128 dimensions, k = 20, on one core:
«lloyd» a round in memory by torch, «round» one of the streaming kernel, sums included.
"""

import argparse
import functools
import json
import sys
import time
from pathlib import Path

import bench_regroup as regroup
import common
import numpy as np
import pyarrow as pa
import torch

from corpusmill.operators.domain import lloyd
from corpusmill.operators.domain.choice import judged, tried
from corpusmill.operators.domain.clusters import Clusters
from corpusmill.operators.domain.embed import nearest
from corpusmill.operators.domain.kmeans import KMeans, Learn, threshold_of
from corpusmill.operators.domain.latent import one_thread
from corpusmill.operators.domain.model import Model
from corpusmill.operators.domain.streaming import Batches, Round, iterate

VARIANTS = ((1, 1.0, 8), (4, 1.0, 1), (6, 1.0, 1), (6, 1.0, 2), (6, 0.8, 2), (6, 0.6, 2))
BATCH = 4096  # points of one part


def main() -> None:
    options = _options()
    files = sorted(options.corpus.glob("*.parquet"))
    if not files:
        sys.exit(f"skipped: no Parquet files in {options.corpus}; name a folder with --corpus")
    found = {"machine": common.machine(), "seeds": options.seeds, "cap": options.cap}
    capped = [_points(regroup._documents(files, options.cap, seed), seed) for seed in range(options.seeds)]
    found["capped"] = _variants([(points, points, sources) for points, sources, _ in capped])
    found["choice"] = _choice(capped[0][0])
    whole = [_points(regroup._documents(files, None, 0), seed) for seed in range(min(3, options.seeds))]
    found["all"] = _variants([(points[drawn], points, sources) for points, sources, drawn in whole])
    found["over"] = {over: _over(whole, over) for over in ("sample", "all", "minibatch")}
    found["seconds"] = _scaling(options.largest)
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=common.CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--seeds", type=int, default=5, help="draws and fits, of which the mean is shown")
    parser.add_argument("--cap", type=int, default=1500, help="documents of a source at most")
    parser.add_argument("--largest", type=int, default=1_000_000, help="points of the largest pass")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _points(batch: pa.RecordBatch, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The points of all documents, their sources, and which of them domains are learned from."""
    given = KMeans(k=2, finer=1, starts=1, seed=seed)
    fit = Learn(given, threshold_of(given.sample, batch.num_rows))
    state = fit.partial(batch)
    points = Model.from_bytes(fit.finish(state)).embed(batch)
    sampled = set(state.sample.column("doc_id").to_pylist())
    drawn = np.array([one in sampled for one in batch.column("doc_id").to_pylist()])
    known = points.any(axis=1)
    return points[known], np.array(batch.column("source").to_pylist())[known], drawn[known]


def _variants(cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> dict[str, object]:
    found = {}
    for k in (14, 20):
        for finer, power, starts in VARIANTS:
            scores, seconds = [], []
            for seed, (sample, points, sources) in enumerate(cases):
                begun = time.perf_counter()
                centroids = Clusters(finer, power, starts, seed)(sample, k)
                seconds.append(time.perf_counter() - begun)
                scores.append(regroup._compared(nearest(points, centroids)[0].tolist(), sources.tolist()))
            found[f"k={k} finer={finer} power={power} starts={starts}"] = _told(scores) | {"seconds": round(min(seconds), 1)}
    return found


def _told(scores: list[tuple[float, float]]) -> dict[str, object]:
    purity, nmi = np.mean(scores, axis=0)
    return {"purity": round(float(purity), 3), "nmi": round(float(nmi), 3), "purity_by_seed": [round(p, 3) for p, _ in scores]}


def _choice(points: np.ndarray) -> list[dict[str, object]]:
    cluster = Clusters(6, 1.0, 1, 0)
    return [one.told() for one in judged([tried(points, np.ones(len(points)), k, cluster, 0)[0] for k in (7, 14, 20, 40)], 0)]


def _over(cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]], over: str) -> dict[str, object]:
    scores, sums = [], []
    for seed, (points, sources, drawn) in enumerate(cases):
        centroids = Clusters(6, 1.0, 2, seed)(points[drawn], 20)
        if over == "all":
            centroids, _ = iterate(centroids, functools.partial(_pass, points), 20)
        elif over == "minibatch":
            state = Batches.begin(centroids, int(drawn.sum()) // 20)
            for part in np.array_split(np.random.default_rng(seed).permutation(len(points)), 20):
                state = state.step(_pass(points[part], Round(state.centroids)))
            centroids = state.centroids
        codes, squares = nearest(points, centroids)
        scores.append(regroup._compared(codes.tolist(), sources.tolist()))
        sums.append(float(squares.sum(dtype=np.float64)))
    return _told(scores) | {"sum_of_squares": round(float(np.mean(sums)), 1)}


def _pass(points: np.ndarray, one: Round) -> object:
    ids = np.zeros(BATCH, "S16")
    parts = (points[first:first + BATCH] for first in range(0, len(points), BATCH))
    return functools.reduce(one.merge, (one.partial(ids[: len(part)], part) for part in parts))


def _scaling(largest: int) -> dict[str, dict[str, float]]:
    rng, found = np.random.default_rng(0), {"lloyd": {}, "round": {}}
    size = 10_000
    while size <= largest:
        points = rng.standard_normal((size, 128), np.float32)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        data, one = torch.from_numpy(points), Round(points[:20].copy())
        with one_thread():
            lloyd.ITERATIONS = 1
            found["lloyd"][str(size)] = round(regroup._best(lambda data=data: lloyd.lloyd(data, data[:20]), 2), 3)
        found["round"][str(size)] = round(regroup._best(lambda points=points, one=one: _pass(points, one), 2), 3)
        size *= 10
    return found


if __name__ == "__main__":
    main()
