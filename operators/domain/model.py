"""What k-means learns, as one file: names, cards, the projection and the centroids.

The file has the safetensors layout (8 bytes length, JSON header, little-endian arrays), which other tools can read.
"""

import dataclasses
import functools
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.domain.embed import Codes, Floats, nearest, project, terms
from corpusmill.operators.errors import DataError
from corpusmill.operators.text.buffers import Integers

FORMAT = "corpusmill.domains.1"
NONE = "none"  # the domain of documents without a word that the model knows
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "I32": np.dtype("<i4"), "I64": np.dtype("<i8")}


@dataclasses.dataclass(frozen=True)
class Model:
    """Assigns documents to domains. R buckets have a row, D dimensions, k domains."""

    facts: dict[str, Any]  # bits, documents, parameters, names (k), next, cards (k)
    buckets: Codes  # (R,), ascending
    frequencies: Integers  # (R,): documents that hold the bucket, of all that were seen
    projection: Floats  # (R, D), times the rarity of the bucket
    centroids: Floats  # (k, D)

    @property
    def names(self) -> list[str]:
        """Of the domains, by code."""
        return list(self.facts["names"])

    @property
    def cards(self) -> list[dict[str, Any]]:
        """Of the domains, by code."""
        return list(self.facts["cards"])

    @functools.cached_property
    def rows(self) -> Codes:
        """The row of each bucket, -1 for none; shape (B,)."""
        return rows_of(self.buckets, self.facts["bits"])

    def label(self, text: pa.StringArray) -> tuple[pa.StringArray, Integers]:
        """The domain of each document, and its number of words. The same text gives the same domain in any batch."""
        found = terms(text, self.facts["bits"])
        codes, _ = self.assign(found.offsets, found.buckets, found.counts)
        names = pa.array([*self.names, NONE], pa.string())
        return names.take(pa.array(np.where(codes < 0, len(names) - 1, codes))), found.words

    def assign(self, offsets: Integers, buckets: Codes, counts: Codes) -> tuple[Codes, Floats]:
        """The code of each document (as in ``embed.Terms``), -1 for none, and the squared distance to the centroid."""
        return nearest(project(offsets, buckets, counts, self.rows, self.projection), self.centroids)

    def to_bytes(self) -> bytes:
        """The file."""
        header: dict[str, Any] = {"__metadata__": {"format": FORMAT, "facts": json.dumps(self.facts, sort_keys=True)}}
        parts, end = [], 0
        for name, array in self._arrays().items():
            kind = next(k for k, t in _TYPES.items() if t == array.dtype)
            parts.append(np.ascontiguousarray(array, _TYPES[kind]).tobytes())
            header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + len(parts[-1])]}
            end += len(parts[-1])
        head = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
        head += b" " * (-len(head) % 8)
        return b"".join([len(head).to_bytes(8, "little"), head, *parts])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Read the file. Raises DataError where it is another kind of file."""
        try:
            size = int.from_bytes(data[:8], "little")
            header = json.loads(data[8:8 + size])
            told = header.pop("__metadata__")
            if told["format"] != FORMAT:
                raise KeyError(told["format"])
            arrays = {name: _array(data, 8 + size, field) for name, field in header.items()}
            return cls(json.loads(told["facts"]), **arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"this artifact is not a model of domains ({FORMAT}): {type(error).__name__}: {error}; give "
                            "regroup.artifact= one that regroup=kmeans wrote") from error

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in ("buckets", "centroids", "frequencies", "projection")}


def rows_of(buckets: Codes, bits: int) -> Codes:
    """The place of each bucket among ``buckets``, -1 for none; shape (2 ** bits,)."""
    rows = np.full(1 << bits, -1, np.int32)
    rows[buckets] = np.arange(len(buckets), dtype=np.int32)
    return rows


def _array(data: bytes, start: int, field: dict[str, Any]) -> npt.NDArray[Any]:
    first, end = field["data_offsets"]
    flat = np.frombuffer(data[start + first:start + end], _TYPES[field["dtype"]])
    return flat.reshape(field["shape"]).copy()  # aligned and writable, so that kernels are compiled for one kind of array
