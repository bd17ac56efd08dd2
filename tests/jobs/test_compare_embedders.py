"""``compare_embedders``: which embedder's clusters explain what a language model finds hard."""

import json
import random

import pytest

FIT = ("train_lm", "model.layers=1", "model.width=16", "model.heads=1", "model.context=16", "training.tokens=20000",
       "training.batch=16", "training.device=cpu", "training.rate=0.02", "quiet=true", "name=lm")
COMPARE = ("compare_embedders", "language_model=@lm", "k=3", "comparison.device=cpu", "comparison.starts=8")
FAST = "{option: fasttext, words: 50000, dimensions: 16}"


@pytest.fixture
def documents(mill, tmp_path, monkeypatch):
    """Of three sources, one of them half digits that nothing foretells; their vectors say nothing of that."""
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    draw = random.Random(3)
    words = [["the", "of", "and", "river", "mill", "grain"], ["sky", "stars", "moon", "dark", "night"],
             ["sum", "total", "rows"]]
    with (tmp_path / "in.jsonl").open("w") as file:
        for i in range(150):
            digits = [f"{draw.randrange(10**8):08}" for _ in range(10 if i % 3 == 2 else 0)]
            text = " ".join(draw.choices(words[i % 3], k=20) + digits)
            vector = [draw.gauss(0, 1) for _ in range(3)]
            file.write(json.dumps({"text": text, "source": "abc"[i % 3], "native_id": str(i),
                                   "metadata": {"embedding": vector}}) + "\n")
    made = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path}/in.jsonl]", "ingest.shard_bytes=5000",
                "ingest.row_group_bytes=2000", "name=docs", "quiet=true")
    mill(*FIT, "documents=@docs")
    return made


def test_clusters_of_what_is_hard_explain_the_losses_and_others_do_not(mill, documents):
    command = (*COMPARE, f"documents={documents}", f"embedders=[column,tfidf,{FAST},language_model]")
    result = mill.run(*command)
    made = mill.manifest(result.uri)
    rows = {row["embedder"]: row for row in made.details["embedders"]}
    assert set(rows) == {"column", "tfidf", "fasttext words=50000 dimensions=16", "language_model"}
    for name, row in rows.items():
        assert (row["documents"], row["held_out"], row["clusters"]) == (75, 75, 3)
        if name != "column":
            assert row["explained"] > 0.5
            assert row["eta_squared"] > 0.5
    assert rows["column"]["explained"] < 0.2
    assert rows["column"]["purity"] < 0.6
    assert made.details["embedders"][-1]["embedder"] == "column"
    assert "fasttext words=50000" in result.err
    assert json.loads(bytes(memoryview(mill.store.read(f"{made.folder}/{made.details['file']}"))))["k"] == 3
    assert mill.run(*command).uri == result.uri


def test_the_table_is_the_same_for_any_order_but_for_times(mill, documents):
    found = []
    for shuffle in (1, 2):
        result = mill.run(*COMPARE, f"documents={documents}", "embedders=[tfidf]",
                          engine=("engine=inline", f"engine.shuffle={shuffle}"))
        made = mill.manifest(result.uri)
        found.append([{n: v for n, v in row.items() if n not in ("mb_per_second", "learn_seconds")}
                      for row in made.details["embedders"]])
        mill.store.delete(made.path)
    assert found[0] == found[1]


@pytest.mark.parametrize(("words", "told"), [
    (("embedders=[tfdf]",), "did you mean 'tfidf'"), (("embedders=[]",), "name some of"),
    (("embedders=[tfidf,tfidf]",), "'tfidf' is named twice"),
    (("embedders=[{option: fasttext, words: 0}]",), "must lie between 1"),
    (("embedders=[{words: 5}]",), "there is"), (("comparison.held_out=1",), "give a share between 0 and 1"),
    (("comparison.sample=3",), "at least 4 documents"), (("language_model=@docs",), "with which nothing was learned"),
])
def test_what_cannot_be_compared_is_told(mill, documents, words, told):
    result = mill.run(*COMPARE, f"documents={documents}", *words)
    assert (result.code, told in result.err) == (2, True), result.err


def test_a_plan_writes_nothing(mill, documents):
    before = [entry.path for entry in mill.store.list()]
    result = mill.run(*COMPARE, f"documents={documents}", "plan=true")
    assert (result.code, "plan of embedders" in result.err) == (0, True), result.err
    assert [entry.path for entry in mill.store.list()] == before
