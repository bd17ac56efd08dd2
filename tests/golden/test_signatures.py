"""Signatures that are published under a version never change: stores are full of them."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from corpusmill.operators.dedup.exact import ExactSignature
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.semantic import Semantic
from corpusmill.operators.schema import DOCUMENTS

TEXTS = ["", "?!", "one", "One two, three; FOUR", "Ünïcode “quoted”, 中文\u3000한국어 ٣ 🙂 and_some more words, as 1 2 3",
         " ".join(f"word{i * i % 1009}" for i in range(5000))]
PUBLISHED = {
    ("ExactSignature", "1"): "e31a3757a89998fe48a2db0b2b1a41e5",
    ("MinHash", "1"): "d72513c00e55ac29dc5db33fc7e6bd55",
    ("Semantic", "1"): "8d55573e2647710bb31c51d6cb4ec664",
}
MODEL = Path(__file__).parents[1] / "operators" / "quality" / "models" / "domains"


@pytest.mark.parametrize("signer", [ExactSignature(), MinHash(), Semantic()], ids=lambda signer: type(signer).__name__)
def test_signatures_are_those_published_under_this_version(signer):
    """Failing here: raise the signer's ``version`` and add its line, which keeps old receipts from being reused."""
    filled = {"doc_id": [bytes([i]) * 16 for i in range(len(TEXTS))], "text": TEXTS, "source": ["s"] * len(TEXTS),
              "native_id": ["n"] * len(TEXTS)}
    columns = [pa.array(filled.get(f.name, [None] * len(TEXTS)), f.type) for f in DOCUMENTS]
    signatures = signer.open({"model": MODEL}) if isinstance(signer, Semantic) else signer.signatures
    found = signatures(pa.record_batch(columns, schema=DOCUMENTS))
    digest = hashlib.sha256(repr(found.to_pydict()).encode()).hexdigest()[:32]
    assert digest == PUBLISHED[type(signer).__name__, signer.version]
