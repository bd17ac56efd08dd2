import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime.aligned import Subset
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.operators.errors import AlignmentError, SchemaError
from corpusmill.operators.schema import EDITS

TEXTS = pa.schema([("text", pa.string()), ("n", pa.int64())])
LABEL = pa.schema([("label", pa.string())])
ROWS = [[{"text": f"shard {s} row {r}", "n": 10 * s + r} for r in range(rows)] for s, rows in enumerate((4, 1, 3))]
LABELS = [[{"label": f"{s}/{r}"} for r in range(len(rows))] for s, rows in enumerate(ROWS)]


@pytest.fixture
def documents(make):
    return make("documents", ROWS, TEXTS, row_group_bytes=30)


def labels(make, documents, shards=None, **how):
    return make("domains", LABELS if shards is None else shards, LABEL, on=documents, **how)


def test_datasets_are_zipped_row_by_row(make, local, documents):
    walk = list(aligned.zipped(local, {"documents": documents, "domains": labels(make, documents)}))
    assert [(one.ordinal, one.rows) for one in walk] == [(0, 4), (1, 1), (2, 3)]
    columns = {"n": ("documents", "n"), "label": ("domains", "label"), "again": ("domains", "label")}
    rows = [row for one in walk for row in aligned.read(local, one, columns).to_pylist()]
    places = [(s, r) for s, rows_of_shard in enumerate(ROWS) for r in range(len(rows_of_shard))]
    assert rows == [{"n": 10 * s + r, "label": f"{s}/{r}", "again": f"{s}/{r}"} for s, r in places]


def test_text_comes_in_batches_with_the_columns_beside_it(make, local, documents):
    columns = {"label": ("domains", "label"), "text": ("documents", "text")}
    walk = aligned.zipped(local, {"documents": documents, "domains": labels(make, documents)})
    batches = [b for one in walk for b in aligned.read_text(local, one, columns)]
    assert len(batches) > 3, "row groups are smaller than shards here"
    rows = [row for b in batches for row in b.to_pylist()]
    assert rows == [{"label": label["label"], "text": row["text"]} for rs, ls in zip(ROWS, LABELS, strict=True)
                    for row, label in zip(rs, ls, strict=True)]


@pytest.mark.parametrize("other", [
    [ROWS[0], ROWS[1], [{"text": "another", "n": 0}]],
    [ROWS[1], ROWS[0], ROWS[2]],
])
def test_columns_of_other_documents_are_refused(make, local, documents, other):
    """Also where they have the same number of rows and shards."""
    shards = [[{"label": "x"}] * len(rows) for rows in other]
    stranger = labels(make, make("documents", other, TEXTS), shards)
    with pytest.raises(AlignmentError, match=r"shard \d of domains belongs to other documents than that of documents"):
        list(aligned.zipped(local, {"documents": documents, "domains": stranger}))


def test_a_different_number_of_shards_is_refused(make, local, documents):
    with pytest.raises(AlignmentError, match="documents 3, domains 2"):
        list(aligned.zipped(local, {"documents": documents, "domains": labels(make, documents, LABELS[:2])}))


def test_a_hole_is_refused(make, local, documents):
    holed = labels(make, documents, {0: LABELS[0], 2: LABELS[2]})
    with pytest.raises(AlignmentError, match="documents has no shard 2, which domains has"):
        list(aligned.zipped(local, {"documents": documents, "domains": holed}))


def test_a_partial_dataset_narrows_the_walk(make, local, documents):
    some = labels(make, documents, {0: LABELS[0], 2: LABELS[2]}, parameters={"subset": {"sample": 0.5}})
    walk = aligned.zipped(local, {"documents": documents, "domains": some})
    assert [one.ordinal for one in walk] == [0, 2]
    last = labels(make, documents, {1: LABELS[1]}, parameters={"subset": {"limit": 1}})
    walk = aligned.zipped(local, {"domains": some, "documents": documents, "last": last})
    assert list(walk) == []


def test_a_missing_column_is_named(make, local, documents):
    (one, *_) = aligned.zipped(local, {"documents": documents, "domains": labels(make, documents)})
    with pytest.raises(SchemaError, match="domains shard 0 has no column 'domain'"):
        aligned.read(local, one, {"domain": ("domains", "domain")})


