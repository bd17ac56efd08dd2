"""List the manifests that have names."""

import dataclasses
import sys

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing


@dataclasses.dataclass
class Config(Common):
    """corpusmill ls."""


def run(config: Config, store: Store, engine: Engine) -> None:
    """One line per name: what it points to, and how large that is."""
    found = manifests.names(store)
    for name, path in sorted(found.items()):
        try:
            made = manifests.loads(store.read(path))
        except Missing:
            print(f"@{name}  {store.uri(path)}  is gone")  # noqa: T201
            continue
        print(f"@{name}  {made.stage}  {made.rows:,} rows  {made.bytes / 1e6:,.1f} MB  {store.uri(path)}")  # noqa: T201
    if not found:
        print(f"no names in {store.root}: give a job name=NAME to make one")  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main(["ls", *sys.argv[1:]]))
