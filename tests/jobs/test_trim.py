"""The trim job against a plain pass over the corpus, and what later stages see of it."""

import json
import random

import pyarrow.parquet as pq
import pytest
import repeated

PRIORITY = ["b", "a"]
METHODS = {
    "lines": ["trim=paragraphs", "trim.method.unit=line", "trim.method.min_chars=12", "trim.method.min_left=60"],
    "paragraphs": ["trim=paragraphs", "trim.method.min_chars=20", "trim.method.min_left=60"],
    "substrings": ["trim=substrings", "trim.method.length=12", "trim.method.max_fraction=0.5"],
}
SHARDS = ("ingest.bundle_bytes=1", "ingest.shard_bytes=6000", "ingest.row_group_bytes=1500")


def records():
    """Pages of two sites with frames, quoted passages, mirrored pages, some empty or short."""
    rng = random.Random(7)
    vocabulary = [f"{a}{b}" for a in ("mill", "river", "sänd", "lamp", "boot") for b in ("", "s", "ed", "ing", "-中")]

    def prose(n):
        return " ".join(rng.choices(vocabulary, k=n))

    passages = [prose(rng.randint(8, 40)) for _ in range(12)]
    found = []
    for i in range(120):
        source = rng.choice("abc")
        body = [prose(rng.randint(4, 30)) for _ in range(rng.randint(1, 4))] + rng.sample(passages, rng.randint(0, 3))
        rng.shuffle(body)
        frame = f"Site {source}: home, news, mail and contact\n\n"
        text = frame + "\n\n".join(body) + ("\nall rights of this page are reserved" if rng.random() < 0.6 else "")
        found.append({"text": text.replace("  ", "\n"), "source": source, "native_id": f"{source}-{i}"})
    for i in (3, 40, 77):
        found.append(found[i] | {"native_id": f"mirror-{i}"})
    found.append(found[5] | {"url": "https://example.org/a"})  # the same document again, from another address
    found.append({"text": passages[0], "source": "c", "native_id": "passage"})
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    rows = records()
    for part in range(3):
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows[part::3]))
    return folder


@pytest.fixture(scope="module")
def ingested(corpus, make_mill, tmp_path_factory):
    mill = make_mill(tmp_path_factory.mktemp("trim") / "store")
    return mill, mill("ingest", "corpus=files", f"corpus.paths=[{corpus}]", *SHARDS)


@pytest.fixture(scope="module", params=METHODS)
def trimmed(ingested, request):
    mill, documents = ingested
    made = mill("trim", f"documents={documents}", *METHODS[request.param], f"trim.source_priority=[{','.join(PRIORITY)}]")
    return mill, request.param, mill.rows(documents), mill.manifest(made)


def plain(kind, rows):
    place = {name: i for i, name in enumerate(PRIORITY)}
    ranked = sorted(rows, key=lambda r: (place.get(r["source"], 2), r["doc_id"], str(r["url"])))
    documents = [((r["doc_id"], r["url"]), r["text"]) for r in ranked]

    def long(text, pieces, least):
        return [" ".join(text[s:e].lower().split()) if n >= least else None for s, e, n in pieces]

    def too_small(lost, total):
        return "too_little_left" if total - lost < 60 else None

    if kind == "lines":
        return repeated.plain(documents, repeated.lines, lambda t, p: long(t, p, 12), 1, too_small)
    if kind == "paragraphs":
        return repeated.plain(documents, repeated.paragraphs, lambda t, p: long(t, p, 20), 1, too_small)
    return repeated.plain(documents, repeated.words, lambda t, p: repeated.windows([t[s:e] for s, e, _ in p], 12), 12,
                          lambda lost, total: "mostly_repeated" if lost > total / 2 else
                          "too_little_left" if total - lost < 10 else None)


