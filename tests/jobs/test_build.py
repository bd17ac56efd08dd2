import json

import pytest

EXACT = ("documents", "annotations", "decisions", "signatures", "duplicates", "domains", "counts", "proportions", "mixture")


def digests(mill, uri):
    made = mill.lineage(uri)
    signatures = mill.manifest(made["duplicates"].inputs["signatures"].path)
    return {stage: (made | {"signatures": signatures})[stage].digest for stage in EXACT}


def test_a_second_run_computes_nothing(built, build_command, tasks_run):
    mill, uri = built
    before = mill.objects()
    assert mill("build", *build_command) == uri
    assert sum(tasks_run.values()) == 0
    assert mill.objects() == before


@pytest.mark.parametrize("words", [
    ("engine.shuffle=1",), ("engine.shuffle=2", "engine.partitions=7"), ("engine.partitions=1",),
])
def test_order_of_completion_and_partitions_change_nothing(built, build_command, make_mill, tmp_path, words):
    """Every dataset has the digest of the plain run, and every committed object the same bytes."""
    mill, uri = built
    other = make_mill(tmp_path / "store")
    made = other("build", *build_command, *words)
    assert digests(other, made) == digests(mill, uri)
    mine, theirs = mill.objects(), other.objects()
    shared = [p for p in theirs if "/shards/" in p or p.endswith(("manifest.json", "shards.parquet"))]
    assert len(shared) > 50
    assert [p for p in shared if mine.get(p) != theirs[p]] == []


@pytest.mark.ray
@pytest.mark.e2e
def test_a_worker_of_ray_gives_the_same_content(built, build_command, make_mill, tmp_path):
    mill, uri = built
    other = make_mill(tmp_path / "store")
    result = other.run("build", *build_command, engine=("engine=ray", "engine.workers=1"))
    assert result.code == 0, result.err
    assert digests(other, result.uri) == digests(mill, uri)


def test_each_job_alone_gives_what_build_gives(built, planted, make_mill, tmp_path):
    """Inputs that are not given come from the lineage of those that are."""
    mill, uri = built
    one = make_mill(tmp_path / "store")
    documents = one("ingest", "corpus=files", f"corpus.paths=[{planted.folder}]", "ingest.bundle_bytes=1",
                    "ingest.shard_bytes=20000", "ingest.row_group_bytes=4000")
    annotations = one("annotate", f"documents={documents}")
    decisions = one("filter", f"annotations={annotations}")
    duplicates = one("dedup", f"decisions={decisions}", "dedup.source_priority=[code,web]")
    domains = one("regroup", f"duplicates={duplicates}")
    proportions = one("weigh", f"domains={domains}", "tokenizer=words", "weigh=natural")
    mixture = one("mix", f"proportions={proportions}", "mix.unit=words", "mix.budget=4000", "mix.shard_bytes=10000")
    assert digests(one, mixture) == digests(mill, uri)


def test_a_sweep_computes_what_its_runs_share_once(planted, make_mill, tmp_path, tasks_run, build_command):
    mill = make_mill(tmp_path / "store")
    result = mill.run("build", "-m", *build_command, "mix.budget=1e3,2e3", "weigh=natural,unimax")
    assert result.code == 0, result.err
    uris = [line.removeprefix("manifest: ") for line in result.out.splitlines() if line.startswith("manifest: ")]
    assert len(set(uris)) == 4
    assert {mill.manifest(u).details["plan"]["budget"] for u in uris} == {1000, 2000}
    shards = mill.lineage(uris[0])["documents"].shards
    assert tasks_run["Ingest"] == 3
    assert all(tasks_run[work] == shards for work in ("Annotate", "Select", "Sign", "Assemble", "Label", "Tally"))


def test_a_budget_of_the_weigher_may_be_a_quantity(copied, build_command):
    mill, _ = copied
    one, same = (mill.lineage(mill("build", *build_command, "weigh=unimax", f"weigh.budget={budget}"))["proportions"]
                 for budget in ("2000", "2k"))
    assert one.path == same.path


def test_an_added_file_reaches_the_mixture_and_is_all_that_is_read(planted, make_mill, tmp_path, tasks_run, build_command):
    extra = tmp_path / "extra.jsonl"
    text = "A new document that nobody has seen before, of two lines,\nlong enough for every single rule that there is."
    extra.write_text(json.dumps({"text": text, "source": "web", "native_id": "new"}) + "\n")
    mill = make_mill(tmp_path / "store")
    words = [w for w in build_command if not w.startswith("corpus.paths")]
    first = mill("build", *words, f"corpus.paths=[{planted.folder}]", "mix.budget=1B")
    tasks_run.clear()
    second = mill("build", *words, f"corpus.paths=[{planted.folder},{extra}]", "mix.budget=1B")
    assert (tasks_run["Ingest"], tasks_run["Annotate"], tasks_run["Sign"], tasks_run["Tally"]) == (1, 1, 1, 1)
    rows = {(r["native_id"], r["epoch"]): r["text"] for r in mill.rows(second)}
    assert rows == {(r["native_id"], r["epoch"]): r["text"] for r in mill.rows(first)} | {("new", e): text for e in range(4)}


