import hashlib
import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import DataError
from corpusmill.operators.lm.drawing import PURPOSE, READS, Draw, Sizes, apart, first_bytes, reaches


def batch_of(texts, domains, first=0):
    ids = [(first + i).to_bytes(16, "big") for i in range(len(texts))]
    return pa.RecordBatch.from_arrays([pa.array(ids, pa.binary(16)), pa.array(texts), pa.array(domains)], schema=READS)


def place(i):
    """Plainly, by the definition of ``priorities``."""
    head = bytes(8) + hashlib.blake2b(PURPOSE.encode(), digest_size=16).digest()
    return int.from_bytes(hashlib.blake2b(head + i.to_bytes(16, "big") + bytes(8), digest_size=16).digest()[:8], "little")


def plain(texts, domains, name, held_out, learned):
    """Held out from the low end, learned from the high end, and never the same."""
    mine = sorted((place(i), text.encode()) for i, text in enumerate(texts) if domains[i] == name)
    held, rest = [], [text for _, text in mine]
    while sum(map(len, held)) < held_out:
        held.append(rest.pop(0))
    taken = []
    while rest and sum(map(len, taken)) < learned:
        taken.append(rest.pop())
    return held, taken


def drawn(batches, held_out, learned, head=1 << 20):
    sizes = Sizes()
    state = sizes.partial(batches[0])
    for batch in batches[1:]:
        state = sizes.merge(sizes.partial(batch), state)
    draw, found = Draw(reaches(state, held_out, learned), head), ()
    for batch in batches:
        found = draw.merge(draw.partial(batch), found)
    return draw.reach, draw.texts(found)


TEXTS = [f"text {i} " * (1 + i % 7) for i in range(300)]
DOMAINS = ["ab"[i % 3 == 0] for i in range(300)]


@settings(max_examples=25)
@given(st.integers(1, 1700), st.integers(1, 20_000), st.lists(st.integers(1, 299), max_size=3))
def test_what_is_drawn_is_what_a_plain_walk_from_both_ends_takes(held_out, learned, cuts):
    edges = [0, *sorted(set(cuts)), 300]
    batches = [batch_of(TEXTS[a:b], DOMAINS[a:b], a) for a, b in itertools.pairwise(edges)]
    reach, texts = drawn(batches, held_out, learned)
    assert sorted(texts) == ["a", "b"]
    for name, (held, taken) in texts.items():
        assert (held, taken) == plain(TEXTS, DOMAINS, name, held_out, learned)
        assert reach[name].documents == DOMAINS.count(name)
        assert reach[name].held_bytes == sum(map(len, held))


def test_more_to_learn_from_begins_with_less_and_holds_out_the_same():
    batches = [batch_of(TEXTS, DOMAINS)]
    less, more = (drawn(batches, 500, learned)[1]["a"] for learned in (1000, 3000))
    assert more[0] == less[0]
    assert more[1][: len(less[1])] == less[1]
    assert len(more[1]) > len(less[1])


def test_the_sizes_as_bytes_are_an_arrow_stream():
    state = Sizes().partial(batch_of(TEXTS, DOMAINS))
    assert pa.ipc.open_stream(Sizes().finish(state)).read_all().equals(state)


@pytest.mark.parametrize(("texts", "held_out", "why"), [(["a", "b"], 2, "has 2 bytes"), (["long" * 9], 10, "few documents")])
def test_a_domain_too_small_to_hold_some_out_is_named(texts, held_out, why):
    with pytest.raises(DataError, match=f"domain 'pond'.*{why}"):
        drawn([batch_of(texts, ["pond"] * len(texts))], held_out, 10)


def test_the_first_bytes_cut_the_last_text():
    assert list(first_bytes([b"abc", b"de", b"fg"], 4)) == [b"abc", b"d"]
    assert list(first_bytes([b"abc"], 9)) == [b"abc"]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
def test_apart_are_the_first_places_of_all_and_so_what_is_held_out_first(share):
    ids = pa.array([i.to_bytes(16, "big") for i in range(300)], pa.binary(16))
    assert apart(ids, share).tolist() == [place(i) < share * 2 ** 64 for i in range(300)]


def test_what_is_held_out_of_a_small_share_is_apart():
    texts = [f"{i:04d}" + "x" * 96 for i in range(400)]
    batch = batch_of(texts, ["a", "b"] * 200)
    held = {text for first, _ in drawn([batch], 1500, 5000)[1].values() for text in first}  # 15 of 200 documents each
    out = {text.encode() for text, one in zip(texts, apart(batch.column("doc_id"), 0.2).tolist(), strict=True) if one}
    assert len(held) == 30
    assert held < out
