"""Build a mixture: ingest, annotate, filter, dedup, trim (where asked for), regroup, count, weigh, mix, report in one session.

What is committed already is not computed again, so a build resumes where it was stopped, a nightly build computes what is
new, and builds that share their upstream share its datasets.
"""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from omegaconf import MISSING
from rich.console import Console
from rich.table import Table

from corpusmill.jobs import annotate, count, dedup, ingest, mix, regroup, report, trim, weigh
from corpusmill.jobs import filter as decide
from corpusmill.jobs.annotate import QualityConfig
from corpusmill.jobs.dedup import DedupConfig
from corpusmill.jobs.filtering.cutoffs import pinned
from corpusmill.jobs.filtering.retention import losses
from corpusmill.jobs.ingest import CorpusConfig, IngestConfig
from corpusmill.jobs.mix import MixConfig
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, instantiate
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store, StoreOptions
from corpusmill.jobs.trim import TrimConfig
from corpusmill.operators.dedup import rank
from corpusmill.operators.quality import select
from corpusmill.operators.schema import DOCUMENTS


@dataclasses.dataclass
class Config(Common):
    """corpusmill build."""

    corpus: CorpusConfig = MISSING
    ingest: IngestConfig = dataclasses.field(default_factory=IngestConfig)
    on_bad: str | None = None  # fail | quarantine, over corpus.on_bad
    quality: QualityConfig = dataclasses.field(default_factory=QualityConfig)
    dedup: DedupConfig = dataclasses.field(default_factory=DedupConfig)
    trim: TrimConfig = dataclasses.field(default_factory=TrimConfig)
    regroup: dict[str, Any] = MISSING  # the labeller, by _target_
    tokenizer: dict[str, Any] = MISSING  # the counter, by _target_
    weigh: dict[str, Any] = MISSING  # the weigher, by _target_
    mix: MixConfig = dataclasses.field(default_factory=MixConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The mixture."""
    check(config, store)
    common = {f.name: getattr(config, f.name) for f in dataclasses.fields(Common)} | {"name": ""}
    # The first look happens once, at the door; after it every stage sees all that came in.
    later = common | {"limit": None, "sample": None}
    documents = ingest.run(ingest.Config(**common, corpus=config.corpus, ingest=config.ingest, on_bad=config.on_bad),
                           store, engine)
    annotations = annotate.run(annotate.Config(**later, documents=documents.path, quality=config.quality), store, engine)
    decisions = decide.run(decide.Config(**later, annotations=annotations.path, quality=config.quality), store, engine)
    duplicates = dedup.run(dedup.Config(**later, decisions=decisions.path, dedup=config.dedup), store, engine)
    trims = None
    if config.trim.method:
        trims = trim.run(trim.Config(**later, decisions=decisions.path, duplicates=duplicates.path, trim=config.trim),
                         store, engine).path
    domains = regroup.run(regroup.Config(**later, decisions=decisions.path, duplicates=duplicates.path, trims=trims,
                                         regroup=config.regroup), store, engine)
    counts = count.run(count.Config(**later, domains=domains.path, tokenizer=config.tokenizer), store, engine)
    sizes = mix.measured(config, config.mix.unit, {"counts": counts, "domains": domains}, store, engine)
    proportions = weigh.run(weigh.Config(**later, counts=counts.path, tokenizer=config.tokenizer,
                                         weigh=_budgeted(config, counts, sizes)), store, engine)
    mixture = mix.run(mix.Config(**later, proportions=proportions.path, mix=config.mix), store, engine)
    told = report.run(report.Config(**later, manifest=mixture.path), store, engine)
    if not config.quiet:
        _show(store, mixture)
        note(f"mixture  {store.uri(mixture.folder)}\nreport   {store.uri(told.folder)}/report.html")
    return mixture


def check(config: Config, store: Store) -> None:
    """Make every operator before anything is read: a mistake in the last stage must not cost the first. Raises ConfigError."""
    signals = annotate.operators(config.quality).signals
    rules = select.parse_rules(config.quality.rules)
    select.check(rules, pa.schema([*DOCUMENTS, *signals]))
    if config.quality.cutoffs:
        pinned(store, rules, config.quality.cutoffs)
    dedup.check(config.dedup, config.name, store)
    rank.parse(config.dedup.rank, config.dedup.source_priority).check({field.name: str(field.type) for field in signals})
    if config.trim.method:
        trim.method_of(config.trim)
    instantiate(config.regroup, "regroup")
    weigh.sources(weigh.made_of(config.weigh), store, StoreOptions(config.store.endpoint, config.store.region))
    mix.check_unit(instantiate(config.tokenizer, "tokenizer").unit, config.mix.unit)


def _budgeted(config: Config, counts: Manifest, sizes: Manifest) -> dict[str, Any]:
    """The weigher; where it takes a budget, with that of the mixture, in the tokens that domains are weighed by."""
    weigher = dict(config.weigh)
    if "budget" in weigher and weigher["budget"] is None:
        tokens, units = (sum(t.tokens for t in count.totals(m).values()) for m in (counts, sizes))
        weigher["budget"] = max(1, config.mix.budget * tokens // max(1, units))
    return weigher


def _show(store: Store, mixture: Manifest) -> None:
    """The short tables at the end."""
    made = manifests.lineage(store, mixture)
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    console.print(_stages(made))
    console.print(_domains(mixture))
    for loss in losses(made["decisions"].counts):
        note(f"warning: {loss}")


def _stages(made: Mapping[str, Manifest]) -> Table:
    """Documents and tokens after each stage; before the count, tokens are bytes at the survivors' rate."""
    kept, totals = made["domains"].counts, count.totals(made["counts"]).values()
    tokens, size = sum(t.tokens for t in totals), sum(t.bytes for t in totals)
    left = {name: kept.get(f"bytes/{name}", 0) for name in ("kept", "trimmed", "duplicate", "filtered")}
    table = Table(title="after each stage")
    for column in ("stage", "documents", "tokens"):
        table.add_column(column, justify="left" if column == "stage" else "right")

    def estimate(nbytes: int) -> str:
        return f"≈ {nbytes * tokens // size:,}" if size and left["kept"] else ""

    survivors, last = left["kept"] + left["trimmed"], f"{tokens:,}"
    table.add_row("ingest", f"{made['documents'].rows:,}", estimate(sum(left.values())))
    table.add_row("filter", f"{made['decisions'].counts['kept']:,}", estimate(survivors + left["duplicate"]))
    table.add_row("dedup", f"{made['duplicates'].counts['kept']:,}", estimate(survivors) if "trims" in made else last)
    if "trims" in made:
        table.add_row("trim", f"{made['trims'].counts['kept']:,}", last)
    drawn = made["mixture"].details["achieved"].values()
    table.add_row("mix", f"{made['mixture'].rows:,}", f"{sum(d['tokens'] for d in drawn):,}")
    return table


def _domains(mixture: Manifest) -> Table:
    """Share and epochs of each domain, planned against achieved."""
    unit = mixture.details["unit"]
    table = Table(title=f"domains, in {unit}")
    for column in ("domain", "available", "planned", "achieved", "share", "epochs"):
        table.add_column(column, justify="left" if column == "domain" else "right", no_wrap=True)
    achieved, planned = mixture.details["achieved"], mixture.details["plan"]
    for d in planned["domains"]:
        size = achieved[d["domain"]]["size"]
        available = max(1, d["available"])
        table.add_row(d["domain"], f"{d['available']:,}", f"{d['tokens']:,}", f"{size:,}",
                      f"{d['tokens'] / planned['total']:.2%} → {size / planned['total']:.2%}",
                      f"{d['tokens'] / available:.2f} → {size / available:.2f}")
    return table


if __name__ == "__main__":
    raise SystemExit(main(["build", *sys.argv[1:]]))
