"""Signatures of exact duplicates, raw and normalised."""

import hashlib
import pickle
import re
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.dedup.exact import ExactSignature, normalise
from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.schema import DOCUMENTS, SIGNATURES

unhurried = settings(deadline=None)  # the first example may compile a kernel

WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1))))
# Letters whose UTF-8 shares its first bytes with white space, and letters that only Unicode would lower.
LOOKALIKES = "\u0080\u009f¡\u1681\u167f\u200b\u2010\u2030\u2060\u205e\u3001\u2fffÀÉΣİ\x00\x1b\x7f😀"
texts = st.text(st.one_of(st.sampled_from(WHITE_SPACE), st.sampled_from(LOOKALIKES), st.sampled_from("aAzZ@[`{ \n"),
                          st.characters(codec="utf-8")), max_size=30)


def reference(text: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter.group().lower(), " ".join(text.split()))


def documents(values: list[str | None], **columns: list[str | None]) -> pa.RecordBatch:
    rows = len(values)
    filled = {"doc_id": [bytes([i]) * 16 for i in range(rows)], "text": values, "source": ["s"] * rows,
              "native_id": ["n"] * rows, **columns}
    return pa.record_batch([pa.array(filled.get(f.name, [None] * rows), f.type) for f in DOCUMENTS], schema=DOCUMENTS)


@unhurried
@given(st.lists(texts, max_size=8), st.integers(0, 2))
def test_normalised_text_is_that_of_the_plain_reference(values, cut):
    assert normalise(pa.array(values, pa.string())[cut:]).to_pylist() == [reference(value) for value in values[cut:]]


def test_every_white_space_character_is_one():
    assert len(WHITE_SPACE) == 29
    got = normalise(pa.array([f"a{space}b" for space in WHITE_SPACE] + list(WHITE_SPACE))).to_pylist()
    assert got == ["a b"] * 29 + [""] * 29


def test_every_other_character_stays():
    """All of Unicode but surrogates, white space and capital ASCII letters."""
    others = "".join(c for c in map(chr, range(sys.maxunicode + 1))
                     if not c.isspace() and not "A" <= c <= "Z" and not "\ud800" <= c <= "\udfff")
    assert normalise(pa.array([others, f" {others} "])).to_pylist() == [others, others]


@unhurried
@given(st.lists(texts, min_size=1, max_size=5), st.sampled_from(["raw", "normalised"]))
def test_signatures_are_digests_of_the_text(values, digest):
    result = ExactSignature(digest).signatures(documents(values))
    expected = [value if digest == "raw" else reference(value) for value in values]
    assert result.schema == SIGNATURES
    assert result["doc_id"].to_pylist() == [bytes([i]) * 16 for i in range(len(values))]
    assert result["digest"].to_pylist() == [hashlib.blake2b(t.encode(), digest_size=16).digest() for t in expected]


def test_the_row_digest_covers_the_columns_that_the_identity_leaves_out():
    batch = documents(["a", "b", "c", "d"], url=["u", "u", None, "u"], license=[None, None, "u", "MIT"])
    digests = ExactSignature().signatures(batch)["row_digest"].to_pylist()
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@unhurried
@given(st.lists(texts, min_size=1, max_size=6), st.integers(0, 6))
def test_a_row_does_not_depend_on_the_batch_around_it(values, cut):
    batch, signature = documents(values), ExactSignature("normalised")
    parts = [signature.signatures(part) for part in (batch[:cut], batch[cut:])]
    assert pa.Table.from_batches(parts).combine_chunks() == pa.Table.from_batches([signature.signatures(batch)])


def test_no_rows_have_no_signatures():
    assert ExactSignature("normalised").signatures(documents([])).num_rows == 0


def test_the_configuration_pickles_and_is_checked():
    assert pickle.loads(pickle.dumps(ExactSignature("normalised"))) == ExactSignature("normalised")
    with pytest.raises(ConfigError, match="'rwa'; it must be 'raw', 'normalised' or 'url'"):
        ExactSignature("rwa")


@pytest.mark.parametrize("digest", ["raw", "normalised"])
def test_a_null_text_is_refused(digest):
    with pytest.raises(DataError, match="text must not be null"):
        ExactSignature(digest).signatures(documents(["a", None]))


def test_a_missing_column_is_refused():
    with pytest.raises(SchemaError, match="no column 'url'"):
        ExactSignature().signatures(documents(["a"]).drop_columns(["url"]))


@pytest.mark.parametrize(("digest", "golden"), [
    ("raw", ["202958c3f73d11c6c0f71c72a00253f3", "a5ff91b7d1b81e048bb4c230b4bf121d"]),
    ("normalised", ["a5ff91b7d1b81e048bb4c230b4bf121d", "a5ff91b7d1b81e048bb4c230b4bf121d"]),
])
def test_version_1_is_frozen(digest, golden):
    """Signatures that are stored meet those of new documents; change the version with the result."""
    result = ExactSignature(digest).signatures(documents(["The  Quick\n", "the quick"]))
    assert ExactSignature(digest).version == "1"
    assert [value.hex() for value in result["digest"].to_pylist()] == golden


def test_urls_meet_by_their_normalised_form_and_texts_do_not_count():
    urls = ["https://www.a.b/x/", None, "http://a.b/x?utm_source=y", "a.b/y", "", None]
    batch = documents(["one", "two", "three", "one", "two", "two"], url=urls)
    signer = ExactSignature(digest="url")
    found = signer.signatures(batch)
    assert found.schema == signer.schema
    found.validate(full=True)
    want = [hashlib.blake2b(url.encode(), digest_size=16).digest() if url else None
            for url in ("a.b/x", None, "a.b/x", "a.b/y", None, None)]
    assert found.column("digest").to_pylist() == want
    assert [signer.signatures(batch.slice(i, 1)).to_pylist()[0] for i in range(6)] == found.to_pylist()
    assert ExactSignature().schema == SIGNATURES
