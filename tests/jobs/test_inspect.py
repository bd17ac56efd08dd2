"""``corpusmill inspect``: what a user sees of the documents that came to an outcome."""

import pytest


def shown(result):
    """The ids on the panels, in order."""
    return [line.split()[1] for line in result.out.splitlines() if line.startswith("╭─ ")]


def test_dropped_documents_are_shown_with_the_signal_that_decided(built):
    mill, uri = built
    result = mill.run("inspect", f"manifest={uri}", "reason=too_short", "n=2", "borderline=false")
    decisions = {row["doc_id"].hex(): row for row in mill.rows(mill.lineage(uri)["decisions"])}
    assert result.code == 0, result.err
    assert len(shown(result)) == 2
    assert {decisions[doc_id]["reason"] for doc_id in shown(result)} == {"too_short"}
    dropped = sum(row["reason"] == "too_short" for row in decisions.values())
    assert result.out.splitlines()[-1] == f"2 of {dropped} documents"
    assert "text.chars = " in result.out
    assert "; kept where 100 ≤ text.chars" in result.out


def test_kept_documents_near_the_bound_follow(built):
    """Those whose value lies within the margin, on the kept side; all of them where there are few."""
    mill, uri = built
    annotations = mill.lineage(uri)["annotations"]
    rules = "[{reason: few, signal: text.words, min: 60}, {reason: late, signal: text.words, max: 150}]"
    decided = mill("filter", f"annotations={annotations.path}", f"quality.rules={rules}")
    words = {row["doc_id"].hex(): row["text.words"] for row in mill.rows(annotations)}
    near = {doc_id for doc_id, n in words.items() if 60 <= n <= 66}
    result = mill.run("inspect", f"manifest={decided}", "reason=few", "n=200")
    found = shown(result)
    assert near
    assert set(found) == near | {doc_id for doc_id, n in words.items() if n < 60}
    assert set(found[-len(near):]) == near
    assert f"{len(near)} near the bound" in result.out
    wider = shown(mill.run("inspect", f"manifest={decided}", "reason=few", "n=200", "margin=0.2"))
    assert set(wider) == {doc_id for doc_id, n in words.items() if n <= 72}


def test_what_a_selector_decided_is_told_with_its_cut(built):
    mill, uri = built
    annotations = mill.lineage(uri)["annotations"]
    rules = "[{reason: small, select: quantile, signal: text.chars, keep: 0.5}]"
    decided = mill("filter", f"annotations={annotations.path}", f"quality.rules={rules}")
    cut = mill.manifest(decided).details["cuts"]["0"][0]["value"]
    result = mill.run("inspect", f"manifest={decided}", "reason=small", "n=3")
    assert result.out.count(f"; kept where the highest text.chars: share 0.5, which ends at {cut:,.6g}") == 6
    chars = {row["doc_id"].hex(): row["text.chars"] for row in mill.rows(annotations)}
    values = [chars[doc_id] for doc_id in shown(result)]
    assert max(values[:3]) <= cut <= min(values[3:]) <= max(values[3:]) <= 1.1 * cut


def test_lists_of_values_have_no_borderline(built):
    mill, uri = built
    annotations = mill.lineage(uri)["annotations"]
    rules = "[{reason: foreign, signal: source, not_in: [zh]}]"
    decided = mill("filter", f"annotations={annotations.path}", f"quality.rules={rules}")
    result = mill.run("inspect", f"manifest={decided}", "reason=foreign", "n=2")
    assert len(shown(result)) == 2
    assert "source = zh; kept where source is none of zh" in result.out
    assert "near the bound" not in result.out


def test_more_samples_hold_the_fewer(built):
    mill, uri = built
    few, many = (shown(mill.run("inspect", f"manifest={uri}", "reason=kept", f"n={n}")) for n in (3, 9))
    assert (len(few), len(many)) == (3, 9)
    assert few == many[:3]
    assert shown(mill.run("inspect", f"manifest={uri}", "reason=kept", "n=9", "seed=1")) != many


def test_pairs_stand_side_by_side(built):
    mill, uri = built
    result = mill.run("inspect", f"manifest={uri}", "reason=exact_duplicate", "n=50")
    rows = {row["doc_id"].hex(): row for row in mill.rows(mill.lineage(uri)["duplicates"])}
    ids = shown(result)
    assert len(ids) == 2 * sum(row["keep"] is False for row in rows.values()) > 0
    for dropped, kept in zip(ids[::2], ids[1::2], strict=True):
        assert rows[dropped]["matched_doc_id"].hex() == kept


def test_texts_of_a_pair_begin_shortly_before_they_differ(mill, tmp_path):
    (tmp_path / "files").mkdir()
    same = " ".join(f"word{i}" for i in range(500))
    for name in ("one", "other"):
        (tmp_path / "files" / f"{name}.txt").write_text(f"{same} {name} end of the text, that both have, and some more")
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'files'}]")
    duplicates = mill("dedup", f"documents={documents}", "dedup=minhash")
    result = mill.run("inspect", f"manifest={duplicates}", "reason=near_duplicate", "chars=300")
    assert (len(shown(result)), result.code) == (2, 0), result.err
    assert result.out.count(f"{len(same) + 1 - 150 + 1:,} characters before … ") == 2, "both begin with an o"
    assert result.out.count(" end of the text") == 2
    assert "word1 " not in result.out


@pytest.mark.parametrize(("words", "says"), [
    (["reason=too_shrt"], "did you mean 'too_short'"), (["reason=near_duplicates"], "did you mean 'near_duplicate'"),
    ([], "reason must be given"), (["reason=kept", "n=0"], "n=0: give at least 1"),
    (["reason=kept", "margin=-1"], "margin=-1"),
])
def test_a_reason_that_nobody_gave_is_a_clear_error(built, words, says):
    mill, uri = built
    result = mill.run("inspect", f"manifest={uri}", *words)
    assert result.code == 2
    assert says in result.err


def test_documents_alone_came_to_no_outcome(built):
    mill, uri = built
    result = mill.run("inspect", f"manifest={mill.lineage(uri)['documents'].path}", "reason=kept")
    assert (result.code, "no decisions are in its lineage" in result.err) == (2, True)


def test_looking_writes_nothing(built):
    mill, uri = built
    before = mill.objects()
    mill.run("inspect", f"manifest={uri}", "reason=kept", "n=1")
    assert mill.objects() == before
