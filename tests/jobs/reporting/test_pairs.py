import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.reporting import pairs
from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.pairs import Recall, pairs_of, wilson


def shingles(text):
    words = "".join(c.lower() if c.isalnum() else " " for c in text).split()
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def exact_of(mill, made):
    """The Jaccard similarity of each verified near pair, by ids, from the exported rows."""
    sets = {row["doc_id"]: shingles(row["text"]) for row in mill.rows(made["documents"])}
    found = {}
    for row in mill.rows(made["pairs"]):
        if row["kind"] == "near":
            one, other = sets[row["doc_id"]], sets[row["upper_doc_id"]]
            found[row["doc_id"].hex(), row["upper_doc_id"].hex()] = len(one & other) / len(one | other)
    return found


@pytest.fixture(scope="module")
def told(near):
    """(mill, lineage, facts of its pairs)."""
    mill, uri = near
    made = mill.lineage(uri)
    return mill, made, pairs_of(mill.store, made)


def test_similarities_are_those_of_the_verified_pairs_and_of_all_other_candidates(told):
    mill, made, found = told
    rows = [row for row in mill.rows(made["pairs"]) if row["kind"] == "near"]
    assert Counter(found.similarities.verified) == Counter(math.floor(row["similarity"] * 100 + 1e-5) for row in rows)
    compared = made["pairs"].details["compared"]
    assert sum(found.similarities.missed.values()) == compared["candidates"] - len(rows) > 10
    assert max(found.similarities.missed) <= 70 <= min(found.similarities.verified)


def test_precision_of_a_sample_that_is_all_is_that_of_plain_sets(told, monkeypatch):
    mill, made, _ = told
    expected = exact_of(mill, made)
    monkeypatch.setattr(pairs, "SAMPLED", len(expected))
    found = pairs_of(mill.store, made).precision
    assert (found.pairs, found.sampled) == (len(expected), len(expected))
    assert found.alike.count == sum(j >= 0.7 for j in expected.values())
    assert found.nearly.count == sum(j >= 0.65 for j in expected.values())
    assert 0 < found.alike.count < len(expected), "else the test shows nothing"
    assert [pair.similarity for pair in found.least] == [round(j, 4) for j in sorted(expected.values())[: pairs.LEAST]]
    for pair in found.least:
        assert round(expected[pair.dropped.doc_id, pair.kept.doc_id], 4) == pair.similarity


def test_a_smaller_sample_is_the_same_each_time_and_read_from_fewer_shards_where_there_are_many(told, monkeypatch):
    mill, made, found = told
    assert pairs_of(mill.store, made) == found
    monkeypatch.setattr(pairs, "SHARDS", 1)
    monkeypatch.setattr(pairs, "FEW_SAMPLED", 3)
    read, opened = set(), type(mill.store).open

    def noted(self, path):
        read.add(path)
        return opened(self, path)

    monkeypatch.setattr(type(mill.store), "open", noted)
    few = pairs_of(mill.store, made).precision
    assert 0 < few.sampled <= 3
    assert 0 < len([path for path in read if path.startswith("pairs/")]) <= 3 < made["pairs"].shards


def test_the_draw_is_the_same_for_other_shards(near, told, make_mill, tmp_path, planted):
    """Of the same rows in one shard."""
    _, made, found = told
    other = make_mill(tmp_path / "store")
    paths = f"[{planted.folder},{near[0].root.parent / 'versions.jsonl'}]"
    documents = other("ingest", "corpus=files", f"corpus.paths={paths}")
    again = other.lineage(other("dedup", f"documents={documents}", "dedup=minhash"))
    assert again["documents"].shards < made["documents"].shards
    assert pairs_of(other.store, again) == found


def test_exact_verification_is_precise_by_construction(near):
    mill, uri = near
    exact = mill("dedup", f"documents={mill.lineage(uri)['documents'].path}", "dedup=minhash", "dedup.verify=exact")
    found = pairs_of(mill.store, mill.lineage(exact)).precision
    assert found.alike.count == found.sampled > 0
    assert found.error < 1e-4


def test_the_recall_is_the_curve_and_found_pairs_stand_for_those_missed(told):
    _, _, found = told
    curve = found.recall
    assert (curve.bands, curve.rows, list(curve.at)) == (14, 8, ["0.7", "0.8", "0.9"])
    for at, share in curve.at.items():
        assert share == pytest.approx(1 - (1 - float(at) ** 8) ** 14, abs=1e-6)
    weights = {b: 1 / (1 - (1 - min(1, (b + 0.5) / 100) ** 8) ** 14) for b in found.similarities.verified}
    whole = sum(n * weights[b] for b, n in found.similarities.verified.items())
    assert curve.found == pytest.approx(sum(found.similarities.verified.values()) / whole, abs=1e-6)
    assert curve.at["0.7"] < curve.found < 1


@given(st.floats(0, 1), st.integers(1, 500), st.integers(1, 30))
def test_a_chance_lies_between_zero_and_one(similarity, bands, rows):
    assert 0 <= Recall(bands, rows, {}, None, 0)(similarity) <= 1


@given(st.integers(1, 400), st.data())
def test_wilson_bounds_are_where_the_share_is_just_within_the_interval_of_the_normal(n, data):
    """|count / n - p| = z sqrt(p (1 - p) / n) at both."""
    count = data.draw(st.integers(0, n))
    low, high = wilson(count, n)
    assert 0 <= low <= count / n <= high <= 1
    for p in (low, high):
        assert abs(count / n - p) == pytest.approx(pairs.Z * math.sqrt(max(0.0, p * (1 - p)) / n), abs=1e-6)


def test_of_nothing_nothing_is_known():
    assert wilson(0, 0) == (0.0, 1.0)


def test_without_near_duplicates_there_is_nothing_to_tell(built):
    mill, uri = built
    assert pairs_of(mill.store, mill.lineage(uri)) is None


def test_without_pairs_nor_the_signer_of_then_there_is_no_precision(told, lineage):
    """Counts of the pairs are told all the same."""
    mill, made, found = told
    changed = {"class": "corpusmill.operators.dedup.minhash.MinHash", "version": "0", "parameters": {}, "artifacts": {}}
    signatures = lineage.put("signatures", parameters={"signature": changed})
    other = pairs_of(mill.store, {**made, "signatures": signatures})
    assert other.precision is None
    assert other.similarities == found.similarities
    assert other.recall is None


def test_texts_that_are_gone_are_no_error(told, monkeypatch):
    mill, made, found = told
    monkeypatch.setattr(pairs.samples, "read", lambda *_: (_ for _ in ()).throw(pairs.Missing("gone")))
    assert pairs_of(mill.store, made) == pairs.PairFacts(found.similarities, found.recall, None)


def test_all_is_in_the_json(told):
    mill, made, found = told
    facts = json.loads(collect(mill.store, made["duplicates"]).to_json())
    assert facts["pairs"]["recall"]["at"] == dict(found.recall.at)
    assert facts["pairs"]["similarities"]["verified"] == {str(b): n for b, n in found.similarities.verified.items()}
    assert facts["pairs"]["precision"]["alike"]["count"] == found.precision.alike.count
    assert facts["origins"]["total"] > 0
