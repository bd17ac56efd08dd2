"""Difficulty against a plain reference on strings, and against published examples."""

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.quality.difficulty import Difficulty
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.unicode import LETTER, SPACE, SYMBOL, classes

UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U00031fff]")
CASED = {*range(0x590), *range(0x10A0, 0x1100), *range(0x1E00, 0x2000)}
LATIN = {*range(0x250), *range(0x1E00, 0x1F00)}


def measured(texts):
    batch = pa.record_batch([pa.array(texts, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    found = Difficulty().open({})(batch).batch.to_pylist()
    return [{name.partition(".")[2]: value for name, value in row.items() if name != "text"} for row in found]


def kind(char):
    flags = int(classes()[ord(char)])
    if flags & SPACE or ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0:
        return "b"  # blank
    if UNSPACED.match(char) and flags & LETTER:
        return "a"  # alone
    return "s" if flags & SYMBOL else "w"


def lower(char):
    return char.lower() if ord(char) in CASED and len(char.lower()) == 1 else char


def words_of(text):
    kinds = "".join(map(kind, text))
    joined = "".join("j" if char in "'’" else k for char, k in zip(text, kinds, strict=True))
    return [(m.start(), m.end(), "".join(map(lower, text[m.start():m.end()]))) for m in re.finditer("w(?:w|j(?=w))*|a", joined)]


def is_vowel(char):
    return ord(char) in LATIN and unicodedata.normalize("NFD", char)[0].lower() in "aeiouyæœøı"


def syllables(word):
    shape = "".join("v" if is_vowel(char) else "c" for char in word)
    groups = len(re.findall("v+", shape))
    if word.endswith("e") and shape[:-1].endswith("c"):
        groups -= not (word.endswith("le") and (shape[:-2].endswith("c") or len(word) == 2))
    elif word.endswith("es") and shape[:-2].endswith("c"):
        groups -= word[-3] not in "cghsxzl"
    elif word.endswith("ed") and shape[:-2].endswith("c"):
        groups -= word[-3] not in "td"
    return max(1, groups)


def sentences(text):
    kinds = "".join(map(kind, text))
    spans, count, pending, feeds, i = {start: end for start, end, _ in words_of(text)}, 0, False, 0, 0
    ended = False
    while i < len(text):
        if i in spans:
            i, pending, feeds, ended = spans[i], True, 0, False
            continue
        if kinds[i] == "b":
            feeds += text[i] == "\n"
            over, ended = ended or feeds > 1, False
        else:
            feeds, over, ended = 0, text[i] in "。！？｡", ended or text[i] in ".!?…"
        if over and pending:
            count, pending = count + 1, False
        i += 1
    return count + pending


def factors(words):
    count, seen, tokens = 0.0, set(), 0
    for word in words:
        seen.add(word)
        tokens += 1
        if len(seen) / tokens <= 0.72:
            count, seen, tokens = count + 1, set(), 0
    return count + ((1 - len(seen) / tokens) / (1 - 0.72) if tokens else 0)


def reference(text):
    words = [word for _, _, word in words_of(text)]
    found = {"words": len(words), "types": len(set(words)), "syllables": sum(map(syllables, words)),
             "sentences": sentences(text), "flesch_reading_ease": None, "mtld": None}
    if words:
        found["flesch_reading_ease"] = pytest.approx(
            206.835 - 1.015 * len(words) / found["sentences"] - 84.6 * found["syllables"] / len(words), rel=1e-5)
    if found["types"] < found["words"]:
        both = [len(words) / factors(order) for order in (words, words[::-1])]
        found["mtld"] = pytest.approx(sum(both) / 2, rel=1e-5)
    return found


TEXTS = st.lists(st.one_of(
    st.text(st.one_of(st.sampled_from("aeEy tdsl.!?'’)\n\r。中カ9…é\u0301\u200b"), st.characters(codec="utf-8")), max_size=60),
    st.lists(st.sampled_from(["the", "of", "mill", "made", "tables", "walked", "wanted", "a.", "b!", "c?)", "d\n\ne", "don't",
                              "3.14", "e.g."]), max_size=80)
    .map(" ".join)), max_size=4)


@given(TEXTS)
@example(["", "\n\n", "One. Two!” Three?\n\nFour\nfive 3.14 don't ’tis o'",
          "他是。我也是！ok", "é̀te é", "a b a b " * 600, "..."])
def test_measures_are_those_of_the_reference(texts):
    assert measured(texts) == [reference(text) for text in texts]


SPOKEN = {
    "made": 1, "makes": 1, "table": 2, "tables": 2, "walked": 1, "wanted": 2, "needed": 2, "churches": 2,
    "boxes": 2, "the": 1, "reading": 2, "river": 2, "beautiful": 3, "university": 5, "whale": 1, "rhythm": 1,
    "don't": 1, "été": 2, "x": 1, "1984": 1, "style": 1, "people": 2, "agree": 2,
}


@pytest.mark.parametrize(("word", "count"), SPOKEN.items())
def test_syllables_of_common_words(word, count):
    assert measured([word])[0]["syllables"] == count


def test_the_published_example_of_a_factor():
    """McCarthy and Jarvis 2010: of (1) the (1) people (1) by (1) the (.8) people (.667) ends the first factor."""
    assert measured(["of the people by the people"])[0]["mtld"] == 6.0  # and backwards likewise


def test_plain_text_reads_easier_than_learned_text_and_lists_vary_less():
    plain = "The cat sat on the mat. It was a warm day. The dog came in and lay down. They slept."
    learned = ("Notwithstanding considerable methodological heterogeneity, contemporary epidemiological investigations "
               "consistently demonstrate statistically significant associations.")
    easy, hard = measured([plain, learned])
    assert easy["flesch_reading_ease"] > 100 > 0 > hard["flesch_reading_ease"]
    again, varied = measured(["buy now and save " * 30, " ".join(f"word{i * i % 37}" for i in range(120))])
    assert again["mtld"] < 10 < varied["mtld"]
