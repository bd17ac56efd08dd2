"""Token counting: MB/s on one core, each counter beside its peers, with the counts compared.

    python benchmarks/bench_tokens.py [--data FOLDER] [--mb 4] [--json PATH]

Reads the first documents of every Parquet file of the folder (column ``text``), about the same size of each. The peers
get the ranks of the built-in vocabulary; those not installed are left out. Times are the best of three; `first` is the
first pass over all files, compilation included, `short` counts the first 200 characters of each document.
"""

import argparse
import base64
import importlib
import importlib.util
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rs_bpe.bpe

from corpusmill.operators.text.tokens import Bpe, Bytes, Tiktoken, Words

CL100K_TOKENS = 100_256
SHORT_BYTES = 200


def read(folder: Path, bytes_per_file: int) -> dict[str, pa.StringArray]:
    """The first documents of each file, at least one."""
    texts = {}
    for path in sorted(folder.glob("*.parquet")):
        column = pq.read_table(path, columns=["text"])["text"].combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        sizes = np.cumsum(Bytes().open({})(column))
        texts[path.stem] = column.slice(0, int(np.searchsorted(sizes, bytes_per_file)) + 1)
    return texts


def ranks_file(folder: Path) -> Path:
    """The built-in cl100k ranks as a tiktoken file."""
    bpe = rs_bpe.bpe.openai.cl100k_base().bpe()
    lines = (base64.b64encode(bytes(bpe.decode_tokens([i]))) + b" %d\n" % i for i in range(CL100K_TOKENS))
    path = folder / "cl100k_base.tiktoken"
    path.write_bytes(b"".join(lines))
    return path


def counters(ranks: Path) -> Iterator[tuple[str, Callable[[pa.StringArray], np.ndarray]]]:
    """Name and function of each counter and peer."""
    yield "bytes", Bytes().open({})
    yield "words", Words().open({})
    yield "cl100k", Bpe("cl100k").open({})
    yield "o200k", Bpe("o200k").open({})
    if importlib.util.find_spec("tiktoken"):
        yield "tiktoken cl100k", Tiktoken(str(ranks), "bench").open({"tokenizer": ranks})
    if importlib.util.find_spec("kitoken"):
        kitoken = importlib.import_module("kitoken").Kitoken.from_tiktoken_file(str(ranks))
        yield "kitoken cl100k", lambda a: np.array([len(kitoken.encode(t)) for t in a.to_pylist()])
    if importlib.util.find_spec("gigatoken"):
        giga = importlib.import_module("gigatoken").Tokenizer.from_tiktoken(ranks, "cl100k", {})
        yield "gigatoken cl100k", lambda a: np.array([len(giga.encode(t)) for t in a.to_pylist()])


def seconds(count: Callable[[pa.StringArray], np.ndarray], texts: pa.StringArray, rounds: int = 3) -> float:
    """The best time of a count."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        count(texts)
        best = min(best, time.perf_counter() - start)
    return best


def measure(texts: dict[str, pa.StringArray]) -> dict[str, dict[str, float]]:
    """MB/s by counter and file, over all, and over documents cut to SHORT_BYTES; `equal` tells whether counts agree."""
    size = {name: int(Bytes().open({})(array).sum()) for name, array in texts.items()}
    every = pa.concat_arrays(list(texts.values()))
    short = pa.array([text[:SHORT_BYTES] for text in every.to_pylist()])
    short_size = int(Bytes().open({})(short).sum())
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        reference = Bpe("cl100k").open({})(every)
        for name, count in counters(ranks_file(Path(folder))):
            first = seconds(count, every, rounds=1)
            taken = {file: seconds(count, array) for file, array in texts.items()}
            results[name] = {file: size[file] / 1e6 / taken[file] for file in texts}
            results[name]["first"] = sum(size.values()) / 1e6 / first
            results[name]["all"] = sum(size.values()) / 1e6 / sum(taken.values())
            results[name]["short"] = short_size / 1e6 / seconds(count, short)
            if name.endswith("cl100k"):
                results[name]["equal"] = float(np.array_equal(count(every), reference))
    return results


def main() -> None:
    """Print the table; write it as JSON where asked."""
    parser = argparse.ArgumentParser(description="MB/s of the token counters on one core")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/corpus"), help="folder of Parquet files")
    parser.add_argument("--mb", type=float, default=4, help="MB of text from each file")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    results = measure(read(options.data, int(options.mb * 1e6)))
    names = list(results)
    print("MB/s".ljust(26) + "".join(name.rjust(18) for name in names))
    for row in results[names[0]]:
        print(row.ljust(26) + "".join(f"{results[name][row]:18,.1f}" for name in names))
    print("equal counts: " + ", ".join(n for n in names if results[n].get("equal")))
    if options.json:
        machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        options.json.write_text(json.dumps({"unit": "MB/s", **machine, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
