"""The n-gram model against a plain reference that follows Chen and Goodman's definitions, word by word."""

import collections
import dataclasses
import functools
import math
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.ngram_fit import NOTHING, READS, Learn
from corpusmill.operators.quality.ngrams import Model, sum_of_least
from corpusmill.operators.quality.perplexity import Perplexity

WORDS = [
    "the", "of", "and", "river", "mill", "grain", "boat", "stone", "town", "bridge", "water", "wheel", "flour",
    "sack", "lamp", "road", "hill", "snow", "field",
]


def sentences(seed, count):
    draw = random.Random(seed)
    weights = [1 / (i + 1) for i in range(len(WORDS))]
    return [" ".join(draw.choices(WORDS, weights, k=draw.randint(1, 9))) for _ in range(count)]


TEXTS = ["\n".join(sentences(seed, 12)) for seed in range(25)]


def batch_of(texts, ids=None):
    ids = ids or range(len(texts))
    return pa.record_batch([pa.array([i.to_bytes(16, "big") for i in ids], pa.binary(16)), pa.array(texts, pa.string())],
                           schema=READS)


def learned(texts, **given):
    fit = Learn(**given)
    return fit.finish(fit.partial(batch_of(texts)))


class Reference:
    """Interpolated modified Kneser-Ney with pruning, over tuples of words and dictionaries."""

    def __init__(self, texts, order, prune):
        self.order, self.raw = order, [collections.Counter() for _ in range(order + 1)]
        for line in (line for text in texts for line in text.split("\n") if line.split()):
            words = ["|", *line.split(), "|"]
            for n in range(1, order + 1):
                self.raw[n].update(tuple(words[i - n + 1:i + 1]) for i in range(1, len(words)) if i - n + 1 >= 0)
        self.counts = [self.adjusted(n) for n in range(order + 1)]
        self.kept = [{g for g, c in raw.items() if n < 3 or c > prune} for n, raw in enumerate(self.raw)]
        self.discount = [self.discounts(n) for n in range(order + 1)]
        self.following = [collections.defaultdict(dict) for _ in range(order + 1)]
        for n, counts in enumerate(self.counts[1:], 1):
            for gram, count in counts.items():
                self.following[n][gram[:-1]][gram] = count
        self.chance = functools.cache(self._chance)

    def adjusted(self, n):
        if n in (0, self.order):
            return dict(self.raw[n])
        before = collections.Counter(g[1:] for g in self.raw[n + 1])
        return {g: before[g] or c for g, c in self.raw[n].items()}

    def discounts(self, n):
        t = collections.Counter(self.counts[n].values())
        if n == 0 or not (t[1] and t[2] and t[3]):
            return [0, 0.5, 1, 1.5]
        y = t[1] / (t[1] + 2 * t[2])
        found = [0, 1 - 2 * y * t[2] / t[1], 2 - 3 * y * t[3] / t[2], 3 - 4 * y * t[4] / t[3]]
        return found if all(0 < d < i for i, d in enumerate(found[1:], 1)) else [0, 0.5, 1, 1.5]

    def _chance(self, word, context):
        """Of the word after the context, as long as it may be."""
        n = len(context) + 1
        follow = self.following[n].get(context, {})
        total = sum(follow.values())
        own = {g: (c - self.discount[n][min(c, 3)]) / total for g, c in follow.items() if g in self.kept[n]}
        left = 1 - sum(own.values())
        shorter = 1 / (len(self.counts[1]) + 1) if n == 1 else self.chance(word, context[1:])
        return own.get((*context, word), 0) + left * shorter

    def log10(self, text):
        total = []
        for line in (line for line in text.split("\n") if line.split()):
            words = ["|", *line.split(), "|"]
            total += [math.log10(self.chance(words[i], tuple(words[max(0, i - self.order + 1):i])))
                      for i in range(1, len(words))]
        return total


def scored(model, texts, tmp_path, **given):
    path = tmp_path / "model"
    path.write_bytes(model)
    operator = Perplexity(**given, digest=str(hash(model)))
    found = operator.open({"model": path})(batch_of(texts)).batch
    return {name.partition(".")[2]: found[name].to_pylist() for name in operator.adds.names}


@pytest.mark.parametrize(("order", "prune"), [(1, 0), (2, 1), (3, 0), (3, 1), (4, 1), (5, 2)])
def test_probabilities_are_those_of_the_reference(order, prune, tmp_path):
    reference = Reference(TEXTS[:20], order, prune)
    asked = [*TEXTS[18:], "", "\n \n", "the unheard word\n\nof the mill", "x", " ".join(WORDS)]
    found = scored(learned(TEXTS[:20], order=order, prune=prune), asked, tmp_path, least=0.3)
    for i, text in enumerate(asked):
        logs = reference.log10(text)
        assert found["tokens"][i] == len(logs)
        assert found["log10_prob"][i] / 1e6 == pytest.approx(sum(logs), abs=2e-6 * order * len(logs))
        least = sorted(logs)[:max(1, int(0.3 * len(logs)))] if logs else []
        assert found["least_tokens"][i] == len(least)
        assert found["least_log10_prob"][i] / 1e6 == pytest.approx(sum(least), abs=2e-6 * order * max(1, len(least)))
        expected = 10 ** (-sum(logs) / len(logs)) if logs else None
        assert found["perplexity"][i] == (expected if expected is None else pytest.approx(expected, rel=1e-4))
        assert found["unknown_tokens"][i] == sum(w not in WORDS for w in text.split())


