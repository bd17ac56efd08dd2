from collections import Counter

from corpusmill.jobs.reporting.funnel import Amount, Step, sources_of, steps_of
from corpusmill.jobs.runtime import manifest as manifests


def test_steps_take_in_what_the_one_before_kept(lineage, small):
    """A row that filter dropped is counted once, though the later stages carry it too."""
    steps = steps_of(manifests.lineage(lineage.store, small()))
    assert [(s.stage, s.documents_in, s.kept, s.dropped) for s in steps] == [
        ("documents", 103, 100, {"bad_utf8": 3}), ("decisions", 100, 90, {"too_short": 10}),
        ("duplicates", 90, 80, {"near_duplicate": 10}), ("mixture", 80, 190, {}),
    ]


def test_tokens_are_exact_from_the_count_on_and_estimates_before_it(lineage, small):
    """Before it at the survivors' rate: 400 tokens for 1,600 bytes."""
    steps = {s.stage: s for s in steps_of(manifests.lineage(lineage.store, small()))}
    assert [(s.bytes.value, s.tokens.value, s.tokens.exact) for s in steps.values()] == [
        (2000, 500, False), (1900, 475, False), (1600, 400, True), (480 * 4 + 400 * 4, 880, True),
    ]


def test_without_tallied_bytes_there_is_no_estimate(lineage):
    documents = lineage.put("documents", {"rows_in": 5, "kept": 5, "bytes_in": 70})
    decisions = lineage.put("decisions", {"rows_in": 5, "kept": 4, "dropped.few": 1}, inputs=[documents])
    steps = steps_of(manifests.lineage(lineage.store, decisions))
    assert steps == (Step("documents", 5, 5, {}, Amount(70, False)), Step("decisions", 5, 4, {"few": 1}))


def test_a_lineage_without_documents_has_no_steps(lineage):
    assert steps_of({"proportions": lineage.put("proportions")}) == ()


def test_sources_with_slashes_keep_their_names(lineage, small):
    made = manifests.lineage(lineage.store, small(source="a/b/c"))
    source = sources_of(made)[0]
    assert (source.source, source.documents_in, source.kept) == ("a/b/c", 60, 46)
    assert source.dropped == {"decisions": {"too_short": 10}, "duplicates": {"near_duplicate": 4}}


def test_the_funnel_of_a_build_is_that_of_its_rows(built):
    """Counted again from the exported rows."""
    mill, uri = built
    made = mill.lineage(uri)
    documents, decisions, duplicates = (mill.rows(made[s]) for s in ("documents", "decisions", "duplicates"))
    steps = {s.stage: s for s in steps_of(made)}
    assert steps["documents"].kept == len(documents)
    assert steps["decisions"].dropped == dict(Counter(r["reason"] for r in decisions if r["reason"]))
    assert sum(steps["duplicates"].dropped.values()) == sum(1 for r in duplicates if r["keep"] is False)
    assert steps["duplicates"].kept == sum(1 for r in duplicates if r["keep"])
    assert steps["duplicates"].tokens.value == sum(r["tokens"] or 0 for r in mill.rows(made["counts"]))
    kept = Counter(r["source"] for r in duplicates if r["keep"])
    assert {s.source: s.kept for s in sources_of(made)} == dict(kept)
    assert {s.source: s.documents_in for s in sources_of(made)} == dict(Counter(r["source"] for r in documents))
