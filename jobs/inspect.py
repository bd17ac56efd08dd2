"""Show documents that came to an outcome: why they were dropped, or what they were taken to be a duplicate of.

Reads a manifest of decisions or duplicates, or any that was made from them (``manifest=``). ``reason=`` is a rule's reason,
``kept``, or ``exact_duplicate``, ``near_duplicate`` or ``semantic_duplicate`` for pairs side by side. After what a rule dropped
come documents that it kept by a small margin. Prints to standard output and writes nothing.
"""

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.compute as pc
from omegaconf import MISSING
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from corpusmill.jobs.filtering.cutoffs import columns_of, judges_of
from corpusmill.jobs.inspecting import deciding, samples
from corpusmill.jobs.inspecting.matched import Matched, matched
from corpusmill.jobs.inspecting.samples import Place
from corpusmill.jobs.inspecting.words import compare, first_difference
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, nearest
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.inputs import view_of
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.select import Judge, columns_read
from corpusmill.operators.schema import KINDS

WIDTH = 128  # where the output is not a terminal
PAIRS = tuple(f"{kind}_duplicate" for kind in KINDS)
_WHERE = {n: ("documents", n) for n in ("source", "native_id", "url", "text")}


@dataclasses.dataclass
class Config(Common):
    """corpusmill inspect."""

    manifest: str = MISSING  # decisions, duplicates, or what was made from them
    reason: str = MISSING  # a rule's reason, kept, or exact_duplicate, near_duplicate, semantic_duplicate
    n: int = 20  # how many
    seed: int = 0  # decides which
    chars: int = 1000  # of each text
    borderline: bool = True  # show also, as many, documents that were kept near the bound of the reason's rule
    margin: float = deciding.MARGIN  # near is within this part of the bound; of dates, of a year; of 0, within this


def run(config: Config, store: Store, engine: Engine) -> None:
    """Print samples."""
    for name in ("n", "chars"):
        if (value := getattr(config, name)) < 1:
            raise ConfigError(f"{name}={value}: give at least 1")
    if not 0 <= config.margin < math.inf:
        raise ConfigError(f"margin={config.margin}: give 0 or more")
    made = manifests.lineage(store, manifests.resolve(store, config.manifest))
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if config.reason in PAIRS:
        _pairs(config, store, made, console)
    else:
        _verdicts(config, store, made, console)


def _role(made: Mapping[str, Manifest], role: str, config: Config) -> Manifest:
    if role not in made:
        raise ConfigError(f"manifest={config.manifest}: no {role} are in its lineage, so nothing came to {config.reason!r}")
    return made[role]


def _verdicts(config: Config, store: Store, made: Mapping[str, Manifest], console: Console) -> None:
    decisions = _role(made, "decisions", config)
    reasons = ["kept", *decisions.details.get("rules", [])]
    if config.reason not in reasons:
        raise ConfigError(f"reason={config.reason!r}: {nearest(config.reason, [*reasons, *PAIRS])}")
    kept = config.reason == "kept"
    places = samples.draw(
        store, decisions, ["keep", "reason"], lambda t: t["keep"] if kept else pc.equal(t["reason"], config.reason),
        config.n, config.seed, "kept" if kept else f"dropped.{config.reason}")
    judges = judges_of(store, decisions)
    _show(config, store, made, console, judges, places)
    if config.borderline and any(deciding.has_bound(rule) for rule in deciding.of_reason(judges, config.reason)):
        columns = columns_of(judges, "doc_id") | {"keep": ("decisions", "keep")}
        choose = {config.reason: deciding.borderline(judges, config.reason, config.margin)}
        near = samples.beside(store, made, columns, choose, config.n, config.seed)[config.reason]
        console.rule(f"kept, within {config.margin:.0%} of the bound of {config.reason}")
        _show(config, store, made, console, judges, near)
        console.print(f"{len(near)} near the bound")
    console.print(f"{len(places)} of {decisions.counts.get('kept' if kept else f'dropped.{config.reason}', 0):,} documents")


