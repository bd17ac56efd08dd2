import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

GOOD = '{"text": "one"}\n{"text": "two"}\n'
BAD = b'{"text": "good"}\n{"text": null}\nno json\n{"text": "\xff"}\n{"text": 3}\n{"txet": "x"}\n{"text": "last"}\n'


def ingest(mill, *paths, words=()):
    return mill.run("ingest", "corpus=files", f"corpus.paths=[{','.join(map(str, paths))}]", *words)


def test_a_bad_row_stops_the_job_and_is_named(mill, tmp_path):
    (tmp_path / "bad.jsonl").write_bytes(BAD)
    result = ingest(mill, tmp_path / "bad.jsonl")
    assert result.code == 1
    assert "bad.jsonl" in result.err
    assert "row 1" in result.err
    assert "null" in result.err
    assert "manifest:" not in result.out


def test_bad_rows_are_set_aside_with_their_reasons_and_counts_add_up(mill, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "bad.jsonl").write_bytes(BAD)
    (folder / "good.jsonl").write_text(GOOD)
    (folder / "broken.parquet").write_bytes(b"PAR1 this is no parquet")
    made = mill.manifest(ingest(mill, folder, words=["corpus.on_bad=quarantine"]).uri)
    assert sorted(r["text"] for r in mill.rows(made)) == ["good", "last", "one", "two"]
    rows = mill.rows(made.details["quarantine"])
    places = [("bad.jsonl", n) for n in range(1, 6)] + [("broken.parquet", None)]
    assert [(r["file"].split("/")[-1], r["row"]) for r in rows] == places
    reasons = Counter(r["reason"] for r in rows if r["row"] is not None)
    assert made.counts["rows_in"] == 9
    assert made.counts["kept"] == made.rows == 4
    assert {name.removeprefix("dropped."): n for name, n in made.counts.items() if name.startswith("dropped.")} == reasons
    assert sum(n for name, n in made.counts.items() if name.startswith("unread.")) == 1
    assert {r["row"]: r["content"] for r in rows}[2] == b"no json"


def test_parquet_names_row_group_and_row(mill, tmp_path):
    table = pa.table({"text": ["a", "b", None, "d"]})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=2)
    result = ingest(mill, tmp_path / "x.parquet")
    assert result.code == 1
    assert "row group 1" in result.err
    made = mill.manifest(ingest(mill, tmp_path / "x.parquet", words=["on_bad=quarantine"]).uri)
    (bad,) = mill.rows(made.details["quarantine"])
    assert (bad["row_group"], bad["row"], bad["reason"]) == (1, 2, "null_text")


def test_a_corpus_without_any_document_is_an_error_unless_it_may_be(mill, tmp_path):
    (tmp_path / "bad.jsonl").write_text("no json\n")
    words = ["on_bad=quarantine"]
    result = ingest(mill, tmp_path / "bad.jsonl", words=words)
    assert result.code == 1
    assert "allow_empty=true" in result.err
    made = mill.manifest(ingest(mill, tmp_path / "bad.jsonl", words=[*words, "allow_empty=true"]).uri)
    assert made.rows == 0
    assert made.counts["rows_in"] == 1


