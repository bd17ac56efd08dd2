"""Memory stays bounded by the size of a shard, however large a source file is."""

import os
import random
import subprocess
import sys
from pathlib import Path

import builds
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.e2e
MB = 1_000_000
LIMIT = 500 * MB  # 353 were measured, of which an idle process with its libraries is 177


def test_a_file_far_larger_than_a_shard_streams(tmp_path):
    """150 MB of text in one Parquet file, in shards of 16 MiB: every stage of the build, in one process."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    _write(corpus / "large.parquet", 150 * MB)
    words = builds.command(tmp_path / "root", corpus, "ingest.shard_bytes=16MiB", "ingest.row_group_bytes=4MiB",
                           "mix.budget=2_000_000", "mix.shard_bytes=16MiB", "quiet=true")
    process = subprocess.Popen([Path(sys.executable).parent / "corpusmill", *words], stdout=subprocess.PIPE)
    with process:
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss * 1024 < LIMIT, f"{usage.ru_maxrss * 1024 / MB:.0f} MB"
    assert builds.digests(str(tmp_path / "root")).keys() >= set(builds.STAGES)


def _write(path, size):
    """Row groups of about 10 MB."""
    rng = random.Random(3)
    pool = [builds.prose(rng) for _ in range(3000)]
    schema, written, number = pa.schema([("text", pa.string()), ("id", pa.string())]), 0, 0
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        while written < size:
            texts = [f"{number + i}\n{rng.choice(pool)}\n{rng.choice(pool)}" for i in range(10_000)]
            ids = [str(number + i) for i in range(len(texts))]
            file.write_table(pa.table([texts, ids], schema=schema))
            number, written = number + len(texts), written + sum(map(len, texts))
