"""The one entry: ``corpusmill JOB [overrides]`` equals ``python -m corpusmill.jobs.JOB [overrides]``.

Exit code 0 once the manifest is committed, 2 for a bad configuration, 1 for any other error. The last line on standard
output is ``manifest: URI``; everything else goes to standard error.
"""

import atexit
import contextlib
import dataclasses
import functools
import importlib
import os
import re
import shutil
import sys
import tempfile
import typing
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from corpusmill.operators.errors import ConfigError, CorpusmillError

if TYPE_CHECKING:
    from corpusmill.jobs.runtime.sweeps import Sweep

JOBS = {
    "ingest": "files or this machine's texts → documents",
    "annotate": "documents → signals and edited text",
    "filter": "signals and rules → what is kept, and why the rest is not",
    "dedup": "documents → duplicates, each naming the document it matched",
    "trim": "documents → texts without what occurs before",
    "regroup": "surviving documents → domains",
    "count": "domains → tokens per document",
    "design": "domains → mixtures to run, for a law to be fitted on",
    "weigh": "tokens per domain → proportions",
    "runs": "shares and losses of training runs → a run table",
    "fit_law": "shares and losses of training runs → a mixture law, what it is worth, what it predicts",
    "proxy": "mixtures of a design → small training runs, and their losses",
    "balance": "domains → proportions that a rule comes to while a model learns",
    "compare": "mixtures → a table of their losses, predicted and realised",
    "mix": "proportions and a budget → the mixture",
    "train_perplexity": "documents → an n-gram model, and percentiles of perplexity",
    "train_lm": "documents → a language model, and its bits per byte",
    "compare_embedders": "documents → what the clusters of each embedder explain",
    "train_dsir": "wanted and all documents → importance weights",
    "train_classifier": "classes of documents → a quality classifier, and what it is worth",
    "report": "any manifest → its story, as HTML and JSON",
    "export": "any manifest → one Parquet file",
    "build": "all of the above, in one session",
    "inspect": "documents that came to an outcome, and why",
    "lineage": "one document's way through every stage",
    "ls": "the manifests that have names",
    "status": "what is committed, and what is running",
}
LOOKS = ("ls", "status", "inspect", "lineage")  # write nothing
INPUTS = ("documents", "annotations", "decisions", "duplicates", "trims", "domains", "counts", "proportions", "manifest",
          "runs.table", "table", "tables", "runs", "law", "arms", "design", "reference", "target", "raw",
          "language_model", "quality.cutoffs", "dedup.against")
