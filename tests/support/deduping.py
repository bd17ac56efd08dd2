"""A corpus of planted duplicates, and the dedup job on it by the inline engine."""

import json
import random

from corpusmill.jobs import dedup, ingest
from corpusmill.jobs.dedup import DedupConfig
from corpusmill.jobs.ingest import CorpusConfig, IngestConfig
from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import EngineConfig
from corpusmill.jobs.runtime.engine import InlineEngine

MINHASH = {"_target_": "corpusmill.operators.dedup.minhash.MinHash"}
EXACT = {"_target_": "corpusmill.operators.dedup.exact.ExactSignature"}
VOCABULARY = [f"word{i}" for i in range(3000)]


def planted(seed=11):
    """About 500 texts by name: families around a long text, copies, short texts, empty ones."""
    draw, texts = random.Random(seed), {}
    for family in range(160):
        words = draw.choices(VOCABULARY, k=draw.randint(300, 400))
        texts[f"f{family}"] = " ".join(words)
        for variant in range(draw.choice([0, 0, 1, 2, 3])):
            changed = list(words)
            changed[draw.randrange(len(words))] = "other"
            texts[f"f{family}v{variant}"] = " ".join(changed)
        if draw.random() < 0.3:
            texts[f"f{family}copy"] = draw.choice([t for name, t in texts.items() if name.startswith(f"f{family}")])
        if draw.random() < 0.2:  # equal words, another text
            texts[f"f{family}case"] = texts[f"f{family}"].upper().replace(" ", ", ")
    texts |= {f"short{i}": f"single{i}" for i in range(60)} | {f"pair{i}": f"two {i}" for i in range(20)}
    texts |= {"shortcase": "SINGLE7.", "shortcopy": "single8"} | {f"marks{i}": "?" * i for i in range(1, 6)}
    return texts


def written(folder, texts, files=7):
    """The texts in some files, none knowing which are alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(files):
        rows = [{"id": name, "text": text} for j, (name, text) in enumerate(texts.items()) if j % files == i]
        (folder / f"part{i}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def documents(store, folder, **options):
    corpus = CorpusConfig(paths=[str(folder)], source="{stem}", columns={"native_id": "id"})
    cut = IngestConfig(**({"bundle_bytes": "1", "shard_bytes": "60KB", "row_group_bytes": "20KB"} | options))
    return ingest.run(ingest.Config(corpus=corpus, ingest=cut, quiet=True), store, InlineEngine())


def deduplicated(store, made, signature=MINHASH, engine=None, partitions=None, **options):
    config = dedup.Config(documents=made.path, quiet=True, dedup=DedupConfig(signature=signature, **options),
                          engine=EngineConfig(partitions=partitions))
    return dedup.run(config, store, engine or InlineEngine())


def rows_of(store, duplicates):
    """Name → row, with doc_ids as names."""
    found = manifests.lineage(store, duplicates)
    columns = {name: ("duplicates", name) for name, _ in duplicates.schema} | {"name": ("documents", "native_id")}
    rows = [row for one in aligned.zipped(store, {n: found[n] for n in ("documents", "duplicates")})
            for row in aligned.read(store, one, columns).to_pylist()]
    return {row["name"]: row for row in rows}


def shingles(text):
    words = "".join(c.lower() if c.isalnum() else " " for c in text).split()
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()