@pytest.mark.parametrize(("order", "prune"), [(1, 0), (2, 1), (4, 1)])
def test_the_probabilities_of_the_reference_sum_to_one(order, prune):
    """After any context, over each known word, the end of the line and, once, the unknown: so those of the model do."""
    reference = Reference(TEXTS, order, prune)
    for context in ("|", "| the", "the of", "river mill the", "snow"):
        chances = [reference.chance(w, tuple(context.split())[:order - 1]) for w in (*WORDS, "|", "unheard")]
        assert sum(chances) == pytest.approx(1)


def test_any_split_and_order_of_the_documents_gives_the_same_bytes():
    fit, draw = Learn(order=4), random.Random(3)
    parts = [fit.partial(batch_of([text], [i])) for i, text in enumerate(TEXTS)]
    whole = fit.finish(fit.partial(batch_of(TEXTS)))
    for _ in range(3):
        draw.shuffle(parts)
        left, right = NOTHING, NOTHING
        for part in parts[:9]:
            left = fit.merge(left, part)
        for part in parts[9:]:
            right = fit.merge(part, right)
        assert fit.finish(fit.merge(right, left)) == whole


def test_documents_are_drawn_by_their_id_and_the_rest_is_held_out():
    batch, half = batch_of(TEXTS), 1 << 63
    seen, held = Learn(last=half), Learn(first=half + 1)
    assert (seen.drawn(batch) ^ held.drawn(batch)).all()
    assert seen.partial(batch).documents + held.partial(batch).documents == len(TEXTS)
    assert 0 < seen.partial(batch).documents < len(TEXTS)


def test_a_document_counts_up_to_its_first_bytes():
    assert learned(["the mill the river"], head=8) == learned(["the mill"])
    assert learned([TEXTS[0]], head=10**6) == learned([TEXTS[0]])


def test_a_long_text_is_scored_as_its_lines_are(tmp_path):
    """Blocks of tokens end within lines, which must not show."""
    model, lines = learned(TEXTS, order=5, prune=0), sentences(9, 3000)
    whole = scored(model, ["\n".join(lines)], tmp_path, least=1.0)
    single = scored(model, lines, tmp_path)
    assert whole["log10_prob"] == whole["least_log10_prob"] == [sum(single["log10_prob"])]
    assert whole["tokens"] == [sum(single["tokens"])]
    one_line = " ".join(lines)
    reference = Reference(TEXTS, 3, 1)
    found = scored(learned(TEXTS), [one_line], tmp_path)
    assert found["log10_prob"][0] / 1e6 == pytest.approx(sum(reference.log10(one_line)), rel=1e-5)


@settings(deadline=None)
@given(st.lists(st.integers(-2**31, -1), min_size=1, max_size=50), st.data())
def test_the_least_are_summed_exactly(values, data):
    count = data.draw(st.integers(1, len(values)))
    assert sum_of_least(np.array(values, np.int32), count) == sum(sorted(values)[:count])


@given(st.text(st.one_of(st.sampled_from("ab \n中é.٣🙂\u200b\r"), st.characters(codec="utf-8")), max_size=200))
def test_every_text_has_a_score(tmp_path_factory, text):
    found = scored(MODEL, [text], tmp_path_factory.getbasetemp())
    assert (found["perplexity"][0] is None) == (found["tokens"][0] == 0)
    assert found["log10_prob"][0] <= 0 <= found["unknown_tokens"][0] <= found["tokens"][0]


MODEL = learned(TEXTS)


def test_a_model_survives_its_file_and_another_file_is_refused():
    model = Model.from_bytes(MODEL)
    assert model.to_bytes() == MODEL
    assert (np.diff(model.keys.astype(object)) > 0).all()
    assert dataclasses.replace(model, facts={**model.facts, "order": 2}).to_bytes() != MODEL
    short = dataclasses.replace(model, backoffs=model.backoffs[1:]).to_bytes()
    beyond = dataclasses.replace(model, facts={**model.facts, "order": 7}).to_bytes()
    for data in (b"", b"x" * 100, MODEL.replace(b"ngrams.1", b"ngrams.9"), MODEL[:-8], MODEL[: 8 + MODEL[0]], short, beyond):
        with pytest.raises(DataError, match="not an n-gram model"):
            Model.from_bytes(data)


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError, match=r"model.order=7: give a whole number from 1 to 6"):
        Learn(order=7)
    with pytest.raises(ConfigError, match="least must be above 0 and up to 1; got 0"):
        Perplexity(least=0)
    with pytest.raises(ConfigError, match="has not been fetched"):
        Perplexity().open({})
    with pytest.raises(DataError, match="none of the 1 documents to learn from has a word"):
        learned([" \n"])
