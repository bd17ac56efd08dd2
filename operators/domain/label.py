"""Domains that the data already names."""

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import ConfigError, DataError

_COLUMNS = ("source", "license")


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """The domain is the value of a column of the documents: ``source`` (default) or ``license``."""

    column: str = "source"
    missing: str = ""  # domain of a document whose value is null; "" refuses such documents

    def __post_init__(self) -> None:
        if self.column not in _COLUMNS:
            raise ConfigError(f"regroup.column={self.column!r}: there is {', '.join(_COLUMNS)}")

    @property
    def reads(self) -> str:
        """The column."""
        return self.column

    @property
    def version(self) -> str:
        """Part of the key."""
        return "1"

    def label(self, values: pa.StringArray) -> pa.StringArray:
        """Domain of each document. Raises DataError for a null where ``missing`` is not set."""
        if not values.null_count:
            return values
        if not self.missing:
            raise DataError(f"{values.null_count} documents have no {self.column}: name their domain with regroup.missing=")
        return pc.fill_null(values, self.missing)
