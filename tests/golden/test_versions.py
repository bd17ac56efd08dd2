"""Results that are published under a version never change: a new result needs a new version."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.difficulty import Difficulty
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.importance import ImportanceWeight
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.quality.outlier import Outlier
from corpusmill.operators.quality.perplexity import Perplexity
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.normalise import Normalise

TEXTS = [
    "", "plain\n", "Ünïcode “quoted”, 中文\u3000한국어 ٣ 🙂\u200b \r\n\r\n\r\n\r\n\r\nend\x0c",
    "• one.\n• one.\n- two?\n  \n" * 9,
    "\n".join(f"line {i % 7} of many, with {i} words" for i in range(300)), "x" * 70_000, "\x00\x1c\x85\xad" * 20,
]  # fmt: skip
MODELS = Path(__file__).parents[1] / "operators"
MODEL = MODELS / "text" / "models" / "pruned.ftz"
LEARNED = {"Language": {"model": MODEL}} | {
    name: {role: MODELS / "quality" / "models" / file}
    for name, role, file in (("ImportanceWeight", "ratios", "importance"), ("Outlier", "model", "domains"),
                             ("Perplexity", "model", "ngrams"))}
PUBLISHED = {
    ("Normalise", "1"): "ce0e92d35550599fe7b8200b0ac96aba",
    ("BasicSignals", "1"): "afec30020dcea1908cce09d53e66cf8c",
    ("Compression", "1"): "d2a691f8bcf9404fed6b365619cb81d1",
    ("Gopher", "1"): "97e69c939810999afae6ef0fab1f3bc2",
    ("Language", "1"): "94c9a3258b94099e656542774324f2d8",
    ("Difficulty", "1"): "6ec0cb37421805359b8c3c96e05bd080",
    ("ImportanceWeight", "1"): "ee31bc5222ea50057cf9b8b84dc4f55c",
    ("Outlier", "1"): "4e617025b07bf76d6d7498fdf3b3a6ae",
    ("Perplexity", "1"): "4a9858b155d7f7113f54e7d2eec03905",
    ("TextLayer", "1"): "7d59f70f956bab16136567624c3ff753",
}


@pytest.mark.parametrize("operator", [Normalise(), BasicSignals(), Compression(), Gopher(), Language(), TextLayer(),
                                      Difficulty(), ImportanceWeight(), Outlier(), Perplexity()],
                         ids=lambda op: type(op).__name__)
def test_results_are_those_published_under_this_version(operator):
    """Failing here: raise the operator's ``version`` and add its line, which keeps old receipts from being reused."""
    batch = pa.record_batch([pa.array(TEXTS, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = operator.open(LEARNED.get(type(operator).__name__, {}))(batch)
    found = hashlib.sha256(repr((outcome.batch.to_pydict(), outcome.counts)).encode()).hexdigest()[:32]
    assert found == PUBLISHED.get((type(operator).__name__, operator.version))
