"""The dedup job on the inline engine, against brute force in plain Python."""

import json
import time

import pyarrow.parquet as pq
import pytest
from deduping import EXACT, MINHASH, deduplicated, documents, planted, rows_of, shingles, written

from corpusmill.jobs import annotate, dedup
from corpusmill.jobs import filter as decide
from corpusmill.jobs.annotate import QualityConfig
from corpusmill.jobs.dedup import DedupConfig
from corpusmill.jobs.deduping import near, partitioned, verdicts
from corpusmill.jobs.runtime import aligned, exchange
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import ConfigError, DataError


def brute_force(texts, ids, threshold=0.7):
    """Name → (keep, kind, canonical, size, exact Jaccard to it): every pair of distinct texts is compared."""
    groups = {}
    for name in sorted(texts, key=ids.get):
        groups.setdefault(texts[name], []).append(name)
    first = {members[0]: members for members in groups.values()}
    sets, match = {name: shingles(texts[name]) for name in first}, {}
    for lower in sorted(first, key=ids.get):
        for upper in sorted((u for u in first if ids[u] < ids[lower] and u not in match), key=ids.get):
            both = len(sets[lower] & sets[upper])
            if both and both / len(sets[lower] | sets[upper]) >= threshold:
                match[lower] = (upper, both / len(sets[lower] | sets[upper]), "near")
                break
    for head, members in first.items():
        match |= dict.fromkeys(members[1:], match.get(head, (head, 1.0, "exact")))
    found = {}
    for name in texts:
        centre = match[name][0] if name in match else name
        kinds = [kind for upper, _, kind in match.values() if upper == centre]
        kind = match[name][2] if name in match else "near" if "near" in kinds else "exact" if kinds else None
        found[name] = (name not in match, kind, centre, 1 + len(kinds), match[name][1] if name in match else None)
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """(texts, store with their documents and duplicates, the manifest of each)."""
    folder, texts = tmp_path_factory.mktemp("corpus"), planted()
    store = open_store(str(folder / "store"))
    made = documents(store, written(folder / "files", texts))
    return texts, folder / "files", store, made, deduplicated(store, made)


def test_verdicts_are_those_of_brute_force(corpus):
    texts, _, store, made, duplicates = corpus
    rows = rows_of(store, duplicates)
    assert made.shards > 10
    assert duplicates.counts["dropped.near_duplicate"] > 100
    assert duplicates.counts["dropped.exact_duplicate"] > 5
    ids = {name: row["doc_id"] for name, row in rows.items()}
    for name, (keep, kind, centre, size, jaccard) in brute_force(texts, ids).items():
        row = rows[name]
        assert (row["keep"], row["kind"], row["cluster_id"], row["cluster_size"]) == (keep, kind, ids[centre], size)
        assert row["matched_doc_id"] == (None if keep else ids[centre])
        assert row["similarity"] is None if keep else abs(row["similarity"] - jaccard) < 0.12


def test_exact_verification_is_that_of_brute_force_to_the_last_digit(corpus, tmp_path):
    """Whatever the shards and the owners; the manifest says how it was verified."""
    texts, files, store, made, duplicates = corpus
    exact = deduplicated(store, made, verify="exact")
    rows = rows_of(store, exact)
    ids = {name: row["doc_id"] for name, row in rows.items()}
    for name, (keep, kind, centre, size, jaccard) in brute_force(texts, ids).items():
        row = rows[name]
        assert (row["keep"], row["kind"], row["cluster_id"], row["cluster_size"]) == (keep, kind, ids[centre], size)
        assert row["similarity"] == (None if keep else pytest.approx(jaccard, abs=1e-6))
    assert manifests.lineage(store, exact)["pairs"].parameters["verify"] == "exact"
    assert exact.key != duplicates.key
    other = open_store(str(tmp_path / "store"))
    with pytest.MonkeyPatch.context() as patch:  # several owners, to which the shingles of one document go
        patch.setattr(exchange, "GROUP_BYTES", 100_000)
        patch.setattr(near, "GROUP_ROWS", 50)
        again = deduplicated(other, documents(other, files), verify="exact", engine=InlineEngine(shuffle=2), partitions=3)
    assert again.digest == exact.digest


