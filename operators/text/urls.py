"""``RemoveUrls``: addresses of web pages and machines leave the text, and runs of empty lines shrink; as DCLM does it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, editing
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
    the text, and leaves the URLs in where there is none: to do as it did, ``The …`` (th) loses its URLs and ``Zorro …``
    keeps them. Source: mlfoundations/dclm 15af3ce5, baselines/mappers/modifiers.py, url_removal_modifier and
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
        table = marks()

        def write(texts: Texts, data: int, offsets: Any, counts: Integers) -> None:
            scratch = np.empty(texts.longest + PADDING, np.uint8)
            remove_urls(texts.addresses, texts.lengths, self.everywhere, table, scratch, data, offsets, counts)

        return editing(self.name, self.adds, write)
