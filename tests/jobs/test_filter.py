from collections import Counter

import pytest
import yaml


@pytest.fixture(scope="module")
def tables(built):
    mill, uri = built
    made = mill.lineage(uri)
    annotations = {r["native_id"]: r for r in mill.rows(made["annotations"])}
    decisions = {r["native_id"]: r for r in mill.rows(made["decisions"])}
    return made, annotations, decisions


def test_decisions_are_what_the_rules_say(tables, conf):
    """The first rule that fails gives the reason."""
    rules = yaml.safe_load((conf / "quality" / "default.yaml").read_text())["rules"]
    _, annotations, decisions = tables
    for name, row in annotations.items():
        reason = next((rule["reason"] for rule in rules if not _passes(rule, row)), None)
        assert (decisions[name]["keep"], decisions[name]["reason"]) == (reason is None, reason), name


def _passes(rule, row):
    left, _, right = rule["signal"].partition(" / ")
    if right and row[right] == 0:
        return True
    value = row[left] / row[right] if right else row[left]
    return rule.get("min", value) <= value <= rule.get("max", value)


def test_what_was_planted_is_dropped(tables, planted):
    _, _, decisions = tables
    assert {name for name, row in decisions.items() if not row["keep"]} == planted.short


def test_counts_add_up_by_reason_and_by_source(tables):
    made, _, decisions = tables
    counts = made["decisions"].counts
    reasons = Counter(row["reason"] or "kept" for row in decisions.values())
    by_source = Counter((row["source"], row["reason"] or "kept") for row in decisions.values())
    assert counts["rows_in"] == len(decisions)
    assert {r: counts[r if r == "kept" else f"dropped.{r}"] for r in reasons} == reasons
    assert {key: counts["source/{}/{}".format(*key)] for key in by_source} == by_source


def test_a_threshold_is_changed_without_annotating_again(built, build_command, tasks_run):
    """Decisions and what follows from them are new; no text is annotated, and no signature computed, again."""
    mill, _ = built
    rules = "[{reason: brief, signal: text.words, min: 40}]"
    made = mill.lineage(mill("build", *build_command, f"quality.rules={rules}"))
    assert tasks_run["Ingest"] == tasks_run["Annotate"] == tasks_run["Sign"] == 0
    assert tasks_run["Select"] == made["decisions"].shards
    annotations = {r["native_id"]: r for r in mill.rows(made["annotations"])}
    assert all(r["keep"] == (annotations[r["native_id"]]["text.words"] >= 40) for r in mill.rows(made["decisions"]))


@pytest.mark.parametrize(("rules", "message"), [
    ("[{reason: x, signal: text.wrods, min: 1}]", "text.words"),
    ("[{reason: x, signal: text.words, mim: 1}]", "min"),
    ("[{reason: x, signal: text.words}]", "x"),
])
def test_a_rule_that_cannot_be_applied_is_an_error(built, rules, message):
    """A misspelt column is never a rule that never fires."""
    mill, uri = built
    result = mill.run("filter", f"annotations={mill.lineage(uri)['annotations'].path}", f"quality.rules={rules}")
    assert result.code == 2
    assert message in result.err


def test_dropping_everything_is_reported_and_not_an_error_of_this_stage(built):
    """Decisions hold a row for every document, so they are not empty; see the stages after it."""
    mill, uri = built
    rules = "[{reason: all, signal: text.bytes, max: 0}]"
    made = mill.manifest(mill("filter", f"annotations={mill.lineage(uri)['annotations'].path}", f"quality.rules={rules}"))
    assert made.counts["kept"] == 0
    assert made.counts["dropped.all"] == made.rows
