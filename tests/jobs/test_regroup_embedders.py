"""``regroup=kmeans`` by the points of other embedders, through the command line."""

import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from planting import rand_index

from corpusmill.jobs.runtime import artifacts
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.operators.domain.model import Model

KMEANS = ("regroup=kmeans", "regroup.k=3", "regroup.starts=3", "regroup.dimensions=8", "quiet=true")
TOPICS = ("bread", "stars", "rivers")


def write(path, each=30, seed=0, vectors=True):
    """Documents of three topics, with a vector near one of three axes and a topic in their metadata."""
    rng = random.Random(seed)
    common = [f"common{i}" for i in range(40)]
    with path.open("w") as file:
        for place, topic in enumerate(TOPICS):
            for i in range(each):
                words = rng.choices([f"{topic}{i}" for i in range(20)], k=12) + rng.choices(common, k=18)
                rng.shuffle(words)
                vector = [float(place == axis) + rng.gauss(0, 0.05) for axis in range(3)]
                metadata = {"topic": topic if i % 10 else None} | ({"embedding": vector} if vectors else {})
                file.write(json.dumps({"text": " ".join(words), "source": topic, "native_id": f"{topic}-{seed}-{i}",
                                       "metadata": metadata}) + "\n")


@pytest.fixture
def ingest(mill, tmp_path, monkeypatch):
    """A function from a name and how to write to the URI of documents in several shards."""
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))

    def made(name, **how):
        write(tmp_path / f"{name}.jsonl", **how)
        return mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / name}.jsonl]", f"name={name}",
                    "ingest.shard_bytes=8000", "ingest.row_group_bytes=3000", "quiet=true")

    return made


def rows_of(mill, uri, tmp_path):
    path = tmp_path / f"{abs(hash(uri))}.parquet"
    mill("export", f"manifest={uri}", f"path={path}", "quiet=true")
    return pq.read_table(path)


def agreement(mill, documents, domains, tmp_path):
    source = rows_of(mill, documents, tmp_path).column("source").to_pylist()
    return rand_index(rows_of(mill, domains, tmp_path).column("domain").to_pylist(), source)


def test_word_vectors_are_learned_from_the_corpus(mill, ingest, tmp_path):
    documents = ingest("docs")
    command = ("regroup", f"documents={documents}", *KMEANS, "regroup.embedder=fasttext", "regroup.embedder.words=100000")
    made = mill(*command)
    assert agreement(mill, documents, made, tmp_path) >= 0.9
    found = mill.manifest(made)
    model = Model.from_bytes(artifacts.fetch(mill.store, found.details["artifact"]).read_bytes())
    assert model.facts["embedder"]["parameters"]["words"] == 100_000
    assert found.exact
    again = mill("regroup", f"documents={ingest('new', seed=8)}", "regroup=kmeans", f"regroup.artifact={made}", "quiet=true")
    assert agreement(mill, "@new", again, tmp_path) >= 0.9


def test_another_embedder_is_another_model(mill, ingest):
    documents = ingest("docs")
    made = [mill.manifest(mill("regroup", f"documents={documents}", *KMEANS, *words)) for words in
            ((), ("regroup.embedder=fasttext", "regroup.embedder.words=50000"), ("regroup.embedder=column",))]
    assert len({one.key for one in made}) == len({one.details["artifact"] for one in made}) == 3


def test_vectors_of_the_metadata_are_taken(mill, ingest, tmp_path):
    documents = ingest("docs")
    made = mill("regroup", f"documents={documents}", *KMEANS, "regroup.embedder=column")
    assert agreement(mill, documents, made, tmp_path) >= 0.99
    assert not mill.manifest(made).exact
    result = mill.run("regroup", f"documents={ingest('bare', vectors=False)}", *KMEANS, "regroup.embedder=column")
    assert (result.code, "column 'embedding': " in result.err) == (1, True), result.err


def vectors_file(mill, documents, path, rows=slice(None)):
    table = rows_of(mill, documents, path.parent)
    axes = np.eye(3, dtype=np.float32)[[TOPICS.index(one) for one in table.column("source").to_pylist()]]
    chosen = pa.table({"doc_id": table.column("doc_id"), "v": pa.array(list(axes), pa.list_(pa.float32(), 3))})
    pq.write_table(pa.Table.from_pylist(chosen.to_pylist()[::-1][rows], schema=chosen.schema), path)


def test_vectors_of_a_file_beside_the_documents_are_taken(mill, ingest, tmp_path):
    documents = ingest("docs")
    vectors_file(mill, documents, tmp_path / "v.parquet")
    beside = ("regroup.embedder=column", "regroup.embedder.column=v")
    made = mill("regroup", f"documents={documents}", *KMEANS, *beside, f"regroup.embedder.path={tmp_path}/v.parquet")
    assert agreement(mill, documents, made, tmp_path) == 1
    fresh = ingest("new", seed=5)
    missing = mill.run("regroup", f"documents={fresh}", *KMEANS, f"regroup.artifact={made}")
    assert (missing.code, "have no vector in" in missing.err) == (1, True), missing.err
    vectors_file(mill, fresh, tmp_path / "w.parquet")
    again = mill("regroup", f"documents={fresh}", *KMEANS, f"regroup.artifact={made}", *beside,
                 f"regroup.embedder.path={tmp_path}/w.parquet")
    assert agreement(mill, fresh, again, tmp_path) == 1
    assert mill.manifest(again).details["artifact"] == mill.manifest(made).details["artifact"]


