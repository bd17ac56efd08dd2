"""Domains that somebody has already given the documents, in fields of their metadata."""

import dataclasses
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.domain.embedders.column import field_of
from corpusmill.operators.errors import ConfigError


@dataclasses.dataclass(frozen=True, slots=True)
class Carried:
    """The domain is the value of a field of the documents' metadata, such as a topic or a format that a classifier gave.

    Of several fields the values are joined by ``/``: ``column: [topic, format]`` gives ``law/tutorial``.
    """

    column: str | tuple[str, ...] = "topic"  # a field, or several
    missing: str = "none"  # stands for a field that a document has not, or that is empty

    reads: ClassVar[str] = "metadata"

    def __post_init__(self) -> None:
        if not self.names or not all(isinstance(name, str) and name for name in self.names):
            raise ConfigError(f"regroup.column={self.column!r}: give the name of a field of the metadata, or several as "
                              "[topic,format]")
        if not self.missing or not isinstance(self.missing, str):
            raise ConfigError(f"regroup.missing={self.missing!r}: give the domain of documents that have no such field")

    @property
    def names(self) -> tuple[str, ...]:
        """The fields."""
        return (self.column,) if isinstance(self.column, str) else tuple(self.column)

    @property
    def version(self) -> str:
        """Part of the key."""
        return "1"

    def label(self, values: pa.StringArray) -> pa.StringArray:
        """Domain of each document by its metadata. Raises DataError where a field is no text."""
        found = []
        for name in self.names:
            given = field_of(values, name, pa.string())
            given = given.combine_chunks() if isinstance(given, pa.ChunkedArray) else given
            told = pc.if_else(pc.equal(given, ""), None, given)
            found.append(pc.fill_null(told, self.missing))
        return pc.binary_join_element_wise(*found, "/") if len(found) > 1 else found[0]