def test_the_latest_layer_wins_and_only_the_view_counts(make, local, documents):
    first = make("annotations", LABELS, LABEL, on=documents, edits={0: {1: "one", 2: "two"}, 2: {0: "three"}})
    second = make("annotations", LABELS, LABEL, on=documents, edits={0: {2: "TWO", 3: "FOUR"}}, view=(first.reference,))

    def texts(*view):
        walk = aligned.zipped(local, {"documents": documents}, [m.reference for m in view])
        return [[t for b in aligned.read_text(local, one, {"text": ("documents", "text")}) for t in b["text"].to_pylist()]
                for one in walk]

    plain = [[row["text"] for row in rows] for rows in ROWS]
    assert texts() == plain
    assert texts(first) == [[plain[0][0], "one", "two", plain[0][3]], plain[1], ["three", *plain[2][1:]]]
    assert texts(first, second)[0] == [plain[0][0], "one", "TWO", "FOUR"]


def test_of_some_rows_the_same_is_read_in_fewer_batches(make, local, documents):
    edited = make("annotations", LABELS, LABEL, on=documents, edits={0: {1: "one", 3: "three"}})
    columns = {"label": ("annotations", "label"), "text": ("documents", "text")}
    (first, *_) = aligned.zipped(local, {"documents": documents, "annotations": edited}, [edited.reference])
    whole = [row for batch in aligned.read_text(local, first, columns) for row in batch.to_pylist()]
    found = list(aligned.read_rows(local, first, columns, [3]))
    assert found
    assert sum(batch.num_rows for _, batch in found) < len(whole) == 4
    for row, batch in found:
        assert batch.to_pylist() == whole[row : row + batch.num_rows]
    assert whole[3] == {"label": "0/3", "text": "three"}


@given(
    texts=st.lists(st.text(max_size=5), min_size=1, max_size=12), data=st.data(),
    first=st.integers(0, 20), after=st.integers(0, 5),
)
def test_overlay_equals_assignment_into_a_list(texts, data, first, after):
    """Layers hold rows of the whole shard; the batch begins at row ``first`` and more rows come after it."""
    end = first + len(texts)
    rows = st.dictionaries(st.integers(0, end + after), st.text(max_size=5), max_size=8)
    layers = data.draw(st.lists(rows, max_size=3))
    expected = list(texts)
    for layer in layers:
        for row, text in layer.items():
            if first <= row < end:
                expected[row - first] = text
    tables = [pa.Table.from_pylist([{"row": r, "text": t} for r, t in sorted(layer.items())], schema=EDITS) for layer in layers]
    padded = pa.array(["before", *texts, "after"])
    assert aligned.overlay(padded.slice(1, len(texts)), tables, first).to_pylist() == expected


def test_a_task_per_shard_is_keyed_by_what_it_reads(make, local, documents):
    """Another layer changes the keys of the shards that it edits, where text is read; nothing else does."""
    edited = make("annotations", LABELS, LABEL, on=documents, edits={0: {1: "x"}})
    inputs = {"documents": documents}
    made = Stage("counts", LABEL, {}, inputs, (edited.reference,))

    def keys(made, **how):
        return [t.key for t in aligned.tasks(local, made, **how)]

    plain = keys(Stage("counts", LABEL, {}, inputs), text=True)
    assert [a == b for a, b in zip(plain, keys(made, text=True), strict=True)] == [False, True, True]
    assert keys(made, text=False) == plain
    assert not set(keys(Stage("counts", LABEL, {"p": 1}, inputs), text=True)) & set(plain)
    assert not set(keys(made, text=False, order=True)) & set(plain)


def test_equal_shards_are_one_task_unless_their_place_matters(make, local):
    twice = make("documents", [ROWS[0], ROWS[0]], TEXTS)
    made = Stage("counts", LABEL, {}, {"documents": twice})
    assert len({t.key for t in aligned.tasks(local, made, text=False)}) == 1
    assert len({t.key for t in aligned.tasks(local, made, text=False, order=True)}) == 2


def test_a_first_look_takes_the_first_shards_or_a_sample_by_content(make, local):
    many = make("documents", [[{"text": f"{i}", "n": i}] * 5 for i in range(60)], TEXTS)

    def taken(**subset):
        return [one.ordinal for one in Subset(**subset)(aligned.zipped(local, {"documents": many}))]

    assert taken() == list(range(60))
    assert taken(limit=11) == [0, 1, 2]
    assert taken(limit=1) == [0]
    sample = taken(sample=0.5)
    assert 18 <= len(sample) <= 42
    assert set(taken(sample=0.2)) <= set(sample)
    assert len(taken(sample=1e-9)) == 1
    assert Subset().parameters() == {}
    assert Subset(3, 0.5).parameters() == {"limit": 3, "sample": 0.5}
