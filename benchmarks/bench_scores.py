"""Scores other than classifiers': what they tell of real text, and MB/s on one core.

    python benchmarks/bench_scores.py [--corpus FOLDER] [--labelled FOLDER] [--repeat 5] [--json PATH]

«perplexity»: the n-gram model learns from nine in ten documents of an encyclopedia and scores the tenth, the same with the
words of every line shuffled, another encyclopedia, and spam. «dsir»: of all documents but half of a target domain, which is
what the histogram of the target is made of, the top 20 % by weight are taken, and the top 20 % after Gumbel noise; the share
of the target among them is compared with its share before. «outlier» learns domains from all but spam. MB = 10^6 bytes of
UTF-8 text; speed is by processor time, the best of ``--repeat`` passes after one that compiles.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import common
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.operators.domain.kmeans import READS, KMeans
from corpusmill.operators.domain.kmeans import Learn as LearnDomains
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.difficulty import Difficulty
from corpusmill.operators.quality.importance import Histogram, ImportanceWeight, to_bytes
from corpusmill.operators.quality.ngram_fit import NOTHING, Learn
from corpusmill.operators.quality.ngrams import Model
from corpusmill.operators.quality.outlier import Outlier
from corpusmill.operators.quality.perplexity import Perplexity

ALL = (1 << 64) - 1
TARGETS = ("encyclopedia", "health_qa", "law", "stackexchange")


def main() -> None:
    options = _options()
    domains = {path.name.partition("-")[0]: _documents(path) for path in sorted(options.corpus.glob("*.parquet"))}
    if not domains or not options.labelled.is_dir():
        sys.exit(f"skipped: no Parquet files in {options.corpus}, or no {options.labelled}: name --corpus and --labelled")
    labelled = {path.name.partition("-")[0]: _documents(path) for path in sorted(options.labelled.glob("*.parquet"))}
    found = {"machine": common.machine()}
    with tempfile.TemporaryDirectory() as name:
        files = _Files(Path(name))
        found["perplexity"] = _perplexity(domains, labelled, files)
        found["dsir"] = {target: _dsir(domains, target, files) for target in TARGETS if target in domains}
        found["outlier"] = _outlier(domains, labelled, files)
        found["difficulty"] = _difficulty(domains, labelled)
        found["mb_per_second"] = _rates(domains, files, options.repeat)
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=common.CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--labelled", type=Path, default=common.CORPUS.parent / "quality", help="folder of pos_* and neg_*")
    parser.add_argument("--repeat", type=int, default=5, help="passes, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _documents(path: Path) -> pa.RecordBatch:
    chunks = pq.read_table(path, columns=["text"])["text"].cast(pa.string()).chunks
    return _batch(pa.concat_arrays(chunks), path.stem)


def _batch(text: pa.StringArray, source: str) -> pa.RecordBatch:
    ids = [hashlib.blake2b(f"{source}/{i}".encode(), digest_size=16).digest() for i in range(len(text))]
    return pa.record_batch([pa.array(ids, pa.binary(16)), pa.array([source] * len(text)), text], schema=READS)


class _Files:
    """Models as files, as operators open them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def opened(self, operator, role, name, data=None):
        if data is not None:
            (self.folder / name).write_bytes(data)
        return operator(digest=name).open({role: self.folder / name})


