"""An index by generations: nights of additions against one run, and what may go wrong with a name."""

import json
import random
import shutil

import builds
import pytest
import verify
from deduping import EXACT, MINHASH, deduplicated, documents, planted, rows_of, written

from corpusmill.jobs import dedup
from corpusmill.jobs.deduping import publishing
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store import open_store
from corpusmill.jobs.runtime.store_local import LocalStore
from corpusmill.operators.errors import ConfigError, DataError

NIGHTS = [f"night{i}" for i in range(4)]
SIZES = [{"shard_bytes": "60KB", "row_group_bytes": "20KB"}, {"shard_bytes": "400KB", "row_group_bytes": "50KB"}]


def night_files(folder, texts, seed):
    """A file for each night; families cross them."""
    draw = random.Random(seed)
    nights = {night: [] for night in NIGHTS}
    for name, text in texts.items():
        nights[draw.choice(NIGHTS)].append({"id": name, "text": text})
    folder.mkdir(parents=True)
    for night, rows in nights.items():
        (folder / f"{night}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module", params=[3, 8])
def one_run(tmp_path_factory, request):
    """(folder of nights, signature → rows of one run that ranks by the night first)."""
    folder = tmp_path_factory.mktemp("nights")
    files = night_files(folder / "files", planted(request.param), request.param)
    store = open_store(str(folder / "store"))
    made = documents(store, files)
    return files, {kind: rows_of(store, deduplicated(store, made, signature, source_priority=NIGHTS))
                   for kind, signature in (("near", MINHASH), ("exact", EXACT))}


def kept(rows):
    return {row["doc_id"] for row in rows.values() if row["keep"]}


@pytest.mark.parametrize("kind", ["near", "exact"])
@pytest.mark.parametrize("size", [0, 1])
def test_nights_that_bring_what_is_new_keep_what_one_run_keeps(one_run, tmp_path, kind, size):
    files, expected = one_run
    store, survivors, rows = open_store(str(tmp_path)), set(), {}
    for night in NIGHTS:
        made = documents(store, files / f"{night}.jsonl", **SIZES[size])
        found = deduplicated(store, made, {"near": MINHASH, "exact": EXACT}[kind], index="corpus", partitions=1 + size,
                             engine=InlineEngine(shuffle=size), allow_loss=True)
        rows |= rows_of(store, found)
        survivors |= kept(rows_of(store, found))
    assert survivors == kept(expected[kind])
    assert len(survivors) < len(expected[kind]) - 10
    index = manifests.resolve(store, "@corpus")
    assert (index.stage, index.details["generations"]) == ("index", 4)
    verify.verify_store(store)


@pytest.mark.parametrize("kind", ["near", "exact"])
@pytest.mark.parametrize("cut", [{}, {"bundle_bytes": "100MB", "shard_bytes": "150KB", "compact": True}])
def test_nights_that_read_the_whole_corpus_keep_what_one_run_keeps(one_run, tmp_path, kind, cut):
    """What was there before is published, and not compared with itself; its rows stand beside the new ones.

    Also where a new file changes the shards of old ones.
    """
    files, expected = one_run
    store, sofar, before = open_store(str(tmp_path / "store")), tmp_path / "files", set()
    sofar.mkdir()
    for number, night in enumerate(NIGHTS):  # new files sort before the old ones, whose shards get other numbers
        (sofar / f"{9 - number}-{night}").mkdir()
        (sofar / f"{9 - number}-{night}" / f"{night}.jsonl").write_bytes((files / f"{night}.jsonl").read_bytes())
        made = documents(store, sofar, **{name: value for name, value in cut.items() if name != "compact"})
        found = deduplicated(store, made, {"near": MINHASH, "exact": EXACT}[kind], index="corpus", allow_loss=True,
                             compact="compact" in cut)
        now = kept(rows_of(store, found))
        assert before <= now, "what is published is evicted"
        before = now
    assert before == kept(expected[kind])
    assert set(rows_of(store, found)) == set(expected[kind])


@pytest.fixture
def begun(tmp_path):
    """(store, documents, duplicates that began @corpus)."""
    store = open_store(str(tmp_path / "store"))
    made = documents(store, written(tmp_path / "files", {f"n{i}": f"text number {i % 5} of a few" for i in range(8)}, 2))
    return store, made, deduplicated(store, made, index="corpus")


