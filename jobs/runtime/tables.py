"""Small tables that a user names: CSV or Parquet, in a local folder, in a bucket, or as the one file of a dataset."""

import collections

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store, StoreOptions, open_store
from corpusmill.operators.errors import ConfigError, DataError, Missing
from corpusmill.operators.text.content import file_digest

_PARQUET = b"PAR1"


def named(text: str) -> bool:
    """Whether a dataset is meant: ``@name``, or a manifest's path or URI."""
    return text.startswith("@") or manifests.split_uri(text) is not None


def read(given: str, key: str, options: StoreOptions) -> tuple[pa.Table, str]:
    """The table of a file, and the digest of the file. Raises ConfigError, which names ``key``, where there is no such file."""
    folder, _, name = given.rpartition("/")
    try:
        data = bytes(memoryview(open_store(folder or ("/" if given.startswith("/") else "."), options).read(name)))
    except (Missing, IsADirectoryError) as error:
        raise ConfigError(f"{key}={given}: there is no such file") from error
    return parse(data, f"{key}={given}"), file_digest(data)


def of_dataset(store: Store, made: Manifest) -> pa.Table:
    """The table of a dataset that is one Parquet file."""
    path = f"{made.folder}/{made.details['file']}"
    return parse(bytes(memoryview(store.read(path))), store.uri(path))


def parse(data: bytes, where: str) -> pa.Table:
    """CSV or Parquet, told by the first bytes. Raises DataError, which begins with ``where``, for what is neither."""
    try:
        source = pa.BufferReader(data)
        table = pq.read_table(source) if data.startswith(_PARQUET) else pa.csv.read_csv(source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{where} is neither CSV nor Parquet that can be read: {error}") from error
    if twice := [name for name, times in collections.Counter(table.column_names).items() if times > 1]:
        raise DataError(f"{where} has column {twice[0]!r} twice")
    return table
