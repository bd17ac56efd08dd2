import pytest

from corpusmill.jobs.runtime import manifest as manifests

BASIC = "{_target_: corpusmill.operators.quality.signals.BasicSignals}"


@pytest.fixture(scope="module")
def annotated(built):
    mill, uri = built
    return {r["native_id"]: r for r in mill.rows(mill.lineage(uri)["annotations"])}


def test_every_document_has_its_signals(annotated, planted):
    assert set(annotated) == {r["native_id"] for r in planted.records}
    for row in annotated.values():
        text = row["text"]
        assert row["text.bytes"] == len(text.encode())
        assert row["text.chars"] == len(text)
        assert row["text.words"] == len(text.split())
        assert row["text.lines"] == len(text.split("\n"))
        assert row["text.digit_chars"] == sum(c.isdecimal() for c in text)


def test_only_what_the_chain_edits_changes(annotated, planted):
    """Line ends become LF, blanks before them go; every other text keeps its bytes."""
    given = {r["native_id"]: r["text"] for r in planted.records}
    assert {name for name, row in annotated.items() if row["text"] != given[name]} == planted.edited
    assert annotated["code-10"]["text"] == given["code-11"]


def test_the_edit_layer_holds_only_changed_rows(built, planted):
    mill, uri = built
    layers = [s.edits for s in manifests.shards(mill.store, mill.lineage(uri)["annotations"])]
    assert sum(layer.rows for layer in layers) == len(planted.edited)


def test_a_chain_without_editors_has_no_layer(built, mill):
    there, uri = built
    documents = there.lineage(uri)["documents"].path
    signals = "[{_target_: corpusmill.operators.quality.signals.BasicSignals, name: basic}]"
    made = there.manifest(there("annotate", f"documents={documents}", f"quality.operators={signals}"))
    assert made.details == {"edits": False}
    assert "basic.words" in dict(made.schema)
    assert "text" not in there.rows(made)[0]


@pytest.mark.parametrize(("operators", "message"), [
    ("[{_target_: os.system, command: ls}]", "only operators of corpusmill.operators"),
    ("[{_target_: corpusmill.operators.quality.signals.Nothing}]", "there is no such operator"),
    ("[{_target_: corpusmill.operators.quality.signals.BasicSignals, nam: x}]", "did you mean 'name'"),
    (f"[{BASIC}, {BASIC}]", "two operators are named 'text'"),
])
def test_a_chain_that_cannot_run_is_refused_before_anything_is_read(built, operators, message):
    mill, uri = built
    result = mill.run("annotate", f"documents={mill.lineage(uri)['documents'].path}", f"quality.operators={operators}")
    assert result.code == 2
    assert message in result.err
    assert result.out == ""
