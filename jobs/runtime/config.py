"""Configuration: composed by Hydra, rebuilt strictly, so that a misspelt key fails before anything is read."""

import dataclasses
import difflib
import importlib
import inspect
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from corpusmill.jobs.runtime.engine import Engine, InlineEngine, RayEngine
from corpusmill.jobs.runtime.store import Store, StoreOptions, open_store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.errors import ConfigError

Config = TypeVar("Config")
Quantity = Any  # 2000000, 1e9, 1_000_000, 10B, 64MiB: see `quantity`

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12,
          "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
_QUANTITY = re.compile(r"^([0-9][0-9_]*(?:\.[0-9]+)?(?:e[+]?[0-9]+)?)\s*([a-z]*)$")


@dataclasses.dataclass
class StoreConfig:
    """Where datasets live."""

    kind: str = "local"  # local | s3
    root: str = "out"  # a local path, or s3://bucket/prefix
    endpoint: str | None = None  # of an S3-compatible store, http(s)://host:port
    region: str | None = None


@dataclasses.dataclass
class EngineConfig:
    """Where tasks run."""

    kind: str = "ray"  # ray | inline
    workers: int | None = None  # tasks at once; null: the cores of this machine
    address: str = ""  # of a Ray cluster; "" is a session of our own, or RAY_ADDRESS
    attempts: int = 3  # retries of a task whose worker died
    partitions: int | None = None  # of an exchange; null: by size. Never changes a result
    shuffle: int | None = None  # inline: complete tasks in a seeded random order. Never changes a result


@dataclasses.dataclass
class Common:
    """What every job takes."""

    store: StoreConfig = dataclasses.field(default_factory=StoreConfig)
    engine: EngineConfig = dataclasses.field(default_factory=EngineConfig)
    name: str = ""  # point @name to the result
    quiet: bool = False  # no progress
    plan: bool = False  # print bytes, tasks, requests and memory, and run nothing
    limit: Quantity = None  # a first look: about so many documents
    sample: float | None = None  # a first look: this share, 0 to 1
    optimise: str = ""  # what a sweep by Optuna makes small: @LAW, its mean predicted loss, or a number of the details
    allow_empty: bool = False  # an empty result is an error otherwise

    def __post_init__(self) -> None:
        if self.limit is not None:
            self.limit = quantity("limit", self.limit)
        if self.sample is not None and not 0 < self.sample <= 1:
            raise ConfigError(f"sample={self.sample}: give a share above 0 and up to 1")


def quantity(key: str, value: Any) -> int:
    """A whole number from 2000000, 1e9, 1_000_000, 10B (billion) or 64MiB. Raises ConfigError."""
    match = _QUANTITY.match(str(value).strip().lower())
    if isinstance(value, bool) or match is None or match[2] not in _UNITS:
        raise ConfigError(f"{key}={value!r} is not a count: write 2000000, 1e9, 1_000_000, 10B or 64MiB")
    number = float(match[1].replace("_", "")) if re.search(r"[.e]", match[1]) else int(match[1].replace("_", ""))
    total = number * _UNITS[match[2]]
    if total != int(total):
        raise ConfigError(f"{key}={value!r} is not a whole number")
    return int(total)


def choose(key: str, value: str, allowed: Sequence[str]) -> str:
    """The value, where it is one of those allowed. Raises ConfigError."""
    if value not in allowed:
        raise ConfigError(f"{key}={value!r}: {nearest(value, allowed)}")
    return value


def nearest(name: str, allowed: Sequence[str]) -> str:
    """«did you mean …» and what there is."""
    close = difflib.get_close_matches(name, allowed, 1, 0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + f"there is {', '.join(sorted(allowed)) or 'nothing'}"


def strict(cls: type[Config], composed: DictConfig) -> Config:
    """The composed configuration as ``cls``. Raises ConfigError for any key that ``cls`` does not have, or a wrong type."""
    try:
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        built = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), plain))
    except OmegaConfBaseException as error:
        raise explain(error, composed) from error
    assert isinstance(built, cls)
    return built


def explain(error: OmegaConfBaseException, composed: DictConfig | None = None) -> ConfigError:
    """An OmegaConf error in the user's terms: the key, the value and what would be right."""
    key = str(error.full_key or error.key or "")
    if isinstance(error, MissingMandatoryValue):
        return ConfigError(f"{key} must be given: {key}=…")
    message = str(error.msg or error).split("\n")[0]
    kind = error.object_type
    if isinstance(error, ConfigKeyError | AttributeError) or "not in" in message or "not in struct" in message:
        parent, _, last = key.rpartition(".")
        if dataclasses.is_dataclass(kind):
            known = [f.name for f in dataclasses.fields(kind)]
        else:
            node = OmegaConf.select(composed, parent) if composed is not None and parent else error.parent_node
            known = [str(k) for k in node] if isinstance(node, DictConfig) else []
        close = nearest(last, known)
        return ConfigError(f"there is no setting {key!r}: {close}")
    return ConfigError(f"{key}: {message}")


def instantiate(node: Mapping[str, Any], where: str) -> Any:
    """The operator that ``_target_`` names, with its parameters. Raises ConfigError; only corpusmill.operators may be named."""
    target = str(node.get("_target_", ""))
    if not target.startswith("corpusmill.operators."):
        raise ConfigError(f"{where}._target_={target!r}: only operators of corpusmill.operators can be named")
    module, _, name = target.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where}._target_={target!r}: there is no such operator") from error
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise ConfigError(f"{where}._target_={target!r} is not an operator")
    fields = list(inspect.signature(cls).parameters)
    parameters = {k: instantiate(v, f"{where}.{k}") if isinstance(v, Mapping) and "_target_" in v else frozen(v)
                  for k, v in node.items() if k != "_target_"}
    for key in parameters:
        if key not in fields:
            raise ConfigError(f"{where}.{key}: {name} has no such parameter; {nearest(str(key), fields)}")
    try:
        return cls(**parameters)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def frozen(value: Any) -> Any:
    """Lists as tuples, so that operators compare and pickle by value."""
    if isinstance(value, Mapping):
        return {k: frozen(v) for k, v in value.items()}
    return tuple(frozen(v) for v in value) if isinstance(value, list | tuple) else value


def make_store(config: StoreConfig) -> Store:
    """The store that a configuration names."""
    if choose("store.kind", config.kind, ("local", "s3")) == "s3" and not config.root.startswith("s3://"):
        raise ConfigError(f"store.root={config.root!r}: with store=s3 it is s3://bucket/prefix")
    return open_store(config.root, StoreOptions(endpoint=config.endpoint, region=config.region))


def make_engine(config: EngineConfig) -> Engine:
    """The engine that a configuration names."""
    workers = config.workers if config.workers is not None else len(os.sched_getaffinity(0))
    if workers < 1:
        raise ConfigError(f"engine.workers={workers}: give at least 1")
    if choose("engine.kind", config.kind, ("ray", "inline")) == "inline":
        return InlineEngine(config.shuffle)
    return RayEngine(workers, config.address, config.attempts)


def session(config: Common, store: Store, engine: Engine) -> Session:
    """What a job runs with."""
    return Session(store, engine, config.quiet, config.plan, config.engine.partitions)
