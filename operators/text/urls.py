"""``RemoveUrls``: addresses of web pages and machines leave the text, and runs of empty lines shrink; as DCLM does it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.removing import COLUMNS, remove_urls
from corpusmill.operators.text.sentences import marks
from corpusmill.operators.text.simd import PADDING


@dataclasses.dataclass(frozen=True)
class RemoveUrls:
    """Edits the text, in this order, and adds int64 counts named ``{name}.{signal}``.

    1. Removed: a host name of up to 256 ASCII letters, digits or ``-@:%._+~#=``, a point and a top-level domain in small
       letters (``text.domains``), with http://, https:// or ftp:// before it and a path after it, if any, and with up to
       ten characters of whitespace before it all.
    2. Removed: four numbers of up to three digits between points, with the same before and after them.
    3. More than two line feeds in a row become two.

    Rule 1 is applied to every text only where ``everywhere``. DCLM's code looks for a top-level domain at the very start of
    the text, and leaves the URLs in where there is none: to do as it did, ``The …`` (th) loses its URLs and ``For …`` keeps
    them. Source: mlfoundations/dclm 15af3ce5, baselines/mappers/modifiers.py, url_removal_modifier and
    newline_removal_modifier; its list of domains also has names in other scripts.

    ``urls`` and ``ip_addresses`` count what rules 1 and 2 removed, ``line_feeds`` those that rule 3 did. Counts ``edited``:
    the rows whose text changed.
    """

    name: str = "urls"
    everywhere: bool = True

    reads = TEXT
    edits = frozenset({"text"})
    exact = True
    version = "1"

    @property
    def adds(self) -> pa.Schema:
        """The counts, as int64."""
        return pa.schema([pa.field(f"{self.name}.{column}", pa.int64()) for column in COLUMNS])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that replaces the text column and adds the counts."""
        fields, table = self.adds, marks()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            before = batch.column("text")
            texts = Texts.of(before)
            counts = np.empty((len(COLUMNS), len(texts)), np.int64)
            offsets = np.zeros(len(texts) + 1, np.int32)
            data = np.empty(int(texts.lengths.sum()) + PADDING, np.uint8)
            scratch = np.empty(texts.longest + PADDING, np.uint8)
            remove_urls(texts.addresses, texts.lengths, self.everywhere, table, scratch, data.ctypes.data, offsets, counts)
            after = pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(data))
            edited = pc.sum(pc.not_equal(before, after)).as_py() or 0
            if edited:
                at = batch.schema.get_field_index("text")
                batch = batch.set_column(at, batch.schema.field(at), after)
            return Outcome(append(batch, fields, [pa.array(column) for column in counts]), {"edited": edited})

        return apply
