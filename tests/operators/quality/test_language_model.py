import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.gpt import from_bytes
from corpusmill.operators.lm.scoring import log_probs
from corpusmill.operators.quality.language_model import LanguageModel
from corpusmill.operators.text.columns import TEXT

MODEL = "tests/operators/quality/models/lm"


@pytest.fixture
def model(request):
    return request.config.rootpath / MODEL


def rows(operator, path, texts):
    found = operator.open({"model": path})(pa.record_batch([pa.array(texts, pa.string())], schema=TEXT)).batch
    return [{k.removeprefix("lm."): v for k, v in row.items() if k.startswith("lm.")} for row in found.to_pylist()]


def test_the_sums_are_those_of_the_scores(model):
    texts = ["", "a", "The mill. Ünïcode 中文 🙂", "x" * 700]
    scorer = from_bytes(model.read_bytes())[0].eval()
    for text, row in zip(texts, rows(LanguageModel(device="cpu"), model, texts), strict=True):
        scores = log_probs(scorer, text.encode(), torch.device("cpu")) / math.log(10)
        worst = np.sort(scores)[: max(1, len(scores) // 5)] if text else scores
        assert row["tokens"] == len(text.encode())
        assert row["least_tokens"] == len(worst)
        assert row["log10_prob"] / 1e6 == pytest.approx(scores.sum(), abs=1e-3)
        assert row["least_log10_prob"] / 1e6 == pytest.approx(worst.sum(), abs=1e-3)
        assert row["perplexity"] == (pytest.approx(10 ** -scores.mean(), rel=1e-3) if text else None)


def test_only_the_head_is_scored(model):
    long, short = rows(LanguageModel(head=10, device="cpu"), model, ["0123456789 and more", "0123456789"])
    assert long == short


@pytest.mark.parametrize("given", [{"least": 0.0}, {"least": 1.1}, {"head": 0}, {"device": "tpu"}])
def test_settings_that_cannot_be_are_refused(given):
    with pytest.raises(ConfigError, match="operator 'lm'"):
        LanguageModel(**given)


def test_another_file_is_refused_by_name(tmp_path):
    (tmp_path / "no").write_bytes(b"no model")
    with pytest.raises(DataError, match="no is not a language model"):
        LanguageModel().open({"model": tmp_path / "no"})
    with pytest.raises(ConfigError, match="train_lm"):
        LanguageModel().open({})
