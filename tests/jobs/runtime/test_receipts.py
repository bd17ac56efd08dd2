import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.runtime import receipts
from corpusmill.jobs.runtime.receipts import Output, Receipt
from corpusmill.jobs.runtime.shards import encode
from corpusmill.operators.errors import BalanceError, Corrupt

SCHEMA = pa.schema([("n", pa.int64())])


def stored(store, value, suffix="parquet"):
    shard = encode([pa.RecordBatch.from_pydict({"n": [value]}, schema=SCHEMA)], SCHEMA)
    return receipts.store_shard(store, "stage", "key", shard, suffix)


def test_the_first_receipt_wins_and_the_loser_adopts_it(local):
    """What only the loser wrote is removed: no receipt names it."""
    first = Receipt("key", (Output(stored(local, 1), stored(local, 10, "edits.parquet")),), {"rows_in": 1, "kept": 1})
    second = Receipt("key", (Output(stored(local, 2), stored(local, 20, "edits.parquet")),), {"rows_in": 1, "kept": 1})
    assert receipts.commit(local, "stage", first) == first
    assert receipts.commit(local, "stage", second) == first
    assert receipts.find(local, "stage", "key") == first
    objects = {e.path for e in local.list("stage/")}
    assert objects == {"stage/shards/key.json", first.outputs[0].main.object, first.outputs[0].edits.object}


def test_a_loser_with_the_same_content_removes_nothing(local):
    receipt = Receipt("key", (Output(stored(local, 1)),), {})
    assert receipts.commit(local, "stage", receipt) == receipts.commit(local, "stage", receipt) == receipt
    assert local.exists(receipt.outputs[0].main.object)


@given(kept=st.integers(0, 9), off=st.integers(-2, 2),
       dropped=st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=3))
def test_rows_in_must_be_kept_or_dropped_with_a_reason(kept, dropped, off):
    counts = {f"dropped.{reason}": n for reason, n in dropped.items()} | {"kept": kept, "other": 7}
    counts["rows_in"] = kept + sum(dropped.values()) + off
    if off == 0:
        receipts.check_balance(counts, "here")
    else:
        with pytest.raises(BalanceError, match=r"here: .* rows in, but"):
            receipts.check_balance(counts, "here")


def test_what_does_not_balance_is_not_committed(local):
    with pytest.raises(BalanceError, match="stage task key"):
        receipts.commit(local, "stage", Receipt("key", (), {"rows_in": 3, "kept": 2}))
    assert receipts.find(local, "stage", "key") is None


def test_counts_without_rows_have_no_balance():
    receipts.check_balance({"messages": 4}, "an exchange")


def test_a_receipt_comes_back_from_json_as_it_was(local):
    receipt = Receipt("k", (Output(stored(local, 1)), Output(stored(local, 2), stored(local, 3))), {"b": 1, "a": 2}, {"x": [1]})
    assert receipts.loads(receipts.dumps(receipt)) == receipt
    reordered = Receipt("k", receipt.outputs, {"a": 2, "b": 1}, {"x": [1]})
    assert receipts.dumps(receipt) == receipts.dumps(reordered)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"key": "k"}'])
def test_a_receipt_that_cannot_be_read_is_named(local, data):
    local.write(receipts.path("stage", "key"), data)
    with pytest.raises(Corrupt, match=r"stage/shards/key\.json"):
        receipts.find(local, "stage", "key")
