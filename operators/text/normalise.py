"""``Normalise``: one form for line ends, invisible characters and blank space."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, replace_text
from corpusmill.operators.text.rewriting import BLANK, FEED, KEEP, REMOVE, find_untidy, rewrite
from corpusmill.operators.text.simd import PADDING
from corpusmill.operators.text.unicode import SPACE, classes


@dataclasses.dataclass(frozen=True)
class Normalise:
    """Edits the text, in this order; a second run changes nothing.

    1. CR LF, CR, VT, FF, NEL (U+0085), U+2028 and U+2029 become LF.
    2. The separators U+001C … U+001F, whitespace to Python, become a space.
    3. Removed: every other control character but LF and tab (U+0000 … U+001F, U+007F … U+009F), and the invisible
       U+00AD (soft hyphen), U+200B (zero width space), U+2060 (word joiner) and U+FEFF (byte order mark). U+200C,
       U+200D and the marks of direction stay: scripts and emoji need them.
    4. Whitespace (as ``str.isspace``) before a LF or the end of the text is removed.
    5. More than two blank lines in a row become two; a text begins with at most two.

    Counts ``edited``: the rows whose text changed. The others keep their bytes; a batch without any keeps its column.
    """

    name: str = "normalise"

    reads = TEXT
    adds = pa.schema([])
    edits = frozenset({"text"})
    exact = True
    version = "1"

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that replaces the text column."""
        actions, spaces = _actions(), (classes() & SPACE) != 0

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            untidy = np.empty(len(texts), np.bool_)
            find_untidy(texts.addresses, texts.lengths, untidy)
            edited = int(untidy.sum())
            if edited:
                batch = replace_text(batch, _tidied(texts, untidy, actions, spaces))
            return Outcome(batch, {"edited": edited})

        return apply


def _tidied(texts: Texts, untidy: Any, actions: Any, spaces: Any) -> pa.StringArray:
    offsets = np.zeros(len(texts) + 1, np.int32)
    data = np.empty(int(texts.lengths.sum()) + PADDING, np.uint8)
    rewrite(texts.addresses, texts.lengths, untidy, actions, spaces, data.ctypes.data, offsets)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(data))


def _actions() -> Any:
    """What becomes of each code point that is not kept, as a table over U+0000 … U+FEFF."""
    table = np.full(0xFF00, KEEP, np.uint8)
    table[0x00:0x20] = table[0x7F:0xA0] = REMOVE
    table[[0x09]] = KEEP
    table[[0x00AD, 0x200B, 0x2060, 0xFEFF]] = REMOVE
    table[[0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]] = FEED
    table[0x1C:0x20] = BLANK
    return table
