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
    ("MinHash", "2"): "cf17c739f68929e1c3ed579815c50562",
    ("MinHash of fineweb", "2"): "d5a21003ca9efabc83c10a37d017bb6b",
    ("MinHash of slimpajama", "2"): "e12c35aca377aae427aa176fd1cd9db6",
    ("Semantic", "1"): "8d55573e2647710bb31c51d6cb4ec664",
}
SIGNERS = {
    "ExactSignature": ExactSignature(), "MinHash": MinHash(), "Semantic": Semantic(),
    "MinHash of fineweb": MinHash(shingles="words", profile="fineweb", scheme="legacy"),
    "MinHash of slimpajama": MinHash(ngram=13, shingles="characters", profile="slimpajama", bands=9, rows=13,
                                     scheme="affine32"),
}
MODEL = Path(__file__).parents[1] / "operators" / "quality" / "models" / "domains"


@pytest.mark.parametrize("name", SIGNERS)
def test_signatures_are_those_published_under_this_version(name):
    """Failing here: raise the signer's ``version`` and add its line, which keeps old receipts from being reused."""
    filled = {"doc_id": [bytes([i]) * 16 for i in range(len(TEXTS))], "text": TEXTS, "source": ["s"] * len(TEXTS),
              "native_id": ["n"] * len(TEXTS)}
    columns = [pa.array(filled.get(f.name, [None] * len(TEXTS)), f.type) for f in DOCUMENTS]
    signer = SIGNERS[name]
    signatures = signer.open({"model": MODEL}) if isinstance(signer, Semantic) else signer.signatures
    found = signatures(pa.record_batch(columns, schema=DOCUMENTS))
    digest = hashlib.sha256(repr(found.to_pydict()).encode()).hexdigest()[:32]
    assert digest == PUBLISHED[name, SIGNERS[name].version]
