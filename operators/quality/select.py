"""Which documents are kept, and why the others are not: rules and selectors over signals.

They are tried in order and the first that fails gives the reason. Thresholds can therefore change without the text being read
again.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.cutoffs import Applied
from corpusmill.operators.quality.parsing import Entry, parse_rules, restore
from corpusmill.operators.quality.rules import Rule
from corpusmill.operators.quality.selectors import Pareto, Ranked
from corpusmill.operators.quality.values import ByGroup, Condition, Flags, Floats
from corpusmill.operators.schema import DECISIONS, require

__all__ = ["Applied", "ByGroup", "Condition", "Entry", "Judge", "Pareto", "Ranked", "Rule", "check", "columns_read", "fails",
           "parse_rules", "restore", "select", "values"]


class Judge(Protocol):
    """What decides on rows one by one: a Rule, a Pareto, or a Ranked selector with its cuts, Applied."""

    @property
    def reason(self) -> str:
        """The reason that it gives."""

    @property
    def when(self) -> Condition | None:
        """The rows that it is meant for."""

    @property
    def columns(self) -> set[str]:
        """Every column that it names."""

    def check(self, schema: pa.Schema, where: str) -> None:
        """Raise ConfigError unless it can judge rows of a schema."""

    def judge(self, batch: pa.RecordBatch) -> tuple[Flags, Flags]:
        """Which rows fail, and for which it is applicable."""

    def values(self, batch: pa.RecordBatch) -> Floats | None:
        """What it bounds; None where it bounds nothing."""


def select(batch: pa.RecordBatch, rules: Sequence[Judge]) -> Outcome:
    """The DECISIONS of a batch that holds ``doc_id`` and the columns that the rules read.

    Counts ``rows_in``, ``kept``, ``dropped.{reason}`` for every rule and ``not_applicable.{reason}`` where there are
    any, of the rows that no earlier rule dropped. Raises ConfigError for a missing column.
    """
    require(batch, [DECISIONS.field("doc_id")], "the batch to decide on")
    check(rules, batch.schema)
    decided = np.full(batch.num_rows, -1, np.int32)
    counts = {"rows_in": batch.num_rows, "kept": 0} | {f"dropped.{rule.reason}": 0 for rule in rules}
    for index, rule in enumerate(rules):
        reached = (decided < 0) & meant(batch, rule)
        failing, known = rule.judge(batch)
        decided[reached & failing] = index
        counts[f"dropped.{rule.reason}"] += int((reached & failing).sum())
        if unknown := int((reached & ~known).sum()):
            key = f"not_applicable.{rule.reason}"
            counts[key] = counts.get(key, 0) + unknown
    keep = decided < 0
    counts["kept"] = int(keep.sum())
    reasons = pa.array([rule.reason for rule in rules], pa.string()).take(pa.array(decided, mask=keep))
    return Outcome(pa.record_batch([batch.column("doc_id"), pa.array(keep), reasons], schema=DECISIONS), counts)


def meant(batch: pa.RecordBatch, rule: Judge | Ranked) -> Flags:
    """For which rows a rule is meant."""
    return np.ones(batch.num_rows, np.bool_) if rule.when is None else rule.when.holds(batch.column(rule.when.column))


def fails(batch: pa.RecordBatch, rule: Judge) -> Flags:
    """Which rows a rule alone would drop, those that an earlier one drops included."""
    return rule.judge(batch)[0] & meant(batch, rule)


def values(batch: pa.RecordBatch, rule: Judge) -> Floats:
    """The value that the rule bounds, for each row; NaN where it is not applicable or the rule is not meant for the row.

    Rows that an earlier rule drops have theirs too. Raises ConfigError for a rule that bounds nothing.
    """
    found = rule.values(batch)
    if found is None:
        raise ConfigError(f"rule {rule.reason!r} has no bounds: it lists values")
    return found if rule.when is None else np.where(meant(batch, rule), found, np.nan)


def columns_read(rules: Iterable[Judge | Entry]) -> set[str]:
    """Every column that the rules name, those of their conditions included."""
    return {column for rule in rules for column in rule.columns}


def check(rules: Iterable[Judge | Entry], schema: pa.Schema) -> None:
    """Raise ConfigError unless ``schema`` has every column that the rules name, with a type that they can judge."""
    for index, rule in enumerate(rules):
        rule.check(schema, f"rules[{index}] ({rule.reason})")
