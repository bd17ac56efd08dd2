"""The cut-offs of selectors: learned over all shards that are filtered, committed as an artifact, then applied shard by shard.

Each pass is tasks with receipts, so that a run that was stopped goes on where it was. Nightly runs pin what was learned:
``quality.cutoffs`` names an artifact, and nothing is learned.
"""

import dataclasses
import re
from collections.abc import Sequence

import pyarrow as pa

from corpusmill.jobs.runtime import aligned, artifacts, shards, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task, run_tasks
from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality import cutoffs
from corpusmill.operators.quality.cutoffs import TALLY, Applied, Search, first_pass, total
from corpusmill.operators.quality.select import Entry, Judge, Ranked, columns_read, meant, restore, select
from corpusmill.operators.schema import DOCUMENTS

VERSION = "1"
MERGED = 64  # so many tallies are in memory before they are summed


def selectors(rules: Sequence[Entry]) -> list[Ranked]:
    """The rules that need cut-offs, in order."""
    return [rule for rule in rules if isinstance(rule, Ranked)]


def applied(rules: Sequence[Entry], learned: Sequence[Applied]) -> tuple[Judge, ...]:
    """The rules, as many as the cut-offs suffice for, with each selector's cut-offs in its place."""
    known = iter(learned)
    found: list[Judge] = []
    for rule in rules:
        if not isinstance(rule, Ranked):
            found.append(rule)
        elif (one := next(known, None)) is not None:
            found.append(one)
        else:
            break
    return tuple(found)


def pinned(store: Store, rules: Sequence[Entry], named: str) -> str:
    """The digest of the cut-offs that a digest, a manifest (of cutoffs, or made by decisions with some) or @NAME names.

    Raises ConfigError where it names none, no rule needs any, or they were learned for other selectors.
    """
    if not selectors(rules):
        raise ConfigError(f"quality.cutoffs={named}: no rule needs any")
    digest = _named(store, named)
    try:
        cutoffs.loads(artifacts.fetch(store, digest).read_bytes(), selectors(rules))
    except ConfigError as error:
        raise ConfigError(f"quality.cutoffs={named}: {error}") from error
    return digest


def cutoffs_of(here: Session, rules: Sequence[Entry], made: stage.Stage) -> str:
    """The digest of the cut-offs that are learned from these rows, or were before; a dataset of its own, ``cutoffs``.

    ``made`` says what is filtered.
    """
    last = max(i for i, rule in enumerate(rules) if isinstance(rule, Ranked))
    parameters = dict(made.parameters) | {"rules": [describe(rule)["parameters"] for rule in rules[: last + 1]],
                                          "version": VERSION}
    made = dataclasses.replace(made, name="cutoffs", schema=stage.NO_ROWS, parameters=parameters)
    done = manifests.find(here.store, made.name, made.key)
    if done is not None:
        note(f"{made.name}: up to date", here.quiet)
        return str(done.details["artifact"])
    learned: list[Applied] = []
    for ranked in selectors(rules):
        before = applied(rules, learned)
        learned.append(_learn(here, made, before, ranked))
    data = cutoffs.dumps(learned)
    details = {"artifact": artifacts.put(here.store, data)}
    return str(stage.commit_file(here, made, "cutoffs.json", data, details).details["artifact"])


def read(store: Store, digest: str, rules: Sequence[Entry]) -> tuple[Judge, ...]:
    """The rules with the cut-offs of an artifact."""
    return applied(rules, cutoffs.loads(artifacts.fetch(store, digest).read_bytes(), selectors(rules)))


def _named(store: Store, text: str) -> str:
    if text.startswith("@") or manifests.split_uri(text) is not None:
        given = manifests.resolve(store, text)
        if given.stage == "cutoffs":
            return str(given.details["artifact"])
        found = manifests.lineage(store, given).get("decisions")
        if found is None or not found.parameters.get("cutoffs"):
            raise ConfigError(f"quality.cutoffs={text}: no decisions by selectors are in its lineage")
        return str(found.parameters["cutoffs"])
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise ConfigError(f"quality.cutoffs={text}: give a digest, a manifest or @NAME")
    if not store.exists(artifacts.path(text)):
        raise ConfigError(f"quality.cutoffs={text}: there is no {store.uri(artifacts.path(text))}")
    return text


def _learn(here: Session, made: stage.Stage, before: tuple[Judge, ...], ranked: Ranked) -> Applied:
    """The cut-offs of one selector among the rows that the rules before it leave."""
    annotations = made.inputs["annotations"]
    search = first_pass(annotations.rows, cutoffs.GATHER)
    while not search.done:
        # What earlier passes found is part of the key: a pass over other digits is another pass.
        facts = {"before": [describe(rule)["parameters"] for rule in before], "selector": describe(ranked)["parameters"],
                 "search": _described(search)}
        one = dataclasses.replace(made, parameters=dict(made.parameters) | facts)
        tasks = aligned.tasks(here.store, one, text=False)
        if here.plan:
            stage.print_plan(here, one, tasks)
        look, title = Look(before, ranked, search), f"{made.name}: {ranked.reason}"
        tallies: list[pa.Table] = []
        for done in run_tasks(here, made.name, tasks, annotations.shards, look, title):
            tallies.append(shards.table(here.store, done.receipt.outputs[0].main, TALLY.names))
            if len(tallies) >= MERGED:
                tallies = [total(tallies)]
        search = search.narrow(ranked, total(tallies), gather=cutoffs.GATHER)
    return Applied(ranked, tuple(sorted(search.cuts, key=lambda cut: (cut.group is not None, cut.group or ""))))


def _described(search: Search) -> dict[str, object]:
    """What makes a pass: as plain values that a key can hold."""
    groups = None if search.groups is None else [[one.group, f"{one.prefix:x}"] for one in search.groups]
    return {"digits": search.digits, "gather": search.gather, "groups": groups}


def columns_of(rules: Sequence[Judge | Entry], *others: str) -> dict[str, tuple[str, str]]:
    """Where the columns are that rules read."""
    own = set(DOCUMENTS.names)
    return {name: ("documents" if name in own else "annotations", name) for name in sorted({*columns_read(rules), *others})}


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What one shard tells of a selector's cut-offs."""

    before: tuple[Judge, ...]
    ranked: Ranked
    search: Search

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """The tally of the rows that reach the selector."""
        rows = aligned.read(store, task.payload, columns_of([*self.before, self.ranked], "doc_id"))
        reached = rows.filter(select(rows, self.before).batch.column("keep"))
        reached = reached.filter(pa.array(meant(reached, self.ranked)))
        emit(encode(self.search.partial(self.ranked, reached).to_batches(), TALLY))
        return Facts({"rows_in": rows.num_rows, "kept": rows.num_rows})


def rules_of(decisions: Manifest) -> tuple[Entry, ...]:
    """The rules that a manifest of decisions was made with, in order."""
    return tuple(restore(rule) for rule in decisions.parameters.get("rules", ()))


def judges_of(store: Store, decisions: Manifest) -> tuple[Judge, ...]:
    """The same with the cut-offs that were applied."""
    digest = decisions.parameters.get("cutoffs")
    rules = rules_of(decisions)
    return read(store, str(digest), rules) if digest else applied(rules, ())
