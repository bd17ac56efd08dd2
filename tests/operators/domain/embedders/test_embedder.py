import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from planting import batch_of, planted

from corpusmill.operators.domain.embedders.column import Vectors
from corpusmill.operators.domain.embedders.embedder import framed, unit
from corpusmill.operators.domain.embedders.registry import described
from corpusmill.operators.domain.kmeans import KMeans, Learn
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.outlier import Outlier

VECTORS = arrays.arrays(np.float32, st.tuples(st.integers(1, 8), st.integers(1, 5)),
                        elements=st.floats(-1e3, 1e3, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3))


@given(vectors=VECTORS)
def test_points_have_length_one_or_none_at_all(vectors):
    for found in (unit(vectors), framed(vectors, np.stack([np.zeros(vectors.shape[1]), np.ones(vectors.shape[1])]))):
        lengths = np.linalg.norm(found.astype(np.float64), axis=1)
        assert np.allclose(lengths, vectors.any(axis=1), atol=1e-5)
        assert (found.dtype, found.shape) == (np.float32, vectors.shape)


def rows_with(points):
    """Documents of planted topics that have the points as metadata."""
    rows, labels = planted(topics=3, each=20)
    batch = batch_of(rows)
    given = pa.array([f'{{"embedding": {point.tolist()}}}' for point in points(labels)])
    return batch.append_column("metadata", given), labels


def noisy(labels, seed=0, width=6):
    """A point for each label, with a large direction that all share and one dimension of nothing but noise."""
    rng = np.random.default_rng(seed)
    found = np.eye(width)[labels] + rng.normal(0, 0.05, (len(labels), width)) + 20
    found[:, -1] = rng.normal(0, 5, len(labels))
    return found


@pytest.mark.parametrize("centre", [True, False])
def test_the_frame_has_mean_0_and_variance_1_over_the_sample_where_it_is_asked_for(centre):
    batch, _ = rows_with(noisy)
    fit = Learn(KMeans(k=3, starts=2, embedder=Vectors(centre=centre)))
    model = Model.from_bytes(fit.finish(fit.partial(batch)))
    vectors = unit(model.embedder.vectors(batch, {}))
    moved = (vectors - model.frame[0]) * model.frame[1]
    expected = (np.zeros(6), np.ones(6)) if centre else (vectors.mean(0), vectors.std(0))
    assert np.allclose(moved.mean(0), expected[0], atol=1e-3)
    assert np.allclose(moved.std(0), expected[1], atol=1e-3)


def test_a_model_of_points_is_what_was_written():
    batch, _ = rows_with(noisy)
    fit = Learn(KMeans(k=3, starts=2, embedder=Vectors(centre=True)))
    data = fit.finish(fit.partial(batch))
    model = Model.from_bytes(data)
    assert model.to_bytes() == data
    assert model.embedder == Vectors(centre=True)
    assert model.facts["embedder"] == described(Vectors(centre=True))
    assert model.label(batch)[0].to_pylist() == [model.names[np.square(p - model.centroids).sum(1).argmin()]
                                                 for p in model.embed(batch)]


def test_points_of_another_width_than_the_model_are_refused():
    batch, _ = rows_with(noisy)
    fit = Learn(KMeans(k=3, starts=2, embedder=Vectors()))
    model = Model.from_bytes(fit.finish(fit.partial(batch)))
    with pytest.raises(DataError, match="vectors of 4 numbers, but the model of domains was learned from vectors of 6"):
        model.label(rows_with(lambda labels: noisy(labels, width=4))[0])
    other = rows_with(lambda labels: noisy(labels, width=4))[0]
    with pytest.raises(DataError, match="the sample have different widths: 4, 6"):
        fit.finish(fit.merge(fit.partial(batch), fit.partial(other)))


def test_names_are_kept_over_points_of_the_same_embedder_only():
    batch, _ = rows_with(noisy)
    fit = Learn(KMeans(k=3, starts=2, embedder=Vectors(centre=True)))
    first = Model.from_bytes(fit.finish(fit.partial(batch)))
    again = Learn(KMeans(k=3, starts=2, seed=5, embedder=Vectors(centre=True)), previous=first)
    assert set(Model.from_bytes(again.finish(again.partial(batch))).names) == set(first.names)
    words = Learn(KMeans(k=3, starts=2, dimensions=8), previous=first)
    with pytest.raises(ConfigError, match=r"regroup\.previous was made with another embedder"):
        words.finish(words.partial(batch))
    by_words = Learn(KMeans(k=3, starts=2, dimensions=8))
    known = Model.from_bytes(by_words.finish(by_words.partial(batch)))
    mixed = Learn(KMeans(k=3, starts=2, embedder=Vectors(centre=True)), previous=known)
    assert set(Model.from_bytes(mixed.finish(mixed.partial(batch))).names) == set(known.names)


def test_what_has_only_words_refuses_a_model_of_points(tmp_path):
    batch, _ = rows_with(noisy)
    fit = Learn(KMeans(k=3, starts=2, embedder=Vectors()))
    path = tmp_path / "model"
    path.write_bytes(fit.finish(fit.partial(batch)))
    with pytest.raises(ConfigError, match=r"operator 'outlier': its model '@d' was made with the embedder Vectors"):
        Outlier(path="@d", digest="points").open({"model": path})
