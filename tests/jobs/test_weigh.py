import json
import math

import pytest

AVAILABLE = {"a": 10, "b": 40, "c": 150}


@pytest.fixture
def three(mill, tmp_path):
    """A mill with domains of 10, 40 and 150 words in two documents each, and their counts."""
    lines = [{"text": f"{i} " * (tokens // 2), "source": name} for name, tokens in AVAILABLE.items() for i in (1, 2)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]")
    return mill, mill("regroup", f"documents={documents}")


def weighed(mill, domains, *words):
    made = mill.manifest(mill("weigh", f"domains={domains}", "tokenizer=words", *words))
    return made.details


def test_weighers_see_the_counted_tokens(three):
    mill, domains = three
    natural = weighed(mill, domains, "weigh=natural")
    assert natural["available"] == AVAILABLE
    assert natural["proportions"] == pytest.approx({"a": 0.05, "b": 0.2, "c": 0.75})
    assert weighed(mill, domains, "weigh=uniform")["proportions"] == pytest.approx(dict.fromkeys("abc", 1 / 3))
    flat = weighed(mill, domains, "weigh=temperature", "weigh.temperature=2")["proportions"]
    roots = {name: math.sqrt(tokens) for name, tokens in AVAILABLE.items()}
    assert flat == pytest.approx({name: root / sum(roots.values()) for name, root in roots.items()})


def test_unimax_shares_a_budget_evenly_up_to_the_cap(three):
    """Of 120 tokens a and b give at most one epoch, 10 and 40; c takes the rest."""
    mill, domains = three
    found = weighed(mill, domains, "weigh=unimax", "weigh.budget=120", "weigh.max_epochs=1")["proportions"]
    assert found == pytest.approx({"a": 10 / 120, "b": 40 / 120, "c": 70 / 120})


def test_a_recipe_is_taken_as_given_and_must_name_what_there_is(three):
    mill, domains = three
    given = weighed(mill, domains, "weigh=recipe", "weigh.proportions={a: 0.5, b: 0.25, c: 0.25}")
    assert given["proportions"] == {"a": 0.5, "b": 0.25, "c": 0.25}
    result = mill.run("weigh", f"domains={domains}", "tokenizer=words", "weigh=recipe", "weigh.proportions={a: 0.5, d: 0.5}")
    assert result.code == 2
    assert "'d'" in result.err


def test_the_file_beside_the_manifest_says_the_same(three):
    mill, domains = three
    made = mill.manifest(mill("weigh", f"domains={domains}", "tokenizer=words", "weigh=natural"))
    file = json.loads(bytes(mill.store.read(f"{made.folder}/proportions.json")))
    assert file["proportions"] == made.details["proportions"]
    assert math.fsum(file["proportions"].values()) == pytest.approx(1)
    assert [r["domain"] for r in mill.rows(made)] == ["a", "b", "c"]


def test_counts_at_hand_are_not_counted_again(three, tasks_run):
    mill, domains = three
    counts = mill("count", f"domains={domains}", "tokenizer=words")
    before = tasks_run["Tally"]
    mill("weigh", f"counts={counts}")
    mill("weigh", f"domains={domains}", "tokenizer=words", "weigh=uniform")
    assert tasks_run["Tally"] == before == 1
