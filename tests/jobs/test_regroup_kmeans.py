"""``regroup=kmeans``: what is learned is an artifact, and every document is then on its own."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from topics import KMEANS, TOPICS, Commands, ingest, write_topics

from corpusmill.jobs.regrouping.survivors import read_crossed
from corpusmill.jobs.runtime import artifacts
from corpusmill.operators.domain.model import Model


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kmeans")
    write_topics(folder / "in.jsonl")
    mill = Commands(folder / "store")
    return mill, ingest(mill, folder / "in.jsonl")


@pytest.fixture(scope="module")
def domains(documents):
    mill, made = documents
    duplicates = mill("dedup", f"documents={made.path}")
    return mill, mill("regroup", f"duplicates={duplicates.path}", *KMEANS, "name=first")


def test_survivors_are_in_the_domain_of_their_topic_and_others_in_none(documents, domains, tmp_path):
    mill, made = domains
    source = {r["doc_id"]: r["source"] for r in mill.rows(documents[1], tmp_path)}
    rows = [(r["domain"], source[r["doc_id"]]) for r in mill.rows(made, tmp_path)]
    assert sum(domain is None for domain, _ in rows) == len(TOPICS)
    table = Counter(row for row in rows if row[0] is not None)
    assert ("none", "blank") in table
    assert len({domain for domain, _ in table}) == 4
    assert sum(n for (domain, topic), n in table.items() if topic in domain) >= 0.95 * 90


def test_the_manifest_names_the_model_and_tells_of_the_domains(domains):
    mill, made = domains
    model = Model.from_bytes(artifacts.fetch(mill.store, made.details["artifact"]).read_bytes())
    assert made.details["cards"] == model.cards
    assert model.facts["documents"] == 91
    assert made.counts["dropped.duplicate"] == 3
    assert sum(made.counts[f"domain/{name}/documents"] for name in [*model.names, "none"]) == made.counts["kept"] == 91
    assert sum(made.counts[f"domain/{name}/words"] for name in model.names) == 90 * 30
    assert made.counts["bytes/kept"] == sum(made.counts[f"domain/{name}/bytes"] for name in [*model.names, "none"])


def test_order_of_completion_changes_nothing(documents, domains, tmp_path):
    mill, made = domains
    for shuffle in (1, 2):
        other = Commands(tmp_path / f"other{shuffle}")
        copied = ingest(other, mill.root.parent / "in.jsonl")
        duplicates = other("dedup", f"documents={copied.path}")
        again = other("regroup", f"duplicates={duplicates.path}", *KMEANS,
                      engine=("engine=inline", f"engine.shuffle={shuffle}"))
        assert (again.details["artifact"], again.digest, again.key) == (made.details["artifact"], made.digest, made.key)


def test_a_second_run_learns_nothing(domains):
    mill, made = domains
    before = mill.stages()
    _, _, err = mill.run("regroup", f"duplicates={made.inputs['duplicates'].path}", *KMEANS)
    assert mill.stages() == before
    assert "domain_model: up to date" in err


@pytest.mark.parametrize("how", ["digest", "name", "file"])
def test_a_pinned_model_is_applied_to_new_documents_without_learning(domains, how, tmp_path):
    mill, made = domains
    digest = made.details["artifact"]
    pin = {"digest": digest, "name": "@first", "file": tmp_path / "model.bin"}[how]
    if how == "file":
        pin.write_bytes(bytes(memoryview(mill.store.read(artifacts.path(digest)))))
    write_topics(tmp_path / "new.jsonl", seed=len(how))
    fresh = ingest(mill, tmp_path / "new.jsonl")
    before = mill.stages()["domain_model"]
    again = mill("regroup", f"documents={fresh.path}", "regroup=kmeans", f"regroup.artifact={pin}")
    assert mill.stages()["domain_model"] == before
    assert again.details["artifact"] == digest
    source = {r["doc_id"]: r["source"] for r in mill.rows(fresh, tmp_path)}
    agreed = sum(source[r["doc_id"]] in r["domain"] for r in mill.rows(again, tmp_path))
    assert agreed >= 0.95 * 93


def test_names_stay_when_a_refit_names_the_previous_model(domains, tmp_path):
    mill, made = domains
    write_topics(tmp_path / "more.jsonl", each=45, seed=7)
    more = ingest(mill, tmp_path / "more.jsonl")
    command = ("regroup", f"documents={more.path}", *KMEANS, "regroup.seed=4")
    kept = mill(*command, "regroup.previous=@first")
    names = {card["domain"]: card["sources"][0]["source"] for card in made.details["cards"]}
    assert {card["domain"]: card["sources"][0]["source"] for card in kept.details["cards"]} == names
    assert kept.details["artifact"] != made.details["artifact"]


@pytest.mark.parametrize(("setting", "planned"), [("regroup.seed=77", "domain_model"), ("regroup.artifact={}", "domains")])
def test_a_plan_runs_and_writes_nothing(documents, tmp_path, setting, planned):
    mill, made = documents
    (tmp_path / "model").write_text("whatever a later run will read")
    before = [entry.path for entry in mill.store.list()]
    code, _, err = mill.run("regroup", f"documents={made.path}", *KMEANS, setting.format(tmp_path / "model"), "plan=true")
    assert code == 0, err
    assert f"plan of {planned}" in err
    assert [entry.path for entry in mill.store.list()] == before


@pytest.mark.parametrize(("setting", "told"), [
    ("regroup.artifact=" + "0" * 32, "there is no"), ("regroup.artifact=/nowhere/model", "there is no such file"),
    ("regroup.previous=@nobody", "no manifest is named"), ("regroup.k=0", "give a whole number from 1 to"),
    ("regroup.kk=3", "no such parameter"),
])
def test_a_wrong_setting_is_told(documents, setting, told):
    mill, made = documents
    setting = "+" + setting if "kk" in setting else setting
    code, _, err = mill.run("regroup", f"documents={made.path}", *KMEANS, setting)
    assert (code, told in err) == (2, True), err


def test_another_artifact_than_a_model_is_told(documents, tmp_path):
    mill, made = documents
    (tmp_path / "vocabulary").write_text("no model")
    code, _, err = mill.run("regroup", f"documents={made.path}", *KMEANS, f"regroup.artifact={tmp_path / 'vocabulary'}")
    assert code == 1
    assert "not a model of domains" in err


def test_domains_by_source_are_no_model(documents):
    mill, made = documents
    mill("regroup", f"documents={made.path}", "name=by_source")
    code, _, err = mill.run("regroup", f"documents={made.path}", *KMEANS, "regroup.artifact=@by_source")
    assert code == 2
    assert "were not made by regroup=kmeans" in err


def test_a_number_of_several_is_chosen_and_its_measures_are_told(documents):
    mill, made = documents
    found = mill("regroup", f"documents={made.path}", *KMEANS, "regroup.k=[2,3,6]", "regroup.min_words=20")
    measures = {one["k"]: one for one in found.details["choice"]}
    assert [k for k, one in measures.items() if one["chosen"]] == [3]
    assert measures[3]["stability"] > 0.9
    assert len(found.details["cards"]) == 3
    auto = mill("regroup", f"documents={made.path}", *KMEANS, "regroup.k=auto", "regroup.grid=[2,3,6]", "regroup.min_words=20")
    assert [card["domain"] for card in auto.details["cards"]] == [card["domain"] for card in found.details["cards"]]
    (cards,) = {entry.path for entry in mill.store.list() if entry.path.endswith(f"/cards-{found.details['artifact']}.json")}
    assert json.loads(bytes(memoryview(mill.store.read(cards))))["choice"] == found.details["choice"]


def test_a_number_with_too_few_words_in_a_domain_is_refused(documents):
    mill, made = documents
    code, _, err = mill.run("regroup", f"documents={made.path}", *KMEANS, "regroup.k=[2,3]", "regroup.min_words=99999")
    assert code == 1
    assert "regroup.min_words=99,999: the smallest domain has fewer words at every k (2: " in err


def test_held_out_documents_neither_move_nor_add_a_centroid(domains, tmp_path):
    """They are of a topic that the model never saw, and go to the nearest of its domains all the same."""
    mill, made = domains
    topic = [{"text": " ".join(f"fish{(i * j) % 13}" for j in range(9)) + " common1 common2", "source": "fish",
              "native_id": f"fish-{i}"} for i in range(40)]
    (tmp_path / "held.jsonl").write_text("".join(json.dumps(one) + "\n" for one in topic))
    held = ingest(mill, tmp_path / "held.jsonl")
    found = mill("regroup", f"documents={held.path}", "regroup=kmeans", f"regroup.artifact={made.details['artifact']}")
    assert found.details["artifact"] == made.details["artifact"]
    model = Model.from_bytes(artifacts.fetch(mill.store, made.details["artifact"]).read_bytes())
    rows = mill.rows(held, tmp_path)
    points = model.embed(pa.RecordBatch.from_pylist([{"text": row["text"]} for row in rows]))
    near = ((points[:, None].astype(float) - model.centroids) ** 2).sum(2).argmin(1)
    assert [row["domain"] for row in mill.rows(found, tmp_path)] == [model.names[code] for code in near]


def test_documents_are_told_by_source_and_domain(documents, domains, tmp_path):
    mill, made = domains
    source = {r["doc_id"]: r["source"] for r in mill.rows(documents[1], tmp_path)}
    there = Counter((source[r["doc_id"]], r["domain"]) for r in mill.rows(made, tmp_path) if r["domain"] is not None)
    assert read_crossed(made.counts) == there
