"""The errors that a user can meet.

    CorpusmillError
    ├── ConfigError          a setting is wrong: names the key, the value seen and what would be right (exit code 2)
    ├── DataError            the data is not what the job was told: names file, row group and row where known
    │   ├── SchemaError      a column is missing, misspelt or of another type
    │   ├── AlignmentError   two datasets that should be row-aligned are not
    │   └── BalanceError     rows in ≠ rows kept + rows by reason: a bug, never the user's fault
    ├── StoreError           the object store refused or broke
    │   ├── Missing          no such object
    │   └── Corrupt          an object is not what its receipt says
    └── TaskError            a task failed for good: names the shard
"""


class CorpusmillError(Exception):
    """Base of every error that is reported to the user without a traceback."""


class ConfigError(CorpusmillError):
    """A setting is wrong."""


class DataError(CorpusmillError):
    """The data is not what the job was told."""


class SchemaError(DataError):
    """A column is missing, misspelt or of another type."""


class AlignmentError(DataError):
    """Two datasets that should be row-aligned are not."""


class BalanceError(DataError):
    """Rows in differ from rows kept plus rows by reason."""


class StoreError(CorpusmillError):
    """The object store refused or broke."""


class Missing(StoreError):
    """No such object."""


class Corrupt(StoreError):
    """An object is not what its receipt says."""


class TaskError(CorpusmillError):
    """A task failed for good."""


def whole(name: str, value: object, low: int, high: int) -> None:
    """Raise ConfigError unless ``value`` is a whole number from ``low`` to ``high``."""
    if type(value) is not int:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number between {low} and {high}")
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must lie between {low} and {high}")
