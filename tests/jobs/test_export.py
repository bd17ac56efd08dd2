import pyarrow.parquet as pq
import pytest

from corpusmill.jobs.runtime import manifest as manifests

COLUMNS = {
    "documents": ["doc_id", "text", "source", "native_id", "url", "date", "license", "metadata"],
    "decisions": ["doc_id", "keep", "reason", "source", "native_id"],
    "duplicates": ["doc_id", "keep", "kind", "cluster_id", "cluster_size", "matched_doc_id", "similarity", "source",
                   "native_id"],
    "domains": ["doc_id", "domain", "source", "native_id"],
    "counts": ["doc_id", "tokens", "source", "native_id"],
    "mixture": ["doc_id", "text", "source", "domain", "epoch", "tokens", "native_id"],
    "proportions": ["domain", "proportion", "available"],
}


@pytest.mark.parametrize("stage", COLUMNS)
def test_the_columns_of_each_dataset(built, tmp_path, stage):
    mill, uri = built
    made = mill.lineage(uri)[stage]
    result = mill.run("export", f"manifest={mill.store.uri(made.path)}", f"path={tmp_path / 'new' / 'x.parquet'}")
    assert result.uri == mill.store.uri(made.path)
    file = pq.read_table(tmp_path / "new" / "x.parquet")
    assert file.column_names == COLUMNS[stage]
    assert file.num_rows == (made.rows or 3)


def test_documents_are_what_was_in_the_files(built, planted):
    mill, uri = built
    fields = ("text", "source", "native_id", "license")
    rows = mill.rows(mill.lineage(uri)["documents"])
    found = sorted((tuple(r[f] for f in fields) for r in rows), key=repr)
    assert found == sorted((tuple(r[f] for f in fields) for r in planted.records), key=repr)


def test_rows_are_in_the_order_of_the_documents(built):
    mill, uri = built
    made = mill.lineage(uri)
    order = [r["doc_id"] for r in mill.rows(made["documents"])]
    for stage in ("annotations", "decisions", "duplicates", "domains", "counts"):
        assert [r["doc_id"] for r in mill.rows(made[stage])] == order


def test_pairs_name_the_document_that_ranks_lower(planted, make_mill, tmp_path):
    mill = make_mill(tmp_path / "near")
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{planted.folder}]", "ingest.shard_bytes=20000")
    found = mill.lineage(mill("dedup", "dedup=minhash", f"documents={documents}"))
    rows = mill.rows(found["pairs"])
    known = {r["doc_id"]: (r["source"], r["native_id"]) for r in mill.rows(found["documents"])}
    assert rows
    assert [(r["source"], r["native_id"]) for r in rows] == [known[r["doc_id"]] for r in rows]


def test_an_export_replaces_the_file_only_when_it_is_complete(tmp_path, make_mill):
    """A broken dataset leaves the earlier file as it was, and nothing beside it."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"earlier")
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    own = make_mill(tmp_path / "own")
    made = own.manifest(own("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]"))
    shard = next(manifests.shards(own.store, made))
    own.store.write(shard.main.object, b"PAR1broken")
    result = own.run("export", f"manifest={made.path}", f"path={path}")
    assert result.code == 1
    assert shard.main.object in result.err
    assert path.read_bytes() == b"earlier"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "own", "x.parquet"]


def test_a_manifest_that_is_not_there_is_refused(built, tmp_path):
    mill, _ = built
    for given in ("@nothing", "no/such/path", f"{mill.root}/documents/{'0' * 32}/manifest.json"):
        result = mill.run("export", f"manifest={given}", f"path={tmp_path / 'x.parquet'}")
        assert result.code == 2
        assert given.strip("@").split("/")[-1] in result.err
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.parametrize("stage", ["documents", "decisions", "mixture"])
def test_limit_gives_the_first_shards(built, tmp_path, stage):
    mill, uri = built
    made = mill.lineage(uri)[stage]
    path = tmp_path / "x.parquet"
    mill("export", f"manifest={made.path}", f"path={path}", "limit=1")
    first = next(manifests.shards(mill.store, made))
    assert pq.read_metadata(path).num_rows == first.main.rows < made.rows


def test_plan_writes_no_file(built, tmp_path):
    mill, uri = built
    result = mill.run("export", f"manifest={uri}", f"path={tmp_path / 'x.parquet'}", "plan=true")
    assert result.code == 0
    assert "rows" in result.err
    assert not list(tmp_path.iterdir())
