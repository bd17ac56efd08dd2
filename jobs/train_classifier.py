"""Train a classifier of documents, such as of good against ordinary text, and say what it is worth on others.

Reads classes of documents, each files (Parquet, JSON Lines, text; globs) or manifests of documents (``@name``): ``positives=``
and ``negatives=``, or ``classes={name: [paths], …}``. Of each text the first ``training.sample`` bytes are read: what is equal
in them is one text, and they are what is learned from and judged. Writes classifier: a fastText model kept as an artifact,
and cuts.json, precision and recall of documents that were held out. ``quality.operators.N.path=@NAME`` applies it.
"""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import aligned, artifacts, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, Quantity, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store, StoreOptions
from corpusmill.jobs.sources.files import SourceFile, find
from corpusmill.jobs.sources.reading import Reading, read_bundle
from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.quality.precision_recall import table
from corpusmill.operators.text import fasttext
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.classifying import score
from corpusmill.operators.text.fasttext_training import Training, train
from corpusmill.operators.text.hashing import priorities, text_digests

POSITIVE, NEGATIVE = "positive", "negative"
EXAMPLES = pa.schema([("digest", pa.binary(16)), ("text", pa.large_string()), ("label", pa.int64())])


@dataclasses.dataclass
class TrainingConfig:
    """How the classifier is learned."""

    dimensions: int = 32  # of the vectors
    run: int = 2  # words of the longest run: fastText's wordNgrams
    buckets: Quantity = 1 << 18  # of runs of words
    min_count: int = 1  # a rarer word is known by its runs only
    epochs: int = 5  # passes
    rate: float = 0.5  # of the first step; it falls to 0
    sample: Quantity = "64KiB"  # of each text that are learned from, or judged where it is held out
    seed: int = 0  # of vectors and of the order


@dataclasses.dataclass
class Config(Common):
    """corpusmill train_classifier."""

    positives: Any = None  # paths, globs or @names of documents: the label positive
    negatives: Any = None  # and the label negative
    classes: Any = None  # instead of both: {label: [paths], …}
    positive: str = POSITIVE  # the label that cuts are made for
    columns: Any = None  # documents' column: the files' column, as {text: body}; null: by name
    holdout: float = 0.2  # share of texts held out, by a hash of the text
    per_class: Quantity = 200_000  # texts of a class at most, drawn by the same hash
    keep: list[float] = dataclasses.field(default_factory=list)  # shares of the held-out texts that cuts are wanted for
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The classifier."""
    classes, training = classes_of(config), _training(config.training)
    if not 0 < config.holdout < 1 or not all(0 < share <= 1 for share in config.keep):
        raise ConfigError(f"holdout={config.holdout} must be a share between 0 and 1, and keep={config.keep} shares up to 1")
    reading = _reading(config)
    found = {label: _found(config, store, label, paths) for label, paths in classes.items()}
    parameters = {"training": dataclasses.asdict(training) | {"version": training.version}, "holdout": config.holdout,
                  "per_class": quantity("per_class", config.per_class), "keep": list(config.keep), "positive": config.positive,
                  "columns": config.columns, "subset": aligned.Subset(config.limit, config.sample).parameters(), "version": "1"}
    source = json.dumps([[label, [[f.uri, f.size, f.version] for f in files], [m.digest for m in made]]
                         for label, (files, made) in found.items()])
    inputs = {f"documents_{label}_{i}": m for label, (_, made) in found.items() for i, m in enumerate(made)}
    made = stage.Stage("classifier", stage.NO_ROWS, parameters, inputs, source=source)
    here = session(config, store, engine)
    if (done := manifests.find(store, made.name, made.key)) is not None:
        note(f"{made.name}: up to date", here.quiet)
        print(told(done.details))  # noqa: T201
        return done
    if here.plan:
        stage.print_plan(here, made, [])
    examples, counts = gathered(config, store, list(found.values()), reading, training.sample)
    data, facts = learned(examples, list(classes), training, config)
    facts |= {"counts": counts, "artifact": artifacts.put(store, data), "bytes": len(data)}
    print(told(facts))  # noqa: T201
    return stage.commit_file(here, made, "cuts.json", json.dumps(facts, indent=1, sort_keys=True).encode(), facts)


def classes_of(config: Config) -> dict[str, list[str]]:
    """Label → what its texts are in. Raises ConfigError."""
    pair = {POSITIVE: config.positives, NEGATIVE: config.negatives}
    given = config.classes if config.classes else {label: paths for label, paths in pair.items() if paths}
    if not isinstance(given, Mapping) or len(given) < 2 or (config.classes and any(pair.values())):
        raise ConfigError("give positives= and negatives=, or else classes={label: [paths], …} with two labels or more; got "
                          f"{'both' if config.classes and any(pair.values()) else repr(given)}")
    for label in given:
        if not isinstance(label, str) or label.split() != [label]:
            raise ConfigError(f"classes: {label!r} must be a text without blanks: put \"no\", \"on\" and numbers in quotes")
    found = {label: _paths(_key(config, label), paths) for label, paths in given.items()}
    if config.positive not in found:
        raise ConfigError(f"positive={config.positive}: give one of the labels, {', '.join(found)}")
    return found


def _key(config: Config, label: str) -> str:
    """The setting that names a class's texts."""
    return f"classes.{label}" if config.classes else f"{label}s"


