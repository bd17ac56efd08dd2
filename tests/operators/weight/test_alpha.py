import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.alpha import Alpha

PLAIN = {"centre": False, "normalise": False}
POINTS = {"a": [1.0, 0.0], "b": [0.9, 0.1], "c": [0.0, 2.0]}
SIZES = {"a": 5, "b": 50, "c": 500}


@given(st.integers(2, 6), st.integers(1, 5), st.floats(0.01, 100), st.integers(0, 1000))
def test_scores_are_those_of_the_spectrum(k, dimensions, ridge, seed):
    """S_i = Σ_e u_ie² λ_e / (λ_e + ridge k), over eigenvectors u and eigenvalues λ of the Gram matrix."""
    points = np.random.default_rng(seed).normal(size=(k, dimensions))
    values, vectors = np.linalg.eigh(points @ points.T)
    values = np.maximum(values, 0)
    expected = (vectors**2 * (values / (values + ridge * k))).sum(1)
    np.testing.assert_allclose(Alpha({}, ridge=ridge, **PLAIN).scores(points), expected, atol=1e-9)


def test_scores_of_orthogonal_domains_have_a_closed_form():
    """K = diag(n²): S_i = n_i² / (n_i² + ridge k)."""
    scores = Alpha({}, ridge=0.5, **PLAIN).scores(np.diag([1.0, 2.0]))
    np.testing.assert_allclose(scores, [1 / 2, 4 / 5])
    found = Alpha({"x": [1, 0], "y": [0, 2]}, ridge=0.5, temperature=1.0, **PLAIN).weigh({"x": 1, "y": 1}, {}).proportions
    assert found["x"] / found["y"] == pytest.approx(np.exp(2 - 5 / 4))
    found = Alpha({"x": [1, 0], "y": [0, 2]}, use="finetuning", ridge=0.5, temperature=1.0, **PLAIN).weigh({"x": 1, "y": 1}, {})
    assert found.proportions["x"] / found.proportions["y"] == pytest.approx(np.exp(1 / 2 - 4 / 5))


def test_pretraining_favours_what_is_common_and_finetuning_what_is_apart():
    common, apart = (Alpha(POINTS, use=use).weigh(SIZES, {}).proportions for use in ("pretraining", "finetuning"))
    assert common["c"] < common["a"]
    assert apart["c"] > apart["a"]
    assert sum(common.values()) == pytest.approx(1)


def test_the_published_steps_one_by_one():
    """Centred Gram matrix by the double-centring formula, scores over their sum, 1 / S over 5."""
    points = np.array(list(POINTS.values()))
    flat = np.eye(3) - 1 / 3
    gram = flat @ points @ points.T @ flat
    scores = np.diag(gram @ np.linalg.inv(gram + 10 * 3 * np.eye(3)))
    logits = 1 / (scores / scores.sum()) / 5
    expected = np.exp(logits) / np.exp(logits).sum()
    found = Alpha(POINTS).weigh(SIZES, {})
    np.testing.assert_allclose(list(found.proportions.values()), expected, rtol=1e-9)
    np.testing.assert_allclose(list(found.details["solution"]["scores"].values()), scores / scores.sum(), rtol=1e-9)


def test_a_file_and_an_empty_domain():
    table = pa.table({"domain": ["c", "a", "b"], "embedding": [[0.0, 2.0], [1.0, 0.0], [0.9, 0.1]]})
    assert Alpha("x").weigh(SIZES, {"embeddings": table}).proportions == Alpha(POINTS).weigh(SIZES, {}).proportions
    without = Alpha(POINTS).weigh(SIZES | {"c": 0}, {}).proportions
    assert without["c"] == 0.0
    assert without["a"] + without["b"] == pytest.approx(1)


def test_equal_domains_weigh_the_same():
    found = Alpha({name: [1.0, 2.0] for name in "abc"}).weigh(SIZES, {}).proportions
    assert found == pytest.approx(dict.fromkeys("abc", 1 / 3))


@pytest.mark.parametrize(("options", "message"), [({"use": "x"}, "weigh.use='x'"), ({"ridge": 0}, "weigh.ridge must"),
                                                   ({"temperature": 0}, "weigh.temperature must")])
def test_a_wrong_setting_is_named(options, message):
    with pytest.raises(ConfigError, match=message):
        Alpha(POINTS, **options)
    with pytest.raises(ConfigError, match=r"weigh.embeddings does not know 'd'"):
        Alpha(POINTS).weigh(SIZES | {"d": 1}, {})
