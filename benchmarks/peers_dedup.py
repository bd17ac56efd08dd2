"""One peer's near-duplicates over one file, in the peer's own environment; bench_dedup.py runs it.

    PYTHON benchmarks/peers_dedup.py PEER FILE

Imports nothing of corpusmill. FILE is Parquet or JSON Lines with a column text. Prints one JSON object: processor seconds of
the signatures alone, of texts in memory, and of all from the file to duplicates; how many documents it keeps. Word 5-grams,
112 minima as 14 bands of 8 rows, threshold 0.7. Where a peer takes words as they are, it gets them unfolded, which spares it
work. Where it gives candidates alone, they are compared by their minima, and of what is left each cluster keeps one.
"""

import importlib
import json
import os
import sys
import tempfile
import time

BANDS, ROWS, NGRAM, THRESHOLD = 14, 8, 5, 0.7


def read(path):
    if path.endswith(".jsonl"):
        with open(path) as file:
            return [json.loads(line)["text"] for line in file]
    return importlib.import_module("pyarrow.parquet").read_table(path, columns=["text"])["text"].to_pylist()


def grams(text):
    words = text.lower().split()
    return [" ".join(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))]


def kept_of(documents, pairs):
    """Documents that are left where each cluster of pairs keeps one."""
    parent = list(range(documents))

    def root(i):
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for one, other in pairs:
        parent[root(one)] = root(other)
    return sum(root(i) == i for i in range(documents))


def verified(minima, buckets):
    """Pairs of each bucket's first document with its others that agree in enough minima."""
    for bucket in buckets:
        first, others = bucket[0], bucket[1:]
        alike = (minima[others] == minima[first]).mean(axis=1) >= THRESHOLD
        yield from ((first, other) for other, yes in zip(others, alike, strict=True) if yes)


def daft(path):
    """Its minhash expression, then bands exploded and grouped as in its guide; clusters are joined in memory."""
    daft = importlib.import_module("daft")
    np = importlib.import_module("numpy")
    daft.set_runner_native()

    def signed(frame):
        return frame.with_column("minima", daft.functions.minhash(
            daft.col("text"), num_hashes=BANDS * ROWS, ngram_size=NGRAM, hash_function="xxhash3_64"))

    def signatures(held):
        return signed(held).select("minima").collect()

    def whole():
        frame = daft.read_parquet(str(path)).select("text")
        frame = signed(frame).select("minima")._add_monotonically_increasing_id("id").collect()
        bands = frame.select(daft.col("id"), daft.col("minima").cast(daft.DataType.list(daft.DataType.uint32()))
                             .chunk(ROWS).alias("band"))
        bands = bands.with_column("number", daft.lit(list(range(BANDS)))).explode("band", "number")
        groups = bands.groupby("number", "band").agg(daft.col("id").list_agg().alias("ids"))
        groups = groups.where(daft.col("ids").list_count() > 1).select("ids").to_arrow()
        table = frame.to_arrow()
        minima = table["minima"].combine_chunks()
        minima = np.asarray((minima.chunk(0) if hasattr(minima, "chunk") else minima).flatten()).reshape(-1, BANDS * ROWS)
        ids = table["id"].to_numpy()
        place = {one: i for i, one in enumerate(ids.tolist())}
        buckets = ([place[i] for i in sorted(bucket)] for bucket in groups["ids"].to_pylist())
        return kept_of(len(ids), verified(minima, buckets))

    held = daft.read_parquet(str(path)).select("text").collect()
    return (lambda: signatures(held)), whole


def gaoya(path):
    """Its string index, with words and n-grams of its own: each document is asked for, then inserted unless found."""
    index_of = importlib.import_module("gaoya").minhash.MinHashStringIndex
    texts = read(path)

    def index():
        return index_of(32, THRESHOLD, BANDS, ROWS, None, "word", True, (NGRAM, NGRAM), "vec")

    def signatures():
        index().minhash_index.bulk_hash_docs(texts)

    def whole():
        found, kept = index(), 0
        for i, text in enumerate(read(path)):
            if not found.query(text):
                found.insert_document(i, text)
                kept += 1
        return kept

    return signatures, whole