def _paths(key: str, given: Any) -> list[str]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed or not all(isinstance(path, str) and path for path in listed):
        raise ConfigError(f"{key}={given!r}: give a path, glob or @name, or a list of them")
    return listed


def _training(given: TrainingConfig) -> Training:
    counts = {name: quantity(f"training.{name}", getattr(given, name)) for name in ("buckets", "sample")}
    return Training(**(dataclasses.asdict(given) | counts))


def _reading(config: Config) -> Reading:
    """How files are read. Raises ConfigError for columns that documents do not have."""
    given = config.columns
    if not isinstance(given, Mapping | None) or not all(isinstance(name, str) for name in (given or {}).values()):
        raise ConfigError(f"columns={given!r}: give {{text: BODY}}, with the files' column for each of documents'")
    with _own_keys():
        return Reading("auto", dict(given or {}), None, None, "fail", 16 << 20, 1 << 30,
                       StoreOptions(config.store.endpoint, config.store.region))


@contextlib.contextmanager
def _own_keys(paths: str = "corpus.paths") -> Iterator[None]:
    """Errors of readers name the settings of ingest; here they have other names."""
    try:
        yield
    except (ConfigError, SchemaError) as error:
        raise type(error)(str(error).replace("corpus.columns", "columns").replace("corpus.paths", paths)) from error


def _found(config: Config, store: Store, label: str, paths: list[str]) -> tuple[list[SourceFile], list[Manifest]]:
    """The files and the documents datasets that paths name."""
    named = [p for p in paths if p.startswith("@") or manifests.split_uri(p) is not None]
    plain = [p for p in paths if p not in named]
    with _own_keys(_key(config, label)):
        files = find(plain, StoreOptions(config.store.endpoint, config.store.region)) if plain else []
    return files, [manifests.resolve(store, text, "documents") for text in named]


