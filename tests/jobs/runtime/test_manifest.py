import dataclasses
import threading

import pyarrow as pa
import pytest

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.receipts import Output
from corpusmill.jobs.runtime.shards import Stored
from corpusmill.operators.errors import ConfigError, Corrupt, DataError

SCHEMA = pa.schema([("n", pa.int64())])
SHARDS = [[{"n": 1}, {"n": 2}], [{"n": 3}]]


def test_a_manifest_is_found_by_uri_path_and_name(make, local):
    made = make("documents", SHARDS, SCHEMA)
    manifests.move_name(local, "mine", made)
    for text in (local.uri(made.path), made.path, "@mine"):
        assert manifests.resolve(local, text, "documents") == made


@pytest.mark.parametrize(("text", "message"), [
    ("@other", r"no manifest is named @other in .*; there is @mine"),
    ("documents/7/manifest.json", "names no manifest: give"),
    (f"documents/{'0' * 32}/manifest.json", "there is no"),
    ("", "names no manifest"),
])
def test_what_names_no_manifest_is_refused(make, local, text, message):
    manifests.move_name(local, "mine", make("documents", SHARDS, SCHEMA))
    with pytest.raises(ConfigError, match=message):
        manifests.resolve(local, text)


def test_a_manifest_of_another_stage_is_refused(make, local):
    made = make("domains", SHARDS, SCHEMA)
    with pytest.raises(ConfigError, match="is a manifest of domains, not of documents"):
        manifests.resolve(local, made.path, "documents")


def test_a_manifest_comes_back_from_json_as_it_was(make):
    documents = make("documents", SHARDS, SCHEMA)
    made = make("annotations", SHARDS, SCHEMA, on=documents, edits={}, view=(documents.reference,))
    assert manifests.loads(manifests.dumps(made)) == made


def test_another_format_is_refused():
    with pytest.raises(DataError, match="this is not a corpusmill"):
        manifests.loads(b'{"format": "corpusmill.manifest/0"}')


def test_the_first_manifest_wins(make, local):
    made = make("documents", SHARDS, SCHEMA)
    assert manifests.commit(local, dataclasses.replace(made, rows=99)) == made


def test_shards_are_streamed_in_order_with_counts_and_layers(make, local):
    documents = make("documents", SHARDS, SCHEMA)
    made = make("annotations", SHARDS, SCHEMA, on=documents, edits={1: {0: "x"}})
    first, second = manifests.shards(local, made)
    assert (first.ordinal, second.ordinal, first.main.rows, second.main.rows) == (0, 1, 2, 1)
    assert (first.edits.rows, second.edits.rows) == (0, 1)
    assert second.counts == {"rows_in": 1, "kept": 1}
    assert [s.documents for s in manifests.shards(local, made)] == [s.main.content for s in manifests.shards(local, documents)]
    assert second.content != second.main.content


def test_an_index_that_was_changed_is_detected(make, local):
    made = make("documents", SHARDS, SCHEMA)
    path = f"{made.folder}/shards.parquet"
    data = bytes(local.read(path))
    local.write(path, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Corrupt, match="is not the index that its manifest names"):
        list(manifests.shards(local, made))


def test_an_input_that_is_gone_or_replaced_is_detected(make, local):
    documents = make("documents", SHARDS, SCHEMA)
    made = make("domains", SHARDS, SCHEMA, on=documents)
    local.write(documents.path, manifests.dumps(dataclasses.replace(documents, digest="0" * 32)))
    with pytest.raises(Corrupt, match="its user expects"):
        manifests.lineage(local, made)
    local.delete(documents.path)
    with pytest.raises(DataError, match="does not exist in this store"):
        manifests.lineage(local, made)


def test_the_digest_is_that_of_the_content_alone(make):
    """The same rows in the same shards under other parameters are the same dataset content; other cuts are not."""
    first = make("documents", SHARDS, SCHEMA, parameters={"p": 1})
    second = make("documents", SHARDS, SCHEMA, parameters={"p": 2})
    third = make("documents", [[{"n": 1}], [{"n": 2}, {"n": 3}]], SCHEMA)
    assert first.key != second.key
    assert first.digest == second.digest != third.digest


def test_lineage_reaches_every_ancestor(make, local):
    documents = make("documents", SHARDS, SCHEMA)
    decisions = make("decisions", SHARDS, SCHEMA, on=documents)
    domains = make("domains", SHARDS, SCHEMA, extra_inputs={"decisions": decisions})
    assert manifests.lineage(local, domains) == {"domains": domains, "decisions": decisions, "documents": documents}


def test_a_lineage_with_two_datasets_of_one_role_is_ambiguous(make, local):
    one, two = make("documents", SHARDS, SCHEMA), make("documents", [*SHARDS, [{"n": 4}]], SCHEMA)
    decisions = make("decisions", SHARDS, SCHEMA, on=two)
    domains = make("domains", SHARDS, SCHEMA, on=one, extra_inputs={"decisions": decisions})
    with pytest.raises(ConfigError, match=r"comes from two datasets of documents.*give documents="):
        manifests.lineage(local, domains)


def test_names_are_listed_and_moved(make, local):
    one, two = make("documents", SHARDS, SCHEMA), make("documents", SHARDS[:1], SCHEMA)
    manifests.move_name(local, "nightly", one)
    manifests.move_name(local, "nightly/de", one)
    manifests.move_name(local, "nightly", two)
    assert manifests.names(local) == {"nightly": two.path, "nightly/de": one.path}


def test_a_name_is_moved_by_compare_and_swap(make, local):
    """A mover that was overtaken tries again on what it now finds, and wins as the last."""
    one, two = make("documents", SHARDS, SCHEMA), make("documents", SHARDS[:1], SCHEMA)

    class Overtaken:
        """A store on which another move comes between reading the version and replacing it, once."""

        tries = 0

        def version(self, path):
            found = local.version(path)
            if not self.tries:
                manifests.move_name(local, "n", one)
            self.tries += 1
            return found

        def replace(self, path, data, expected):
            return local.replace(path, data, expected)

    store = Overtaken()
    manifests.move_name(store, "n", two)
    assert store.tries == 2
    assert manifests.resolve(local, "@n") == two


def test_concurrent_moves_end_with_one_of_them(make, local):
    made = [make("documents", [[{"n": i}]], SCHEMA) for i in range(4)]
    threads = [threading.Thread(target=manifests.move_name, args=(local, "n", m)) for m in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert manifests.resolve(local, "@n") in made


def test_an_index_of_many_shards_is_in_order_whatever_order_they_came_in():
    rows = [(i, f"d{i}", Output(Stored(f"o{i}", i, i, i, f"c{i}", "f")), {"kept": i}) for i in range(9000)]
    index = manifests.index_rows(iter(rows[::-1]))
    assert index.column("ordinal").to_pylist() == list(range(9000))
    assert index.column("content").to_pylist()[:3] == ["c0", "c1", "c2"]
