"""Column names and Arrow types of every dataset.

Row-aligned datasets (annotations, decisions, signatures, duplicates, trims, domains, counts) hold the rows of the documents
shard that they belong to, in its order. A row that an earlier stage dropped is there with nulls.
"""

from collections.abc import Iterable

import pyarrow as pa

from corpusmill.operators.errors import SchemaError

DOC_ID = pa.binary(16)
DIGEST = pa.binary(16)

DOCUMENTS = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("text", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("native_id", pa.string(), nullable=False),
    pa.field("url", pa.string()),
    pa.field("date", pa.timestamp("us", tz="UTC")),
    pa.field("license", pa.string()),
    pa.field("metadata", pa.string()),  # one JSON object
])

ANNOTATIONS = pa.schema([pa.field("doc_id", DOC_ID, nullable=False)])  # + one column per signal

# An edit layer: the rows whose text an operator changed, by their row in the documents shard.
EDITS = pa.schema([pa.field("row", pa.int64(), nullable=False), pa.field("text", pa.string(), nullable=False)])

DECISIONS = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("keep", pa.bool_(), nullable=False),
    pa.field("reason", pa.string()),  # null where kept
])

SIGNATURES = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("digest", DIGEST, nullable=False),  # of the text, raw or normalised; or of the URL, then null without one
    pa.field("row_digest", DIGEST, nullable=False),  # of the other columns: orders rows of equal doc_id
])  # + what a method compares, and last ``length``, the bytes of the text
LENGTH = pa.field("length", pa.int64(), nullable=False)

# A shard of pairs belongs to the documents shard of the same number, and holds the pairs whose lower document is in it.
PAIRS = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),  # of the lower in rank
    pa.field("row", pa.int64(), nullable=False),  # in its documents shard
    pa.field("generation", pa.int64(), nullable=False),  # begins the rank: of the nights in which documents came in
    pa.field("upper_doc_id", DOC_ID, nullable=False),
    pa.field("upper_shard", pa.int64(), nullable=False),
    pa.field("upper_row", pa.int64(), nullable=False),
    pa.field("upper_generation", pa.int64(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),  # "exact": the upper is the first of equal texts; "near"; "semantic"
    pa.field("similarity", pa.float32(), nullable=False),
])  # + rank_1 … and upper_rank_1 …, one for each key of the rank, whose end is doc_id

KINDS = ("exact", "near", "semantic")  # of duplicates: equal texts, shared n-grams, shared words

DUPLICATES = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("keep", pa.bool_()),  # null where an earlier stage dropped the row: it took no part
    pa.field("kind", pa.string()),  # "exact", "near" or "semantic"; null where the document has no duplicate
    pa.field("cluster_id", DOC_ID),  # the canonical document's id: of the first, that is kept
    pa.field("cluster_size", pa.int64()),  # the canonical and all that name it
    # The kept document that a dropped one matched; null for the canonical, also where all copies are dropped.
    pa.field("matched_doc_id", DOC_ID),
    pa.field("similarity", pa.float32()),  # to that document; null where the two are in one component, but no pair
])

# What is cut is told of dropped documents too, though their text is not edited.
TRIMS = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("keep", pa.bool_()),  # null where an earlier stage dropped the row: it took no part
    pa.field("reason", pa.string()),  # null where kept
    pa.field("removed", pa.int64()),  # characters, blank space between what is removed and what stays included
    pa.field("spans", pa.list_(pa.field("item", pa.struct([
        pa.field("start", pa.int64(), nullable=False),  # bytes of the text that it saw
        pa.field("end", pa.int64(), nullable=False),
        pa.field("doc_id", DOC_ID, nullable=False),  # of the document that holds the first occurrence, which stays
    ]), nullable=False))),
])

DOMAINS = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("domain", pa.string()),  # null where an earlier stage dropped the row
])

COUNTS = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("tokens", pa.int64()),  # null where an earlier stage dropped the row
])

MIXTURE = pa.schema([
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("text", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("domain", pa.string(), nullable=False),
    pa.field("epoch", pa.int32(), nullable=False),  # 0 is the first time
    pa.field("tokens", pa.int64(), nullable=False),
])

QUARANTINE = pa.schema([
    pa.field("file", pa.string(), nullable=False),
    pa.field("row_group", pa.int64()),
    pa.field("row", pa.int64()),  # in the file, from 0; null where the whole file is unreadable
    pa.field("reason", pa.string(), nullable=False),
    pa.field("detail", pa.string(), nullable=False),
    pa.field("content", pa.binary()),  # the raw bytes, cut at 64 KiB
])


def require(batch: pa.RecordBatch | pa.Table | pa.Schema, columns: pa.Schema | Iterable[pa.Field], where: str = "") -> None:
    """Raise SchemaError unless every column is there with its type."""
    schema = batch if isinstance(batch, pa.Schema) else batch.schema
    for field in columns:
        index = schema.get_field_index(field.name)
        if index < 0:
            raise SchemaError(f"{where or 'input'} has no column {field.name!r}; it has {', '.join(schema.names)}")
        if schema.field(index).type != field.type:
            raise SchemaError(f"{where or 'input'}: column {field.name!r} is {schema.field(index).type}, "
                              f"expected {field.type}")
