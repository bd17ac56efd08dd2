"""A small corpus with planted duplicates, bad documents and several sources; and the command line in this process."""

import contextlib
import dataclasses
import gzip
import io
import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from proxies import write_domains

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.store import open_store

WORDS = [
    "the", "river", "carries", "sand", "and", "stories", "past", "old", "mills", "where", "people", "once", "ground",
    "wheat", "into", "flour", "while", "merchants", "counted", "sacks", "under", "lamps", "before", "boats", "left",
    "for", "distant", "towns", "along", "quiet", "green", "banks", "each", "spring", "when", "snow", "melted",
    "slowly", "above", "high", "villages",
]
SMALL = ("ingest.bundle_bytes=1", "ingest.shard_bytes=20000", "ingest.row_group_bytes=4000")  # several of everything


@dataclasses.dataclass(frozen=True)
class Result:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def uri(self) -> str:
        """The manifest's address on the last line."""
        last = self.out.splitlines()[-1]
        assert last.startswith("manifest: "), self.out + self.err
        return last.removeprefix("manifest: ")


@dataclasses.dataclass(frozen=True)
class Mill:
    """Commands on one store, run in this process with the inline engine."""

    root: Path

    def run(self, *words: str, engine: tuple[str, ...] = ("engine=inline",)) -> Result:
        """A command, whatever comes of it."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([words[0], f"store.root={self.root}", *engine, *words[1:]])
        return Result(code, out.getvalue(), err.getvalue())

    def __call__(self, *words: str) -> str:
        """The URI that a command that must succeed gives."""
        result = self.run(*words)
        assert result.code == 0, result.err
        return result.uri

    @property
    def store(self):
        """The store."""
        return open_store(str(self.root))

    def manifest(self, uri: str):
        """The manifest at a URI."""
        return manifests.resolve(self.store, uri)

    def lineage(self, uri: str):
        """Stage → manifest of all that it was made from."""
        return manifests.lineage(self.store, self.manifest(uri))

    def rows(self, manifest) -> list[dict]:
        """The rows that ``export`` gives."""
        uri = manifest if isinstance(manifest, str) else manifest.path
        stage, key = uri.split("/")[-3:-1]
        path = self.root.parent / f"{self.root.name}-exports" / f"{stage}-{key}.parquet"
        if not path.exists():
            self("export", f"manifest={uri}", f"path={path}")
        return pq.read_table(path).to_pylist()

    def objects(self) -> dict[str, bytes]:
        """Every object that is no record of a run's course."""
        entries = [e.path for e in self.store.list() if not e.path.endswith("/run.json")]
        return {path: bytes(self.store.read(path)) for path in entries}


@dataclasses.dataclass(frozen=True)
class Planted:
    """The documents of the corpus, and what was planted in it."""

    folder: Path
    records: list[dict]
    short: frozenset[str]  # native ids that the default rules drop
    raw: list[frozenset[str]]  # groups of equal text, once line ends and trailing blanks are tidied
    loose: list[frozenset[str]]  # groups that are equal only up to case and white space
    edited: frozenset[str]  # native ids whose text Normalise changes


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk():
    """No power fails during a test, and waiting for the disk is most of what a small build does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)
        yield


@pytest.fixture(scope="session")
def conf():
    """The folder of the package's configuration."""
    return Path(__file__).parents[2] / "conf"


@pytest.fixture
def mill(tmp_path):
    """Commands on an empty store."""
    return Mill(tmp_path / "store")


@pytest.fixture(scope="session")
def make_mill():
    """Commands on the store at a path."""
    return Mill


@pytest.fixture
def tasks_run(monkeypatch):
    """Counts what the inline engine runs, by the class of the work."""
    counted: Counter[str] = Counter()
    plain = InlineEngine.map

    def counting(self, fn, items):
        def call(item):
            counted[type(getattr(fn, "work", fn)).__name__.lstrip("_")] += 1
            return fn(item)

        return plain(self, call, items)

    monkeypatch.setattr(InlineEngine, "map", counting)
    return counted