_engines: dict[str, Any] = {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one job, or a sweep of it with ``-m``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    job = next((w for w in words if not w.startswith("-") and "=" not in w), None)
    try:
        if job is None:
            if words and not {"-h", "--help"} & set(words):
                raise ConfigError(f"no job is named in {' '.join(words)!r}; there is {', '.join(JOBS)}")
            print(usage())  # noqa: T201
            return 0
        if job not in JOBS:
            from corpusmill.jobs.runtime.config import nearest

            raise ConfigError(f"there is no job {job!r}: {nearest(job, list(JOBS))}")
        words.remove(job)
        return _run(job, _grouped(_named(job, words)))
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except CorpusmillError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("interrupted: what was committed stays, the same command goes on from there", file=sys.stderr)  # noqa: T201
        return 130


def _named(job: str, words: list[str]) -> list[str]:
    """``lineage DOC_ID`` as ``lineage doc_id=DOC_ID``; quoted, since an id may look like a number."""
    bare = [w for w in words if not w.startswith("-") and "=" not in w]
    if job != "lineage" or not bare:
        return words
    return [f"doc_id='{w}'" if w == bare[0] else w for w in words]


def _grouped(words: list[str]) -> list[str]:
    """``regroup.embedder=fasttext`` as Hydra says it of a group within a group."""
    return [re.sub(r"^regroup\.embedder=(\w+)$", r"embedder@regroup.embedder=\1", word) for word in words]


def usage() -> str:
    """What ``corpusmill --help`` prints."""
    lines = ["corpusmill JOB [key=value …] [-m] [--help] [--cfg job]", ""]
    lines += [f"  {job:<16} {what}" for job, what in JOBS.items()]
    lines += ["", "A manifest is given by URI, path or @name.",
              "Every job takes store.root=, name=, plan=true, limit=N, sample=F.",
              "corpusmill JOB --help shows a job's settings; -m sweeps over comma-separated values."]
    return "\n".join(lines)


def module(job: str) -> ModuleType:
    """The job's module: its ``Config`` dataclass and ``run``."""
    return importlib.import_module(f"corpusmill.jobs.{job}")


def _run(job: str, words: list[str]) -> int:
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from corpusmill.jobs.runtime import interrupts, sweeps
    from corpusmill.jobs.runtime.config import explain
    from corpusmill.jobs.runtime.help import job_help

    register(job)
    if {"-h", "--help"} & set(words):
        print(job_help(job))  # noqa: T201
        return 0
    sweep = sweeps.of(job, words)
    interrupts.listen()
    scratch = tempfile.mkdtemp(prefix="corpusmill-hydra-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, who say them in the user's terms
    quiet = ["hydra/job_logging=none", "hydra/hydra_logging=none", f"hydra.run.dir={scratch}", "hydra.output_subdir=null",
             f"hydra.sweep.dir={scratch}", "hydra.sweep.subdir=.", "hydra.job.chdir=false"]
    quiet += sweep.begin(scratch) if sweep else []
    options = [w for w in words if w.startswith("-") or "=" not in w]  # argparse takes the overrides in one piece only
    overrides = [w for w in words if w not in options]
    saved, sys.argv = sys.argv, [f"corpusmill {job}", *options, *overrides, *quiet]
    try:
        with _plain(job):
            hydra.main(version_base="1.3", config_path="pkg://corpusmill.conf", config_name=job)(_task(job, sweep))()
    except Halt as halt:
        raise halt.args[0] from None
    except OmegaConfBaseException as error:
        raise explain(error) from error
    except HydraException as error:
        cause = error.__cause__
        if isinstance(cause, OmegaConfBaseException):
            raise explain(cause) from error
        raise ConfigError(str(error)) from error
    finally:
        sys.argv = saved
        if sweep:
            sweep.end()
        close_engines()
    return 0


@contextlib.contextmanager
def _plain(job: str) -> Iterator[None]:
    """Let a job have a setting that is called like a group of another: ``law=@NAME`` of compare, ``law=additive`` of fit_law.

    Hydra takes the name of any group for a choice of options; here a setting that holds text is none.
    """
    from hydra._internal.config_repository import ConfigRepository

    known = ConfigRepository.group_exists
    texts = {name for name, kind in typing.get_type_hints(module(job).Config).items() if kind in (str, str | None)}

    def exists(self: Any, config_path: str) -> bool:
        return config_path not in texts and bool(known(self, config_path))

    ConfigRepository.group_exists = exists
    try:
        yield
    finally:
        ConfigRepository.group_exists = known


def register(job: str) -> None:
    """Give Hydra the job's schema."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name=f"{job}_schema", node=module(job).Config)


def _task(job: str, sweep: "Sweep | None") -> Any:
    def task(composed: Any) -> float | None:
        if sweep is not None:
            return sweep.arm(composed)
        try:
            made = execute(job, composed)
        except CorpusmillError as error:
            raise Halt(error) from error
        if made is not None:
            print(f"manifest: {made.uri}", flush=True)  # noqa: T201
        return None

    return task


class Halt(BaseException):
    """Carries an error past Hydra, which would print the overrides above it and go on with a sweep."""


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """What a run gave."""

    uri: str
    value: float | None  # what is optimised


def execute(job: str, composed: Any, suffix: str = "") -> Made | None:
    """Rebuild the configuration strictly, open store and engine, run the job; None where nothing was made.

    ``suffix`` ends the name of the result: that of an arm of a sweep.
    """
    from corpusmill.jobs.runtime import heartbeat, kernels
    from corpusmill.jobs.runtime.config import make_store, strict
    from corpusmill.jobs.runtime.stage import Planned
    from corpusmill.jobs.runtime.store import preflight

    loaded = module(job)
    config = strict(loaded.Config, composed)
    _infer_root(config)
    store = make_store(config.store)
    kernels.use_cache()
    writes = job not in LOOKS and not config.plan
    if writes:
        preflight(store)
    try:
        with heartbeat.running(store, job, enabled=writes):
            made = loaded.run(config, store, _engine(config))
    except Planned:
        return None
    if made is None:
        return None
    if config.name:
        from corpusmill.jobs.runtime.manifest import move_name

        move_name(store, config.name + suffix, made)
    value = None
    if config.optimise:
        from corpusmill.jobs.runtime.objective import value_of

        value = value_of(store, made, config.optimise)
    return Made(store.uri(made.path), value)


def _engine(config: Any) -> Any:
    """One engine for all runs of a sweep: starting Ray takes 7 s."""
    from corpusmill.jobs.runtime.config import make_engine

    key = repr(config.engine)
    if key not in _engines:
        close_engines()
        _engines[key] = make_engine(config.engine)
    return _engines[key]


def close_engines() -> None:
    """Release what was started."""
    while _engines:
        _engines.popitem()[1].close()


def _infer_root(config: Any) -> None:
    """A manifest given by URI or path says which store is meant. Raises ConfigError where another is given."""
    from corpusmill.jobs.runtime.config import StoreConfig
    from corpusmill.jobs.runtime.manifest import split_uri

    for name in INPUTS:
        given = functools.reduce(lambda node, key: getattr(node, key, None), name.split("."), config)
        for text in given if isinstance(given, list) else [given]:
            root, _ = (isinstance(text, str) and split_uri(text)) or ("", "")
            if root and config.store.root == StoreConfig.root:
                config.store = dataclasses.replace(config.store, root=root)
            elif root and _absolute(root) != _absolute(config.store.root):
                raise ConfigError(f"{name}={text} is in {root}, but store.root={config.store.root}: inputs and results of a "
                                  "job are in one store")


def _absolute(root: str) -> str:
    return root.rstrip("/") if "://" in root else os.path.realpath(root)
