import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.runtime import shards
from corpusmill.jobs.runtime.shards import Encoder, encode
from corpusmill.operators.errors import Corrupt, Missing

SCHEMA = pa.schema([("text", pa.string()), ("n", pa.int64())])
ROWS = [{"text": f"row {i} ü", "n": i if i % 3 else None} for i in range(40)]


def batches(rows, sizes):
    cut, at = [], 0
    while at < len(rows):
        size = sizes[len(cut) % len(sizes)]
        cut.append(pa.RecordBatch.from_pylist(rows[at : at + size], schema=SCHEMA))
        at += size
    return cut


def put(store, rows=ROWS, row_group_bytes=1 << 20):
    encoder = Encoder(SCHEMA, row_group_bytes)
    for batch in batches(rows, [7]):
        encoder.write(batch)
    encoded = encoder.finish()
    store.write("a/b.parquet", encoded.data)
    return encoded.stored("a/b.parquet")


def test_rows_come_back_row_group_by_row_group(local):
    stored = put(local, row_group_bytes=200)
    read = list(shards.batches(local, stored))
    assert len(read) > 1
    assert pa.Table.from_batches(read).to_pylist() == ROWS
    assert shards.table(local, stored, ["n"]).to_pylist() == [{"n": r["n"]} for r in ROWS]
    assert (stored.rows, stored.size) == (40, local.stat("a/b.parquet").size)


def test_of_some_rows_their_row_groups_alone_are_read(local):
    stored = put(local, row_group_bytes=100)
    starts = [0]
    for batch in shards.batches(local, stored):
        starts.append(starts[-1] + batch.num_rows)
    found = list(shards.groups(local, stored, ["n"], [starts[1], starts[3] - 1, 39]))
    assert [first for first, _ in found] == [starts[1], starts[2], starts[-2]]
    for first, batch in found:
        assert batch.to_pylist() == [{"n": row["n"]} for row in ROWS[first : first + batch.num_rows]]
    assert list(shards.groups(local, stored, ["n"], [])) == []


@given(
    rows=st.lists(st.fixed_dictionaries({"text": st.none() | st.text(), "n": st.none() | st.integers(-9, 9)}), max_size=12),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4), limit=st.integers(1, 300),
)
def test_the_content_digest_does_not_depend_on_batches_or_row_groups(rows, sizes, limit):
    encoder = Encoder(SCHEMA, limit)
    for batch in batches(rows, sizes):
        encoder.write(batch)
    made = encoder.finish()
    assert made.content == encode(batches(rows, [100]), SCHEMA).content
    assert pq.read_table(pa.BufferReader(made.data)).to_pylist() == rows


def test_other_rows_or_columns_have_another_digest():
    plain = encode(batches(ROWS, [9]), SCHEMA).content
    assert encode(batches(ROWS[::-1], [9]), SCHEMA).content != plain
    renamed = pa.schema([("text", pa.string()), ("m", pa.int64())])
    assert encode([b.rename_columns(["text", "m"]) for b in batches(ROWS, [9])], renamed).content != plain


def test_the_schema_of_the_dataset_wins_over_nullability_of_a_batch():
    strict = pa.schema([pa.field("text", pa.string(), nullable=False), ("n", pa.int64())])
    rows = [r | {"n": 1} for r in ROWS]
    assert pq.read_schema(pa.BufferReader(encode(batches(rows, [9]), strict).data)).field("text").nullable is False


@pytest.mark.parametrize("damage", [
    lambda data: data[:-20], lambda data: b"", lambda data: data + b"x",
    lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
])
def test_a_damaged_object_is_named_before_any_row_is_read(local, damage):
    stored = put(local)
    local.write("a/b.parquet", damage(bytes(local.read("a/b.parquet"))))
    with pytest.raises(Corrupt, match=r"a/b.parquet is not what its receipt says.*delete the object"):
        next(shards.batches(local, stored))


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"", lambda data: data[:60] + b"oops" + data[64:]])
def test_damage_to_a_row_group_that_is_read_is_named(local, damage):
    stored = put(local)
    local.write("a/b.parquet", damage(bytes(local.read("a/b.parquet"))))
    with pytest.raises(Corrupt, match=r"a/b.parquet is damaged.*delete the object"):
        list(shards.groups(local, stored, ["text", "n"], [0]))


def test_another_valid_object_in_its_place_is_noticed(local):
    stored = put(local)
    put(local, ROWS[:5])
    with pytest.raises(Corrupt, match="receipt says"):
        shards.whole(local, stored)
    with pytest.raises(Corrupt, match="5 rows, its receipt says 40"):
        shards.table(local, stored, ["n"])
    with pytest.raises(Corrupt, match="5 rows, its receipt says 40"):
        list(shards.groups(local, stored, ["n"], [0]))


def test_a_missing_object_is_missing(local):
    stored = put(local)
    local.delete("a/b.parquet")
    with pytest.raises(Missing):
        next(shards.batches(local, stored))


def test_an_empty_shard_keeps_its_columns(local):
    stored = put(local, [])
    assert stored.rows == 0
    assert list(shards.batches(local, stored)) == []
    assert shards.one_batch(shards.table(local, stored, ["text", "n"])).schema.names == ["text", "n"]
