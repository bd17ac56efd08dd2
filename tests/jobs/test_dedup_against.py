"""Documents compared with what is published already, against brute force in plain Python."""

import functools
import random

import pytest
from deduping import EXACT, MINHASH, deduplicated, documents, planted, rows_of, shingles, written

from corpusmill.jobs.deduping import near, partitioned, verdicts
from corpusmill.jobs.runtime import exchange
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import ConfigError

sets = functools.lru_cache(maxsize=None)(shingles)


def alike(one, other, exact):
    """Whether two texts are duplicates of each other."""
    if one == other:
        return True
    left, right = sets(one), sets(other)
    both = 0 if exact else len(left & right)
    return both > 0 and both / (len(left) + len(right) - both) >= 0.7


def survivors(texts, ids, published, exact, drop_all=False):
    """The names that stay of new texts: in rank order each that no text like it precedes, published or kept."""
    kept = []
    for name in sorted(texts, key=ids.get):
        others = [*published, *(texts.values() if drop_all else [texts[k] for k in kept])]
        if sum(alike(texts[name], other, exact) for other in others) == drop_all:
            kept.append(name)
    return set(kept)


def parted(texts, parts, seed=2):
    """The texts in disjoint parts."""
    draw, found = random.Random(seed), [{} for _ in range(parts)]
    for name, text in texts.items():
        found[draw.randrange(parts)][name] = text
    return found


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """(store, documents that are there, their texts, documents that come, their texts)."""
    folder, (old, new) = tmp_path_factory.mktemp("two"), parted(planted(), 2)
    store = open_store(str(folder / "store"))
    return (store, documents(store, written(folder / "old", old)), old,
            documents(store, written(folder / "new", new)), new)


def kept_names(rows):
    return {name for name, row in rows.items() if row["keep"]}


@pytest.mark.parametrize("signature", [MINHASH, EXACT])
@pytest.mark.parametrize("copies", ["keep_first", "drop_all"])
def test_what_another_corpus_holds_is_removed(two, signature, copies):
    """All its documents count; each dropped one names what it matched, wherever that is."""
    store, there, old, made, new = two
    found = deduplicated(store, made, signature, against=[there.path], copies=copies, allow_loss=True)
    rows = rows_of(store, found)
    ids = {name: row["doc_id"] for name, row in rows.items()}
    expected = survivors(new, ids, old.values(), signature is EXACT, copies == "drop_all")
    assert kept_names(rows) == expected
    assert 20 < len(expected) < len(new) - 20
    by_id = {row["doc_id"]: old[name] for name, row in rows_of(store, deduplicated(store, there, EXACT)).items()}
    by_id |= {row["doc_id"]: new[name] for name, row in rows.items()}
    matched = {name: row["matched_doc_id"] for name, row in rows.items() if row["matched_doc_id"]}
    assert sum(match not in ids.values() for match in matched.values()) > 10
    assert all(alike(new[name], by_id[match], signature is EXACT) for name, match in matched.items())
    first = [shard.main.rows for shard in manifests.shards(store, made)]
    assert [one["first_shard"] for one in found.details["others"]] == [len(first)]
    assert found.key != deduplicated(store, made, signature, copies=copies, allow_loss=True).key


def test_of_duplicates_what_they_keep_counts(two):
    """A document that was dropped there is not there; one signed otherwise is signed again."""
    store, there, old, made, new = two
    there = deduplicated(store, there, EXACT)
    kept = [old[name] for name, row in rows_of(store, there).items() if row["keep"]]
    chain = deduplicated(store, made, against=[there.path])
    rows = rows_of(store, chain)
    assert kept_names(rows) == survivors(new, {n: r["doc_id"] for n, r in rows.items()}, kept, exact=False)
    empty = deduplicated(store, made, against=[deduplicated(store, made, copies="drop_all", allow_loss=True).path][:0])
    assert empty.key == deduplicated(store, made).key


