import pytest


@pytest.fixture(scope="module")
def tables(built):
    mill, uri = built
    made = mill.lineage(uri)
    kept = {r["doc_id"] for r in mill.rows(made["decisions"]) if r["keep"]}
    first = {r["doc_id"] for r in mill.rows(made["duplicates"]) if r["keep"]}
    return mill, made, mill.rows(made["documents"]), kept & first


def test_survivors_have_their_source_as_domain_and_others_none(tables):
    mill, made, documents, survivors = tables
    domains = {r["doc_id"]: r["domain"] for r in mill.rows(made["domains"])}
    assert domains == {d["doc_id"]: d["source"] if d["doc_id"] in survivors else None for d in documents}


def test_domains_by_licence(tables):
    mill, made, documents, survivors = tables
    uri = mill("regroup", f"duplicates={made['duplicates'].path}", "regroup=license")
    domains = {r["doc_id"]: r["domain"] for r in mill.rows(uri)}
    assert domains == {d["doc_id"]: d["license"] if d["doc_id"] in survivors else None for d in documents}


def test_counts_say_which_stage_dropped_what(tables):
    mill, made, documents, survivors = tables
    counts = made["domains"].counts
    decided = {r["doc_id"]: r["keep"] for r in mill.rows(made["decisions"])}
    sizes = {r["doc_id"]: r["text.bytes"] for r in mill.rows(made["annotations"])}
    filtered = [d["doc_id"] for d in documents if not decided[d["doc_id"]]]
    assert (counts["rows_in"], counts["kept"], counts["dropped.filtered"]) == (len(documents), len(survivors), len(filtered))
    assert counts["dropped.duplicate"] == len(documents) - len(survivors) - len(filtered)
    assert counts["bytes/kept"] == sum(sizes[d] for d in survivors)
    assert counts["bytes/filtered"] == sum(sizes[d] for d in filtered)


def test_documents_alone_all_have_a_domain(tables):
    mill, made, documents, _ = tables
    rows = mill.rows(mill("regroup", f"documents={made['documents'].path}"))
    assert {r["doc_id"]: r["domain"] for r in rows} == {d["doc_id"]: d["source"] for d in documents}


def test_labels_that_stand_in_columns_of_their_own_are_domains(mill, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a", "topic": "law", "format": "q"}\n{"text": "b", "topic": "art"}\n')
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]", "corpus.keep=[topic,format]")
    rows = mill.rows(mill("regroup", f"documents={documents}", "regroup=column", "regroup.column=[topic,format]"))
    assert [row["domain"] for row in rows] == ["law/q", "art/none"]


def test_columns_are_kept_of_tables_only(mill, tmp_path):
    (tmp_path / "in.txt").write_text("a")
    refused = mill.run("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.txt'}]", "corpus.keep=[topic]")
    assert (refused.code, "is read as text, which has none" in refused.err) == (2, True)


def test_a_document_without_a_value_is_an_error_unless_its_domain_is_named(mill, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "b", "license": "MIT"}\n')
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]")
    refused = mill.run("regroup", f"documents={documents}", "regroup=license", "regroup.missing=''")
    assert refused.code == 1
    assert "1 documents have no license" in refused.err
    rows = mill.rows(mill("regroup", f"documents={documents}", "regroup=license", "regroup.missing=none"))
    assert sorted(r["domain"] for r in rows) == ["MIT", "none"]


def test_inputs_of_two_lineages_are_refused(tables, tmp_path):
    """Decisions on one set of documents say nothing about another."""
    mill, made, _, _ = tables
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    other = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]")
    result = mill.run("regroup", f"documents={other}", f"decisions={made['decisions'].path}")
    assert result.code == 2
    assert "was made from" in result.err
