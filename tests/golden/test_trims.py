"""What is taken for repeated under a version never changes: a new result needs a new version."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.dedup.paragraphs import Paragraphs
from corpusmill.operators.dedup.substrings import Substrings

PAGE = "\n\n".join(f"Ünïcode “quoted” {i * i % 7}, 中文 한국어 {i} 🙂\nand_some more words: {i % 3}" for i in range(40))
TEXTS = ["", "?!", PAGE, "one\n \nOne \r\n\r\nONE", " ".join(f"word{i * i % 59}" for i in range(900)), PAGE[300:]]
PUBLISHED = {
    ("paragraph", "1"): "7d630ebf71399839ad07634391c32862",
    ("line", "1"): "beab9cb17e15062b11ad445bcbc9f28e",
    ("words", "1"): "31928b7952cb8bae2f639deb1a6f8368",
    ("uax29", "1"): "52fe57ae31a9b2cf77aff8e339702944",
    ("bytes", "1"): "bc93bb37a1fcf249f07fe59d074a9781",
}
METHODS = {"paragraph": Paragraphs(min_chars=2), "line": Paragraphs(unit="line", match="raw", scope="source", min_chars=1),
           "words": Substrings(length=8), "uax29": Substrings(tokens="uax29", length=9, scope="source"),
           "bytes": Substrings(tokens="bytes", length=40)}


@pytest.mark.parametrize("name", METHODS)
def test_items_are_those_published_under_this_version(name):
    """Failing here: raise the method's ``version`` and add its line, which keeps old receipts from being reused."""
    method = METHODS[name]
    batch = pa.record_batch({"text": pa.array(TEXTS), "source": pa.array(["a", "b"] * 3)})
    keys, times = np.unique(method.sightings(batch), return_counts=True)
    items = method.items(batch, keys[times > 1])
    parts = (keys, times, items.row, items.key, items.at, items.size, items.total, items.offsets, items.hashes)
    assert len(items.hashes) > 2
    digest = hashlib.sha256(repr([part.tolist() for part in parts]).encode()).hexdigest()[:32]
    assert digest == PUBLISHED[name, method.version]
