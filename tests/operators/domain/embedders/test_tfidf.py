import numpy as np
from planting import batch_of, planted, rand_index

from corpusmill.operators.domain.embed import nearest
from corpusmill.operators.domain.embedders.tfidf import Tfidf
from corpusmill.operators.domain.kmeans import KMeans, Learn
from corpusmill.operators.domain.model import Model


def test_it_is_the_default_and_a_model_does_not_speak_of_it():
    rows, labels = planted()
    fit = Learn(KMeans(k=5, dimensions=16, starts=4))
    assert fit.parameters.embedder == Tfidf()
    model = Model.from_bytes(fit.finish(fit.partial(batch_of(rows))))
    assert "embedder" not in model.facts
    assert model.embedder == Tfidf()
    codes, _ = nearest(model.embed(batch_of(rows)), model.centroids)
    assert np.array_equal(codes, [model.names.index(name) for name in model.label(batch_of(rows))[0].to_pylist()])
    assert rand_index(labels, codes) >= 0.9
