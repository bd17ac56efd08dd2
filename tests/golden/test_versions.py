"""Results that are published under a version never change: a new result needs a new version."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.datatrove import Datatrove
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.normalise import Normalise

TEXTS = [
    "", "plain\n", "Ünïcode “quoted”, 中文\u3000한국어 ٣ 🙂\u200b \r\n\r\n\r\n\r\n\r\nend\x0c",
    "• one.\n• one.\n- two?\n  \n" * 9,
    "\n".join(f"line {i % 7} of many, with {i} words" for i in range(300)), "x" * 70_000, "\x00\x1c\x85\xad" * 20,
]  # fmt: skip
MODEL = Path(__file__).parents[1] / "operators" / "text" / "models" / "pruned.ftz"
PUBLISHED = {
    ("Normalise", "1"): "ce0e92d35550599fe7b8200b0ac96aba",
    ("BasicSignals", "1"): "afec30020dcea1908cce09d53e66cf8c",
    ("Compression", "1"): "d2a691f8bcf9404fed6b365619cb81d1",
    ("Datatrove", "1"): "c2d626e9696d4fe4fba86d79c4b9c81c",
    ("Gopher", "1"): "97e69c939810999afae6ef0fab1f3bc2",
    ("Language", "1"): "94c9a3258b94099e656542774324f2d8",
    ("TextLayer", "1"): "7d59f70f956bab16136567624c3ff753",
}


@pytest.mark.parametrize("operator", [
    Normalise(), BasicSignals(), Compression(), Datatrove(), Gopher(), Language(), TextLayer()],
                         ids=lambda op: type(op).__name__)
def test_results_are_those_published_under_this_version(operator):
    """Failing here: raise the operator's ``version`` and add its line, which keeps old receipts from being reused."""
    batch = pa.record_batch([pa.array(TEXTS, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = operator.open({"model": MODEL})(batch)
    found = hashlib.sha256(repr((outcome.batch.to_pydict(), outcome.counts)).encode()).hexdigest()[:32]
    assert found == PUBLISHED.get((type(operator).__name__, operator.version))
