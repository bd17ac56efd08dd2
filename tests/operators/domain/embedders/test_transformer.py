import json
import sys

import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.domain.embedders import pooling
from corpusmill.operators.domain.embedders.transformer import Transformer
from corpusmill.operators.errors import ConfigError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "river", "mill", "stone", "##s", "bread", "query", ":"]
TEXTS = ["river mill", "", "bread", "stones " * 30, "river mill"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A BERT of two layers that has learned nothing."""
    path = tmp_path_factory.mktemp("bert")
    (path / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                                     intermediate_size=32, max_position_embeddings=40)
    transformers.BertModel(config).save_pretrained(path)
    return path


def embedded(folder, texts, **settings):
    embedder = Transformer(str(folder), settings.pop("digest", "a" * 32), device="cpu", **settings)
    return embedder.vectors(pa.record_batch({"text": pa.array(texts, pa.string())}), {"model": folder})


def alone(folder, text, most=40):
    """States of one text, by the library's own slow way: no batch, no padding."""
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    model = transformers.BertModel.from_pretrained(folder).eval()
    tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=most)
    with torch.no_grad():
        return model(**tokens).last_hidden_state[0].numpy()


@pytest.mark.parametrize(("how", "pool"), [("mean", lambda s: s.mean(0)), ("cls", lambda s: s[0])])
@pytest.mark.parametrize("batch", [1, 3, 32])
def test_states_are_pooled_as_of_each_text_alone(folder, how, pool, batch):
    found = embedded(folder, TEXTS, pooling=how, batch=batch)
    for text, vector in zip(TEXTS, found, strict=True):
        expected = pool(alone(folder, text)) if text else np.zeros(16)
        assert np.allclose(vector, expected, atol=1e-5), text
    assert np.array_equal(found[0], found[4])


def test_what_is_read_is_bounded_in_tokens_and_in_characters(folder):
    assert np.allclose(embedded(folder, TEXTS[3:4], max_length=7)[0], alone(folder, TEXTS[3], 7).mean(0), atol=1e-5)
    assert np.allclose(embedded(folder, TEXTS[3:4], head=13)[0], alone(folder, "stones stones").mean(0), atol=1e-5)


def test_a_prefix_stands_before_every_text(folder):
    assert np.allclose(embedded(folder, ["mill"], prefix="query: ")[0], alone(folder, "query: mill").mean(0), atol=1e-5)


def sentence(folder, tmp_path, modules=("Transformer", "Pooling", "Normalize"), **modes):
    """The folder as sentence-transformers writes it."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 16} | modes))
    (tmp_path / "modules.json").write_text(json.dumps([
        {"idx": i, "path": f"{i}_{name}" if i else "", "type": f"sentence_transformers.models.{name}"}
        for i, name in enumerate(modules)]))
    return tmp_path


@pytest.mark.parametrize(("modes", "expected"), [
    ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
    ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
])
def test_a_folder_of_sentence_transformers_says_how_it_pools(folder, tmp_path, modes, expected):
    path = sentence(folder, tmp_path, **modes)
    assert pooling.pooling_of(path) == expected
    assert np.array_equal(embedded(path, TEXTS, digest="b" + expected), embedded(path, TEXTS, pooling=expected))


@pytest.mark.parametrize(("modules", "modes", "told"), [
    (("Transformer", "Pooling"), {"pooling_mode_max_tokens": True}, "the model pools by max_tokens"),
    (("Transformer", "Pooling", "Dense"), {"pooling_mode_mean_tokens": True}, "the modules Transformer, Pooling, Dense"),
])
def test_another_pooling_is_told(folder, tmp_path, modules, modes, told):
    with pytest.raises(ConfigError, match=told):
        pooling.pooling_of(sentence(folder, tmp_path, modules, **modes))


def test_without_the_library_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"pip install 'corpusmill\[embedders\]'"):
        embedded(folder, ["mill"], digest="never seen")


def test_a_folder_that_is_no_model_is_told(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"regroup\.embedder\.path: transformers cannot load it"):
        embedded(tmp_path, ["mill"], digest="none")


@pytest.mark.parametrize("setting", [{"pooling": "max"}, {"max_length": 0}, {"batch": 0}, {"head": 1.5}, {"device": "tpu"}])
def test_settings_out_of_range_are_refused(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=rf"regroup\.embedder\.{name}"):
        Transformer(**setting)
    with pytest.raises(ConfigError, match=r"regroup\.embedder\.path is empty"):
        _ = Transformer().artifacts