def gathered(
    config: Config, store: Store, found: list[tuple[list[SourceFile], list[Manifest]]], reading: Reading, size: int
) -> tuple[pa.Table, dict[str, int]]:
    """EXAMPLES, each text once, and how many were left out: copies, and texts of several classes, whose answer is not known.

    Of each text the first ``size`` bytes count.
    """
    most = quantity("per_class", config.per_class)
    most = most if config.limit is None else min(most, -(-config.limit // len(found)))
    counts = {"read": 0} | {f"dropped.{why}": 0 for why in ("not_sampled", "copies", "beyond_per_class", "several_classes")}
    parts = []
    for label, (files, made) in enumerate(found):
        texts = (cut(text, size) for text in _texts(store, files, made, reading))
        part = _distinct(_drawn(texts, label, config.sample, most, counts), counts)
        counts["dropped.beyond_per_class"] += max(0, part.num_rows - most)
        parts.append(part.slice(0, most))
    table = pa.concat_tables(parts)
    once = table.group_by("digest").aggregate([("label", "count")]).filter(pc.field("label_count") == 1)
    alone = pc.is_in(table.column("digest"), value_set=once.column("digest").combine_chunks())
    kept = table.filter(alone)
    counts["dropped.several_classes"] = table.num_rows - kept.num_rows
    return kept, counts


def cut(text: pa.StringArray, size: int) -> pa.StringArray:
    """The first ``size`` bytes of each text, less a character that they would part."""
    long = pc.greater(pc.binary_length(text), size)
    if not pc.any(long).as_py():
        return text
    heads = pc.binary_slice(text.filter(long).cast(pa.binary()), 0, size).to_pylist()
    return pc.replace_with_mask(text, long, pa.array([head.decode("utf-8", "ignore") for head in heads]))


def _drawn(texts: Iterator[pa.StringArray], label: int, share: float | None, most: int, counts: dict[str, int]) -> pa.Table:
    """EXAMPLES of a class, those of the lowest hashes; no more than about four times ``most`` are held at once."""
    held = EXAMPLES.empty_table()
    for text in texts:
        counts["read"] += len(text)
        digest = text_digests(text)
        if share is not None:
            drawn = priorities(digest, 0, "sample") < np.uint64(min(share * 2**64, 2**64 - 1))
            counts["dropped.not_sampled"] += int((~drawn).sum())
            digest, text = digest.filter(pa.array(drawn)), text.filter(pa.array(drawn))
        labels = pa.array(np.full(len(text), label))
        held = pa.concat_tables([held, pa.table([digest, text.cast(pa.large_string()), labels], schema=EXAMPLES)])
        if held.num_rows > 4 * most + 10_000:
            distinct = _distinct(held, counts)
            counts["dropped.beyond_per_class"] += max(0, distinct.num_rows - 2 * most)
            held = distinct.slice(0, 2 * most)
    return held


def _texts(store: Store, files: list[SourceFile], made: list[Manifest], reading: Reading) -> Iterator[pa.StringArray]:
    with _own_keys():
        for piece in read_bundle(files, reading) if files else ():
            yield piece.documents.column("text")
    for one in made:
        for shards in aligned.zipped(store, {"documents": one}):
            for rows in aligned.read_text(store, shards, {"text": ("documents", "text")}):
                yield rows.column("text")


def _distinct(held: pa.Table, counts: dict[str, int]) -> pa.Table:
    """Each text once, in the order of hashes, which no order of files changes."""
    if held.num_rows == 0:
        return held
    held = held.sort_by("digest").combine_chunks()
    column = held.column("digest").chunk(0)
    digests = np.frombuffer(column.buffers()[1], "V16")[column.offset:column.offset + len(column)]
    first = np.concatenate([[True], digests[1:] != digests[:-1]])
    counts["dropped.copies"] += int((~first).sum())
    return held.filter(pa.array(first))


def learned(examples: pa.Table, labels: list[str], training: Training, config: Config) -> tuple[bytes, dict[str, Any]]:
    """The model's file, and what it is worth on the texts that were held out."""
    keys = priorities(examples.column("digest").combine_chunks().cast(pa.binary(16)), training.seed, "holdout")
    out = keys < np.uint64(config.holdout * 2**64)
    label = examples.column("label").to_numpy()
    for number, name in enumerate(labels):
        mine = label == number
        if not (mine & out).any() or not (mine & ~out).any():
            raise DataError(f"class {name!r} has {int(mine.sum())} texts, {int((mine & out).sum())} of them held out: give "
                            "more texts, or another holdout=")
    taught, asked = (examples.filter(pa.array(side)).combine_chunks() for side in (~out, out))
    data = train(_located(taught), taught.column("label").to_numpy(), labels, training)
    guessed, scores = _judged(data, _located(asked), config.positive)
    names = np.array(labels)[asked.column("label").to_numpy()]
    worth = table(scores, names == config.positive, config.keep)
    facts = {"labels": labels, "positive": config.positive, "accuracy": float((guessed == names).mean()), "cuts": worth,
             "trained": {n: int(((label == i) & ~out).sum()) for i, n in enumerate(labels)},
             "held_out": {n: int(((label == i) & out).sum()) for i, n in enumerate(labels)}}
    return data, facts


def _located(examples: pa.Table) -> Texts:
    column = examples.column("text")
    return Texts.of(column.chunk(0) if column.num_chunks == 1 else column.combine_chunks(), kind=column.type)


def _judged(data: bytes, texts: Texts, positive: str) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """The most probable label of each text, and the probability of ``positive``."""
    model = fasttext.read(data, "the trained model")
    labels, best = np.empty(len(texts), np.int32), np.empty(len(texts), np.float32)
    found, wanted = np.empty((len(texts), 1), np.float32), np.array([model.labels.index(positive)], np.int64)
    score(texts.addresses, texts.lengths, model.vocabulary, model.ngrams, model.network, wanted, labels, best, found)
    return np.array(model.labels)[labels], found[:, 0].astype(np.float64)


def told(facts: Mapping[str, Any]) -> str:
    """The figures as a table."""
    lines = [f"trained on {facts['trained']}, held out {facts['held_out']}; accuracy {facts['accuracy']:.3f}",
             f"keeping scores of {facts['positive']!r} from a cut on: {'cut':>9} {'share':>7} {'precision':>10} {'recall':>7}"]
    lines += [f"{one['cut']:>{len(lines[1]) - 27}.6f} {one['share']:>7.3f} {one['precision']:>10.3f} {one['recall']:>7.3f}"
              for one in facts["cuts"]]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(["train_classifier", *sys.argv[1:]]))
