"""Builds that tests start, stop, kill and compare: each is the command line in a process of its own."""

import contextlib
import dataclasses
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from corpusmill.jobs.runtime.store import Store, open_store

MARK = "CORPUSMILL_TEST_RUN"  # in the environment of every process that a build starts, also of Ray's daemons
STAGES = ("documents", "annotations", "decisions", "signatures", "duplicates", "domains", "counts", "proportions", "mixture")
TEXT = ("salt wind carries over the low harbour wall where nets dry and children count boats that come home late with "
        "silver fish while bells ring from a small white church above red roofs and narrow stairs")
WORDS = TEXT.split()
VOLATILE = ("running/", ".preflight/", "names/")


@dataclasses.dataclass(frozen=True)
class Ended:
    """What a build gave."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def uri(self) -> str:
        """The manifest's address on the last line."""
        assert self.code == 0, self.err
        last = self.out.splitlines()[-1]
        assert last.startswith("manifest: "), self.out
        return last.removeprefix("manifest: ")


class Running:
    """A build in a session of its own."""

    def __init__(self, words, script=None, environment=None):
        self.mark = uuid.uuid4().hex
        environment = {n: v for n, v in (environment or os.environ).items() if not n.startswith("RAY_")}
        start = [Path(sys.executable).parent / "corpusmill"] if script is None else [sys.executable, script]
        self.started = time.monotonic()
        self.process = subprocess.Popen([*start, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment | {MARK: self.mark}, start_new_session=True)

    def wait(self, timeout=240) -> Ended:
        """Its end; killed where it takes too long."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return Ended(self.process.returncode, out, err, time.monotonic() - self.started)

    def kill(self) -> None:
        """SIGKILL to the driver, and then to everything that it started, until nothing of it is left."""
        self.process.kill()
        self.process.communicate()
        deadline = time.monotonic() + 30
        while pids := started_by(self.mark):
            assert time.monotonic() < deadline, f"{pids} do not die"
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def until(self, condition, timeout=120) -> bool:
        """Whether the condition held before the build ended."""
        begun = time.monotonic()
        deadline = begun + timeout
        while not condition():
            looked = time.monotonic()
            assert looked < deadline, "what the test waits for does not happen"
            if self.process.poll() is not None:
                return False
            time.sleep(max(0.001, 3 * (looked - begun)))  # a quarter of a core for looking, the others for the build
            begun = time.monotonic()
        return True


def started_by(mark: str) -> list[int]:
    """Living processes that have the mark in their environment."""
    needle, found = f"{MARK}={mark}".encode(), []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and needle in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def build(root, corpus, *words, engine="inline", environment=None) -> Ended:
    """A build from start to end, whatever comes of it."""
    return Running(command(root, corpus, *words, engine=engine), environment=environment).wait()


def command(root, corpus, *words, engine="inline") -> list[str]:
    """Many small tasks and shards in every stage; the last word on a setting counts."""
    given = ["recipe=none", "corpus=files", f"corpus.paths=[{corpus}]", "corpus.on_bad=quarantine", "ingest.bundle_bytes=1",
             "ingest.shard_bytes=5kB", "ingest.row_group_bytes=2kB", "tokenizer=words", "weigh=unimax", "mix.unit=words",
             "mix.budget=6000", "mix.shard_bytes=8kB", f"engine={engine}", f"store.root={root}", *words]
    last = {word.partition("=")[0]: word for word in given}
    return ["build", *last.values()]


def write_corpus(folder: Path, documents: int = 200) -> Path:
    """Six files of four kinds with duplicates, texts that are edited, texts that are dropped, and bad rows."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    rows = [{"text": prose(rng), "source": rng.choice(["web", "books", "code"]), "id": str(i)} for i in range(documents)]
    for i in range(0, documents, 9):  # within a file and across files
        rows[i]["text"] = rows[(i * 7 + 3) % documents]["text"]
    for i in range(4, documents, 17):
        rows[i]["text"] = rows[i]["text"].replace("\n", "  \r\n") + "\x00\x07\n\n\n\n\n\nend\x85"
    for i in range(6, documents, 23):
        rows[i]["text"] = "short" * (i % 3)
    sixth = documents // 6
    parts = [rows[i * sixth : (i + 1) * sixth] for i in range(5)] + [rows[5 * sixth :]]
    pq.write_table(pa.Table.from_pylist(parts[0]), folder / "a.parquet", row_group_size=10)
    parts[1][5] = {"text": None, "source": "web", "id": "null"}
    pq.write_table(pa.Table.from_pylist(parts[1]), folder / "b.parquet", row_group_size=7)
    bad = [b'{"text": "cut of', b'{"text": "not utf-8 \xff\xfe"}', b'{"source": "web"}', b'{"text": 5}']
    (folder / "c.jsonl").write_bytes(_jsonl(parts[2][:9]) + b"\n".join(bad) + b"\n" + _jsonl(parts[2][9:]))
    (folder / "d.jsonl.gz").write_bytes(gzip.compress(_jsonl(parts[3]), mtime=0))
    (folder / "e.jsonl.zst").write_bytes(zstandard.compress(_jsonl(parts[4])))
    (folder / "f.jsonl").write_bytes(_jsonl(parts[5]))
    return folder


def write_small_files(folder: Path, files: int, documents: int = 3) -> Path:
    """Many small files: as many tasks in every stage that works by shard."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(11)
    pool = [prose(rng) for _ in range(20)]
    for i in range(files):
        rows = [{"text": prose(rng) if j else rng.choice(pool), "source": f"s{j}", "id": f"{i}-{j}"} for j in range(documents)]
        (folder / f"{i:03}.jsonl").write_bytes(_jsonl(rows))
    return folder


# Near-duplicates by MinHash and domains by k-means, small enough for a corpus of a few hundred documents.
METHODS = ("dedup=minhash", "regroup=kmeans", "regroup.k=3", "regroup.sample=150", "regroup.starts=2")


def write_families(folder: Path, files: int = 8) -> Path:
    """Many small files of documents, half of which differ from another one, mostly of another file, by a word."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(5)
    texts = [prose(rng) for _ in range(files * 8)]
    for i in range(1, len(texts), 2):
        words = texts[(i * 5 + 4) % len(texts)].split(" ")
        words[rng.randrange(len(words))] = "otherwise"
        texts[i] = " ".join(words)
    for n in range(files):
        rows = [{"text": text, "id": f"{n}-{i}"} for i, text in enumerate(texts[n::files])]
        (folder / f"{n}.jsonl").write_bytes(_jsonl(rows))
    return folder


def prose(rng: random.Random) -> str:
    """A few lines that the default rules keep."""
    return "\n".join(" ".join(rng.choices(WORDS, k=rng.randint(6, 14))).capitalize() + "." for _ in range(rng.randint(5, 14)))


def _jsonl(rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def manifests(store: Store) -> dict[str, dict]:
    """Path → manifest, of every dataset in a store."""
    return {e.path: json.loads(store.read(e.path)) for e in store.list() if e.path.endswith("/manifest.json")}


def digests(store: Store | str) -> dict[str, list[str]]:
    """Stage → content digests of its datasets."""
    found: dict[str, list[str]] = {}
    for manifest in manifests(open_store(store) if isinstance(store, str) else store).values():
        found.setdefault(manifest["stage"], []).append(manifest["digest"])
    return {stage: sorted(values) for stage, values in found.items()}


def objects(store: Store | str) -> dict[str, bytes]:
    """Path → bytes of everything that does not tell of a run's course."""
    store = open_store(store) if isinstance(store, str) else store
    paths = [e.path for e in store.list() if not e.path.startswith(VOLATILE)]
    return {p: store.read(p) for p in paths if not p.endswith("/run.json") and not p.startswith("report/")}


def rows(root: str, stage: str) -> list[dict]:
    """The rows of the only dataset of a stage, in order."""
    store = open_store(root)
    (path,) = [path for path, manifest in manifests(store).items() if manifest["stage"] == stage]
    index = pq.read_table(pa.BufferReader(store.read(path.replace("manifest.json", "shards.parquet"))))
    found = []
    for name in index.column("object").to_pylist():
        found += pq.read_table(pa.BufferReader(store.read(name))).to_pylist()
    return found
