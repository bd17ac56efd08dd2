"""The annotate job on the inline engine: an index of evaluation sets, and what all documents must be seen for."""

import json
import shutil

import pytest

from corpusmill.jobs.runtime import manifest as manifests

ITEM = "Weng earns twelve dollars an hour for babysitting and yesterday she just did fifty minutes of it so how much"
PHRASE = "this work is provided without any warranty of any kind and may be copied by everyone who likes it"
OTHER = "tina makes eighteen dollars an hour and is paid more when she works for more than eight hours of a day"
FILLER = " ".join(f"filler{i}" for i in range(60))


@pytest.fixture
def corpus(mill, tmp_path, monkeypatch):
    """Twelve documents with a phrase that an evaluation set also has, of which one holds an item too; and the sets."""
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    texts = [f"{FILLER} {PHRASE} {i} {FILLER}" for i in range(11)] + [f"{FILLER} {PHRASE} x {ITEM.upper()} y {FILLER}", FILLER]
    (tmp_path / "evals").mkdir()
    lines = [json.dumps({"text": text, "native_id": f"d{i}"}) for i, text in enumerate(texts)]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    (tmp_path / "evals" / "one.jsonl").write_text(json.dumps({"id": "one/7", "q": ITEM, "a": PHRASE}))
    (tmp_path / "evals" / "two.json").write_text(json.dumps([{"q": OTHER}]))
    uri = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'texts.jsonl'}]", "engine=inline", "quiet=true")
    return mill, uri, tmp_path / "evals"


def command(uri, folder, *more):
    sets = f"[{{path: {folder}/one.jsonl, query: q, label: a}}, {folder}/two.json]"
    return ("annotate", f"documents={uri}", "quality=decontaminate", f"quality.operators.0.sets={sets}", *more)


def test_phrases_of_many_documents_do_not_count_and_items_are_cut(corpus):
    mill, uri, folder = corpus
    made = mill.manifest(mill(*command(uri, folder)))
    rows = {row["native_id"]: row for row in mill.rows(made)}
    assert {name for name, row in rows.items() if row["decontaminate.hits"]} == {"d11"}
    hit = rows["d11"]
    assert (hit["decontaminate.set"], hit["decontaminate.item"], hit["decontaminate.pieces"]) == ("one", "one/7", 2)
    assert ITEM.upper() not in hit["text"]
    counts = {name: n for name, n in made.counts.items() if "contaminated" in name}
    assert counts == {"decontaminate.contaminated": 1, "decontaminate.contaminated.one": 1, "decontaminate.contaminated.two": 0,
                      "decontaminate.contaminated.one/one/7": 1}


def test_without_a_bound_every_document_with_the_phrase_counts(corpus):
    mill, uri, folder = corpus
    made = mill.manifest(mill(*command(uri, folder, "quality.operators.0.max_documents=0")))
    assert made.counts["decontaminate.contaminated.one"] == 12
    assert list(mill.store.list("learned/")) == []


def test_what_was_learned_and_built_is_not_made_again_and_moves_with_the_files(corpus, tasks_run):
    mill, uri, folder = corpus
    first = mill(*command(uri, folder))
    looked = tasks_run["Look"]
    assert looked >= 1
    shutil.move(folder, folder.parent / "moved")
    assert mill(*command(uri, folder.parent / "moved")) == first
    assert tasks_run["Look"] == looked
    learned = [e.path for e in mill.store.list("learned/") if e.path.endswith("manifest.json")]
    assert len(learned) == 1
    digest = manifests.loads(mill.store.read(learned[0])).details["artifact"]
    pinned = mill(*command(uri, folder.parent / "moved", f"quality.operators.0.common={digest}"))
    assert pinned == first


def test_a_plan_writes_nothing(corpus):
    mill, uri, folder = corpus
    before = mill.objects()
    result = mill.run(*command(uri, folder, "plan=true"))
    assert result.code == 0, result.err
    assert "plan of learned: " in result.err
    assert mill.objects() == before


@pytest.mark.parametrize(("sets", "message"), [
    ("[]", "has no evaluation sets: name their files in `sets`"), ("[{}/none.jsonl]", "there is no file"),
    ("[{{path: {}/one.jsonl, query: question}}]", "has a field 'question'; there is id, q, a"),
    ("[{}/one.jsonl, {}/one.jsonl]", "two evaluation sets are named 'one'"),
])
def test_sets_that_cannot_be_used_are_refused_before_anything_is_read(corpus, sets, message):
    mill, uri, folder = corpus
    result = mill.run(*command(uri, folder), f"quality.operators.0.sets={sets.format(folder, folder)}")
    assert result.code == 2
    assert message in result.err


def test_inspect_names_the_set_and_the_item(corpus):
    mill, uri, folder = corpus
    rules = "[{reason: contaminated_one, signal: decontaminate.hits, max: 0, when: {decontaminate.set: [one]}}]"
    annotations = mill(*command(uri, folder))
    decisions = mill("filter", f"annotations={annotations}", "quality=decontaminate", f"quality.rules={rules}")
    result = mill.run("inspect", f"manifest={decisions}", "reason=contaminated_one")
    assert "1 of 1 documents" in result.out
    for shown in ("decontaminate.hits = ", "decontaminate.set = one", "decontaminate.item = one/7"):
        assert shown in result.out
