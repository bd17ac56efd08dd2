"""Commands on one store in this process, and documents of three topics for regrouping."""

import contextlib
import io
import json
import random
from collections import Counter

import pyarrow.parquet as pq

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.store import open_store

KMEANS = ("regroup=kmeans", "regroup.k=3", "regroup.starts=3", "regroup.dimensions=8")
TOPICS = ("bread", "stars", "rivers")


class Commands:
    """Commands on one store, in this process."""

    def __init__(self, root):
        self.root, self.store = root, open_store(str(root))

    def run(self, job, *words, engine=("engine=inline",)):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([job, f"store.root={self.root}", *engine, *words])
        return code, out.getvalue(), err.getvalue()

    def __call__(self, job, *words, **options):
        code, out, err = self.run(job, *words, **options)
        assert code == 0, err
        return manifests.resolve(self.store, out.splitlines()[-1].removeprefix("manifest: "))

    def rows(self, made, tmp_path):
        path = tmp_path / f"{made.key}.parquet"
        self("export", f"manifest={made.path}", f"path={path}")
        return pq.read_table(path).to_pylist()

    def stages(self):
        return Counter(entry.path.split("/")[0] for entry in self.store.list() if entry.path.endswith("/manifest.json"))


def write_topics(path, each=30, seed=0):
    """Documents of three topics, 9 words of their own each among 30; the first of each topic stands there twice."""
    rng = random.Random(seed)
    common = [f"common{i}" for i in range(40)]
    with path.open("w") as file:
        for topic in TOPICS:
            own = [f"{topic}{i}" for i in range(20)]
            for i in range(each):
                words = rng.choices(own, k=9) + rng.choices(common, k=21)
                rng.shuffle(words)
                for copy in range(2 if i == 0 else 1):
                    record = {"text": " ".join(words), "source": topic, "native_id": f"{topic}-{seed}-{i}-{copy}"}
                    file.write(json.dumps(record) + "\n")
        file.write(json.dumps({"text": "?! …", "source": "blank", "native_id": f"blank-{seed}"}) + "\n")


def ingest(mill, path):
    return mill("ingest", "corpus=files", f"corpus.paths=[{path}]", "ingest.shard_bytes=6000", "ingest.row_group_bytes=2000")