def _show(config: Config, store: Store, made: Mapping[str, Manifest], console: Console, judges: Sequence[Judge],
          places: Sequence[Place]) -> None:
    """A panel for each document: the signals that the rules of the reason read, and what decided; all signals of kept ones."""
    rules = deciding.of_reason(judges, config.reason)
    there = [name for name, _ in made["annotations"].schema if name != "doc_id"]
    read = _beside(columns_read(rules), made["annotations"]) if rules else set(there)
    columns = _WHERE | columns_of(rules, "doc_id") | {name: ("annotations", name) for name in there if name in read}
    found = samples.read(store, made, view_of(made), columns, places)
    types = deciding.types(made["annotations"].schema)
    for place in places:
        values = found[place]
        decided = deciding.decided(values, judges, config.reason, types)
        told = {one.signal for one in decided}
        lines = [f"{name} = {values[name]}" for name in there if name in read and name not in told] + list(map(str, decided))
        console.print(_panel(place, values, Text("\n".join(lines), style="yellow"), Text(_cut(values["text"], config.chars))))


def _beside(read: set[str], annotations: Manifest) -> set[str]:
    """The columns, and the names that stand beside them: which evaluation set, which list."""
    instances = {name.rpartition(".")[0] for name in read}
    return read | {name for name, kind in annotations.schema if kind == "string" and name.rpartition(".")[0] in instances}


def _pairs(config: Config, store: Store, made: Mapping[str, Manifest], console: Console) -> None:
    duplicates = _role(made, "duplicates", config)
    kind = config.reason.removesuffix("_duplicate")
    places = samples.draw(
        store, duplicates, samples.COMPARED, samples.compared(kind), config.n, config.seed, f"dropped.{config.reason}")
    columns = _WHERE | {n: ("duplicates", n) for n in ("matched_doc_id", "similarity", "cluster_size")}
    found = samples.read(store, made, duplicates.view, columns, places)
    others = matched(store, made, [v["matched_doc_id"] for v in found.values()], _WHERE)
    for place in places:
        _pair(console, config, (place, found[place]), others[found[place]["matched_doc_id"]])
    console.print(f"{len(places)} of {duplicates.counts.get(f'dropped.{config.reason}', 0):,} documents")


def _pair(console: Console, config: Config, dropped: tuple[Place, dict[str, Any]], kept: Matched) -> None:
    left, right = Text(), Text()
    texts = dropped[1]["text"], kept.values["text"]
    start = first_difference(*texts, config.chars)
    for span in compare(*(_cut(text, config.chars, start) for text in texts)):
        left.append(span.left, "" if span.equal else "bold red")
        right.append(span.right, "" if span.equal else "bold green")
    facts = Text(f"similarity {dropped[1]['similarity']:.3f}, {dropped[1]['cluster_size']} in its cluster", style="yellow")
    console.rule(f"{dropped[0].doc_id.hex()} was taken for {kept.place.doc_id.hex()}")
    console.print(_panel(*dropped, facts, left))
    told = f"published in {kept.dataset}" if kept.dataset else "kept" if kept.values["source"] else "no longer in this store"
    console.print(_panel(kept.place, kept.values, Text(told, style="yellow"), right))


def _panel(place: Place, values: Mapping[str, Any], facts: Text, text: Text) -> Panel:
    title = Text(f"{place.doc_id.hex()}  {values['source']}  {values['native_id']}")
    return Panel(Text("\n").join([facts, text]) if facts else text, title=title, title_align="left")


def _cut(text: str, chars: int, start: int = 0) -> str:
    visible = "".join(c if c.isprintable() or c in "\n\t" else "·" for c in text[start : start + chars])
    before, rest = (f"{start:,} characters before … " if start else ""), len(text) - start - chars
    return before + visible + (f" … {rest:,} more characters" if rest > 0 else "")


if __name__ == "__main__":
    raise SystemExit(main(["inspect", *sys.argv[1:]]))
