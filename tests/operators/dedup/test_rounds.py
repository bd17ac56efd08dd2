"""Star and components over parts, simulated without an exchange, against the one pass over all pairs."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st
from pairing import pair_table, pair_tables

from corpusmill.operators.dedup import rounds
from corpusmill.operators.dedup.keep import pair_verdicts
from corpusmill.operators.dedup.rounds import OPEN, TOLD

unhurried = settings(deadline=None)  # the first example may compile a kernel
PARTS = 3  # one for each of the shards that pair_tables draws


def mine(part):
    return part << 32, (part + 1) << 32


def compared(pairs, part):
    """All but the exact ones."""
    return pairs.filter(pc.and_(pc.equal(pairs["shard"], part), pc.not_equal(pairs["kind"], "exact"))).combine_chunks()


def asked(pairs, part):
    """Which others have documents of a part as upper ones."""
    found = {(ref, to) for to in range(PARTS) for ref in rounds.refs_of(compared(pairs, to), "upper_").tolist()}
    rows = sorted(row for row in found if row[0] >> 32 == part != row[1])
    return pa.table({"ref": pa.array([r for r, _ in rows], pa.int64()), "to": pa.array([t for _, t in rows], pa.int64())})


def told_to(part, told):
    heard = [TOLD.empty_table(), *(pa.Table.from_batches([batch]) for batch in told)]
    everything = pa.concat_tables(heard)
    return everything.filter(pc.equal(everything["to"], part)).combine_chunks()


def decided_in_rounds(pairs, count):
    """FATES of all near documents after some rounds and one pass over what is open."""
    near = [compared(pairs, part) for part in range(PARTS)]
    told, before = [], [None] * PARTS
    for _ in range(count):
        now = [rounds.settle(near[part], told_to(part, told), mine(part)) for part in range(PARTS)]
        told += [rounds.news(before[part], now[part], asked(pairs, part)) for part in range(PARTS)]
        before = now
    left = pa.concat_tables([near[part].filter(pa.array(rounds.open_pairs(near[part], now[part], told_to(part, told))))
                             for part in range(PARTS)])
    settled = [rounds.matched_fates(near[part], now[part]) for part in range(PARTS)]
    return pa.concat_tables([*settled, rounds.fates(left.combine_chunks(), "star")]).combine_chunks(), now


def decided_by_forests(pairs):
    near = [compared(pairs, part) for part in range(PARTS)]
    joined = pa.concat_tables([one.filter(pa.array(rounds.spanning(one))) for one in near]).combine_chunks()
    found = rounds.fates(joined, "components")
    parts = [found.filter(pa.array(found["ref"].to_numpy() >> 32 == part)).combine_chunks() for part in range(PARTS)]
    return pa.concat_tables([rounds.directly(parts[p], near[p]) for p in range(PARTS)]).combine_chunks()


def verdicts(pairs, fates, kind="near"):
    members = []
    for part in range(PARTS):
        copies = pairs.filter(pc.and_(pc.equal(pairs["shard"], part), pc.equal(pairs["kind"], "exact"))).combine_chunks()
        known = {*rounds.refs_of(copies, "upper_").tolist()}
        heard = [ref in known or ref >> 32 == part for ref in fates["ref"].to_pylist()]
        members.append(rounds.members(fates.filter(pa.array(heard, pa.bool_())).combine_chunks(), copies, mine(part)))
    sums = rounds.tally(pa.concat_tables([rounds.tally(one, part) for part, one in enumerate(members)]))
    sums = sums.set_column(3, sums.schema.field("size"), pc.add(sums["size"], 1)).combine_chunks()
    found = pa.concat_tables([rounds.part_verdicts(one, sums, mine(part), kind) for part, one in enumerate(members)])
    return found.sort_by([("shard", "ascending"), ("row", "ascending")]).to_pylist()


def table_of(drawn, kind="near"):
    near, copies = drawn
    pairs = [(lower, upper, kind, value) for (upper, lower), value in near.items()]
    return pair_table([*pairs, *((copy, first, "exact", 1.0) for copy, first in copies)])


@unhurried
@given(pair_tables(), st.integers(1, 6), st.sampled_from(["near", "semantic"]))
def test_star_in_rounds_is_star_in_one_pass_whenever_they_end(drawn, count, kind):
    pairs = table_of(drawn, kind)
    fates, settled = decided_in_rounds(pairs, count)
    assert verdicts(pairs, fates, kind) == pair_verdicts(pairs).to_pylist()
    if count == 6:  # as many as there are canonical documents
        assert not any((one.states == OPEN).any() for one in settled)


@unhurried
@given(pair_tables())
def test_components_by_forests_are_those_of_one_pass(drawn):
    pairs = table_of(drawn)
    assert verdicts(pairs, decided_by_forests(pairs)) == pair_verdicts(pairs, "components").to_pylist()


def test_what_was_told_is_not_told_again():
    """A document of the part that is kept from the beginning, and one that is settled by what another part told."""
    a, b, c = ((0, 0, 0), b"a" * 16, 0, 0), ((0, 0, 1), b"b" * 16, 1, 0), ((0, 0, 2), b"c" * 16, 2, 0)
    pairs = pair_table([(b, a, "near", 0.9), (c, b, "near", 0.9)])
    first = [rounds.settle(compared(pairs, p), TOLD.empty_table(), mine(p)) for p in range(PARTS)]
    told = [rounds.news(None, first[p], asked(pairs, p)).to_pylist() for p in range(PARTS)]
    assert told == [[{"to": 1, "ref": 0, "kept": True}], [], []]
    second = rounds.settle(compared(pairs, 1), pa.Table.from_pylist(told[0], TOLD), mine(1))
    assert rounds.news(first[1], second, asked(pairs, 1)).to_pylist() == [{"to": 2, "ref": 1 << 32, "kept": False}]
    assert rounds.news(second, second, asked(pairs, 1)).num_rows == 0
    assert rounds.news(first[0], first[0], asked(pairs, 0)).num_rows == 0
    assert np.array_equal(second.matched, [-1, 0])
