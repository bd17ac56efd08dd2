import json
import math

import numpy as np
import pytest

from corpusmill.operators.weight.laws.additive import Additive, AdditiveFit
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Points

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


@pytest.mark.parametrize("weigher", [
    ("weigh=unimax", "weigh.max_epochs=1"), ("weigh=law", "weigh.law=LAW"), ("weigh=utilimax", "weigh.utilities=TABLE"),
])
def test_a_budget_may_be_written_as_a_quantity(three, law, tmp_path, weigher):
    mill, domains = three
    (tmp_path / "u.csv").write_text("domain,task\na,0.9\nb,0.1\nc,0.1\n")
    words = ["weigh", f"domains={domains}", "tokenizer=words",
             *(word.replace("LAW", str(law)).replace("TABLE", str(tmp_path / "u.csv")) for word in weigher)]
    plain = mill(*words, "weigh.budget=120")
    assert [mill(*words, f"weigh.budget={same}") for same in ("1.2e2", "0.12k", "1_20")] == [plain] * 3
    assert mill(*words, "weigh.budget=0.13k") != plain
    if "weigh=law" in weigher:
        assert mill(*words, "weigh.n_params=60M") == mill(*words, "weigh.n_params=60000000")


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


@pytest.fixture
def law(tmp_path):
    """A law.json of domains a, b, c, of which a helps most."""
    fitted = AdditiveFit(np.array([1.0]), np.array([[2.0, 0.5, 0.4]]), np.array([[0.5, 0.5, 0.5]]))
    design = np.array([*np.eye(3), np.full(3, 1 / 3)])
    errors = {"a": {"mre": 0.001, "mae": 0.001, "rmse": 0.001, "pearson": 1.0, "spearman": 1.0}}
    model = LawModel(Additive(), fitted, ("a", "b", "c"), ("a",), design, fitted.predict(Points(design)), errors, None)
    path = tmp_path / "law.json"
    path.write_bytes(model.to_json())
    return path


def test_the_optimum_of_a_law_is_taken_told_and_mixed(three, law):
    """a helps most and is scarce: its cap binds; what was compared stands beside the proportions, and mix can draw them."""
    mill, domains = three
    words = ["weigh", f"domains={domains}", "tokenizer=words", "weigh=law", f"weigh.law={law}", "weigh.budget=100",
             "weigh.max_epochs=2"]
    result = mill.run(*words)
    assert result.code == 0, result.err
    told = mill.manifest(result.uri).details
    assert told["proportions"]["a"] == pytest.approx(0.2)
    assert told["solution"]["binding"][0]["of"] == "a"
    assert set(told["solution"]["strategies"]) == {"optimum", "natural", "uniform", "unimax", "best_run"}
    assert "law additive on 4 runs, 0.10% off on held-out runs, predicts optimum" in result.err
    mixed = mill.manifest(mill("mix", f"proportions={result.uri}", "mix.budget=100", "mix.max_epochs=2", "mix.unit=words"))
    drawn = {name: one["tokens"] for name, one in mixed.details["achieved"].items()}
    assert drawn["a"] == pytest.approx(20, abs=5)
    assert mill.run(*words).err.count("up to date") >= 1


def test_the_key_follows_what_the_law_says_and_not_where_it_is(three, law, tmp_path):
    mill, domains = three
    words = ("weigh", f"domains={domains}", "tokenizer=words", "weigh=law")
    first = mill(*words, f"weigh.law={law}")
    copy = tmp_path / "copy.json"
    copy.write_bytes(law.read_bytes())
    assert mill(*words, f"weigh.law={copy}") == first
    copy.write_bytes(law.read_bytes().replace(b"0.5", b"0.6"))
    assert mill(*words, f"weigh.law={copy}") != first


