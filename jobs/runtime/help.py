"""``corpusmill JOB --help``: the settings of a job, with what each group offers."""

import dataclasses
import inspect
from importlib import resources
from typing import Any

from corpusmill.jobs.runtime.main import module

NESTED = {"embedder": "regroup"}  # a group → the group whose options take it, as regroup.embedder=OPTION
CATALOGUE = "source"  # entries of sources, named by corpus.catalogue: no group of options


def groups() -> dict[str, list[str]]:
    """Every config group and its options."""
    root = resources.files("corpusmill.conf")
    return {
        folder.name: sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
        for folder in sorted(root.iterdir(), key=lambda f: f.name)
        if folder.is_dir() and not folder.name.startswith("_") and folder.name != CATALOGUE
    }


def job_help(job: str) -> str:
    """The job's docstring, its settings with defaults and comments, and its groups."""
    loaded = module(job)
    offered = groups()
    lines = [f"corpusmill {job} [key=value …]", "", inspect.cleandoc(loaded.__doc__ or ""), "", "Settings:"]
    lines += [f"  {line}" for line in _settings(loaded.Config, "", offered)]
    own = {f.name for f in dataclasses.fields(loaded.Config)} | ({"recipe"} if job == "build" else set())
    own |= {name for name, above in NESTED.items() if above in own}
    lines += ["", "Groups (GROUP=OPTION):"]
    lines += [f"  {name}: {', '.join(options)}" for name, options in offered.items() if name in own]
    return "\n".join(lines)


def _settings(cls: Any, prefix: str, offered: dict[str, list[str]]) -> list[str]:
    comments = _comments(cls)
    lines = []
    for field in dataclasses.fields(cls):
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if dataclasses.is_dataclass(default):
            lines += _settings(type(default), f"{prefix}{field.name}.", offered)
            continue
        shown = "…" if default is dataclasses.MISSING or default == "???" else default
        comment = comments.get(field.name, "")
        setting = f"{prefix}{field.name}={'null' if shown is None else shown}"
        lines.append(f"{setting:<36}  {comment}".rstrip())
    return lines


def _comments(cls: Any) -> dict[str, str]:
    """The comment behind each field, in this class and those above it."""
    found: dict[str, str] = {}
    for cls_ in reversed(cls.__mro__):
        if not hasattr(cls_, "__dataclass_fields__"):
            continue
        for line in inspect.getsource(cls_).splitlines():
            name, colon, rest = line.strip().partition(":")
            if colon and name.isidentifier() and "#" in rest:
                found[name] = rest.rpartition("#")[2].strip()
    return found
