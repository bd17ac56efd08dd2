import json

import pytest

from corpusmill.jobs.reporting.facts import FORMAT, collect


def test_the_json_is_deterministic_and_names_its_format(lineage, small):
    told = small()
    first, second = (collect(lineage.store, told).to_json() for _ in range(2))
    assert first == second
    assert json.loads(first)["format"] == FORMAT


def test_a_dataset_with_two_roles_is_listed_once_in_the_order_of_the_data(lineage, small):
    """A mixture's sizes are its counts where both are in tokens."""
    roles = [d.role for d in collect(lineage.store, small()).datasets]
    assert roles == ["documents", "decisions", "duplicates", "domains", "counts", "proportions", "mixture"]


def test_unread_parts_and_rules_that_could_not_judge_are_told(lineage, small):
    facts = collect(lineage.store, small(documents={"unread.bad_file": 2, "unread.bad_json": 0}))
    assert facts.unread == {"bad_file": 2}
    assert facts.not_applicable == {"too_short": 2}


def test_the_plan_says_what_could_not_be_met(lineage, small):
    plan = collect(lineage.store, small()).plan
    assert (plan["budget"], plan["total"], plan["shortfall"]) == (1000, 900, 100)
    assert "100 of the budget of 1,000" in plan["notice"]


def test_quarantine_is_among_the_datasets(lineage):
    bad = lineage.put("quarantine", rows=7)
    documents = lineage.put("documents", {"rows_in": 1, "kept": 1}, details={"quarantine": bad.path})
    facts = collect(lineage.store, documents)
    assert facts.quarantine == bad.path
    assert facts.dataset("quarantine").rows == 7


@pytest.mark.parametrize("stage", ["documents", "annotations", "decisions", "signatures", "duplicates", "domains", "counts",
                                   "proportions", "mixture"])
def test_any_stage_of_a_build_can_be_told(built, stage):
    mill, uri = built
    told = mill.lineage(uri)[stage]
    facts = collect(mill.store, told)
    assert facts.stage == stage
    assert facts.dataset(stage).digest == told.digest
    assert bool(facts.plan) == (stage == "mixture")
