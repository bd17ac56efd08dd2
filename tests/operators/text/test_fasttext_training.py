"""Learning classifiers: against a plain reference, and what the library makes of the file."""

import dataclasses
import itertools

import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.text import fasttext
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.fasttext_training import Training, count_words, cut_at_words, train

GOOD = ["a fine calm river", "calm fine words of a river", "the river is calm", "fine é 中文 words"]
BAD = ["buy now cheap pills", "cheap cheap pills\nbuy", "now pills win 🙂", "win cash now __label__x"]
LABELS = np.array([0, 1] * 4, np.int64)
VALUES = [text for pair in zip(GOOD, BAD, strict=True) for text in pair]
SMALL = Training(dimensions=4, buckets=64, epochs=3)


def trained(training=SMALL, values=VALUES, labels=LABELS):
    return train(Texts.of(pa.array(values, pa.string())), labels, ["good", "bad"], training)


def test_words_are_counted_once_each():
    values = [*VALUES, " ".join(f"w{i % 70_001}" for i in range(100_000))]
    plain = {}
    for word in " ".join(values).split():
        if not word.startswith("__label__"):
            plain[word.encode()] = plain.get(word.encode(), 0) + 1
    plain[b"</s>"] = len(values)
    found = count_words(Texts.of(pa.array(values, pa.string())))
    assert dict(found) == plain
    assert found == sorted(found, key=lambda one: (-one[1], one[0]))


def test_the_same_texts_give_the_same_bytes_and_another_seed_others():
    assert trained() == trained()
    assert trained() != trained(Training(dimensions=4, buckets=64, epochs=3, seed=1))


def test_a_text_is_cut_at_the_end_of_a_word():
    """Half a word, or half a character, would be learned as a word of its own."""
    values = ["fine é river", "fine wordthatgoeson", "onewordalone", "a b"]
    texts = Texts.of(pa.array(values))
    for most, expected in {4: ["fine", "fine", "", "a b"], 6: ["fine", "fine", "", "a b"], 7: ["fine é", "fine", "", "a b"],
                           12: ["fine é", "fine", values[2], "a b"], 13: [values[0], "fine", values[2], "a b"]}.items():
        lengths = texts.lengths.copy()
        cut_at_words(texts.addresses, lengths, most)
        assert [value.encode()[:n].decode().rstrip() for value, n in zip(values, lengths, strict=True)] == expected


def test_no_part_of_a_word_is_learned():
    vocabulary = fasttext.read(trained(dataclasses.replace(SMALL, sample=8)), "m").vocabulary
    known = [vocabulary.words[a:b].tobytes().decode() for a, b in itertools.pairwise([0, *vocabulary.ends])]
    assert {"calm", "cheap", "é"} < set(known[: vocabulary.words_known])
    assert set(known[: vocabulary.words_known]) <= {*" ".join(VALUES).split(), "</s>"}


def test_what_follows_a_word_that_ends_texts_is_not_learned_from():
    first, second = ([value + f" </s> {more}" for value in VALUES] for more in ("cheap calm", "calm cheap"))
    assert trained(values=first) == trained(values=second)


def rows_of(model, text):
    """The rows of a text's vectors, in plain Python."""
    vocabulary, at, words = model.vocabulary, 0, {}
    for i, end in enumerate(vocabulary.ends):
        words[vocabulary.words[at:end].tobytes()] = i
        at = end
    tokens = [t.encode() for t in text.split() if not t.startswith("__label__")] + [b"</s>"]
    hashes = []
    for token in tokens:
        h = 2166136261
        for byte in token:
            h = ((h ^ (byte | (0xFFFFFF00 if byte > 127 else 0))) * 16777619) & 0xFFFFFFFF
        hashes.append(h - 2**32 if h >= 2**31 else h)
    pairs = [((a * 116049371 + b) % 2**64) % 64 for a, b in itertools.pairwise(hashes)]
    return [words[t] for t in tokens if t in words] + [vocabulary.words_known + p for p in pairs]


def test_one_step_is_the_gradient_of_the_cross_entropy():
    """One epoch over a single pair of texts, recomputed in float64 from the vectors of an untouched start."""
    from corpusmill.operators.text.fasttext_training import scatter

    training = Training(dimensions=4, buckets=64, epochs=1, rate=0.5)
    model = fasttext.read(trained(training, VALUES[:2], LABELS[:2]), "m")
    best = np.inf
    for order in ([0, 1], [1, 0]):
        vectors = np.empty(model.network.vectors.shape, np.float32)
        scatter(vectors, 0)
        vectors, layer, done = vectors.astype(np.float64), np.zeros((2, 4)), 0
        sizes = [len(v.encode()) + 1 for v in VALUES[:2]]
        names = [model.labels.index(n) for n in ("good", "bad")]
        for text in order:
            rows = rows_of(model, VALUES[text])
            mean = vectors[rows].mean(axis=0)
            p = np.exp(layer @ mean)
            missed = 0.5 * (1 - done / sum(sizes)) * (np.eye(2)[names[text]] - p / p.sum())
            gradient = missed @ layer
            layer += np.outer(missed, mean)
            np.add.at(vectors, rows, gradient / len(rows))
            done += sizes[text]
        best = min(best, np.abs(layer - model.network.layer).max())
        reached = np.unique([r for v in VALUES[:2] for r in rows_of(model, v)])
        if best < 1e-6:
            assert np.abs(vectors[reached] - model.network.vectors[reached]).max() < 1e-6
            assert not np.delete(model.network.vectors, reached, axis=0).any()
    assert best < 1e-6


def test_the_library_reads_the_file_and_agrees(tmp_path):
    library = pytest.importorskip("fasttext", reason="no fastText to compare with")
    (tmp_path / "m.bin").write_bytes(trained(Training(dimensions=8, buckets=500, epochs=60, run=3)))
    model = library.load_model(str(tmp_path / "m.bin"))
    for text, label in zip(VALUES, LABELS, strict=True):
        names, probabilities = model.predict(text.replace("\n", " "), k=2)
        assert names[0] == ("__label__good", "__label__bad")[label]
        assert probabilities[0] > 0.8


def test_a_label_without_texts_and_texts_without_words_are_clear_errors():
    with pytest.raises(DataError, match="texts of at least two labels"):
        trained(labels=np.zeros(8, np.int64))
    with pytest.raises(DataError, match="have none that is frequent enough"):
        trained(values=[" "] * 8)


@pytest.mark.parametrize(("given", "message"), [({"dimensions": 0}, "training.dimensions=0"), ({"rate": 0}, "training.rate=0"),
                                               ({"run": 6}, "from 1 to 5")])
def test_a_training_that_cannot_be_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        Training(**given)
