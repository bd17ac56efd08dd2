import dataclasses
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise

import pytest

from corpusmill.jobs import mix

UNITS = {"words": lambda t: len(t.split()), "bytes": lambda t: len(t.encode())}


@pytest.fixture(scope="module")
def upstream(built):
    """The built mill, its lineage, and doc_id → (domain, edited text) of the survivors."""
    mill, uri = built
    made = mill.lineage(uri)
    texts = {r["doc_id"]: r["text"] for r in mill.rows(made["annotations"])}
    domains = {r["doc_id"]: r["domain"] for r in mill.rows(made["domains"]) if r["domain"]}
    return mill, made, {d: (domain, texts[d]) for d, domain in domains.items()}


def mixed(upstream, *words):
    """The manifest and rows of a mixture with these settings."""
    mill, made, _ = upstream
    uri = mill("mix", f"proportions={made['proportions'].path}", "mix.unit=words", "mix.shard_bytes=10000", *words)
    return mill.manifest(uri), mill.rows(uri)


def copies(rows):
    return Counter(r["doc_id"] for r in rows)


@pytest.mark.parametrize("unit", ["words", "bytes"])
@pytest.mark.parametrize("budget", [2_500, 9_000, 30_000])
def test_the_plan_is_exact_and_each_domain_ends_within_one_document_below_it(upstream, unit, budget):
    _, made, documents = upstream
    manifest, rows = mixed(upstream, f"mix.budget={budget}", f"mix.unit={unit}")
    planned = {d["domain"]: d["tokens"] for d in manifest.details["plan"]["domains"]}
    available, largest, achieved = Counter(), Counter(), Counter()
    for domain, text in documents.values():
        size = UNITS[unit](text)
        available[domain] += size
        largest[domain] = max(largest[domain], size)
    for row in rows:
        achieved[row["domain"]] += UNITS[unit](row["text"])
    assert sum(planned.values()) == budget
    shares = made["proportions"].details["proportions"]
    assert all(abs(planned[d] - budget * Fraction(shares[d])) < 1 for d in planned), "no domain is near its cap"
    assert all(0 <= planned[d] - achieved[d] <= largest[d] for d in planned)
    assert {d: a["size"] for d, a in manifest.details["achieved"].items()} == {d: achieved[d] for d in planned}
    drawn = copies(rows)
    for doc_id, (domain, _) in documents.items():
        assert drawn[doc_id] - planned[domain] // available[domain] in (0, 1), "floor or ceil of the domain's epochs"


def test_rows_are_the_final_text_with_its_counted_tokens(upstream):
    """Exactly the counted view; dropped documents are nowhere."""
    mill, made, documents = upstream
    sources = {r["doc_id"]: (r["source"], r["native_id"]) for r in mill.rows(made["documents"])}
    _, rows = mixed(upstream, "mix.budget=30_000")
    for row in rows:
        assert (row["domain"], row["text"]) == documents[row["doc_id"]]
        assert (row["source"], row["native_id"]) == sources[row["doc_id"]]
        assert row["tokens"] == len(row["text"].split())


def test_epochs_of_a_document_are_numbered_from_0(upstream):
    _, rows = mixed(upstream, "mix.budget=30_000")
    epochs = defaultdict(list)
    for row in rows:
        epochs[row["doc_id"]].append(row["epoch"])
    assert all(sorted(found) == list(range(len(found))) for found in epochs.values())
    assert max(len(found) for found in epochs.values()) >= 2


def test_a_larger_budget_only_adds_documents(upstream):
    """For fixed proportions a smaller mixture is part of a larger one."""
    sizes = [copies(mixed(upstream, f"mix.budget={budget}")[1]) for budget in (1_000, 3_000, 9_000, 30_000)]
    assert all(not small - large for small, large in pairwise(sizes))


def test_the_seed_decides_draw_and_order(upstream):
    first, rows = mixed(upstream, "mix.budget=3000")
    again, _ = mixed(upstream, "mix.budget=3e3", "mix.seed=0")
    other, others = mixed(upstream, "mix.budget=3000", "mix.seed=1")
    assert first.key == again.key
    assert first.digest != other.digest
    assert copies(rows) != copies(others)
    whole = 2 * sum(n for name, n in upstream[1]["counts"].counts.items() if name.startswith("tokens/"))
    orders = [[(r["doc_id"], r["epoch"]) for r in mixed(upstream, f"mix.budget={whole}", f"mix.seed={s}")[1]] for s in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]), "two epochs of all"
    assert orders[0] != orders[1]


def test_domains_and_epochs_are_mixed_in_every_output_file(upstream):
    manifest, rows = mixed(upstream, "mix.budget=30_000")
    assert manifest.shards > 5
    tenth = len(rows) // 10
    for start in range(0, 9 * tenth, tenth):
        part = rows[start : start + tenth]
        assert {r["domain"] for r in part} >= {"web", "code"}
        assert {r["epoch"] for r in part} >= {0, 1}


def test_the_size_of_files_changes_no_row(upstream):
    _, rows = mixed(upstream, "mix.budget=3000")
    whole, again = mixed(upstream, "mix.budget=3000", "mix.shard_bytes=1GB")
    assert whole.shards == 1
    assert again == rows


def test_a_shortfall_is_said(upstream):
    mill, made, documents = upstream
    available = sum(len(text.split()) for _, text in documents.values())
    result = mill.run("mix", f"proportions={made['proportions'].path}", "mix.unit=words", "mix.budget=1B", "mix.max_epochs=2")
    plan = mill.manifest(result.uri).details["plan"]
    assert (plan["total"], plan["shortfall"]) == (2 * available, 10**9 - 2 * available)
    assert f"{10**9 - 2 * available:,} of the budget of 1,000,000,000 cannot be met" in result.err
    assert copies(mill.rows(result.uri)) == dict.fromkeys(documents, 2)