def test_what_is_cut_is_what_a_plain_pass_cuts(trimmed):
    """Reasons, texts, spans in bytes and the documents that hold what stays."""
    mill, kind, documents, made = trimmed
    want = plain(kind, documents)
    kept = edited = 0
    for row, before in zip(mill.rows(made), documents, strict=True):
        left = want[row["doc_id"], before["url"]] if before["url"] else want[row["doc_id"], None]
        data = before["text"].encode()
        assert (row["keep"], row["reason"]) == (left.reason is None, left.reason)
        assert [(len(data[: s["start"]].decode()), len(data[: s["end"]].decode())) for s in row["spans"]] == \
            [(s, e) for s, e, _ in left.spans]
        assert [s["doc_id"] for s in row["spans"]] == [holder[0] for _, _, holder in left.spans]
        assert row["removed"] == len(before["text"]) - len(left.text)
        assert row["text"] == (left.text if left.reason is None else before["text"])
        kept, edited = kept + row["keep"], edited + (row["keep"] and bool(row["spans"]))
    assert 0 < edited < kept < len(documents)


def test_counts_add_up(trimmed):
    mill, _, documents, made = trimmed
    rows, counts = mill.rows(made), made.counts
    reasons = {name: n for name, n in counts.items() if name.startswith("dropped.")}
    assert counts["rows_in"] == len(documents) == counts["kept"] + sum(reasons.values())
    kept = [r for r in rows if r["keep"]]
    assert counts["removed/chars"] == sum(r["removed"] for r in kept)
    assert counts["removed/spans"] == sum(len(r["spans"]) for r in kept)
    assert counts["edited"] == sum(bool(r["spans"]) for r in kept)
    assert counts["removed/bytes"] == sum(s["end"] - s["start"] for r in kept for s in r["spans"])
    sources = [n for name, n in counts.items() if name.startswith("source/")]
    assert sum(sources) == len(documents)


def test_scratch_is_gone_and_a_second_run_computes_nothing(trimmed, ingested, tasks_run):
    mill, kind, _, made = trimmed
    assert not list(mill.store.list(f"{made.folder}/scratch/"))
    again = mill("trim", f"documents={ingested[1]}", *METHODS[kind], f"trim.source_priority=[{','.join(PRIORITY)}]")
    assert mill.manifest(again).digest == made.digest
    assert not tasks_run


@pytest.mark.parametrize("kind", METHODS)
def test_neither_partitions_nor_order_nor_shards_reach_a_result(kind, corpus, make_mill, tmp_path):
    digests, contents = set(), set()
    ways = [(SHARDS, ("engine.partitions=1",)), (SHARDS, ("engine.partitions=7", "engine.shuffle=3")),
            (("ingest.shard_bytes=900",), ()), ((), ("engine.partitions=3", "engine.shuffle=1"))]
    for i, (cut, engine) in enumerate(ways):
        mill = make_mill(tmp_path / str(i))
        documents = mill("ingest", "corpus=files", f"corpus.paths=[{corpus}]", *cut)
        made = mill("trim", f"documents={documents}", *METHODS[kind], *engine)
        rows = mill.rows(made)
        addresses = [r["url"] for r in mill.rows(documents)]
        contents.add(json.dumps(sorted([r["doc_id"].hex(), str(url), str(r["keep"]), r["text"],
                                        str([(s["start"], s["end"], s["doc_id"].hex()) for s in r["spans"]])]
                                       for r, url in zip(rows, addresses, strict=True))))
        if cut == SHARDS:
            digests.add(mill.manifest(made).digest)
    assert len(digests) == 1
    assert len(contents) == 1


def test_dropped_rows_take_no_part(ingested):
    """Neither what filter drops nor what dedup drops holds anything for others, and each is told apart in the counts."""
    mill, documents = ingested
    annotations = mill("annotate", f"documents={documents}", "quality=default")
    decisions = mill("filter", f"annotations={annotations}",
                     "quality.rules=[{reason: longish, signal: text.words, max: 90}]")
    duplicates = mill("dedup", f"decisions={decisions}", "dedup.max_loss=1")
    made = mill("trim", f"decisions={decisions}", f"duplicates={duplicates}", *METHODS["lines"])
    counts = mill.manifest(made).counts
    before = mill.manifest(duplicates).counts
    assert counts["dropped.filtered"] == before["dropped.filtered"] > 0
    assert counts["dropped.duplicate"] == before["dropped.exact_duplicate"] > 0
    kept = {(r["doc_id"], r["native_id"]) for r in mill.rows(duplicates) if r["keep"]}
    ids = {doc_id for doc_id, _ in kept}
    for row in mill.rows(made):
        assert (row["keep"] is None) == (row["spans"] is None) == (row["removed"] is None)
        assert all(s["doc_id"] in ids for s in row["spans"] or ())