@pytest.mark.parametrize(("partitions", "shuffle"), [(3, None), (7, 5), (1, 6), (None, 8)])
def test_neither_partitions_nor_the_order_of_completion_change_a_byte(corpus, tmp_path, partitions, shuffle):
    _, files, store, _, duplicates = corpus
    other = open_store(str(tmp_path))
    again = deduplicated(other, documents(other, files), engine=InlineEngine(shuffle=shuffle), partitions=partitions)
    assert (again.key, again.digest) == (duplicates.key, duplicates.digest)
    pairs = [manifests.lineage(s, m)["pairs"] for s, m in ((store, duplicates), (other, again))]
    assert pairs[0].digest == pairs[1].digest
    assert pairs[0].details == pairs[1].details


OTHERWISE = {"verify": "exact", "keep": "components", "rank": [{"length": "longest"}]}


@pytest.mark.parametrize("way", [{}, OTHERWISE], ids=["plain", "otherwise"])
def test_shards_cut_otherwise_give_the_same_verdicts(corpus, tmp_path, way):
    """Three sizes of shards, and the pairs in parts."""
    _, files, store, made, _ = corpus
    expected = rows_of(store, deduplicated(store, made, **way))
    for i, (shard, group) in enumerate((("10MB", "1MB"), ("150kB", "30kB"))):
        other = open_store(str(tmp_path / str(i)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(verdicts, "ONE_TASK_BYTES", i << 30)
            again = deduplicated(other, documents(other, files, shard_bytes=shard, row_group_bytes=group), **way)
        assert rows_of(other, again) == expected


class Stopped(Exception):
    """The driver dies."""


class Dying(InlineEngine):
    """Ends after some tasks."""

    def __init__(self, tasks):
        super().__init__()
        self.tasks = tasks

    def map(self, fn, items):
        for result in super().map(fn, items):
            if self.tasks == 0:
                raise Stopped
            self.tasks -= 1
            yield result


@pytest.mark.parametrize("tasks", [3, 25, 27, 29, 31, 40])
def test_a_run_that_died_goes_on_to_the_same_result(corpus, tmp_path, tasks):
    _, files, _, _, duplicates = corpus
    store = open_store(str(tmp_path))
    made = documents(store, files)
    with pytest.raises(Stopped):
        deduplicated(store, made, engine=Dying(tasks), partitions=2)
    assert deduplicated(store, made, partitions=3).digest == duplicates.digest
    assert not [e.path for stage in ("pairs", "duplicates") for e in store.list(f"{stage}/") if "/scratch/" in e.path]


def test_exact_signatures_leave_near_duplicates(corpus):
    texts, _, store, made, _ = corpus
    exact = deduplicated(store, made, EXACT)
    assert exact.counts["kept"] == len(set(texts.values()))
    assert "pairs" not in manifests.lineage(store, exact)


def pairs_of(store, duplicates):
    """The rows of all shards of the pairs, shard by shard."""
    for shard in manifests.shards(store, manifests.lineage(store, duplicates)["pairs"]):
        with store.open(shard.main.object) as file:
            yield shard.ordinal, pq.read_table(file).to_pylist()


def test_a_higher_threshold_takes_the_pairs_that_reach_it(corpus):
    _, _, store, made, duplicates = corpus
    strict = deduplicated(store, made, threshold=0.95)
    reach = [(i, row) for i, rows in pairs_of(store, duplicates) for row in rows if row["similarity"] >= 0.95]
    assert 0 < len(reach) < manifests.lineage(store, duplicates)["pairs"].rows
    assert [(i, row) for i, rows in pairs_of(store, strict) for row in rows] == reach


@pytest.mark.parametrize("keep", ["star", "components"])
@pytest.mark.parametrize("rest", [0, 1 << 22])
def test_pairs_in_parts_give_the_verdicts_of_one_task(corpus, tmp_path, keep, rest):
    """Too many pairs for one task: parted among owners, whose copies, chains and clusters cross them."""
    _, files, store, made, _ = corpus
    one = deduplicated(store, made, keep=keep)
    other = open_store(str(tmp_path / "store"))
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in ((verdicts, "ONE_TASK_BYTES", 0), (verdicts, "PART_BYTES", 10_000),
                                    (partitioned, "REST_PAIRS", rest)):
            patch.setattr(module, name, value)
        again = deduplicated(other, documents(other, files), keep=keep, engine=InlineEngine(shuffle=3), partitions=2)
    assert (again.key, again.digest, again.counts) == (one.key, one.digest, one.counts)


def test_parted_pairs_of_a_run_that_died_go_on_to_the_same_result(corpus, tmp_path):
    _, files, _, _, duplicates = corpus
    store = open_store(str(tmp_path))
    made = documents(store, files)
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in ((verdicts, "ONE_TASK_BYTES", 0), (verdicts, "PART_BYTES", 60_000),
                                    (partitioned, "REST_PAIRS", 0)):
            patch.setattr(module, name, value)
        deaths = 0
        while deaths < 30:
            try:
                again = deduplicated(store, made, engine=Dying(40 if deaths == 0 else 7), partitions=2)
                break
            except Stopped:
                deaths += 1
    assert deaths > 3
    assert again.digest == duplicates.digest
    assert not [e.path for e in store.list("duplicates/") if "/scratch/" in e.path]


def drifting(count=24):
    """Versions of a text, each of which changes a tenth of the one before."""
    words, texts = [f"w{i}" for i in range(400)], {}
    for version in range(count):
        words[version * 15 : version * 15 + 5] = [f"v{version}"] * 5
        texts[f"v{version}"] = " ".join(words)
    return texts


def test_components_keep_one_of_a_chain_and_star_every_other(tmp_path):
    store = open_store(str(tmp_path / "store"))
    texts = drifting() | {"copy": drifting()["v3"], "other": "another text", "other copy": "another text"}
    made = documents(store, written(tmp_path / "files", texts, 3))
    star, components = (deduplicated(store, made, keep=keep, allow_loss=True) for keep in ("star", "components"))
    assert star.inputs["pairs"] == components.inputs["pairs"]
    rows = rows_of(store, components)
    centre = min((name for name in texts if name.startswith("v")), key=lambda name: rows[name]["doc_id"])
    chain = [rows[name] for name in texts if not name.startswith("other")]
    assert {row["cluster_id"] for row in chain} == {rows[centre]["doc_id"]}
    assert {row["cluster_size"] for row in chain} == {25}
    assert [row["name"] for row in chain if row["keep"]] == [centre]
    assert {row["similarity"] is None for row in chain if not row["keep"]} == {True, False}, "null where they are no pair"
    assert sum(bool(row["keep"]) for row in rows_of(store, star).values()) > 3
    with pytest.raises(ConfigError, match=r"dedup\.keep='star2': did you mean 'star'"):
        deduplicated(store, made, keep="star2")


def test_earlier_sources_are_kept_first(tmp_path):
    store = open_store(str(tmp_path / "store"))
    words = [f"w{i}" for i in range(300)]
    for i, source in enumerate("abcd"):
        written(tmp_path / "files", {}, 0)
        rows = [{"id": "near", "text": " ".join([*words, source])}, {"id": "same", "text": "just the same"}]
        (tmp_path / "files" / f"{source}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[: 2 if i else 1]))
    made = documents(store, tmp_path / "files")
    for order in ("cb", "d"):
        found = manifests.lineage(store, deduplicated(store, made, source_priority=list(order)))
        columns = {"keep": ("duplicates", "keep"), "source": ("documents", "source"), "id": ("documents", "native_id")}
        rows = [row for one in aligned.zipped(store, {n: found[n] for n in ("documents", "duplicates")})
                for row in aligned.read(store, one, columns).to_pylist()]
        assert {(row["source"], row["id"]) for row in rows if row["keep"]} == {(order[0], "near"), (order[0], "same")}


BY_LENGTH = [{"length": "longest"}, {"date": "newest"}, "doc_id"]


def test_the_rank_is_by_the_keys_in_order(tmp_path):
    """Of each family the longest stays; of those the newest; documents without a date come last."""
    store, words = open_store(str(tmp_path / "store")), [f"w{i}" for i in range(300)]
    texts = {"long": "tails", "old": "tail1", "new": "tail2", "undated": "tail3", "short": "tai"}
    dates = {"long": "2020-01-01", "old": "2021-01-01", "new": "2022-01-01", "short": "2023-01-01"}
    rows = [{"id": name, "text": " ".join([*words, tail + "é" * (name == "long")]), "date": dates.get(name)}
            for name, tail in texts.items()]
    rows += [{"id": f"{name} copy", "text": "all the same", "date": date} for name, date in dates.items()]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = documents(store, tmp_path / "in.jsonl")
    ways = [(BY_LENGTH, "long", "short copy"), ([{"length": "shortest"}, {"date": "oldest"}], "short", "long copy"),
            ([{"date": "newest"}], "short", "short copy"), ([{"date": "oldest"}], "long", "long copy")]
    for rank, kept, copy in ways:
        for signature in (MINHASH, EXACT):
            found = rows_of(store, deduplicated(store, made, signature, rank=rank))
            survivors = {name for name, row in found.items() if row["keep"]}
            assert survivors == {copy} | ({kept} if signature is MINHASH else set(texts))


def test_a_signal_ranks_and_one_that_is_not_there_is_named(tmp_path):
    store, words = open_store(str(tmp_path / "store")), [f"w{i}" for i in range(300)]
    texts = {f"a{i}": " ".join([*words, "x" * i]) for i in range(1, 5)}
    made = documents(store, written(tmp_path / "files", texts))
    quality = QualityConfig([{"_target_": "corpusmill.operators.quality.signals.BasicSignals"}], [])
    annotations = annotate.run(annotate.Config(documents=made.path, quiet=True, quality=quality), store, InlineEngine())
    signal = next(name for name, _ in annotations.schema if name.endswith("bytes") or "chars" in name)

    def best(given, **rank):
        config = dedup.Config(**given, quiet=True, dedup=DedupConfig(signature=MINHASH, rank=[{"signal": signal} | rank]))
        found = rows_of(store, dedup.run(config, store, InlineEngine()))
        return [name for name, row in found.items() if row["keep"]]

    assert best({"annotations": annotations.path}, best="high") == ["a4"]
    assert best({"annotations": annotations.path}, best="low") == ["a1"]
    with pytest.raises(ConfigError, match=rf"no signal 'quality\.scroe'; there is .*{signal}"):
        best({"annotations": annotations.path}, signal="quality.scroe", best="high")
    with pytest.raises(ConfigError, match="annotations=MANIFEST must be given"):
        best({"documents": made.path}, best="high")


def test_all_copies_may_be_dropped(tmp_path):
    """What no other document repeats is left; the first of each cluster is dropped for the same reason as its copies."""
    store, words = open_store(str(tmp_path / "store")), [f"w{i}" for i in range(300)]
    texts = {f"near{i}": " ".join([*words, str(i)]) for i in range(4)} | {f"same{i}": "twice" for i in range(2)}
    made = documents(store, written(tmp_path / "files", texts | {"alone": "once", "empty": ""}))
    found = deduplicated(store, made, copies="drop_all")
    rows = rows_of(store, found)
    assert {name for name, row in rows.items() if row["keep"]} == {"alone", "empty"}
    assert (found.counts["dropped.near_duplicate"], found.counts["dropped.exact_duplicate"], found.counts["kept"]) == (4, 2, 2)
    assert {name: n for name, n in found.counts.items() if name.startswith("clusters/")} == {"clusters/2": 1, "clusters/3-4": 1}
    firsts = [row for row in rows.values() if row["keep"] is False and row["matched_doc_id"] is None]
    assert [row["cluster_id"] for row in firsts] == [row["doc_id"] for row in firsts]
    assert sorted(row["kind"] for row in firsts) == ["exact", "near"]
    rows = rows_of(store, deduplicated(store, made, EXACT, copies="drop_all"))
    assert {name for name, row in rows.items() if row["keep"] is False} == {"same0", "same1"}
    twins = documents(store, written(tmp_path / "twins", {f"n{i}": f"twins {i // 2}" for i in range(30)}, 1))
    with pytest.raises(DataError, match=r"(?s)lose 30 of its 30 .*exact duplicate, the first of its cluster"):
        deduplicated(store, twins, copies="drop_all", max_loss=0.99)


def test_both_ends_of_a_chain_go_with_all_copies(tmp_path):
    """a is like b and b like c, but a not like c: star would keep two, and each of the three has a copy."""
    store, words = open_store(str(tmp_path / "store")), [f"w{i}" for i in range(400)]
    texts = {"a": words[:300], "b": words[45:345], "c": words[90:390]}
    made = documents(store, written(tmp_path / "files", {k: " ".join(v) for k, v in texts.items()} | {"alone": "once"}))
    assert deduplicated(store, made, verify="exact").counts["kept"] > 1
    rows = rows_of(store, deduplicated(store, made, verify="exact", copies="drop_all", allow_loss=True))
    assert {name for name, row in rows.items() if row["keep"]} == {"alone"}


def test_a_source_that_would_be_wiped_out_stops_the_job(tmp_path):
    store = open_store(str(tmp_path / "store"))
    made = documents(store, written(tmp_path / "files", {f"n{i}": "all the same" for i in range(40)}, 1))
    with pytest.raises(DataError, match=r"(?s)source 'part0' would lose 39 of its 40 .* n\d+: exact dup.*allow_loss=true"):
        deduplicated(store, made)
    assert deduplicated(store, made, allow_loss=True).counts["kept"] == 1
    with pytest.raises(DataError, match="would lose 39"):  # of what is committed, too
        deduplicated(store, made)
    assert deduplicated(store, made, EXACT, max_loss=0.99).counts["kept"] == 1


def test_what_the_filter_dropped_takes_no_part_and_edited_texts_are_compared(tmp_path):
    """The first of each family is filtered, so the next stays; some texts differ in blank space that annotate removes."""
    store, words = open_store(str(tmp_path / "store")), [f"w{i}" for i in range(300)]
    texts = {f"a{i}": " ".join([*words, str(i)]) for i in range(4)} | {f"b{i}": "equal" + " " * i for i in range(4)}
    made = documents(store, written(tmp_path / "files", texts))
    ids = {name: row["doc_id"] for name, row in rows_of(store, deduplicated(store, made, EXACT)).items()}
    families = [sorted((n for n in texts if n[0] == letter), key=ids.get) for letter in "ab"]
    quality = QualityConfig([{"_target_": "corpusmill.operators.text.normalise.Normalise"}],
                            [{"reason": "unwanted", "signal": "native_id", "isin": families[0][1:] + families[1][1:]}])
    annotations = annotate.run(annotate.Config(documents=made.path, quiet=True, quality=quality), store, InlineEngine())
    decisions = decide.run(decide.Config(annotations=annotations.path, quiet=True, quality=quality), store, InlineEngine())
    config = dedup.Config(decisions=decisions.path, quiet=True, dedup=DedupConfig(signature=MINHASH))
    rows = rows_of(store, dedup.run(config, store, InlineEngine()))
    for kind, (first, second, *others) in zip(("near", "exact"), families, strict=True):
        assert [rows[first][name] for name in ("keep", "kind", "cluster_id", "cluster_size")] == [None] * 4
        assert (rows[second]["keep"], rows[second]["kind"], rows[second]["cluster_size"]) == (True, kind, 3)
        assert {(rows[name]["kind"], rows[name]["matched_doc_id"]) for name in others} == {(kind, ids[second])}


def hard(n):
    """A family of one template, copies, one-word texts and empty ones."""
    words = [f"common{i}" for i in range(200)]
    texts = {f"page{i}": " ".join([*words[:100], f"name{i}", *words[100:]]) for i in range(n // 25)}
    texts |= {f"same{i}": "a notice that is everywhere, word for word" for i in range(n)}
    return texts | {f"word{i}": f"w{i}" for i in range(n // 5)} | {f"blank{i}": " " for i in range(n // 100)}


def test_templates_copies_and_words_take_time_in_proportion(tmp_path):
    """Fifty thousand copies, and a family far larger than what a bucket compares in full."""
    took = []
    for i, n in enumerate((1_000, 12_500, 50_000)):
        store = open_store(str(tmp_path / str(i) / "store"))
        made = documents(store, written(tmp_path / str(i) / "files", hard(n), 2), bundle_bytes="99MB", shard_bytes="4MB")
        start = time.process_time()
        duplicates = deduplicated(store, made, allow_loss=True)
        took.append(time.process_time() - start)
    assert took[2] < 10 * took[1]
    rows = rows_of(store, duplicates)
    kept = [name.rstrip("0123456789") for name, row in rows.items() if row["keep"]]
    assert {kind: kept.count(kind) for kind in set(kept)} == {"page": 1, "same": 1, "word": 10_000, "blank": 1}
    assert manifests.lineage(store, duplicates)["pairs"].details["compared"]["skipped_pairs"] > 10**6


def test_wrong_settings_are_named(corpus):
    _, _, store, made, _ = corpus
    with pytest.raises(ConfigError, match=r"dedup\.threshold is 0"):
        deduplicated(store, made, threshold=0)
    with pytest.raises(ConfigError, match=r"dedup\.verify='exakt': did you mean 'exact'"):
        deduplicated(store, made, verify="exakt")
    with pytest.raises(ConfigError, match="makes no signatures"):
        deduplicated(store, made, {"_target_": "corpusmill.operators.text.normalise.Normalise"})


def test_every_pair_of_a_family_is_in_the_pairs(corpus):
    """The dataset itself: each shard holds the pairs of its own lower documents, in order, each once."""
    _, _, store, _, duplicates = corpus
    pairs = manifests.lineage(store, duplicates)["pairs"]
    seen = set()
    for ordinal, rows in pairs_of(store, duplicates):
        order = [(r["row"], r["upper_doc_id"]) for r in rows]
        assert order == sorted(order)
        for row in rows:
            assert (row["upper_generation"], row["upper_doc_id"]) <= (row["generation"], row["doc_id"])
            key = (ordinal, row["row"], row["upper_shard"], row["upper_row"])
            assert key not in seen
            seen.add(key)
    assert len(seen) == pairs.rows == sum(pairs.counts[kind] for kind in ("exact", "near"))


@pytest.mark.s3
def test_an_object_store_gets_what_a_folder_gets(s3_store, tmp_path):
    texts = {name: text for name, text in planted().items() if name.startswith(("f1", "short1"))}
    files, local = written(tmp_path / "files", texts, 3), open_store(str(tmp_path / "store"))
    here, there = (deduplicated(store, documents(store, files), partitions=3) for store in (local, s3_store))
    assert here.counts["dropped.near_duplicate"] > 20
    assert (here.key, here.digest) == (there.key, there.digest)
