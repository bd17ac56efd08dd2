"""The source catalogue: what is known of a source as a whole, one YAML file each, in ``conf/source`` or the user's own."""

import dataclasses
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from corpusmill.operators.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][\w./-]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_URL = re.compile(r"https?://[^\s/]+\S*")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One source.

    ``license`` is an SPDX expression, for rows that name none; null where every document has its own. ``language`` is a tag
    of BCP 47, ``mul`` for many; ``domain`` a word for what the texts are.
    """

    name: str
    url: str
    language: str
    domain: str
    license: str | None = None

    def __post_init__(self) -> None:
        for key, pattern, example in (("name", _NAME, "wikipedia"), ("url", _URL, "https://www.wikipedia.org"),
                                      ("language", _LANGUAGE, "en, pt-BR or mul"), ("domain", _NAME, "encyclopedia")):
            value = getattr(self, key)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise ConfigError(f"{key}={value!r}: give it like {example}")
        if self.license is not None and not (isinstance(self.license, str) and self.license.strip()):
            raise ConfigError(f"license={self.license!r}: give an SPDX expression such as CC-BY-SA-4.0, or null")


def entry(name: str) -> Entry:
    """The entry of this name, or in this YAML file. Raises ConfigError."""
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise ConfigError(f"corpus.catalogue={name}: there is no such file")
        return _parsed(Path(name).read_text(encoding="utf-8"), name)
    found = resources.files("corpusmill.conf").joinpath("source", f"{name}.yaml")
    if name not in names():
        raise ConfigError(f"corpus.catalogue={name!r}: there is {', '.join(names())}; or give a YAML file of your own")
    return _parsed(found.read_text(encoding="utf-8"), f"source/{name}.yaml")


def names() -> list[str]:
    """Every entry that comes with the package."""
    folder = resources.files("corpusmill.conf").joinpath("source")
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def _parsed(text: str, where: str) -> Entry:
    try:
        value: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    fields = {field.name: field for field in dataclasses.fields(Entry)}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: it must be a mapping of {', '.join(fields)}")
    unknown = sorted(str(key) for key in value if key not in fields)
    missing = sorted(name for name, field in fields.items() if name not in value and field.default is dataclasses.MISSING)
    if unknown or missing:
        problem = f"there is no key {unknown[0]!r}" if unknown else f"{missing[0]} is missing"
        raise ConfigError(f"{where}: {problem}; an entry has {', '.join(fields)}")
    try:
        return Entry(**value)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