def test_documents_that_are_in_it_are_up_to_date(begun, tmp_path):
    store, made, first = begun
    where = manifests.resolve(store, "@corpus").path
    assert deduplicated(store, made, index="corpus").path == first.path
    assert manifests.resolve(store, "@corpus").path == where
    other = documents(store, written(tmp_path / "more", {"new": "text number 3 of a few", "newer": "another"}, 1))
    second = deduplicated(store, other, index="corpus")
    assert {name for name, row in rows_of(store, second).items() if row["keep"]} == {"newer"}
    assert deduplicated(store, made, index="corpus").path == first.path, "an earlier generation, too"
    strict = deduplicated(store, made, index="corpus", threshold=0.9)
    assert kept(rows_of(store, strict)) == kept(rows_of(store, first)), "other settings evict nothing"


@pytest.mark.parametrize(("signature", "says"), [
    (MINHASH | {"bands": 20}, "bands is 14 in the index and 20 in dedup.signature"),
    (MINHASH | {"seed": 2, "ngram": 3}, "ngram is 5 in the index and 3 in dedup.signature; seed is 1 in the index and 2"),
    (EXACT, "class is 'corpusmill.operators.dedup.minhash.MinHash' in the index and"),
])
def test_other_signatures_are_refused_by_name(begun, signature, says):
    store, made, _ = begun
    with pytest.raises(ConfigError, match=says):
        deduplicated(store, made, signature, index="corpus")


def test_a_name_of_something_else_is_refused(begun):
    store, made, _ = begun
    manifests.move_name(store, "mine", made)
    with pytest.raises(ConfigError, match="@mine is a manifest of documents"):
        deduplicated(store, made, index="mine")


def test_of_two_runs_at_once_one_is_told_to_run_again(begun, tmp_path, monkeypatch):
    """No generation is lost, and what the second night repeats of the other is found when it is run again."""
    store, _, _ = begun
    nights = [documents(store, written(tmp_path / name, texts, 1))
              for name, texts in (("one", {"a": "same in both"}), ("two", {"b": "same in both", "c": "only here"}))]
    commit, others = publishing._commit, [nights[0]]

    def slow(*arguments):
        while others:
            deduplicated(store, others.pop(), index="corpus")
        return commit(*arguments)

    monkeypatch.setattr(publishing, "_commit", slow)
    with pytest.raises(DataError, match=r"another run added to @corpus .* run it again"):
        deduplicated(store, nights[1], index="corpus")
    assert manifests.resolve(store, "@corpus").details["generations"] == 2
    again = deduplicated(store, nights[1], index="corpus", allow_loss=True)
    assert {name for name, row in rows_of(store, again).items() if row["keep"]} == {"c"}
    assert manifests.resolve(store, "@corpus").details["generations"] == 3


def test_two_runs_of_the_same_documents_at_once_both_end_well(begun, tmp_path, monkeypatch):
    store, _, _ = begun
    made = documents(store, written(tmp_path / "one", {"a": "a new one"}, 1))
    commit, others = publishing._commit, [made]

    def slow(*arguments):
        while others:
            deduplicated(store, others.pop(), index="corpus")
        return commit(*arguments)

    monkeypatch.setattr(publishing, "_commit", slow)
    deduplicated(store, made, index="corpus")
    assert manifests.resolve(store, "@corpus").details["generations"] == 2


@pytest.mark.parametrize(("settings", "says"), [
    ({"copies": "drop_all"}, "knows what is published, not what was dropped"),
    ({"keep": "components"}, "may join two that are published"),
    ({"index": "@corpus"}, "without the @"), ({"index": " "}, "a name has letters"),
])
def test_what_would_break_the_rule_of_nights_is_refused(begun, settings, says):
    store, made, _ = begun
    with pytest.raises(ConfigError, match=says):
        deduplicated(store, made, **({"index": "corpus"} | settings))


def test_a_document_that_two_nights_brought_is_published_once_when_both_are_read_together(tmp_path):
    """Two own rows of one doc_id, each published by a night of its own: one stays, the other is its copy."""
    store = open_store(str(tmp_path / "store"))
    first = documents(store, written(tmp_path / "files" / "1", {"x": "came twice", "y": "came once"}, 1))
    second = documents(store, written(tmp_path / "files" / "2", {"x": "came twice", "v": "came later"}, 1))
    for made in (first, second):
        deduplicated(store, made, EXACT, index="nights")
    whole = documents(store, tmp_path / "files")
    found = deduplicated(store, whole, EXACT, index="nights", allow_loss=True)
    assert (whole.rows, found.counts["kept"], found.counts["dropped.exact_duplicate"]) == (4, 3, 1)