def test_a_capped_domain_gives_its_rest_to_the_others(upstream):
    mill, made, documents = upstream
    available = Counter()
    for domain, text in documents.values():
        available[domain] += len(text.split())
    uri = mill("weigh", f"counts={made['counts'].path}", "weigh=uniform")
    budget = 3 * available["zh"] + available["code"]
    result = mill.run("mix", f"proportions={uri}", "mix.unit=words", f"mix.budget={budget}", "mix.max_epochs=1")
    plan = {d["domain"]: d for d in mill.manifest(result.uri).details["plan"]["domains"]}
    assert plan["zh"]["tokens"] == available["zh"]
    assert plan["zh"]["capped"]
    assert abs(plan["code"]["tokens"] - plan["web"]["tokens"]) <= 1
    assert sum(d["tokens"] for d in plan.values()) == budget


@pytest.mark.parametrize("unit", ["words", "bytes"])
@pytest.mark.parametrize("look", ["limit=30", "sample=0.5"])
def test_a_first_look_is_planned_on_what_it_sees(upstream, look, unit):
    """Domains that the first shards do not hold are there with nothing."""
    manifest, rows = mixed(upstream, look, "mix.budget=1B", "mix.max_epochs=1", f"mix.unit={unit}")
    _, _, documents = upstream
    assert 0 < len(rows) < len(documents)
    seen = Counter()
    for row in rows:
        seen[row["domain"]] += UNITS[unit](row["text"])
    plan = manifest.details["plan"]
    assert {d["domain"]: d["tokens"] for d in plan["domains"]} == {d: seen[d] for d in ("code", "web", "zh")}
    assert manifest.details["partial"]


def test_a_budget_in_tokens_needs_counts_of_a_tokenizer(upstream):
    mill, made, _ = upstream
    result = mill.run("mix", f"proportions={made['proportions'].path}", "mix.budget=100")
    assert result.code == 2
    assert "counted in words" in result.err


@pytest.mark.parametrize(("setting", "message"), [
    ("mix.budget=0", "mix.budget"),
    ("mix.budget=many", "mix.budget='many' is not a count"),
    ("mix.unit=chars", "words"),
    ("mix.max_epochs=0", "mix.max_epochs"),
    ("mix.shard_bytes=0", "mix.shard_bytes"),
])
def test_a_wrong_setting_is_named(upstream, setting, message):
    mill, made, _ = upstream
    result = mill.run("mix", f"proportions={made['proportions'].path}", "mix.unit=words", setting)
    assert result.code == 2, result.err
    assert message in result.err


def test_a_copy_that_is_lost_on_the_way_stops_the_job(built, monkeypatch):
    """Drawn documents are counted before the exchange, and written ones after it."""
    mill, uri = built
    plain = mix.Shuffle.__call__

    class Losing:
        def read(self, store, partition):
            return self.messages.read(store, partition).slice(1)

    def lose(self, store, task, emit):
        losing = Losing()
        losing.messages, partition = task.payload
        return plain(self, store, dataclasses.replace(task, payload=(losing, partition)), emit)

    monkeypatch.setattr(mix.Shuffle, "__call__", lose)
    made = mill.lineage(uri)
    result = mill.run("mix", f"proportions={made['proportions'].path}", "mix.unit=words", "mix.budget=1500", "mix.seed=77")
    assert result.code == 1
    assert "were drawn, but" in result.err


def test_documents_come_as_often_as_their_cluster_weighs(upstream):
    """An epoch of weighted documents: the plan is exact in it, and a copy is drawn with a priority of its own."""
    mill, made, documents = upstream
    weights = {r["doc_id"]: 3 if r["cluster_size"] > 1 else 1 for r in mill.rows(made["duplicates"]) if r["keep"]}
    assert {weights[d] for d in documents} == {1, 3}
    available, largest = Counter(), Counter()
    for doc_id, (domain, text) in documents.items():
        size = len(text.split())
        available[domain] += weights[doc_id] * size
        largest[domain] = max(largest[domain], size)
    whole = sum(available.values())
    for budget in (whole // 3, 2 * whole):
        manifest, rows = mixed(upstream, f"mix.budget={budget}", "mix.rehydrate=[[2,3]]")
        achieved, drawn = Counter(), copies(rows)
        for row in rows:
            achieved[row["domain"]] += len(row["text"].split())
        for d in manifest.details["plan"]["domains"]:
            assert d["available"] == available[d["domain"]]
            assert 0 <= d["tokens"] - achieved[d["domain"]] <= largest[d["domain"]]
            for doc_id in (i for i, (domain, _) in documents.items() if domain == d["domain"]):
                assert 0 <= drawn[doc_id] - weights[doc_id] * d["whole_epochs"] <= weights[doc_id]
    assert sorted(r["epoch"] for r in rows if r["doc_id"] == rows[0]["doc_id"]) == list(range(drawn[rows[0]["doc_id"]]))


def test_weights_of_one_change_nothing(upstream):
    plain, rows = mixed(upstream, "mix.budget=3000")
    manifest, again = mixed(upstream, "mix.budget=3000", "mix.rehydrate=[[1,1],[5,1]]")
    assert again == rows
    assert manifest.digest == plain.digest


def test_a_table_of_weights_that_makes_no_sense_is_named(upstream):
    mill, made, _ = upstream
    result = mill.run("mix", f"proportions={made['proportions'].path}", "mix.unit=words", "mix.rehydrate=[[1,0]]")
    assert result.code == 2
    assert "mix.rehydrate: [1, 0] is no row of it" in result.err
