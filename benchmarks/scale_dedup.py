"""What deduplication costs at any size: tasks, bytes, requests, memory and time, from what bench_dedup.py measured.

    python benchmarks/scale_dedup.py [--documents 1e9 1e10] [--bytes 3600] [--results PATH]

The table of docs/scale.md. Tasks and partitions are cut by the code's own rules and constants; seconds, bytes, candidates and
pairs are those that were measured for a document of real text, of the largest run of small ones, and for a pair of templates.
"""

import argparse
import json
import math
from pathlib import Path

from corpusmill.jobs.deduping import near, partitioned, verdicts
from corpusmill.jobs.deduping.exact import MESSAGE_BYTES
from corpusmill.jobs.runtime import exchange
from corpusmill.jobs.runtime.engine import BASE_MEMORY
from corpusmill.operators.dedup.minhash import MinHash

RESULTS = Path(__file__).with_name("results") / "bench_dedup.json"
KEEP = RESULTS.with_name("bench_keep.json")
SHARD_BYTES = 128 << 20  # of text: ingest.shard_bytes
WIDTH, PAIR_MESSAGE = MinHash.bands * near.BAND_BYTES, 93  # bytes: of a document's bands, of a verified pair on its way
OPENS, RANGES = 9, 4  # files that are opened for each shard, as counted; ranged reads of each, assumed
SECONDS, CORES = 0.01, 256  # of a request, assumed
PAIRED = ("Halves", "Verified", "Pairs", "Decide")  # whose time is by pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=float, nargs="+", default=[1e9, 1e10])
    parser.add_argument("--bytes", type=int, default=3600, help="of a document's text")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    measured = json.loads(options.results.read_text())
    for documents in options.documents:
        for name, value in cost(int(documents), options.bytes, measured).items():
            print(f"{name:44}{value:>18,.1f}" if isinstance(value, float) else f"{name:44}{value:>18,}")
        print()


def cost(n, each, measured):
    """Name → figure of ``n`` documents of ``each`` bytes."""
    real = measured["whole"]
    candidates, pairs = (round(n * count / real["documents"]) for count in (real["compared"]["candidates"], real["pairs"]))
    shards = -(-n * each // SHARD_BYTES)
    groups, bands = min(shards, -(-n // near.GROUP_ROWS)), exchange.partitions_for(n * WIDTH)
    proposed = round(n * (real["compared"]["bucket_pairs"] - real["compared"]["skipped_pairs"]) / real["documents"])
    sent = exchanges(n, (proposed, candidates, pairs), shards, groups)
    told = {name: requests(*way) for name, way in sent.items()}
    pieces = sum(reads for reads, _ in told.values()) + told["copies"][0]  # mappers of bands leave copies out
    # What the owner of a shard received is read for each of its shards, as pairs and as verdicts.
    pieces += sum(shards * told[name][0] // groups - told[name][0] for name in ("copies", "verified"))
    others = (OPENS * RANGES + 6) * shards + sum(puts for _, puts in told.values())
    busy, waiting = seconds(n, each, candidates, pairs, measured), SECONDS * (pieces / exchange.READS + others)
    return {
        "documents": n, "GB of text": n * each / 1e9, "shards": shards, "mappers of bands, owners of shards": groups,
        "partitions of bands": bands, "candidates": candidates, "verified pairs": pairs,
        "GB of signatures": n * measured["growth"][-1]["phases"]["Sign"]["bytes"] / measured["growth"][-1]["documents"] / 1e9,
        **{f"GB exchanged: {name}": size / 1e9 for name, (*_, size) in sent.items()},
        "GB exchanged": sum(size for *_, size in sent.values()) / 1e9,
        "exchanges in two rounds": sum(m * p > exchange.MAX_ROUTES for m, p, _ in sent.values()),
        "reads of pieces": pieces, "other requests": others,
        "GB reserved for a reducer of bands": (4 * n * WIDTH / bands + BASE_MEMORY) / 1e9,
        "GB of pairs, were they in one task": partitioned.PAIR_BYTES * pairs / 1e9,
        "core hours, computing": busy / 3600, "core hours, waiting for requests": waiting / 3600,
        f"hours on {CORES} cores": (busy + waiting) / 3600 / CORES,
    }


def exchanges(n, found, shards, groups):
    """Name → (mappers, partitions, bytes). ``found``: pairs that bands propose, candidates, verified pairs.

    In many partitions a pair is proposed for each band that it shares. Copies are at most all pairs.
    """
    proposed, candidates, pairs = found
    digests, bands = (exchange.partitions_for(n * size) for size in (MESSAGE_BYTES, WIDTH))
    room, halves = (count * near.HALF_BYTES + min(count, n) * MinHash.lanes for count in (proposed, candidates))
    wide = max(groups, min(shards, -(-room // exchange.GROUP_BYTES)))
    return {"digests": (groups, digests, MESSAGE_BYTES * n), "copies": (digests, groups, PAIR_MESSAGE * pairs),
            "bands": (groups, bands, WIDTH * n), "candidates": (bands, groups, 16 * proposed),
            "halves": (groups, wide, halves), "verified": (wide, groups, PAIR_MESSAGE * pairs)}


def seconds(n, each, candidates, pairs, measured):
    """Of one core: signatures by bytes, the rest by documents, and what pairs take beyond those of the small documents."""
    grown, templates = measured["growth"][-1], measured["hard"]["10,000 pages of one template, a word their own"]
    by_pair = {name: templates["phases"][name]["seconds"] / templates["pairs"] for name in PAIRED}
    rest = grown["seconds"] - grown["phases"]["Sign"]["seconds"]
    found = n * each / 1e6 * measured["whole"]["phases"]["Sign"]["seconds"] / measured["MB"] + n * rest / grown["documents"]
    found += candidates * (by_pair["Halves"] + by_pair["Verified"]) + pairs * by_pair["Pairs"]
    if partitioned.PAIR_BYTES * pairs <= verdicts.ONE_TASK_BYTES:
        return found + pairs * by_pair["Decide"]
    kept = json.loads(KEEP.read_text())
    return found + pairs * kept["seconds"]["star in rounds"] / kept["pairs"]


def requests(mappers, partitions, size):
    """(reads, puts) of one exchange: objects with their receipts, and what reducers read of them."""
    if mappers * partitions <= exchange.MAX_ROUTES:
        return mappers * (partitions + 1) + 2 * partitions, 2 * mappers
    groups = math.isqrt(partitions - 1) + 1
    refining = max(1, -(-size // groups // exchange.GROUP_BYTES))  # tasks of a group
    return mappers * (groups + 1) + partitions * (refining + 2), 2 * (mappers + groups * refining)


if __name__ == "__main__":
    main()
