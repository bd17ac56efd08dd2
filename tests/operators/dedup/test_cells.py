"""Star within cells, against plain Python in whole numbers."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.dedup import cells
from corpusmill.operators.dedup.cells import cell_messages, cell_pairs, parts, star
from corpusmill.operators.dedup.keep import pair_messages_schema, pair_verdicts, star_pairs
from corpusmill.operators.errors import SchemaError


def cosines(sketches):
    """From exact sums."""
    wide = sketches.astype(np.int64)
    lengths = np.sqrt((wide * wide).sum(axis=1).astype(float))
    return wide @ wide.T / (lengths[:, None] * lengths[None, :])


def brute_force(sketches, threshold):
    alike, upper = cosines(sketches) >= threshold, []
    for row in range(len(sketches)):
        upper.append(next((u for u in range(row) if alike[row, u] and upper[u] < 0), -1))
    return upper


def families(count, width, draw, spread=0.15):
    """Sketches around a few centres, none all zeros."""
    centres = draw.standard_normal((1 + count // 6, width))
    points = centres[draw.integers(0, len(centres), count)] + spread * draw.standard_normal((count, width))
    return np.rint(127 * points / np.abs(points).max(axis=1, keepdims=True, initial=1e-9)).astype(np.int8)


@settings(max_examples=60)
@given(st.integers(0, 90), st.sampled_from([8, 64]), st.integers(0, 2**32), st.sampled_from([0.5, 0.9, 0.97]))
def test_star_is_that_of_all_pairs(count, width, seed, threshold):
    sketches = families(count, width, np.random.default_rng(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "TILE", 16)
        patch.setattr(cells, "KEPT", 5)
        upper, similarity = star(sketches, threshold)
    assert upper.tolist() == brute_force(sketches, threshold)
    found = cosines(sketches)
    assert similarity.tolist() == [np.float32(min(1, found[i, u])) if u >= 0 else 0 for i, u in enumerate(upper)]


@pytest.mark.parametrize("tiles", [(1, 1), (7, 64), (5000, 3), (5000, 5000)])
def test_tiles_change_no_bit(tiles, monkeypatch):
    sketches = families(1500, 1024, np.random.default_rng(4), spread=0.3)
    want = star(sketches, 0.9)
    monkeypatch.setattr(cells, "TILE", tiles[0] + 250)
    monkeypatch.setattr(cells, "KEPT", tiles[1] + 250)
    found = star(sketches, 0.9)
    assert (want[0] >= 0).sum() > 300
    for one, other in zip(want, found, strict=True):
        assert (one == other).all()


def test_float32_adds_up_the_longest_sketches_exactly():
    draw = np.random.default_rng(5)
    longest = np.where(draw.random((40, 1024)) < 0.5, 127, -127).astype(np.int8)
    longest[1::2] = longest[::2] - (draw.random((20, 1024)) < 0.01).astype(np.int8) * np.sign(longest[::2])
    wide, narrow = longest.astype(np.int64), longest.astype(np.float32)
    assert ((narrow @ narrow.T).astype(np.int64) == wide @ wide.T).all()


@settings(max_examples=60)
@given(st.integers(1, 300), st.integers(1, 60), st.integers(0, 2**32))
def test_parts_hold_every_document_once_in_order_and_equal_ones_together(count, most, seed):
    draw = np.random.default_rng(seed)
    sketches = families(max(1, count // 3), 16, draw)[draw.integers(0, max(1, count // 3), count)]
    found = list(parts(sketches, most))
    assert sorted(row for part in found for row in part.tolist()) == list(range(count))
    for part in found:
        assert (np.diff(part) > 0).all()
        assert len(part) <= most or (sketches[part] == sketches[part[0]]).all()
    place = {sketches[row].tobytes(): i for i, part in enumerate(found) for row in part}
    assert all(place[sketches[row].tobytes()] == i for i, part in enumerate(found) for row in part)
    assert not count <= most or len(found) == 1


def test_most_pairs_lie_on_one_side_of_a_cut():
    sketches = families(4000, 128, np.random.default_rng(6), spread=0.1)
    whole = (star(sketches, 0.95)[0] >= 0).sum()
    cut = sum((star(sketches[part], 0.95)[0] >= 0).sum() for part in parts(sketches, 500))
    assert whole > 3000
    assert cut > 0.9 * whole


def messages(count, seed, width=64, kinds=4):
    draw = np.random.default_rng(seed)
    sketches = families(count, width, draw)
    columns = {"cell": draw.integers(0, kinds, count).astype(np.int32), "generation": draw.integers(0, 2, count),
               "rank_1": draw.integers(0, 2, count), "rank_2": draw.integers(-1, 2, count),
               "doc_id": [draw.bytes(16) for _ in range(count)],
               "shard": draw.integers(0, 3, count), "row": np.arange(count), "sketch": [s.tobytes() for s in sketches]}
    return pa.table(columns, schema=cell_messages(width, 2))


RANK = ("generation", "rank_1", "rank_2", "doc_id", "shard", "row")


def test_pairs_lead_to_the_verdicts_of_all_pairs_of_the_cells():
    table = messages(400, 7)
    rows = table.to_pylist()
    order = sorted(range(400), key=lambda i: [rows[i][name] for name in RANK])
    rank = np.empty(400, np.int64)
    rank[order] = np.arange(400)
    alike = cosines(np.array([np.frombuffer(r["sketch"], np.int8) for r in rows]))
    pairs = [(i, j) for i in range(400) for j in range(i) if rows[i]["cell"] == rows[j]["cell"] and alike[i, j] >= 0.9]
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    canonical, _ = star_pairs(rank, left, right, np.array([alike[p] for p in pairs], np.float32))
    want = {rows[i]["doc_id"]: rows[c]["doc_id"] for i, c in enumerate(canonical) if c >= 0}
    found = cell_pairs(table, 0.9)
    assert found.schema == pair_messages_schema(2)
    assert found.column("kind").unique().to_pylist() == ["semantic"]
    assert dict(zip(*(found.column(n).to_pylist() for n in ("doc_id", "upper_doc_id")), strict=True)) == want
    assert len(want) > 100
    verdicts = pair_verdicts(found).to_pylist()
    assert {v["matched_doc_id"] for v in verdicts if not v["keep"]} == set(want.values())
    assert {v["kind"] for v in verdicts} == {"semantic"}


def test_the_order_of_messages_changes_nothing():
    table = messages(300, 8)
    shuffled = table.take(pa.array(np.random.default_rng(0).permutation(300)))
    assert cell_pairs(shuffled, 0.9).equals(cell_pairs(table, 0.9))
    by_cell = [table.filter(pc.equal(table.column("cell"), cell)) for cell in range(4)]
    joined = pa.concat_tables([cell_pairs(one, 0.9) for one in by_cell])
    assert joined.combine_chunks() == cell_pairs(table, 0.9).combine_chunks()
    assert cell_pairs(table.slice(0, 0), 0.9).num_rows == 0
    assert cell_pairs(table.to_batches()[0], 0.9).equals(cell_pairs(table, 0.9))


def test_missing_columns_are_named():
    with pytest.raises(SchemaError, match="generation"):
        cell_pairs(messages(3, 1).drop_columns(["generation"]), 0.9)


def test_a_family_is_compared_with_its_first_alone(monkeypatch):
    """A hundred thousand documents around one centre: the products that are made grow with n, not with n²."""
    products, plain = [], cells._match

    def counting(found, *rest):
        products.append(found.size)
        plain(found, *rest)

    monkeypatch.setattr(cells, "_match", counting)
    centre = np.arange(1, 65, dtype=np.int8)
    sketches = np.tile(centre, (100_000, 1))
    sketches[:, 0] += (np.arange(100_000) % 5).astype(np.int8)
    upper, similarity = star(sketches, 0.95)
    assert upper.tolist() == [-1] + [0] * 99_999
    assert sum(products) < 100_000 + cells.TILE**2
    assert math.isclose(similarity[1], cosines(sketches[:2])[0, 1], rel_tol=1e-6)


def test_equal_sketches_count_once_so_that_a_cell_of_copies_is_not_cut():
    """Twenty thousand equal sketches, of which a few differ in one coordinate, are one family whatever a part may hold."""
    sketches = np.full((20_000, 64), 40, np.int8)
    sketches[::100, 7] = 20
    n = len(sketches)
    columns = {"cell": np.zeros(n, np.int32), "generation": np.ones(n, np.int64), "shard": np.zeros(n, np.int64),
               "doc_id": [i.to_bytes(16, "big") for i in range(n)], "row": np.arange(n),
               "sketch": [s.tobytes() for s in sketches]}
    found = cell_pairs(pa.table(columns, schema=cell_messages(64, 0)), 0.95, most=1000)
    assert found.num_rows == len(sketches) - 1
    assert min(found["similarity"].to_pylist()) > 0.95
