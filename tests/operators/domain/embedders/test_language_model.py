import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.domain.embedders.language_model import LanguageModelMean
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.gpt import GPT, Shape, to_bytes
from corpusmill.operators.lm.tokens import BOUNDARY

MODEL = GPT(Shape(2, 8, 2, 6), seed=1).eval()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "model"
    path.write_bytes(to_bytes(MODEL, {}))
    return {"model": path}


def embedded(files, texts, **given):
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    return LanguageModelMean(digest="tiny", device="cpu", **given).vectors(batch, files)


def plain(text, layer):
    """Windows of six tokens, one at a time: the boundary and five bytes, then the last byte before and five more."""
    tokens, states, seen = [BOUNDARY, *text.encode()], [], []
    module = MODEL.norm if layer < 0 else [MODEL.embedding, *MODEL.blocks][layer]
    hook = module.register_forward_hook(lambda _, __, out: seen.append(out))
    for first in range(0, len(tokens) - 1, 5):
        with torch.no_grad():
            MODEL(torch.tensor([tokens[first:first + 6]]))
        states.append(seen[-1][0, 1:])
    hook.remove()
    return torch.cat(states).mean(0).numpy() if states else np.zeros(8)


@pytest.mark.parametrize("layer", [-1, 0, 1, 2])
def test_a_point_is_the_mean_of_the_states_after_the_layer(files, layer):
    texts = ["a", "", "abcde", "abcdef", "öäü and more than one window", "x" * 120]
    found = embedded(files, texts, layer=layer)
    for text, vector in zip(texts, found, strict=True):
        assert np.allclose(vector, plain(text, layer), atol=1e-5), text


@settings(max_examples=15)
@given(texts=st.lists(st.text("abcé", max_size=40), max_size=6), data=st.data())
def test_a_document_has_the_same_point_in_any_batch(files, texts, data):
    cut = data.draw(st.integers(0, len(texts)))
    parts = [embedded(files, texts[:cut]), embedded(files, texts[cut:])]
    assert np.allclose(embedded(files, texts), np.concatenate(parts), atol=1e-6)


def test_only_the_head_is_read(files):
    assert np.array_equal(embedded(files, ["abcdefgh"], head=3), embedded(files, ["abc"]))


def test_a_layer_that_the_model_has_not_is_told(files):
    with pytest.raises(ConfigError, match=r"regroup\.embedder\.layer=3, but the model has 2 blocks"):
        embedded(files, ["a"], layer=3)


def test_a_model_must_be_named():
    with pytest.raises(ConfigError, match=r"regroup\.embedder\.path is empty"):
        _ = LanguageModelMean().artifacts


@pytest.mark.parametrize("setting", [{"layer": -2}, {"head": 0}, {"device": "tpu"}])
def test_settings_out_of_range_are_refused(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=rf"regroup\.embedder\.{name}"):
        LanguageModelMean(**setting)
