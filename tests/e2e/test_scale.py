"""Memory stays bounded by the size of a shard, however large a source file is."""

import random
import subprocess
import sys

import builds
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.e2e
MB = 1_000_000
# A process reports its own peak: ru_maxrss of a child begins with that of the process that forked it.
PEAK = """
import sys
from corpusmill.jobs.runtime.main import main
code = main()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""
LIMIT = 500 * MB  # 353 were measured, of which an idle process with its libraries is 177


def test_a_file_far_larger_than_a_shard_streams(tmp_path):
    """150 MB of text in one Parquet file, in shards of 16 MiB: every stage of the build, in one process.

    A small build before it compiles what a new machine has not compiled yet: the compiler takes 150 MB, once.
    """
    _peak(tmp_path / "small", MB, 10_000)
    peak = _peak(tmp_path / "large", 150 * MB, 2_000_000)
    assert peak < LIMIT, f"{peak / MB:.0f} MB"
    assert builds.digests(str(tmp_path / "large" / "root")).keys() >= set(builds.STAGES)


def _peak(folder, size, budget):
    """Bytes that the process of a build of so much text held at most."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    _write(corpus / "large.parquet", size)
    words = builds.command(folder / "root", corpus, "ingest.shard_bytes=16MiB", "ingest.row_group_bytes=4MiB",
                           f"mix.budget={budget}", "mix.shard_bytes=16MiB", "quiet=true")
    run = subprocess.run([sys.executable, "-c", PEAK, *map(str, words)], stdout=subprocess.PIPE, text=True)
    assert run.returncode == 0
    return 1024 * int(run.stdout.splitlines()[-1])


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