@pytest.mark.parametrize("kind", ["lines", "substrings"])
def test_later_stages_see_the_trimmed_texts(kind, planted, make_mill, tmp_path):
    """A build with trim: domains, counts and the mixture hold what is left, and lineage and report tell of it."""
    mill = make_mill(tmp_path / "store")
    folder = tmp_path / "in"
    folder.mkdir()
    frame = "this frame stands on each and every page of the whole site and says nothing at all to anybody\n"
    rows = [r | {"text": frame + r["text"]} for r in planted.records if r["source"] == "web"]
    (folder / "web.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    method = ["trim=paragraphs", "trim.method.unit=line"] if kind == "lines" else ["trim=substrings", "trim.method.length=15"]
    uri = mill("build", "recipe=none", "corpus=files", f"corpus.paths=[{folder}]", "ingest.shard_bytes=20000", *method,
               "tokenizer=words", "weigh=natural", "mix.unit=words", "mix.budget=4000")
    made = mill.lineage(uri)
    texts = {r["doc_id"]: r["text"] for r in mill.rows(made["trims"]) if r["keep"]}
    mixture = mill.rows(uri)
    assert mixture
    assert all(r["text"] == texts[r["doc_id"]] for r in mixture)
    assert sum(frame.strip() in text for text in texts.values()) == 1
    words = {r["doc_id"]: r["tokens"] for r in mill.rows(made["counts"]) if r["tokens"] is not None}
    assert words == {doc_id: len(text.split()) for doc_id, text in texts.items()}
    assert [r.stage for r in made["counts"].view] == ["annotations", "trims"]
    shown = mill.run("lineage", next(iter(texts)).hex(), f"manifest={uri}").out
    assert "trims\n" in shown
    told = json.loads(bytes(mill.store.read(f"{mill.manifest(mill('report', f'manifest={uri}')).folder}/report.json")))
    step = next(s for s in told["steps"] if s["stage"] == "trims")
    assert step["kept"] == len(texts)


def test_with_nothing_chosen_a_build_has_no_trims(built):
    mill, uri = built
    assert "trims" not in mill.lineage(uri)


@pytest.mark.parametrize(("words", "says"), [
    (["trim=none"], "choose trim=paragraphs or trim=substrings"),
    (["trim.method.unit=page"], "unit is 'page'"),
    (["trim.method.min_lft=3"], "did you mean 'min_left'"),
    (["trim=none", "++trim.method._target_=corpusmill.operators.dedup.exact.ExactSignature"], "cuts nothing"),
])
def test_a_wrong_setting_is_named(ingested, words, says):
    mill, documents = ingested
    result = mill.run("trim", f"documents={documents}", *words)
    assert (result.code, says in result.err) == (2, True), result.err


def test_a_plan_writes_nothing(ingested, make_mill, corpus, tmp_path):
    mill = make_mill(tmp_path / "store")
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{corpus}]")
    before = set(mill.objects())
    result = mill.run("trim", f"documents={documents}", "plan=true")
    assert result.code == 0
    assert "plan of trims" in result.err
    assert set(mill.objects()) == before


def test_an_export_holds_the_texts_as_they_are_cut(ingested, tmp_path):
    mill, documents = ingested
    made = mill("trim", f"documents={documents}", *METHODS["paragraphs"])
    mill("export", f"manifest={made}", f"path={tmp_path / 'out.parquet'}")
    assert {"text", "spans", "removed", "reason"} <= set(pq.read_schema(tmp_path / "out.parquet").names)


@pytest.mark.ray
def test_workers_on_ray_give_the_same(ingested, corpus, make_mill, tmp_path):
    words = METHODS["substrings"]
    mill, documents = ingested
    made = mill.manifest(mill("trim", f"documents={documents}", *words))
    other, ray = make_mill(tmp_path / "store"), ("engine=ray", "engine.workers=2", "engine.partitions=3")
    again = other("ingest", "corpus=files", f"corpus.paths=[{corpus}]", *SHARDS)
    result = other.run("trim", f"documents={again}", *words, engine=ray)
    assert other.manifest(result.uri).digest == made.digest