def test_only_the_bundle_of_an_added_file_is_read(mill, tmp_path, tasks_run):
    """Documents of the other files stay where they are, and are not annotated again."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abcd":
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": f"{name} {i}"}) + "\n" for i in range(20)))
    words = ["ingest.bundle_bytes=1"]
    first = mill.manifest(ingest(mill, folder, words=words).uri)
    mill("annotate", f"documents={first.path}")
    assert (tasks_run["Ingest"], tasks_run["Annotate"]) == (4, 4)
    (folder / "bb.jsonl").write_text(GOOD)
    second = mill.manifest(ingest(mill, folder, words=words).uri)
    mill("annotate", f"documents={second.path}")
    assert (tasks_run["Ingest"], tasks_run["Annotate"]) == (5, 5)
    assert second.rows == first.rows + 2
    assert [r["text"] for r in mill.rows(second)][40:42] == ["one", "two"], "between b and c"


def test_nothing_is_read_twice(mill, tmp_path, tasks_run):
    (tmp_path / "a.jsonl").write_text(GOOD)
    first = ingest(mill, tmp_path / "a.jsonl")
    again = ingest(mill, tmp_path / "a.jsonl")
    assert again.uri == first.uri
    assert tasks_run["Ingest"] == 1


def test_a_changed_file_is_another_document_set(mill, tmp_path):
    (tmp_path / "a.jsonl").write_text(GOOD)
    first = ingest(mill, tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_text(GOOD.replace("one", "six"))
    assert ingest(mill, tmp_path / "a.jsonl").uri != first.uri


def test_content_identity_knows_a_copied_file_again(mill, tmp_path, tasks_run):
    (tmp_path / "a.jsonl").write_text(GOOD)
    words = ["ingest.identity=content"]
    first = ingest(mill, tmp_path / "a.jsonl", words=words)
    (tmp_path / "a.jsonl").write_text(GOOD)  # a new modification time
    assert ingest(mill, tmp_path / "a.jsonl", words=words).uri == first.uri
    assert tasks_run["Ingest"] == 1


def test_the_size_of_shards_and_row_groups_moves_no_document(mill, planted):
    one = ingest(mill, planted.folder).uri
    many = ingest(mill, planted.folder, words=["ingest.shard_bytes=9000", "ingest.row_group_bytes=2000"]).uri
    assert mill.manifest(many).shards > mill.manifest(one).shards
    assert mill.rows(one) == mill.rows(many)


def test_columns_are_mapped_and_a_missing_one_is_an_error(mill, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"body": "x", "uid": "7", "when": "2020-02-03"}\n')
    words = ["corpus.columns={text: body, native_id: uid, date: when}", "corpus.source=mine", "corpus.license=CC0"]
    (row,) = mill.rows(ingest(mill, tmp_path / "a.jsonl", words=words).uri)
    assert (row["text"], row["native_id"], row["source"], row["license"]) == ("x", "7", "mine", "CC0")
    assert row["date"].isoformat().startswith("2020-02-03")
    result = ingest(mill, tmp_path / "a.jsonl", words=["corpus.columns={text: bdoy}"])
    assert result.code == 1
    assert "did you mean 'body'" in result.err


def test_a_first_look(mill, planted):
    """A limit reads about so many, a sample the same share each time."""
    assert 20 <= mill.manifest(ingest(mill, planted.folder, words=["limit=20"]).uri).rows <= 24
    made = mill.manifest(ingest(mill, planted.folder, words=["sample=0.3"]).uri)
    assert 25 <= made.rows <= 80
    assert made.counts["rows_in"] == len(planted.records)
    assert made.counts["dropped.sampled_out"] == len(planted.records) - made.rows


@pytest.mark.parametrize(("words", "message"), [
    (["corpus.on_bad=ignore"], "on_bad='ignore'"),
    (["corpus.format=csv"], "corpus.format='csv'"),
    (["corpus.columns={txet: body}"], "corpus.columns.txet"),
    (["corpus.columns=body"], "corpus.columns='body'"),
    (["ingest.identity=name"], "ingest.identity='name'"),
    (["ingest.shard_bytes=lots"], "ingest.shard_bytes='lots'"),
    (["ingest.shard_bytes=0"], "ingest.shard_bytes=0"),
    (["corpus.paths=[]"], "corpus.paths is empty"),
    (["corpus.paths=[/no/such/folder/*.jsonl]"], "names no file"),
    (["sample=1.5"], "sample=1.5"),
])
def test_a_wrong_setting_is_named(mill, planted, words, message):
    result = ingest(mill, planted.folder, words=words)
    assert result.code == 2, result.err
    assert message in result.err
    assert not mill.root.exists() or not list(mill.store.list("documents/"))