def rensa(path):
    """R-MinHash as a matrix, of n-grams that Python makes; its deduplicator, which verifies, for the whole."""
    module = importlib.import_module("rensa")
    texts = read(path)

    def signatures():
        for start in range(0, len(texts), 1000):
            module.RMinHash.digest_matrix_from_token_sets([grams(t) for t in texts[start : start + 1000]], BANDS * ROWS, 1)

    def whole():
        found = module.RMinHashDeduplicator(THRESHOLD, BANDS * ROWS, True, BANDS, 1)
        rest, start = read(path), 0
        while batch := rest[start : start + 1000]:
            sketches = module.RMinHash.from_token_sets([grams(text) for text in batch], BANDS * ROWS, 1)
            found.add_pairs([(str(start + i), sketch) for i, sketch in enumerate(sketches)])
            start += 1000
        return found.len()

    return signatures, whole


def datasketch(path):
    """Its MinHash of version 2 and its LSH; what it finds is compared by its estimate."""
    module = importlib.import_module("datasketch")
    texts = read(path)

    def sketch(text):
        found = module.MinHash(num_perm=BANDS * ROWS)
        found.update_batch([gram.encode() for gram in grams(text)])
        return found

    def whole():
        index, held = module.MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS), {}
        for i, text in enumerate(read(path)):
            one = sketch(text)
            if not any(held[key].jaccard(one) >= THRESHOLD for key in index.query(one)):
                held[i] = one
                index.insert(i, one)
        return len(held)

    return (lambda: [sketch(text) for text in texts]), whole


def datatrove(path):
    """The four steps of its MinHash pipeline, in one process; it does not verify."""
    data = importlib.import_module("datatrove.data")
    minhash = importlib.import_module("datatrove.pipeline.dedup.minhash")
    config = minhash.MinhashConfig(n_grams=NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)
    texts, folder = read(path), tempfile.mkdtemp()

    def signatures():
        step = minhash.MinhashDedupSignature(f"{folder}/alone", config)
        for text in texts:
            shingles = step.get_shingles(text)
            if shingles.size:
                step.get_signature(shingles)

    def documents():
        return (data.Document(text=text, id=str(i)) for i, text in enumerate(read(path)))

    def whole():
        minhash.MinhashDedupSignature(f"{folder}/signatures", config).run(documents(), 0, 1)
        for rank in range(BANDS):
            step = minhash.MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)
            step.run(None, rank, BANDS)
        minhash.MinhashDedupCluster(f"{folder}/buckets", f"{folder}/remove", config=config).run(None, 0, 1)
        return sum(1 for _ in minhash.MinhashDedupFilter(f"{folder}/remove").run(documents(), 0, 1))

    next(iter(documents()))
    minhash.MinhashDedupSignature(f"{folder}/warm", config).get_shingles("What is loaded late is there after some words.")
    return signatures, whole


PEERS = {function.__name__: function for function in (daft, gaoya, rensa, datasketch, datatrove)}


def seconds(step):
    start = time.process_time()
    found = step()
    return time.process_time() - start, found


def main():
    name, path = sys.argv[1:]
    os.environ |= {"RAYON_NUM_THREADS": "1", "DAFT_PROGRESS_BAR": "0", "DO_NOT_TRACK": "true"}
    signatures, whole = PEERS[name](path)
    signing, _ = seconds(signatures)
    spent, kept = seconds(whole)
    version = importlib.import_module("importlib.metadata").version(name)
    sys.stdout.write(json.dumps({"signatures": signing, "whole": spent, "kept": kept, "version": version}) + "\n")


if __name__ == "__main__":
    main()
