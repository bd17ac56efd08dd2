import dataclasses
import hashlib
import os
import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.domain.kmeans import ALL, READS, KMeans, Learn, threshold_of
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.drawing import apart

PARAMETERS = KMeans(k=5, dimensions=16, starts=4)


def planted(topics=5, each=40, seed=0):
    """Documents of a topic share a third of their words; the rest are everybody's. Rows of READS and the topics."""
    rng = random.Random(seed)
    common = [f"common{i}" for i in range(60)]
    rows, labels = [], []
    for topic in range(topics):
        own = [f"topic{topic}word{i}" for i in range(30)]
        for i in range(each):
            words = rng.choices(own, k=rng.randint(8, 30)) + rng.choices(common, k=rng.randint(20, 60))
            rng.shuffle(words)
            text = " ".join(words)
            rows.append({"doc_id": hashlib.blake2b(f"{seed}/{topic}/{i}".encode(), digest_size=16).digest(),
                         "source": f"s{topic}", "text": text})
            labels.append(topic)
    return rows, np.array(labels)


def batch_of(rows):
    return pa.RecordBatch.from_pylist(rows, schema=READS)


def agreement(a, b):
    """Adjusted Rand index of two labellings (Hubert and Arabie 1985)."""
    pairs = lambda n: n * (n - 1) / 2  # noqa: E731
    table = np.zeros((max(a) + 1, max(b) + 1))
    np.add.at(table, (a, b), 1)
    both, rows, columns = pairs(table).sum(), pairs(table.sum(1)).sum(), pairs(table.sum(0)).sum()
    expected = rows * columns / pairs(len(a))
    return (both - expected) / ((rows + columns) / 2 - expected)


def codes(model, rows):
    place = {name: i for i, name in enumerate([*model.names, "none"])}
    return np.array([place[name] for name in model.label(pa.array([r["text"] for r in rows]))[0].to_pylist()])


def learned(rows, fit):
    return fit.finish(fit.partial(batch_of(rows)))


@pytest.fixture(scope="module")
def model():
    rows, _ = planted()
    return Model.from_bytes(learned(rows, Learn(PARAMETERS)))


def test_planted_topics_are_found(model):
    rows, labels = planted()
    assert agreement(labels, codes(model, rows)) >= 0.9


def test_held_out_documents_go_to_the_domain_of_their_topic(model):
    rows, labels = planted(seed=99)
    assert agreement(labels, codes(model, rows)) >= 0.9


def test_cards_and_names_tell_the_topic(model):
    for card in model.cards:
        topic = card["sources"][0]["source"].removeprefix("s")
        assert all(term["term"].startswith(f"topic{topic}word") for term in card["terms"][:2])
        assert f"topic{topic}word" in card["domain"]
        assert {one["source"] for one in card["nearest"]} == {f"s{topic}"}
    assert [card["domain"] for card in model.cards] == model.names
    assert model.names[0].startswith("d00-")