@pytest.mark.parametrize("verify", ["lanes", "exact"])
def test_neither_shards_nor_owners_nor_partitions_matter(two, tmp_path, verify):
    """Also where a document is compared by its text, and pairs are parted among owners, some of which hold none."""
    store, there, old, made, new = two
    one = deduplicated(store, made, against=[there.path], verify=verify)
    other = open_store(str(tmp_path / "store"))
    options = {"shard_bytes": "400KB", "row_group_bytes": "100KB"} if verify == "lanes" else {}
    again = [documents(other, written(tmp_path / name, texts), **options) for name, texts in (("old", old), ("new", new))]
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in ((verdicts, "ONE_TASK_BYTES", 0), (verdicts, "PART_BYTES", 10_000), (near, "GROUP_ROWS", 50),
                                    (partitioned, "REST_PAIRS", 0), (exchange, "GROUP_BYTES", 100_000)):
            patch.setattr(module, name, value)
        found = deduplicated(other, again[1], against=[again[0].path], verify=verify, partitions=3,
                             engine=InlineEngine(shuffle=4))
    assert rows_of(other, found) == rows_of(store, one)


def test_several_corpora_remove_what_they_remove_as_one(two, tmp_path):
    store, _, old, made, _ = two
    parts = [documents(store, written(tmp_path / str(i), part)) for i, part in enumerate(parted(old, 3))]
    both = documents(store, written(tmp_path / "both", old, 5))
    names = [deduplicated(store, made, against=[one.path for one in given], rank=[{"length": "longest"}])
             for given in (parts, [both])]
    kept = [kept_names(rows_of(store, one)) for one in names]
    assert kept[0] == kept[1]
    assert len(names[0].details["others"]) == 3


def test_chains_stop_at_what_is_published(tmp_path):
    """Components drop all that pairs join to a published document, and never that one."""
    store, words = open_store(str(tmp_path / "store")), [f"w{i}" for i in range(400)]
    texts = {}
    for version in range(12):
        words[version * 15 : version * 15 + 5] = [f"v{version}"] * 5
        texts[f"v{version}"] = " ".join(words)
    ends = documents(store, written(tmp_path / "ends", {name: texts.pop(name) for name in ("v0", "v11")}, 1))
    made = documents(store, written(tmp_path / "new", texts, 3))
    rows = rows_of(store, deduplicated(store, made, keep="components", against=[ends.path], allow_loss=True))
    assert kept_names(rows) == set()
    assert {row["cluster_size"] for row in rows.values()} <= {11, 12}


@pytest.mark.parametrize(("which", "says"), [
    ("own", "holds the job's own documents"),
    ("signatures", "is a manifest of signatures; give one of documents or duplicates"),
    ("nothing", "names no manifest"),
])
def test_what_cannot_be_compared_with_is_named(two, which, says):
    store, _, _, made, _ = two
    given = {"own": made.path, "nothing": "nothing",
             "signatures": manifests.lineage(store, deduplicated(store, made))["signatures"].path}[which]
    with pytest.raises(ConfigError, match=says):
        deduplicated(store, made, against=[given])


def test_cells_of_one_corpus_are_not_compared_with_another(two):
    store, there, _, made, _ = two
    semantic = {"_target_": "corpusmill.operators.dedup.semantic.Semantic"}
    for wanted in ({"against": [there.path]}, {"index": "corpus"}):
        with pytest.raises(ConfigError, match="not with dedup=semantic"):
            deduplicated(store, made, semantic, **wanted)
    with pytest.raises(ConfigError, match=r"give dedup\.index=NAME, too"):
        deduplicated(store, made, compact=True)


def test_a_corpus_of_another_store_is_refused(make_mill, tmp_path):
    here, elsewhere = (make_mill(tmp_path / name) for name in ("here", "elsewhere"))
    files = written(tmp_path / "files", {"a": "one text"}, 1)
    uris = [mill("ingest", "corpus=files", f"corpus.paths=[{files}]") for mill in (here, elsewhere)]
    result = here.run("dedup", f"documents={uris[0]}", f"dedup.against=[{uris[1]}]")
    assert result.code == 2
    assert f"dedup.against={uris[1]} is in {elsewhere.root}, but store.root={here.root}" in result.err
