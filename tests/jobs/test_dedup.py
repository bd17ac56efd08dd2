import json
import os
from collections import defaultdict

import pytest

PRIORITY = ["code", "web"]


def expected(rows, key, priority):
    """doc_id → (keep, kind, cluster_id, cluster_size, matched_doc_id, similarity), by sorting each group."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row["text"])].append(row)
    verdicts = {}
    for group in groups.values():
        first, *others = sorted(group, key=lambda r: (_place(r["source"], priority), r["doc_id"]))
        kind = "exact" if others else None
        verdicts[first["doc_id"]] = (True, kind, first["doc_id"], len(group), None, None)
        for other in others:
            verdicts[other["doc_id"]] = (False, kind, first["doc_id"], len(group), first["doc_id"], 1.0)
    return verdicts


def _place(source, priority):
    return priority.index(source) if source in priority else len(priority)


def verdicts(rows):
    names = ("keep", "kind", "cluster_id", "cluster_size", "matched_doc_id", "similarity")
    return {r["doc_id"]: tuple(r[n] for n in names) for r in rows}


@pytest.fixture(scope="module")
def tables(built):
    mill, uri = built
    made = mill.lineage(uri)
    kept = {r["doc_id"] for r in mill.rows(made["decisions"]) if r["keep"]}
    return mill, made, mill.rows(made["annotations"]), kept


def test_equal_edited_texts_are_duplicates_of_the_first_in_rank(tables):
    """Sources named first win, then the lowest id; texts that differ only in line ends are equal after the edit."""
    mill, made, annotations, kept = tables
    found = verdicts(mill.rows(made["duplicates"]))
    want = expected([r for r in annotations if r["doc_id"] in kept], str, PRIORITY)
    assert {d: v for d, v in found.items() if d in kept} == want


def test_filtered_rows_take_no_part(tables):
    mill, made, annotations, kept = tables
    found = verdicts(mill.rows(made["duplicates"]))
    outside = {r["doc_id"] for r in annotations} - kept
    assert outside
    assert {found[d] for d in outside} == {(None,) * 6}


def test_planted_groups_are_found(tables, planted):
    mill, made, annotations, _ = tables
    names = {r["doc_id"]: r["native_id"] for r in annotations}
    groups = defaultdict(set)
    for row in mill.rows(made["duplicates"]):
        if row["kind"]:
            groups[row["cluster_id"]].add(names[row["doc_id"]])
    assert {frozenset(g) for g in groups.values()} == set(planted.raw)


def test_normalised_digests_also_join_texts_up_to_case_and_blanks(tables, planted):
    mill, made, annotations, kept = tables
    uri = mill("dedup", f"decisions={made['decisions'].path}", "dedup.signature.digest=normalised")
    found = verdicts(mill.rows(uri))
    rows = [r for r in annotations if r["doc_id"] in kept]
    assert {d: v for d, v in found.items() if d in kept} == expected(rows, lambda t: " ".join(t.lower().split()), [])
    sizes = [v[3] for v in found.values() if v[0] and v[1]]
    assert len(sizes) == len(planted.raw) + len(planted.loose)


def test_without_decisions_every_document_takes_part_as_it_was_read(tables):
    mill, made, _, _ = tables
    documents = mill.rows(made["documents"])
    found = verdicts(mill.rows(mill("dedup", f"documents={made['documents'].path}")))
    assert found == expected(documents, str, [])


def test_counts_add_up(tables):
    mill, made, annotations, kept = tables
    counts = made["duplicates"].counts
    rows = mill.rows(made["duplicates"])
    assert counts["rows_in"] == len(annotations)
    assert counts["kept"] == sum(bool(r["keep"]) for r in rows)
    assert counts["dropped.filtered"] == len(annotations) - len(kept)
    assert counts["dropped.exact_duplicate"] == sum(r["keep"] is False for r in rows)


def test_the_number_of_partitions_reaches_neither_result_nor_key(make_mill, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f'{{"text": "line {i % 30}"}}\n' for i in range(100)))
    found = set()
    for partitions in (1, 7, 40):
        mill = make_mill(tmp_path / f"store-{partitions}")
        documents = mill("ingest", "corpus=files", f"corpus.paths=[{path}]")
        made = mill.manifest(mill("dedup", f"documents={documents}", f"engine.partitions={partitions}"))
        found.add((made.key, made.digest))
        assert made.counts["kept"] == 30
    assert len(found) == 1


def test_scratch_is_gone_when_the_manifest_is_there(tables):
    mill, made, _, _ = tables
    assert not list(mill.store.list(f"{made['duplicates'].folder}/scratch/"))


def test_pages_of_one_url_are_duplicates_whatever_they_say_and_those_without_have_none(mill, tmp_path):
    urls = {"a": "https://www.example.org/x/?utm_source=m", "b": "http://example.org/x", "c": "http://example.org/X", "d": None,
            "e": None, "f": "HTTP://EXAMPLE.ORG/x#end"}
    rows = [{"text": "the same" if name in "de" else name, "source": "s", "native_id": name, "url": url}
            for name, url in urls.items()]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]")
    names = {row["doc_id"]: row["native_id"] for row in mill.rows(made)}
    found = mill.rows(mill("dedup", f"documents={made}", "dedup=url"))
    first = min(doc_id for doc_id, name in names.items() if name in "abf")
    assert {names[r["doc_id"]] for r in found if r["keep"]} == {"c", "d", "e", names[first]}
    assert {r["matched_doc_id"] for r in found} == {None, first}
    assert {names[r["doc_id"]]: r["kind"] for r in found if names[r["doc_id"]] in "cde"} == dict.fromkeys("cde")


def test_the_preset_of_normalised_texts(mill, tmp_path):
    rows = [{"text": text, "source": "s", "native_id": text} for text in ("One  text", "one text\n", "another")]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]")
    assert mill.manifest(mill("dedup", f"documents={made}", "dedup=normalised")).counts["dropped.exact_duplicate"] == 1


def test_a_source_that_ranks_and_is_not_there_is_told(mill, tmp_path):
    rows = [{"text": "the same", "source": "web", "native_id": name} for name in "ab"]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]")
    told = mill.run("dedup", f"documents={documents}", "dedup.source_priority=[wbe]", "quiet=false").err
    assert "dedup.source_priority names wbe, of which there are no documents; there is web" in told


def test_files_that_were_only_touched_are_the_same_documents(mill, tmp_path):
    """Ingest identifies files by size and time; what was made of the documents before goes with the new ones."""
    file = tmp_path / "in.jsonl"
    file.write_text("".join(json.dumps({"text": text, "source": "s", "native_id": text}) + "\n" for text in ("one", "two")))
    words = ("ingest", "corpus=files", f"corpus.paths=[{file}]")
    before = mill(*words)
    duplicates = mill("dedup", f"documents={before}")
    os.utime(file, (1, 1))
    after = mill(*words)
    assert after != before
    assert mill("dedup", f"documents={after}") == duplicates
    domains = mill("regroup", f"documents={after}", f"duplicates={duplicates}", "regroup=source")
    assert mill.manifest(domains).counts["kept"] == 2