@pytest.mark.parametrize(("words", "code", "told"), [
    (("regroup.embedder.path=/nowhere/v.parquet",), 2, "there is no such file"),
    (("regroup.embedder.path={}/docs.jsonl",), 2, "cannot be read as Parquet with the columns doc_id and v"),
    (("regroup.embedder.path={}/half.parquet",), 1, "documents have no vector in"),
    (("regroup.embedder.colum=x",), 2, "colum"),
])
def test_vectors_that_will_not_do_are_told(mill, ingest, tmp_path, words, code, told):
    documents = ingest("docs")
    vectors_file(mill, documents, tmp_path / "half.parquet", slice(0, 40))
    result = mill.run("regroup", f"documents={documents}", *KMEANS, "regroup.embedder=column", "regroup.embedder.column=v",
                      *(word.format(tmp_path) for word in words))
    assert (result.code, told in result.err) == (code, True), result.err


LM = ("train_lm", "model.layers=1", "model.width=32", "model.heads=2", "model.context=32", "training.tokens=60000",
      "training.batch=16", "training.device=cpu", "model.held_out=0.1", "quiet=true", "name=lm")


def test_states_of_a_language_model_that_was_trained_on_the_corpus_are_points(mill, ingest, tmp_path):
    documents = ingest("docs")
    mill(*LM, f"documents={documents}")
    states = ("regroup.embedder=language_model", "regroup.embedder.path=@lm", "regroup.embedder.device=cpu")
    made = mill("regroup", f"documents={documents}", *KMEANS, *states)
    assert agreement(mill, documents, made, tmp_path) >= 0.9
    again = mill.run("regroup", f"documents={documents}", *KMEANS, *states, engine=("engine=inline", "engine.shuffle=4"))
    assert again.uri == made
    named = mill.manifest(made).parameters["labeller"]["files"]["model"]
    assert named == manifests.resolve(mill.store, "@lm").details["artifact"]


def test_a_model_that_is_not_named_is_told(mill, ingest):
    documents = ingest("docs")
    for option in ("language_model", "transformer"):
        result = mill.run("regroup", f"documents={documents}", *KMEANS, f"regroup.embedder={option}")
        assert (result.code, "regroup.embedder.path is empty" in result.err) == (2, True), result.err


def test_a_plan_of_another_embedder_writes_nothing(mill, ingest, tmp_path):
    documents = ingest("docs")
    vectors_file(mill, documents, tmp_path / "v.parquet")
    before = [entry.path for entry in mill.store.list()]
    for words in (("regroup.embedder=fasttext",), ("regroup.embedder=column", "regroup.embedder.column=v",
                                                   f"regroup.embedder.path={tmp_path}/v.parquet")):
        result = mill.run("regroup", f"documents={documents}", *KMEANS, *words, "plan=true")
        assert result.code == 0, result.err
    assert [entry.path for entry in mill.store.list()] == before


@pytest.fixture
def bert(tmp_path):
    """A folder of a model that has learned nothing, over the words of the topics."""
    transformers = pytest.importorskip("transformers")
    import torch

    path = tmp_path / "bert"
    path.mkdir()
    pieces = [f"{topic}{i}" for topic in TOPICS for i in range(20)]
    (path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]))
    transformers.BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=65, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                                     intermediate_size=32, max_position_embeddings=64)
    transformers.BertModel(config).save_pretrained(path)
    return path


def test_a_folder_of_a_model_goes_to_the_store_and_its_digest_into_the_key(mill, ingest, bert):
    documents = ingest("docs")
    command = ("regroup", f"documents={documents}", *KMEANS, "regroup.embedder=transformer", "regroup.embedder.device=cpu",
               f"regroup.embedder.path={bert}")
    first = mill.manifest(mill(*command))
    assert mill.manifest(mill(*command)).key == first.key
    assert mill.store.exists(artifacts.path(first.parameters["labeller"]["files"]["model"]))
    (bert / "README.md").write_text("of no consequence")
    assert mill.manifest(mill(*command)).key == first.key
    (bert / "added_tokens.json").write_text("{}")
    other = mill.run(*command, f"regroup.artifact={first.details['artifact']}")
    assert (other.code, "was learned with other files of Transformer" in other.err) == (2, True), other.err
    missing = mill.run(*command, "regroup.embedder.path=/nowhere")
    assert (missing.code, "there is no config.json in it" in missing.err) == (2, True), missing.err


def test_semantic_duplicates_are_not_looked_for_in_the_cells_of_points(mill, ingest):
    documents = ingest("docs")
    mill("regroup", f"documents={documents}", *KMEANS, "regroup.embedder=column", "name=points")
    result = mill.run("dedup", f"documents={documents}", "dedup=semantic", "dedup.model=@points")
    assert (result.code, "dedup.model=@points was made with the embedder Vectors" in result.err) == (2, True), result.err


@pytest.mark.parametrize(("column", "expected"), [
    ("topic", {*TOPICS, "none"}), ("[topic,form]", {f"{one}/none" for one in (*TOPICS, "none")}),
])
def test_labels_in_the_metadata_are_accepted_as_they_are(mill, ingest, tmp_path, column, expected):
    documents = ingest("docs")
    made = mill("regroup", f"documents={documents}", "regroup=column", f"regroup.column={column}", "quiet=true")
    domains = rows_of(mill, made, tmp_path).column("domain").to_pylist()
    assert set(domains) == expected
    source = rows_of(mill, documents, tmp_path).column("source").to_pylist()
    assert {d.partition("/")[0] == s for d, s in zip(domains, source, strict=True) if not d.startswith("none")} == {True}
    assert sum(d.startswith("none") for d in domains) == 9
