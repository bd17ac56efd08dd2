"""Decontamination: MB/s on one core by method, what is found of planted items, what is found where nothing was planted.

    python benchmarks/bench_decontaminate.py [--corpus FOLDER] [--evals FOLDER] [--repeat 3] [--methods M …] [--json PATH]

MB = 10^6 bytes of UTF-8 text; processor time, the best of ``--repeat`` passes over each file held in memory, compiled before.

- *planted*: every item of 13 words or more where the method looks (datatrove: in its answer, dolma: in one paragraph) stands
  once, whole, in the middle of a corpus document of its own, every third word in capitals and its punctuation taken out or
  doubled. Recall is the share of items whose document is hit by their set.
- *as they are*: documents of the corpus with a hit. These are to be read: the corpus may hold what the sets quote.
- *shuffled*: the same documents, the words of each in random order: what is hit there is hit by chance.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import CORPUS, machine

from corpusmill.jobs.runtime import kernels
from corpusmill.jobs.runtime.records import parse
from corpusmill.operators.quality import evalindex
from corpusmill.operators.quality.contamination import count_documents, oldest_weight
from corpusmill.operators.quality.decontaminate import METHODS, Decontaminate
from corpusmill.operators.text import bare
from corpusmill.operators.text.buffers import Texts

EVALS = CORPUS.parent / "evalsets"
HELD_OUT = CORPUS.parent / "quality" / "pos_science-00000.parquet"  # articles: makes the index that is timed larger than 10 MB
FIELDS = ("question", "choices"), ("answer",)
CARRIER = 1500  # characters on either side of a planted item


def main():
    options = _options()
    kernels.use_cache()
    files = {path.stem.partition("-")[0]: _texts(path) for path in sorted(options.corpus.glob("*.parquet"))}
    sets = [_set(path) for path in sorted(options.evals.glob("*.jsonl"))]
    if not files or not sets:
        sys.exit(f"skipped: no Parquet files in {options.corpus}, or no JSON Lines in {options.evals}")
    report = {"machine": machine(), "unit": "MB/s of text, one core, processor time, best of passes", "methods": {}}
    with tempfile.TemporaryDirectory() as folder:
        for method in options.methods:
            report["methods"][method] = _method(method, sets, files, Path(folder), options.repeat)
    if options.json:
        before = json.loads(options.json.read_text())["methods"] if options.json.exists() else {}
        report["methods"] = before | report["methods"]
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--evals", type=Path, default=EVALS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--json", type=Path, help="keeps the figures of other methods that are there")
    return parser.parse_args()


def _texts(path):
    column = pq.read_table(path, columns=["text"])["text"].cast(pa.string()).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _set(path):
    records = parse(path.read_bytes(), str(path))
    query, label = ([key for key in keys if key in records[0]] for keys in FIELDS)
    return {"path": str(path), "query": query, "label": label}, records


def _method(method, sets, files, folder, repeat):
    extra = {"max_documents": 0} if method == "gpt3" else {}
    operator = Decontaminate(sets=[one for one, _ in sets], method=method, **extra)
    records = {one["path"]: found for one, found in sets}
    apply, facts = _opened(operator, records, folder / method)
    found = {"index": facts, "planted": _planted(apply, operator, records, files, method)}
    outcomes = {name: apply(_batch(texts)).counts for name, texts in files.items()}
    documents = sum(len(texts) for texts in files.values())
    found["as they are"] = {"documents": documents, "hit": sum(counts["contaminated"] for counts in outcomes.values()),
                            "by domain and set": {name: _sets(counts) for name, counts in outcomes.items() if _sets(counts)}}
    chance = sum(apply(_batch(_shuffled(texts))).counts["contaminated"] for texts in files.values())
    found["shuffled"] = {"documents": documents, "hit": chance}
    found["speed"] = _speed(method, sets, files, folder, repeat)
    print(method, json.dumps(found, indent=1, ensure_ascii=False))
    return found


def _opened(operator, records, path):
    start = time.process_time()
    path.write_bytes(operator.build(records))
    seconds = time.process_time() - start
    loaded = evalindex.load(path, str(path))
    facts = {"seconds": round(seconds, 2), "MB": round(path.stat().st_size / 1e6, 1), "entries": len(loaded.tables.keys),
             "text_MB": round(sum(len(text.encode()) for one in operator.sets for pair in one.texts(records[one.path])
                                  for text in pair) / 1e6, 1),
             "sets": {s["name"]: {k: s[k] for k in ("items", "items_indexed", "ngram", "entries")}
                      for s in loaded.facts["sets"]}}
    return operator.open({"index": path}), facts


def _batch(texts):
    return pa.record_batch([pa.array(texts, pa.string())], names=["text"])


def _sets(counts):
    return {name.partition(".")[2]: n for name, n in counts.items()
            if name.startswith("contaminated.") and "/" not in name and n}


def _shuffled(texts):
    rng, found = random.Random(5), []
    for text in texts.to_pylist():
        words = text.split()
        rng.shuffle(words)
        found.append(" ".join(words))
    return pa.array(found, pa.string())


def _planted(apply, operator, records, files, method):
    rng = random.Random(11)
    carriers = [text for texts in files.values() for text in texts.to_pylist() if len(text) > 4 * CARRIER]
    texts, owners = [], []
    for one in operator.sets:
        for query, label in one.texts(records[one.path]):
            if _fits(method, query, label):
                carrier, middle = rng.choice(carriers), 2 * CARRIER
                item = _disguised(f"{query}\n{label}")
                texts.append(f"{carrier[middle - CARRIER : middle]}\n{item}\n{carrier[middle : middle + CARRIER]}")
                owners.append(one.name)
    batch = apply(_batch(texts)).batch
    hit = {name: [0, 0] for name in dict.fromkeys(owners)}
    found = zip(owners, batch["decontaminate.set"].to_pylist(), batch["decontaminate.hits"].to_pylist(), strict=True)
    for owner, name, hits in found:
        hit[owner][0] += hits > 0 and name == owner
        hit[owner][1] += 1
    total = sum(found for found, _ in hit.values()), sum(planted for _, planted in hit.values())
    return {"items": total[1], "found": total[0], "recall": total[0] / total[1],
            "by set": {name: f"{found} of {planted}" for name, (found, planted) in hit.items()}}


def _fits(method, query, label):
    """Whether the item has 13 words where the method looks: at all, in its answer, or in one paragraph."""
    if method == "dolma":
        return max(_words([*query.split("\n"), *label.split("\n")])) >= 13
    return _words([label if method == "datatrove" else f"{query} {label}"])[0] >= 13


def _disguised(item):
    lines = []
    for line in item.split("\n"):
        words = [word.upper() if i % 3 == 0 else word for i, word in enumerate(line.split())]
        lines.append(" -- ".join(words).replace(",", " ").replace(".", " … ").replace("'", "’"))
    return "\n".join(lines)


def _words(texts):
    array = Texts.of(pa.array(texts, pa.string()))
    hashes, counts = np.empty(int(array.lengths.sum()) + len(texts), np.uint64), np.empty(len(texts), np.int64)
    bare.hash_words(array.addresses, array.lengths, bare.tables(), False, hashes, counts)
    return counts.tolist()


def _speed(method, sets, files, folder, repeat):
    """With articles beside the sets, so that more than 10 MB are indexed."""
    more = [(one, records) for one, records in sets]
    if HELD_OUT.exists():
        more.append(({"path": str(HELD_OUT), "name": "articles", "label": ["text"]}, parse(HELD_OUT.read_bytes(), "articles")))
    extra = {"max_documents": 0} if method == "gpt3" else {}
    operator = Decontaminate(sets=[one for one, _ in more], method=method, **extra)
    path = folder / f"{method}-large"
    apply, facts = _opened(operator, {one["path"]: records for one, records in more}, path)
    steps = {"scan": lambda texts: apply(_batch(texts))}
    if method == "gpt3":
        steps["first pass"] = lambda texts: _count(texts, evalindex.load(path, str(path)).tables)
    found = {"index": {key: facts[key] for key in ("seconds", "MB", "entries", "text_MB")}}
    for name, step in steps.items():
        rows = {stem: (texts.nbytes / 1e6, min(_seconds(step, texts) for _ in range(repeat))) for stem, texts in files.items()}
        total = sum(mb for mb, _ in rows.values()) / sum(seconds for _, seconds in rows.values())
        found[name] = {"ALL": round(total, 1)} | {stem: round(mb / seconds, 1) for stem, (mb, seconds) in rows.items()}
    return found


def _count(texts, index):
    array = Texts.of(texts)
    documents = np.zeros(len(index.keys), np.int64)
    count_documents(array.addresses, array.lengths, index, bare.tables(), oldest_weight(index), documents)


def _seconds(step, texts):
    start = time.process_time()
    step(texts)
    return time.process_time() - start


if __name__ == "__main__":
    main()
