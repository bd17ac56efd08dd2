def test_names_are_listed_with_what_they_point_to(mill, tmp_path):
    assert "no names" in mill.run("ls").out
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    uri = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]", "name=first")
    lines = mill.run("ls").out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("@first  documents  2 rows")
    assert lines[0].endswith(uri)


def test_a_name_moves_to_the_latest_result(mill, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a"}\n')
    mill("ingest", "corpus=files", f"corpus.paths=[{path}]", "name=nightly")
    path.write_text('{"text": "a"}\n{"text": "c"}\n')
    latest = mill("ingest", "corpus=files", f"corpus.paths=[{path}]", "name=nightly")
    assert mill.run("ls").out.splitlines() == [f"@nightly  documents  2 rows  0.0 MB  {latest}"]
    assert mill("regroup", "documents=@nightly")


def test_a_name_whose_manifest_is_gone_is_said(mill, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    uri = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]", "name=first")
    mill.store.delete(mill.manifest(uri).path)
    assert mill.run("ls").out.strip().endswith("is gone")
