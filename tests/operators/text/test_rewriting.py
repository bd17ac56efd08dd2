"""The detector and the writer agree on which documents change."""

import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.rewriting import find_untidy


@pytest.mark.parametrize(("text", "untidy"), [
    ("", False), ("plain\n", False), ("a\n\n\nb", False), ("a\n\n\n\nb", True), ("\n\nb", False), ("\n\n\nb", True),
    ("a ", True), ("a\t\nb", True), ("a\xa0\nb", True), (" a", False), ("a\rb", True), ("\x00", True), ("\x7f", True),
    ("\x85", True), ("soft\xadhyphen", True), ("\u200b", True), ("\u200c", False), ("\u2028", True), ("\ufeff", True),
    ("\ufefe", False), ("é" * 40, False), ("中\n" * 40, False),
])  # fmt: skip
def test_untidy_documents_are_found(text, untidy):
    texts = Texts.of(pa.array([text, "x" * 300], pa.string()))
    found = np.empty(2, np.bool_)
    find_untidy(texts.addresses, texts.lengths, found)
    assert found.tolist() == [untidy, False]