def _perplexity(domains, labelled, files):
    known = domains["encyclopedia"]
    found = {"models": {}}
    for order in (5, 3):
        fit = Learn(order=order, first=ALL // 10 + 1)
        start = time.process_time()
        state = fit.merge(NOTHING, fit.partial(known))
        middle = time.process_time()
        data = fit.finish(state)
        mb = known["text"].filter(pa.array(fit.drawn(known))).nbytes / 1e6
        found["models"][f"order {order}"] = {
            "file_mb": round(len(data) / 1e6, 1), "ngrams": len(Model.from_bytes(data).keys), "learned_mb": round(mb, 1),
            "counting_mb_per_second": round(mb / (middle - start), 1),
            "estimating_seconds": round(time.process_time() - middle, 1)}
        apply = files.opened(Perplexity, "model", f"ngrams{order}", data)
        held = known.filter(pa.array(~fit.drawn(known)))
        texts = {"held_out_encyclopedia": held, "its_words_shuffled": _shuffled(held),
                 "other_encyclopedia": labelled["pos_encyclopedia"], "science": labelled["pos_science"],
                 "books": labelled["pos_books"], "ham_email": labelled["ham_email"], "spam_email": labelled["neg_spam_email"],
                 "spam_sms": labelled["neg_sms_spam"], "other_languages": domains["multilingual"].slice(0, 2000)}
        found[f"order {order}"] = {name: _scored(apply, batch) for name, batch in texts.items()}
    return found


def _scored(apply, batch):
    out = apply(batch).batch
    sums, tokens, unknown, least, least_n = (out[f"perplexity.{name}"].to_numpy() for name in (
        "log10_prob", "tokens", "unknown_tokens", "least_log10_prob", "least_tokens"))
    values = out["perplexity.perplexity"].drop_null().to_numpy()
    return {"documents": batch.num_rows, "perplexity": round(float(10 ** (-sums.sum() / tokens.sum() / 1e6)), 1),
            "p30_p50_p60": [round(float(v), 1) for v in np.percentile(values, (30, 50, 60))],
            "unknown_share": round(float(unknown.sum() / tokens.sum()), 4),
            "min_20_log10": round(float(least.sum() / least_n.sum() / 1e6), 3)}


def _shuffled(batch: pa.RecordBatch) -> pa.RecordBatch:
    draw = random.Random(0)
    lines = ([line.split() for line in text.split("\n")] for text in batch["text"].to_pylist())
    texts = ["\n".join(" ".join(draw.sample(words, len(words))) for words in document) for document in lines]
    return _batch(pa.array(texts), "shuffled")


def _dsir(domains, target, files):
    """Half of the target is known to be wanted; the other half is hidden among everything else."""
    wanted = domains[target].slice(0, domains[target].num_rows // 2)
    raw = [b.slice(b.num_rows // 2) if name == target else b for name, b in domains.items()]
    fit = Histogram()
    counts = fit.partial(raw[0])
    for batch in raw[1:]:
        counts = fit.merge(counts, fit.partial(batch))
    apply = files.opened(ImportanceWeight, "ratios", f"ratios_{target}", to_bytes(fit.partial(wanted), counts))
    scored = [apply(batch).batch for batch in raw]
    weights, ngrams = (np.concatenate([b[f"importance.{c}"].to_numpy() for b in scored]) for c in ("log_weight", "ngrams"))
    inside = np.concatenate([np.full(b.num_rows, name == target) for name, b in zip(domains, raw, strict=True)])
    noise = np.random.default_rng(0).gumbel(size=len(weights))
    ranks = {"top": weights, "gumbel": weights + noise, "top_per_ngram": weights / np.maximum(ngrams, 1)}
    shares = {}
    for name, values in ranks.items():
        best = np.argsort(-values, kind="stable")[:len(values) // 5]
        hits = inside[best]
        shares[name] = {"share": round(float(hits.mean()), 4), "recall": round(float(hits.sum() / inside.sum()), 4)}
    return {"documents": len(weights), "share_before": round(float(inside.mean()), 4), "top_20_percent": shares}


def _outlier(domains, labelled, files):
    whole = pa.concat_tables(pa.Table.from_batches([b]) for b in domains.values()).combine_chunks().to_batches()[0]
    fit = LearnDomains(KMeans(), ALL * 20_000 // whole.num_rows)
    apply = files.opened(Outlier, "model", "domains", fit.finish(fit.partial(whole)))
    draw = random.Random(1)
    words = [w for text in domains["encyclopedia"]["text"].slice(0, 40).to_pylist() for w in text.split()]
    soup = _batch(pa.array([" ".join(draw.choices(words, k=300)) for _ in range(500)]), "soup")
    texts = {"all": whole, "encyclopedia": domains["encyclopedia"], "random_words": soup,
             "spam_email": labelled["neg_spam_email"], "spam_sms": labelled["neg_sms_spam"]}
    found = {}
    for name, batch in texts.items():
        values = apply(batch).batch["outlier.distance"].drop_null().to_numpy()
        found[name] = [round(float(v), 3) for v in np.percentile(values, (10, 50, 90))]
    return {"distance_p10_p50_p90": found}


def _difficulty(domains, labelled):
    apply, found = Difficulty().open({}), {}
    for name, batch in (domains | labelled).items():
        out = apply(batch).batch
        found[name] = {c: round(float(np.median(out[f"difficulty.{c}"].drop_null().to_numpy())), 1)
                       for c in ("flesch_reading_ease", "mtld")}
    return {"median": found}


def _rates(domains, files, repeat):
    batches = [batch for name, batch in domains.items() if name in ("encyclopedia", "gov_web", "health_qa", "multilingual")]
    size = sum(batch["text"].nbytes for batch in batches) / 1e6
    steps = {"difficulty": Difficulty().open({}), "compression": Compression().open({}),
             "perplexity order 3": files.opened(Perplexity, "model", "ngrams3"),
             "perplexity order 5": files.opened(Perplexity, "model", "ngrams5"),
             "importance": files.opened(ImportanceWeight, "ratios", f"ratios_{TARGETS[0]}"),
             "outlier": files.opened(Outlier, "model", "domains")}
    found = {}
    for name, apply in steps.items():
        apply(batches[0].slice(0, 5))
        seconds = []
        for _ in range(repeat):
            start = time.process_time()
            for batch in batches:
                apply(batch)
            seconds.append(time.process_time() - start)
        found[name] = round(size / min(seconds), 1)
    return found


if __name__ == "__main__":
    main()
