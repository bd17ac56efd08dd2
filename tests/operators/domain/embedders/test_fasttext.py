import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from planting import batch_of, planted, rand_index

from corpusmill.operators.domain.embedders.fasttext import FastText
from corpusmill.operators.domain.kmeans import KMeans, Learn
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, DataError

EMBEDDER = FastText(dimensions=32, words=300_000)
PARAMETERS = KMeans(k=5, starts=4, embedder=EMBEDDER)


def learned(rows, parameters=PARAMETERS, **more):
    fit = Learn(parameters, **more)
    return fit.finish(fit.partial(batch_of(rows)))


@pytest.fixture(scope="module")
def data():
    return learned(planted()[0])


def test_planted_topics_are_found_in_documents_that_were_seen_and_in_others(data):
    model = Model.from_bytes(data)
    for seed in (0, 99):
        rows, labels = planted(seed=seed)
        assert rand_index(labels, model.label(batch_of(rows))[0].to_pylist()) >= 0.9


def test_the_order_and_cuts_of_the_documents_change_nothing(data):
    rows = planted()[0][::-1]
    fit = Learn(PARAMETERS)
    assert fit.finish(fit.merge(fit.partial(batch_of(rows[:70])), fit.partial(batch_of(rows[70:])))) == data


def test_the_model_tells_its_embedder(data):
    told = Model.from_bytes(data).facts["embedder"]
    assert told["class"].endswith("fasttext.FastText")
    assert told["parameters"] == dataclasses.asdict(EMBEDDER)
    assert Model.from_bytes(data).embedder == EMBEDDER


def test_a_document_has_the_same_point_in_any_batch(data):
    model, batch = Model.from_bytes(data), batch_of(planted(seed=3)[0])
    whole = model.embed(batch)
    assert np.array_equal(whole, np.concatenate([model.embed(batch.slice(0, 77)), model.embed(batch.slice(77))]))
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)


def test_documents_without_a_common_word_are_near_when_their_words_stand_alike():
    """What TF-IDF cannot see: of two sets of words for one topic each document uses one; a few texts mix them."""
    rng = np.random.default_rng(0)
    rows, labels = [], []
    for i in range(600):
        topic, half = i % 5, i // 5 % 2
        own = [f"t{topic}{'ab'[half]}{j}" for j in range(10)]
        other = [f"t{topic}{'ba'[half]}{j}" for j in range(10)]
        words = rng.choice(own + other if i < 400 else own, 60).tolist()
        rows.append({"doc_id": i.to_bytes(16, "big"), "source": "s", "text": " ".join(words)})
        labels.append((topic, half))
    model = Model.from_bytes(learned(rows, KMeans(k=5, starts=2, embedder=FastText(16, 200_000, longest=0))))
    points = model.embed(batch_of(rows[400:]))
    mean = {key: points[[label == key for label in labels[400:]]].mean(0) for key in set(labels)}
    alike = [mean[topic, 0] @ mean[topic, 1] for topic in range(5)]
    apart = [mean[topic, 0] @ mean[other, 1] for topic in range(5) for other in range(5) if topic != other]
    assert min(alike) > max(apart) + 0.3


def test_only_the_head_of_a_document_is_learned_from():
    embedder = FastText(head=20)
    assert embedder.keep(pa.record_batch({"text": ["é" * 30, "ab"]}), {}).to_pylist() == ["é" * 20, "ab"]


def test_learning_that_runs_away_is_told():
    with pytest.raises(DataError, match=r"regroup\.embedder\.rate=1\.0 is too fast"):
        learned(planted()[0], KMeans(k=5, embedder=FastText(words=400_000, rate=1.0, negatives=1, window=50)))


@pytest.mark.parametrize("setting", [
    {"dimensions": 1}, {"words": 0}, {"rate": 0.0}, {"rate": 2.0}, {"window": 2.5}, {"buckets": 0},
])
def test_settings_out_of_range_are_refused(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=rf"regroup\.embedder\.{name}"):
        FastText(**setting)