@settings(max_examples=5)
@given(data=st.data())
def test_neither_order_nor_cuts_of_the_documents_change_the_model(data):
    rows, _ = planted(each=12)
    fit = Learn(PARAMETERS, threshold_of(40, len(rows)))
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    parts = [fit.partial(batch_of(shuffled[a:b])) for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    left = parts[0]
    for part in data.draw(st.permutations(parts[1:])):
        left = fit.merge(left, part) if data.draw(st.booleans()) else fit.merge(part, left)
    assert fit.finish(left) == learned(rows, fit)


@pytest.mark.parametrize("k", [5, (3, 5)])
def test_documents_that_proxies_hold_out_first_never_change_the_model(k):
    rows = planted(each=60)[0]
    held = apart(pa.array([row["doc_id"] for row in rows], pa.binary(16)), 0.3)
    rest = [row for row, out in zip(rows, held, strict=True) if not out]
    others = [*rest, *(row | {"text": "entirely other words"} for row, out in zip(rows, held, strict=True) if out)]
    fit = Learn(dataclasses.replace(PARAMETERS, k=k, starts=1, held_out=0.3))
    assert learned(rows, fit) == learned(others, fit) == learned(rest, fit)
    assert Model.from_bytes(learned(rows, fit)).facts["documents"] == len(rest) < 0.8 * len(rows)


def test_many_small_parts_merge_to_the_same_state():
    rows, _ = planted(topics=2, each=200)
    fit = Learn(PARAMETERS)
    total = fit.partial(batch_of([]))
    for row in rows:
        total = fit.merge(total, fit.partial(batch_of([row])))
    whole = fit.partial(batch_of(rows))
    assert total.documents == whole.documents
    assert (total.frequencies == whole.frequencies).all()
    assert total.sample.combine_chunks().equals(whole.sample.combine_chunks())


def test_the_sample_has_about_the_size_that_was_asked_for():
    rows, _ = planted(topics=10, each=200)
    state = Learn(KMeans(sample=500), threshold_of(500, 2000)).partial(batch_of(rows))
    assert 400 < state.sample.num_rows < 600
    assert state.documents == 2000
    assert threshold_of(500, 500) == ALL


def test_another_seed_draws_another_sample():
    rows, _ = planted()
    drawn = [Learn(KMeans(seed=seed), threshold_of(50, 200)).partial(batch_of(rows)).sample for seed in (0, 1)]
    assert drawn[0].column("doc_id") != drawn[1].column("doc_id")


def test_names_stay_when_domains_are_learned_anew(model):
    """Half of the documents are new and so is a topic; the five old topics keep their names."""
    rows = planted()[0][::2] + planted(topics=6, seed=3)[0]
    again = Model.from_bytes(learned(rows, Learn(KMeans(k=6, dimensions=16, starts=4, seed=5), previous=model)))
    assert set(model.names) < set(again.names)
    (new,) = set(again.names) - set(model.names)
    assert new.startswith("d05-topic5word")
    for old_card in model.cards:
        (card,) = [c for c in again.cards if c["domain"] == old_card["domain"]]
        assert card["sources"][0]["source"] == old_card["sources"][0]["source"]


def test_names_cannot_be_kept_over_another_number_of_buckets(model):
    with pytest.raises(ConfigError, match=r"regroup\.bits=12, but the previous model hashed words to 18 bits"):
        Learn(KMeans(bits=12), previous=model)


def test_documents_without_words_are_learned_from_without_harm():
    rows, labels = planted()
    texts = ["", " \n", "?!", "rare1 rare2"]
    empty = [{"doc_id": bytes([i]) * 16, "source": "none", "text": text} for i, text in enumerate(texts)]
    model = Model.from_bytes(learned(rows + empty, Learn(PARAMETERS)))
    assert agreement(labels, codes(model, rows)) >= 0.9
    assert (codes(model, empty) == 5).all()


def test_too_little_text_is_a_clear_error():
    with pytest.raises(DataError, match="no two words are in 3 of the 2 documents"):
        learned(planted()[0][:2], Learn(PARAMETERS))
    same = [{"doc_id": bytes([i]) * 16, "source": "s", "text": "equal words here"} for i in range(9)]
    with pytest.raises(DataError, match=r"regroup\.k=5, but the 9 documents .* have only 1 distinct vectors"):
        learned(same, Learn(PARAMETERS))


def test_more_domains_than_documents_are_a_clear_error():
    with pytest.raises(DataError, match=r"regroup\.k=1000, but the 97 documents .* only 9\d distinct .*: give a smaller k"):
        learned(planted()[0][:97], Learn(KMeans(k=1000)))


@pytest.mark.parametrize("setting", [
    {"k": 0}, {"bits": 30}, {"sample": 1}, {"starts": 0}, {"dimensions": 0}, {"terms": 1}, {"k": 2.5}, {"artifact": 10**31},
    {"held_out": 1}, {"held_out": -0.1}, {"held_out": "some"},
])
def test_settings_out_of_range_are_refused(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=rf"regroup\.{name}="):
        KMeans(**setting)


def digest():
    """Of the model of the planted topics."""
    return hashlib.sha256(learned(planted()[0], Learn(PARAMETERS))).hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_learns_the_same_bytes(hash_seed):
    code = f"import runpy; print(runpy.run_path({__file__!r})['digest']())"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONSAFEPATH": "1"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == digest()


def test_counting_and_assigning_do_not_import_torch():
    """It takes seconds and 200 MB in every worker."""
    code = "import sys, corpusmill.jobs.regroup; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONSAFEPATH": "1"}, capture_output=True,
                           text=True, check=True)
    assert found.stdout.strip() == "False"
