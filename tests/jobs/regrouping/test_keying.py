"""``regroup.keys``: clusters divided by quality, language and source."""

from collections import Counter

import pytest
from topics import KMEANS, Commands, ingest
from verify import verify_store

KEYS = ("regroup.keys=[cluster,quality_bin,source]", "regroup.quality=text.words", "regroup.bins=2")


@pytest.fixture(scope="module")
def annotated(documents):
    mill, made = documents
    return mill, made, mill("annotate", f"documents={made.path}")


def command(annotations, *words):
    return ("regroup", f"documents={annotations.inputs['documents'].path}", f"annotations={annotations.path}", *KMEANS, *words)


@pytest.fixture(scope="module")
def keyed(annotated):
    mill, _, annotations = annotated
    return mill(*command(annotations, *KEYS, "name=keyed"))


def test_each_domain_is_a_cluster_a_bin_and_a_source(annotated, keyed, tmp_path):
    mill, made, annotations = annotated
    rows = {row["doc_id"]: row for row in mill.rows(made, tmp_path)}
    words = {row["doc_id"]: row["text.words"] for row in mill.rows(annotations, tmp_path)}
    middle = sorted(words.values())[len(words) // 2]
    plain = {row["doc_id"]: row["domain"] for row in mill.rows(mill(*command(annotations)), tmp_path)}
    for row in mill.rows(keyed, tmp_path):
        cluster, quality, source = row["domain"].split("/")
        assert cluster == plain[row["doc_id"]]
        assert source == rows[row["doc_id"]]["source"]
        assert (quality == "high") == (words[row["doc_id"]] > middle)
    assert keyed.counts["kept"] == 121
    assert keyed.details["cards"]
    verify_store(mill.store)


def test_rare_combinations_are_in_the_domain_of_their_cluster(annotated, keyed, tmp_path):
    mill, _, annotations = annotated
    found = mill(*command(annotations, *KEYS, "regroup.min_documents=12"))
    before = Counter(row["domain"] for row in mill.rows(keyed, tmp_path))
    expected = Counter()
    for domain, n in before.items():
        expected[domain if n >= 12 else domain.partition("/")[0]] += n
    assert Counter(row["domain"] for row in mill.rows(found, tmp_path)) == expected
    assert set(expected) != set(before)


def test_other_keys_learn_no_clusters(annotated, keyed):
    mill, _, annotations = annotated
    before = mill.stages()
    mill(*command(annotations, *KEYS, "regroup.min_documents=5"))
    assert mill.stages() - before == {"domain_keys": 1, "domains": 1}


def test_counts_of_tokens_follow(annotated, keyed):
    mill, _, _ = annotated
    counts = mill("count", f"domains={keyed.path}", "tokenizer=bytes")
    told = {name.removeprefix("documents/"): n for name, n in counts.counts.items() if name.startswith("documents/")}
    assert told == {name.split("/", 1)[1].removesuffix("/documents"): n for name, n in keyed.counts.items()
                    if name.startswith("domain/")}


def test_other_documents_get_the_same_bins_where_they_are_pinned(annotated, keyed, tmp_path):
    mill, _, _ = annotated
    (tmp_path / "new.jsonl").write_text('{"text": "bread1 bread2 bread3 common1", "source": "web", "native_id": "n"}\n')
    fresh = ingest(mill, tmp_path / "new.jsonl")
    annotations = mill("annotate", f"documents={fresh.path}")
    found = mill(*command(annotations, *KEYS, "regroup.artifact=@keyed", "regroup.keying=@keyed"))
    (row,) = mill.rows(found, tmp_path)
    assert row["domain"].split("/")[1:] == ["low", "web"]
    assert found.details["keys"] == keyed.details["keys"]


def test_order_of_completion_changes_nothing(annotated, keyed, tmp_path):
    other = Commands(tmp_path / "other")
    copied = ingest(other, annotated[0].root.parent / "in.jsonl")
    annotations = other("annotate", f"documents={copied.path}")
    again = other(*command(annotations, *KEYS), engine=("engine=inline", "engine.shuffle=5"))
    assert (again.digest, again.details["keys"]) == (keyed.digest, keyed.details["keys"])


@pytest.mark.parametrize(("settings", "told"), [
    (("regroup.keys=[cluster,quality_bin]", "regroup.quality=no.such"),
     "there is no signal regroup.quality=no.such: the annotations have"),
    (("regroup.keys=[cluster,language]",), "there is no signal regroup.language=language.code"),
    (("regroup.keys=[source]",), "give a list that begins with cluster"),
    ((*KEYS, "regroup.keying=@nobody"), "no manifest is named"),
    ((*KEYS, f"regroup.keying={'0' * 32}"), "there is no such artifact"),
])
def test_a_wrong_setting_is_told(annotated, settings, told):
    mill, _, annotations = annotated
    code, _, err = mill.run(*command(annotations, *settings))
    assert (code, told in err) == (2, True), err


def test_columns_that_no_annotations_have_are_told(documents):
    mill, made = documents
    code, _, err = mill.run("regroup", f"documents={made.path}", *KMEANS, *KEYS)
    assert code == 2
    assert "no annotations are in the lineage" in err
