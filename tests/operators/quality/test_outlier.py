"""Distances against plain NumPy in double precision."""

import json
import random

import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.domain.embed import terms
from corpusmill.operators.domain.kmeans import READS, KMeans, Learn
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.outlier import Outlier
from corpusmill.operators.schema import DOCUMENTS

TOPICS = {
    "mill": "grain flour wheel river sack stone grind wheat miller sluice",
    "sky": "star moon comet orbit planet lens sun dust",
    "bread": "oven dough yeast crust loaf baker salt knead rise butter",
}


def texts(seed, count):
    draw = random.Random(seed)
    return [" ".join(draw.choices(draw.choice(list(TOPICS.values())).split(), k=30)) for _ in range(count)]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    values = texts(1, 120)
    ids = pa.array([i.to_bytes(16, "big") for i in range(len(values))], pa.binary(16))
    fit = Learn(KMeans(k=3, dimensions=2, starts=2, bits=12))
    data = fit.finish(fit.partial(pa.record_batch([ids, pa.array(["s"] * len(values)), pa.array(values)], schema=READS)))
    path = tmp_path_factory.mktemp("model") / "domains"
    path.write_bytes(data)
    return path


def measured(path, values):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    return Outlier(digest=str(path)).open({"model": path})(batch).batch.to_pydict()


def test_distances_are_those_of_plain_arithmetic(learned):
    model, values = Model.from_bytes(learned.read_bytes()), [*texts(2, 20), "star grain", "unheard", ""]
    found = measured(learned, values)
    for i, value in enumerate(values):
        entry = terms(pa.array([value]), model.facts["bits"])
        rows = model.rows[entry.buckets]
        weights = (1 + np.log(entry.counts[rows >= 0].astype(float)))[:, None]
        vector = (weights * model.projection[rows[rows >= 0]].astype(float)).sum(0)
        if not vector.any():
            assert (found["outlier.distance"][i], found["outlier.mean_distance"][i], found["outlier.domain"][i]) == (
                None, None, "none")
            continue
        vector /= np.linalg.norm(vector)
        distances = np.linalg.norm(model.centroids.astype(float) - vector, axis=1)
        # The kernel takes the square from three sums, which near 0 leaves 1e-7 of it, and so 3e-4 of the root.
        assert found["outlier.distance"][i] == pytest.approx(distances.min(), abs=1e-3)
        assert found["outlier.mean_distance"][i] == pytest.approx(np.linalg.norm(model.centroids.mean(0) - vector), rel=1e-4)
        assert found["outlier.domain"][i] == model.names[distances.argmin()]


def test_texts_between_topics_are_further_out(learned):
    """By the median: in two dimensions a mixture may lie near a domain, and which one is near depends on torch."""
    mixed = [" ".join(random.Random(i).sample(" ".join(TOPICS.values()).split(), 24)) for i in range(10)]
    inside, outside = (measured(learned, values)["outlier.distance"] for values in (texts(3, 30), mixed))
    assert 2 * np.median(inside) < np.median(outside)


def test_another_file_or_none_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(json.dumps({}).encode())
    with pytest.raises(DataError, match="operator 'outlier': its model '@web' is not a model of domains"):
        Outlier(path="@web", digest=str(tmp_path)).open({"model": tmp_path / "x"})
    with pytest.raises(ConfigError, match="has not been fetched"):
        Outlier().open({})