@pytest.fixture
def three_domains(mill, tmp_path, monkeypatch):
    """A function from overrides of ingest to the URI of domains, by source, of the documents of ``proxies``."""
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    write_domains(tmp_path / "docs.jsonl")

    def make(*words: str) -> str:
        mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'docs.jsonl'}]", "name=docs", "quiet=true", *words)
        return mill("regroup", "documents=@docs", "regroup=source", "quiet=true")

    return make


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """The corpus, as JSON Lines, Parquet and compressed JSON Lines."""
    return plant(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def built(planted, tmp_path_factory):
    """A mill with the corpus built into a mixture of 4,000 words, and the mixture's URI."""
    mill = Mill(tmp_path_factory.mktemp("built") / "store")
    uri = mill("build", *build_words(planted))
    return mill, uri


@pytest.fixture(scope="module")
def copied(built, tmp_path_factory):
    """A copy of what was built, to name and write things in; the mill, and the mixture's path."""
    mill, uri = built
    root = tmp_path_factory.mktemp("copied") / "store"
    shutil.copytree(mill.root, root)
    return Mill(root), mill.manifest(uri).path


@pytest.fixture(scope="session")
def build_command(planted):
    """The overrides of the build that ``built`` ran."""
    return build_words(planted)


def build_words(planted: Planted) -> tuple[str, ...]:
    return ("recipe=none", "corpus=files", f"corpus.paths=[{planted.folder}]", *SMALL, "tokenizer=words", "weigh=natural",
            "dedup.source_priority=[code,web]", "mix.unit=words", "mix.budget=4000", "mix.shard_bytes=10000")


def plant(folder: Path) -> Planted:
    """Write the corpus."""
    rng = random.Random(20)
    web = [_record("web", i, _prose(rng)) for i in range(80)]
    code = [_record("code", i, _code(rng, i)) for i in range(50)]
    zh = [_record("zh", i, _chinese(rng)) for i in range(40)]
    code[3]["text"] = code[40]["text"] = web[5]["text"] = web[60]["text"]  # in both sources
    zh[7]["text"] = zh[33]["text"]
    web[20]["text"] = "  ".join(web[21]["text"].upper().split(" "))
    code[10]["text"] = code[11]["text"].replace("\n", " \r\n") + "  "
    web[30]["text"] = web[31]["text"] = "too short"
    web[32]["text"] = "  0123456789 " * 40
    zh[9]["text"] = "\n\n"
    _write_jsonl(folder / "web.jsonl", web)
    pq.write_table(pa.Table.from_pylist(code), folder / "code.parquet")
    with gzip.open(folder / "zh.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(r) + "\n" for r in zh)
    return Planted(
        folder, web + code + zh, frozenset({"web-30", "web-31", "web-32", "zh-9"}),
        [frozenset({"code-3", "code-40", "web-5", "web-60"}), frozenset({"zh-7", "zh-33"}), frozenset({"code-10", "code-11"})],
        [frozenset({"web-20", "web-21"})], frozenset({"code-10", "web-32"}),
    )


def _record(source: str, i: int, text: str) -> dict:
    return {"text": text, "source": source, "native_id": f"{source}-{i}", "license": ["MIT", "CC0"][i % 2]}


def _prose(rng: random.Random) -> str:
    sentences = [" ".join(rng.choices(WORDS, k=rng.randint(6, 14))).capitalize() + "." for _ in range(rng.randint(5, 25))]
    return "\n".join(" ".join(sentences[i : i + 3]) for i in range(0, len(sentences), 3))


def _code(rng: random.Random, i: int) -> str:
    lines = [f"def {rng.choice(WORDS)}_{i}_{j}(x):\n    return x + {rng.randint(1, 99)}  # {' '.join(rng.choices(WORDS, k=5))}"
             for j in range(rng.randint(3, 12))]
    return "\n".join(lines)


def _chinese(rng: random.Random) -> str:
    lines = ["".join(chr(rng.randint(0x4E00, 0x9000)) for _ in range(rng.randint(15, 40))) for _ in range(rng.randint(5, 12))]
    return "。\n".join(lines)


def _write_jsonl(path: Path, records: list[dict]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
