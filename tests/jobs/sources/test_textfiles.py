"""Folders of text files."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusmill.jobs.sources.files import find
from corpusmill.jobs.sources.reading import Reading, read, read_bundle
from corpusmill.operators.errors import DataError


def _rows(pieces):
    pieces = list(pieces)
    return (
        [row for piece in pieces for row in piece.documents.to_pylist()],
        [row for piece in pieces for row in piece.bad.to_pylist()],
    )


def test_each_file_is_a_document_named_by_its_path(tmp_path):
    (tmp_path / "poems").mkdir()
    (tmp_path / "poems" / "one.txt").write_text("first\r\nline")
    (tmp_path / "poems" / "two.md").write_text("")
    documents, bad = _rows(read_bundle(find([str(tmp_path)]), Reading(license="CC0")))
    assert not bad
    assert [(d["native_id"], d["text"], d["source"], d["license"]) for d in documents] == [
        ("poems/one.txt", "first\r\nline", "poems", "CC0"),
        ("poems/two.md", "", "poems", "CC0"),
    ]


@given(
    contents=st.lists(st.one_of(st.binary(max_size=30), st.text(max_size=10).map(str.encode)), min_size=1, max_size=8),
    batch=st.integers(1, 40),
)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_file_is_a_document_or_bad_whatever_the_batches(tmp_path_factory, contents, batch):
    folder = tmp_path_factory.mktemp("texts")
    good, reasons = [], []
    for n, content in enumerate(contents):
        (folder / f"{n}.txt").write_bytes(content)
        try:
            text = content.decode()
            good += [text] if len(content) <= 25 else []
            reasons += [(str(folder / f"{n}.txt"), 0, "oversize")] if len(content) > 25 else []
        except UnicodeDecodeError:
            reasons.append((str(folder / f"{n}.txt"), 0, "oversize" if len(content) > 25 else "invalid_utf8"))
    pieces = list(
        read_bundle(find([str(folder)]), Reading(on_bad="quarantine", batch_bytes=batch, max_document_bytes=25))
    )
    documents, bad = _rows(pieces)
    assert [d["text"] for d in documents] == good
    assert sorted((row["file"], row["row"], row["reason"]) for row in bad) == sorted(reasons)
    for piece in pieces:
        assert (
            sum(len(t.encode()) for t in piece.documents["text"].to_pylist()) <= batch or piece.documents.num_rows == 1
        )


def test_a_bad_file_is_an_error_with_its_name(tmp_path):
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    [file] = find([str(tmp_path)])
    with pytest.raises(DataError, match=r"latin\.txt, row 0: invalid_utf8"):
        list(read(file, Reading()))