def test_an_empty_stage_stops_the_build_unless_it_may_be_empty(built, build_command):
    mill, _ = built
    rules = "quality.rules=[{reason: all, signal: text.bytes, max: 0}]"
    result = mill.run("build", *build_command, rules)
    assert result.code == 1
    assert "error: " in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(("change", "message"), [
    ("mix.unit=tokens", "counted in words"),
    ("weigh=unimax weigh.max_epochs=0", "weigh.max_epochs"),
    ("weigh=unimax weigh.budget=30X", "weigh.budget='30X' is not a count"),
    ("mix.max_epochs=-1", "mix.max_epochs"),
    ("regroup.column=url", "regroup.column='url'"),
    ("quality.rules=[{reason: x, signal: text.nothing, min: 1}]", "text.nothing"),
    ("dedup.signature.digest=md5", "md5"),
    ("quality.cutoffs=@nightly", "no rule needs any"),
    ("quality.cutoffs=@nightly quality.rules=[{reason:x,select:quantile,signal:text.words,keep:0.5}]",
     "no manifest is named @nightly"),
    ("dedup.rank=[source,{signal: text.nothing, best: high}]", "text.nothing"),
    ("dedup.rank=[sauce]", "dedup.rank[0]='sauce'"),
    ("dedup.keep=stars", "did you mean 'star'"),
    ("mix.rehydrate=[[2,0]]", "mix.rehydrate"),
    ("weigh=law weigh.law=@gone", "no manifest is named @gone"),
])
def test_a_mistake_in_a_late_stage_is_found_before_anything_is_read(mill, build_command, tasks_run, change, message):
    changes = [change] if ", " in change else change.split(" ")
    result = mill.run("build", *build_command, *changes)
    assert result.code == 2, result.err
    assert message in result.err
    assert sum(tasks_run.values()) == 0


def test_the_end_shows_stages_and_domains(built, build_command):
    mill, _ = built
    shown = mill.run("build", *build_command).err
    for word in ("ingest", "filter", "dedup", "mix", "web", "code", "zh", "mixture", "report"):
        assert word in shown
    assert mill.run("build", *build_command, "quiet=true").err == ""


def test_a_plan_runs_nothing_and_writes_nothing(mill, build_command, tasks_run):
    result = mill.run("build", *build_command, "plan=true")
    assert result.code == 0
    assert "plan of documents: 3 tasks" in result.err
    assert "manifest:" not in result.out
    assert sum(tasks_run.values()) == 0
    assert not mill.root.exists()


@pytest.mark.parametrize(("change", "stage"), [
    ("ingest.shard_bytes=30000", "documents"),
    ("weigh=temperature", "proportions"),
    ("quality.rules=[{reason: few, signal: text.words, min: 9}]", "decisions"),
    ("dedup.source_priority=[zh]", "duplicates"),
    ("regroup.missing=none", "domains"),
    ("tokenizer=o200k", "counts"),
    ("mix.budget=4321", "mixture"),
])
def test_a_plan_of_a_half_built_store_says_what_comes_next(built, build_command, tasks_run, change, stage):
    mill, _ = built
    before = mill.objects()
    result = mill.run("build", *build_command, change, "plan=true")
    assert result.code == 0
    assert f"plan of {stage}" in result.err
    assert sum(tasks_run.values()) == 0
    assert mill.objects() == before


def test_the_name_is_that_of_the_mixture(mill, tmp_path):
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": f"words {i} and more"}) + "\n" for i in range(9)))
    uri = mill("build", "recipe=none", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]", "quality.rules=[]",
               "tokenizer=words", "mix.unit=words", "mix.budget=20", "name=tiny")
    assert mill.manifest("@tiny").path == mill.manifest(uri).path
    assert list(mill.lineage(uri)["mixture"].details["achieved"]) == ["in"]


def test_nights_on_an_index_keep_what_is_published(mill, tmp_path):
    """The whole corpus every night: what a night kept stays, also where a better source brings it later; looks add nothing."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    words = ["recipe=none", "corpus=files", f"corpus.paths=[{corpus}]", "corpus.source='{stem}'", "quality.rules=[]",
             "tokenizer=words", "dedup=minhash", "dedup.source_priority=[good,poor]", "dedup.index=published", "mix.unit=words",
             "weigh=natural", "mix.budget=500", "name=latest"]
    texts = [" ".join(f"word{i}-{j * j}" for j in range(40)) for i in range(6)]

    def night(source, chosen):
        (corpus / f"{source}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in chosen))
        made = mill.lineage(mill("build", *words))
        return made, {(row["source"], row["text"]) for row in mill.rows(made["documents"])
                      for other in mill.rows(made["duplicates"]) if other["doc_id"] == row["doc_id"] and other["keep"]}

    _, first = night("poor", texts[:4])
    assert len(first) == 4
    again, second = night("good", [texts[0], texts[1] + " more", texts[4]])
    assert second == first | {("good", texts[4])}
    assert again["duplicates"].counts["dropped.near_duplicate"] == 1
    assert mill("build", *words).endswith(again["mixture"].path)
    index = mill.manifest("@published")
    assert index.details["generations"] == 2
    (corpus / "new.jsonl").write_text(json.dumps({"text": texts[5]}) + "\n")
    mill("build", *words, "sample=0.9")
    assert mill.manifest("@published").path == index.path
    for wrong, says in (("dedup.index=latest", "name=latest is also dedup.index"),
                        ("dedup.signature.seed=9", "seed is 1 in the index"),
                        ("dedup.against=[@nothing]", "no manifest is named @nothing"),
                        ("dedup.against=[@latest]", "is a manifest of mixture")):
        result = mill.run("build", *words, wrong)
        assert (result.code, says in result.err) == (2, True), result.err