def test_compacted_it_gives_the_same(one_run, tmp_path, monkeypatch):
    """Row by row, though what earlier nights published is read from one dataset; older generations stay for who needs them."""
    files, _ = one_run
    stores = {compact: open_store(str(tmp_path / str(compact))) for compact in (False, True)}
    monkeypatch.setattr(publishing, "ROWS", 60)
    for i, night in enumerate(NIGHTS):
        found = {}
        for compact, store in stores.items():
            made = documents(store, files / f"{night}.jsonl")
            found[compact] = deduplicated(store, made, index="corpus", allow_loss=True, compact=compact and i in (1, 2))
        assert found[True].digest == found[False].digest
    last = found[True]
    assert [bool(one.get("merged")) for one in last.details["others"]] == [True]
    merged = [m for m in verify.verify_store(stores[True]).manifests if m.startswith("index_signatures/")]
    assert len(merged) == 2
    index = manifests.resolve(stores[True], "@corpus")
    assert (index.details["generations"], index.details["compacted"]) == (4, 3)
    exact = [deduplicated(store, documents(store, files / f"{NIGHTS[0]}.jsonl"), index="corpus", allow_loss=True,
                          verify="exact", compact=compact).digest for compact, store in stores.items()]
    assert exact[0] == exact[1]


def test_a_whole_corpus_that_comes_again_meets_itself_in_what_is_merged(one_run, tmp_path):
    files, _ = one_run
    store = open_store(str(tmp_path))
    for night in NIGHTS[:2]:
        deduplicated(store, documents(store, files / f"{night}.jsonl"), index="corpus", allow_loss=True)
    first = documents(store, files / f"{NIGHTS[0]}.jsonl")
    assert deduplicated(store, first, index="corpus", allow_loss=True, compact=True).inputs["documents"] == first.reference
    published = _published(store)
    found = rows_of(store, deduplicated(store, documents(store, files), index="corpus", allow_loss=True))
    assert published <= kept(found)


def _published(store):
    index = manifests.resolve(store, "@corpus")
    held = json.loads(bytes(memoryview(store.read(f"{index.folder}/index.json"))))
    return {d for one in held["generations"]
            for d in kept(rows_of(store, manifests.load(store, manifests.Reference(**one["duplicates"]))))}


class Stopped(BaseException):
    """The driver dies."""


@pytest.mark.parametrize("compact", [False, True])
def test_a_driver_that_dies_while_it_publishes_leaves_the_name_where_it_was(begun, tmp_path, monkeypatch, compact):
    """At each write after the duplicates, of which moving the name is the last; the same run then ends as it would have."""
    store, _, _ = begun
    made = documents(store, written(tmp_path / "new", {"a": "text number 1 of a few", "b": "quite another"}, 1))
    left = [-1]  # writes until it dies; below 0: it lives

    def dying(plain):
        def call(self, *arguments):
            if left[0] == 0:
                raise Stopped
            left[0] -= left[0] > 0
            return plain(self, *arguments)

        return call

    def run(root):
        deduplicated(open_store(root), made, index="corpus", compact=compact)
        return builds.objects(root), manifests.names(open_store(root))

    for name in ("write", "put_if_absent", "replace"):
        monkeypatch.setattr(LocalStore, name, dying(getattr(LocalStore, name)))
    undisturbed = run(shutil.copytree(store.root, str(tmp_path / "undisturbed")))
    add, deaths = publishing.add, 0
    while True:
        root = shutil.copytree(store.root, str(tmp_path / str(deaths)))

        def arming(*arguments, moment=deaths, **options):
            left[0] = moment
            add(*arguments, **options)

        monkeypatch.setattr(dedup, "add", arming)
        try:
            run(root)
            break
        except Stopped:
            deaths, left[0] = deaths + 1, -1
        monkeypatch.setattr(dedup, "add", add)
        verify.verify_store(open_store(root))
        assert manifests.resolve(open_store(root), "@corpus").details["generations"] == 1
        assert run(root) == undisturbed
    left[0] = -1
    assert deaths == (8 if compact else 3)


def test_of_copies_of_a_document_that_comes_again_one_stays(tmp_path):
    """Rows of one doc_id: the published one is replaced by one of them, of those that the filter keeps."""
    store = open_store(str(tmp_path / "store"))
    once, files = {"a": "the one text", "b": "another"}, tmp_path / "files"
    first = deduplicated(store, documents(store, written(files, once, 1)), index="corpus")
    assert first.counts["kept"] == 2
    lines = (files / "part0.jsonl").read_text()
    (files / "part0.jsonl").write_text(lines + lines + json.dumps({"id": "c", "text": "the one text"}) + "\n")
    found = deduplicated(store, documents(store, files), index="corpus")
    assert (found.counts["kept"], found.counts["dropped.exact_duplicate"]) == (2, 3)