def test_a_fitted_law_is_found_by_name(three, tmp_path):
    mill, domains = three
    chance = np.random.default_rng(0)
    shares = chance.dirichlet(np.ones(3), 24).round(6)
    rows = [",".join(map(str, [i, *row])) for i, row in enumerate(shares)]
    (tmp_path / "mix.csv").write_text("index,train_a,train_b,train_c\n" + "\n".join(rows))
    losses = [f"{i},{2 + 1 / (0.5 + row[0] ** 0.5 + row[1] ** 0.4)}" for i, row in enumerate(shares)]
    (tmp_path / "loss.csv").write_text("index,valid_a\n" + "\n".join(losses))
    fitted = mill("fit_law", f"runs.mixtures={tmp_path / 'mix.csv'}", f"runs.losses={tmp_path / 'loss.csv'}", "law=additive",
                  "name=mine")
    made = mill.manifest(mill("weigh", f"domains={domains}", "tokenizer=words", "weigh=law", "weigh.law=@mine"))
    assert made.details["read"] == {"law": mill.manifest(fitted).path}
    result = mill.run("weigh", f"domains={domains}", "weigh=law", f"weigh.law={domains}")
    assert (result.code, "is a manifest of domains, not of law" in result.err) == (2, True)


@pytest.mark.parametrize(("words", "message"), [
    (["weigh=law", "weigh.law=gone.json"], "weigh.law=gone.json: there is no such file"),
    (["weigh=law", "weigh.law=LAW", "weigh.shares={a: {min: 0.5}}", "weigh.budget=200", "weigh.max_epochs=2"],
     "no mixture meets weigh.max_epochs=2 of the 10 tokens of 'a' in weigh.budget=200 and weigh.shares.a.min=0.5 together"),
    (["weigh=law", "weigh.law=LAW", "weigh.rename={a: d}"], "names the domain 'd', which is not in the data"),
    (["weigh=law", "weigh.law=LAW", "weigh.targets={a: -1}"], "weights are from 0"),
    (["weigh=alpha", "weigh.embeddings=gone.csv"], "weigh.embeddings=gone.csv: there is no such file"),
    (["weigh=gpt3"], "is not in the data"),
    (["weigh=unimax", "weigh.budget=30X"], "weigh.budget='30X' is not a count"),
    (["weigh=law", "weigh.law=LAW", "weigh.n_params=many"], "weigh.n_params='many' is not a count"),
    (["weigh=unimax", "weigh.budget=0"], "weigh.budget must be a whole number of tokens above 0"),
])  # fmt: skip
def test_a_mistake_is_told_without_a_traceback(three, law, words, message):
    mill, domains = three
    result = mill.run("weigh", f"domains={domains}", "tokenizer=words", *(word.replace("LAW", str(law)) for word in words))
    assert (result.code, message in result.err) == (2, True), result.err


def test_tables_are_read_from_files(three, tmp_path):
    mill, domains = three
    (tmp_path / "u.csv").write_text("domain,task\na,0.9\nb,0.1\nc,0.1\n")
    found = weighed(mill, domains, "weigh=utilimax", f"weigh.utilities={tmp_path / 'u.csv'}", "weigh.risk=0.01",
                    "weigh.budget=50")
    assert found["proportions"]["a"] == pytest.approx(0.8)  # four epochs of ten words
    (tmp_path / "e.csv").write_text("domain,x,y\na,1,0\nb,1,0\nc,0,1\n")
    found = weighed(mill, domains, "weigh=alpha", f"weigh.embeddings={tmp_path / 'e.csv'}")
    assert found["proportions"]["a"] == pytest.approx(found["proportions"]["b"])
    assert found["proportions"]["a"] > found["proportions"]["c"]


def test_a_published_recipe_by_other_names_tells_what_was_withdrawn(three):
    mill, domains = three
    result = mill.run("weigh", f"domains={domains}", "tokenizer=words", "weigh=llama", "weigh.absent=zero",
                      "weigh.rename={CommonCrawl: c, Github: b, Books: a}")
    assert result.code == 0, result.err
    assert "a was withdrawn: it holds Books3" in result.err
    found = mill.manifest(result.uri).details
    assert found["proportions"] == pytest.approx({"a": 0.045 / 0.76, "b": 0.045 / 0.76, "c": 0.67 / 0.76})
    assert "Touvron" in found["published"]["source"]
