"""Cut-offs: whatever the shards, the passes and the order, they keep what sorting keeps."""

import hashlib
import itertools
import json
import math
import random
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.cutoffs import Applied, dumps, first_pass, loads, total
from corpusmill.operators.quality.select import ByGroup, Ranked, select

VALUES = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 2.0, math.inf, math.nan]), st.floats(-1e3, 1e3), st.floats())
ROWS = st.lists(st.tuples(VALUES, st.integers(0, 9), st.sampled_from(["en", "de", None]), st.integers(0, 40)), max_size=60)


def batch_of(rows):
    """(score, size, language, number of the document) each."""
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    doc_id = [hashlib.md5(str(n).encode(), usedforsecurity=False).digest() for n in columns[3]]
    return pa.record_batch([pa.array(doc_id, pa.binary(16)), pa.array(columns[0], pa.float64(), from_pandas=False),
                            pa.array(columns[1], pa.int64()), pa.array(columns[2], pa.string())],
                           names=["doc_id", "score", "size", "language"])


def learn(ranked, batch, cuts, gather):
    """In shards that end at ``cuts``, tallied in any order."""
    edges = [0, *sorted(c % (batch.num_rows + 1) for c in cuts), batch.num_rows]
    shards = [batch.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    random.Random(len(cuts)).shuffle(shards)
    search, passes = first_pass(batch.num_rows, gather), 0
    while not search.done:
        search = search.narrow(ranked, total([search.partial(ranked, shard) for shard in shards]), gather=gather)
        passes += 1
    assert passes <= 8
    return Applied(ranked, search.cuts)


def kept_by_sorting(ranked, batch):
    """Which rows a plain sort keeps: one group after the other, rows of equal rank together."""
    rows = batch.to_pylist()
    kept = [True] * len(rows)
    for group in {row["language"] for row in rows} if ranked.by else {None}:
        amount = ranked.amount(group)
        if amount is None:
            continue
        mine = [i for i, row in enumerate(rows) if (not ranked.by or row["language"] == group)
                and row["score"] is not None and not math.isnan(row["score"])]
        sign = -1 if ranked.order == "highest" else 1
        order = [(sign * rows[i]["score"], _tie(rows[i]["doc_id"]), i) for i in mine]
        allowed = math.ceil(Fraction(str(amount)) * len(mine)) if ranked.keep is not None else amount
        over, used = False, 0
        for rank in sorted({(key, tie) for key, tie, _ in order}):
            equal = [i for key, tie, i in order if (key, tie) == rank]
            used += sum(rows[i]["size"] if ranked.budget is not None else 1 for i in equal)
            over = over or used > allowed
            for i in equal:
                kept[i] = not over
    return kept


def _tie(doc_id):
    head = bytes(8) + hashlib.blake2b(b"ties/r", digest_size=16).digest()
    return int.from_bytes(hashlib.blake2b(head + doc_id + bytes(8), digest_size=16).digest()[:8], "little")


@settings(max_examples=100)
@given(ROWS, st.lists(st.integers(0, 60), max_size=4), st.sampled_from([0, 3, 10**6]), st.sampled_from(["highest", "lowest"]),
       st.sampled_from([None, "language"]),
       st.sampled_from([{"keep": 0.1}, {"keep": 0.5}, {"keep": 1.0}, {"count": 3}, {"count": 0},
                        {"budget": 20, "size": "size"}]))
def test_what_is_kept_is_what_sorting_keeps(rows, cuts, gather, order, by, amount):
    batch = batch_of(rows)
    method = "quantile" if "keep" in amount else "top"
    ranked = Ranked("r", "score", method=method, order=order, by=by, **amount)
    applied = learn(ranked, batch, cuts, gather)
    assert select(batch, [applied]).batch["keep"].to_pylist() == kept_by_sorting(ranked, batch)
    known = [row for row in batch.to_pylist() if row["score"] is not None and not math.isnan(row["score"])]
    wanted = zip(batch.to_pylist(), kept_by_sorting(ranked, batch), strict=True)
    kept = [row for row, keep in wanted if keep and row["score"] is not None and not math.isnan(row["score"])]
    assert sum(cut.documents for cut in applied.cuts) == len(known)
    assert sum(cut.kept for cut in applied.cuts) == len(kept)
    if "budget" in amount:
        assert sum(cut.size for cut in applied.cuts) == sum(row["size"] for row in kept)


def test_the_cuts_do_not_depend_on_how_they_were_found():
    """Every number of digits found by counting, before ranks are taken as they are."""
    rng = np.random.default_rng(2)
    rows = [(float(x), 1, None, i) for i, x in enumerate(np.round(rng.normal(size=3_000), 1))]
    ranked = Ranked("r", "score", keep=0.37)
    found = {learn(ranked, batch_of(rows), range(0, 3_000, 700), gather) for gather in (0, 1, 5, 30, 200, 5_000)}
    assert len(found) == 1
    assert next(iter(found)).cuts[0].kept == math.ceil(0.37 * 3_000)


def test_the_best_fit_a_budget_and_never_exceed_it():
    batch = batch_of([(5.0, 4, None, 0), (4.0, 4, None, 1), (3.0, 3, None, 2), (2.0, 1, None, 3)])
    applied = learn(Ranked("r", "score", method="top", budget=9, size="size"), batch, [2], 0)
    assert select(batch, [applied]).batch["keep"].to_pylist() == [True, True, False, False]  # not filled up by smaller ones
    assert (applied.cuts[0].value, applied.cuts[0].size, applied.cuts[0].documents) == (3.0, 8, 4)


def test_amounts_by_group():
    rows = [(float(i), 1, language, i) for i, language in enumerate(["en"] * 10 + ["de"] * 10 + ["fr"] * 10 + [None] * 10)]
    ranked = Ranked("r", "score", keep=ByGroup((("en", 0.1), ("de", 0.55)), 0.2), by="language")
    applied = learn(ranked, batch_of(rows), [7, 20], 0)
    assert {cut.group: cut.kept for cut in applied.cuts} == {"en": 1, "de": 6, "fr": 2, None: 2}
    listed = Ranked("r", "score", keep=ByGroup((("en", 0.1),)), by="language")
    outcome = select(batch_of(rows), [learn(listed, batch_of(rows), [], 0)])
    assert (outcome.counts["kept"], outcome.counts["not_applicable.r"]) == (31, 30)


def test_a_group_that_came_later_is_not_applicable():
    ranked = Ranked("r", "score", keep=0.5, by="language")
    applied = learn(ranked, batch_of([(1.0, 1, "en", 0), (2.0, 1, "en", 1)]), [], 100)
    outcome = select(batch_of([(0.0, 1, "en", 5), (0.0, 1, "zu", 6)]), [applied])
    assert (outcome.batch["reason"].to_pylist(), outcome.counts["not_applicable.r"]) == (["r", None], 1)


def test_a_missing_score_is_dropped_also_where_its_group_has_no_other():
    """Such a group has no cut; only one of which nothing is said stays not applicable."""
    rows = [(1.0, 1, "en", 0), (2.0, 1, "en", 1), (None, 1, "en", 2), (None, 1, "de", 3), (None, 1, None, 4)]
    for keep, wanted in ((0.5, ["r", None, "r", "r", "r"]), (ByGroup((("en", 0.5),)), ["r", None, "r", None, None])):
        ranked = Ranked("r", "score", keep=keep, by="language", missing="drop")
        applied = learn(ranked, batch_of(rows), [], 100)
        assert select(batch_of(rows), [applied]).batch["reason"].to_pylist() == wanted
    nothing = learn(Ranked("r", "score", keep=0.5, missing="drop"), batch_of(rows[2:]), [], 100)
    assert select(batch_of(rows[2:]), [nothing]).batch["reason"].to_pylist() == ["r", "r", "r"]


def test_the_inverse_keeps_the_rest():
    batch = batch_of([(float(i), 1, None, i) for i in range(10)] + [(None, 1, None, 99)])
    for invert in (False, True):
        kept = select(batch, [learn(Ranked("r", "score", keep=0.3, invert=invert), batch, [], 0)]).batch["keep"].to_pylist()
        assert kept == [(i >= 7) != invert for i in range(10)] + [True]


def test_gumbel_draws_in_proportion_to_weights():
    """Of documents of weights 1 and 9 the first that is drawn has, in nine of ten seeds, weight 9."""
    batch = batch_of([(math.log(1), 1, None, 0), (math.log(9), 1, None, 1)])
    wins = 0
    for seed in range(150):
        applied = learn(Ranked("r", "score", method="gumbel", count=1, seed=seed), batch, [], 100)
        wins += select(batch, [applied]).batch["keep"].to_pylist() == [False, True]
    assert abs(wins / 150 - 0.9) < 4 * math.sqrt(0.09 / 150)


def test_sizes_must_be_known():
    batch = batch_of([(1.0, None, None, 0)])
    with pytest.raises(DataError, match="'size' is null or negative for a document"):
        learn(Ranked("r", "score", method="top", budget=9, size="size"), batch, [], 0)


def test_the_artifact_is_for_its_selectors_alone():
    batch = batch_of([(float(i), i, ["en", None][i % 2], i) for i in range(9)])
    both = [Ranked("r", "score", keep=0.5, by="language"), Ranked("s", "size", method="gumbel", count=3, seed=2)]
    learned = [learn(ranked, batch, [], 0) for ranked in both]
    data = dumps(learned)
    assert loads(data, both) == tuple(learned)
    assert json.loads(data)["format"] == "corpusmill.cutoffs/1"
    with pytest.raises(ConfigError, match="learned for 2 selectors, and there are 1"):
        loads(data, both[:1])
    with pytest.raises(ConfigError, match=r"another selector than 'r': it had {'keep': 0.5}"):
        loads(data, [Ranked("r", "score", keep=0.6, by="language"), both[1]])
    with pytest.raises(ConfigError, match=r"is no corpusmill\.cutoffs/1 artifact"):
        loads(b"{}", both)
