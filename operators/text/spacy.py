"""The rules of spaCy's ``blank("en")``, ready for kernels, and the words of a single text."""

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.text import spacy_classes
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.simd import PADDING
from corpusmill.operators.text.spacy_exceptions import UNITS, exceptions
from corpusmill.operators.text.spacy_rules import CLASSES, LONGEST, UNIT_LIST, fill_list
from corpusmill.operators.text.spacy_words import MEMO, split_chunk, split_words
from corpusmill.operators.text.unicode import DECODABLE
from corpusmill.operators.text.words import UNROLLED, count_words, locate_words


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """The block of ``spacy_rules``; hold it while kernels use its address.

    ``most`` is how many tokens an exception can be rejoined from.
    """

    block: npt.NDArray[np.uint8]
    most: int

    @property
    def address(self) -> int:
        """Where the block lies."""
        return self.block.ctypes.data


@functools.cache
def rules() -> Rules:
    """The rules of ``spacy.blank("en")``, 3.8."""
    block = np.zeros(CLASSES + 2 * DECODABLE + 16, np.uint8)
    block[CLASSES:-16] = spacy_classes.classes().view(np.uint8)
    fill_list(block, UNIT_LIST, [(unit, 0, 0, 0) for unit in UNITS])
    entries, most = [], 0
    for chunk, tokens in sorted(exceptions().items()):
        key = chunk.encode()
        text, bounds = np.zeros(LONGEST + PADDING, np.uint8), np.zeros(2 * len(key) + 3, np.int32)
        text[:len(key)] = np.frombuffer(key, np.uint8)
        # The list of exceptions is still empty: these are the tokens that spaCy looks for in tokenized text.
        count = split_chunk(block.ctypes.data, 0, text.ctypes.data, 0, len(key), bounds, 0)
        parts = _mask(np.cumsum([len(token.encode()) for token in tokens]))
        entries.append((chunk, parts, _mask(bounds[1:count + 1]), count))
        most = max(most, count)
    fill_list(block, 0, entries)
    block.flags.writeable = False
    return Rules(block, most)


def words(text: str) -> list[str]:
    """The words of one text, as spaCy gives them without those of whitespace; for tests and a look at single texts."""
    texts, table = Texts.of(pa.array([text], pa.string())), rules()
    counts = np.empty(1, np.int64)
    count_words(texts.addresses, texts.lengths, counts)
    spans, joined = np.empty(2 * counts[0] + UNROLLED, np.int32), np.zeros(texts.longest + PADDING, np.uint8)
    locate_words(texts.addresses, texts.lengths, spans)
    bounds, n = split_words(table.address, table.most, np.zeros(MEMO, np.uint64), texts.addresses[0], spans, counts[0],
                            joined.ctypes.data, np.empty(16, np.int32))
    found = joined.tobytes()
    return [found[bounds[i]:bounds[i + 1]].decode() for i in range(n)]


def _mask(ends: npt.NDArray[Any]) -> int:
    return sum(1 << int(end) for end in ends[:-1])
