from corpusmill.jobs.reporting.examples import CHARS, EACH, examples_of


def test_examples_of_a_build_are_documents_that_came_to_the_outcome(built):
    mill, uri = built
    made = mill.lineage(uri)
    decided = {row["doc_id"]: row["reason"] for row in mill.rows(made["decisions"])}
    kept = {row["doc_id"] for row in mill.rows(made["duplicates"]) if row["keep"]}
    found = examples_of(mill.store, made)
    assert {o.outcome for o in found.outcomes} == {"kept", *filter(None, decided.values())}
    for outcome in found.outcomes:
        ids = [bytes.fromhex(d.doc_id) for d in outcome.documents]
        whole = kept if outcome.outcome == "kept" else {i for i, reason in decided.items() if reason == outcome.outcome}
        assert len(ids) == len(set(ids)) == min(EACH, len(whole))
        assert set(ids) <= whole
        assert all(len(d.text) == min(CHARS, d.length) for d in outcome.documents)


def test_pairs_of_a_build_are_a_dropped_document_and_the_one_it_names(built):
    mill, uri = built
    made = mill.lineage(uri)
    matched = {row["doc_id"]: row["matched_doc_id"] for row in mill.rows(made["duplicates"]) if row["keep"] is False}
    found = examples_of(mill.store, made).pairs
    assert len(found) == min(EACH, len(matched))
    for pair in found:
        assert matched[bytes.fromhex(pair.dropped.doc_id)] == bytes.fromhex(pair.kept.doc_id)
        assert (pair.kind, pair.similarity) == ("exact", 1.0)


def test_a_dropped_document_shows_what_its_rule_read(built):
    mill, uri = built
    found = {o.outcome: o for o in examples_of(mill.store, mill.lineage(uri)).outcomes}
    assert found["kept"].documents[0].signals == {}
    for outcome in set(found) - {"kept"}:
        assert all(d.signals for d in found[outcome].documents)


def test_documents_kept_by_a_small_margin_stand_beside_the_dropped(built):
    """With the ratio that the rule bounds, on the kept side of its bound and within a tenth of it."""
    mill, uri = built
    rules = "[{reason: wordy, signal: text.chars / text.words, max: 6.2}, {reason: own, signal: source, in: [web, code, zh]}]"
    decided = mill("filter", f"annotations={mill.lineage(uri)['annotations'].path}", f"quality.rules={rules}")
    found = {o.outcome: o for o in examples_of(mill.store, mill.lineage(decided)).outcomes}
    assert set(found) == {"kept", "wordy"}
    kept = {row["doc_id"].hex() for row in mill.rows(decided) if row["keep"]}
    assert found["wordy"].borderline
    assert all(d.doc_id in kept and 5.58 <= d.signals["text.chars / text.words"] <= 6.2 for d in found["wordy"].borderline)
    assert all(d.signals["text.chars / text.words"] > 6.2 for d in found["wordy"].documents)


def test_a_lineage_in_which_nothing_was_decided_shows_nothing(built):
    mill, uri = built
    assert examples_of(mill.store, {"documents": mill.lineage(uri)["documents"]}).outcomes == ()
