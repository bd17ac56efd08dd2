"""Multilingual against a plain-Python reference."""

import pyarrow as pa
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.multilingual import Multilingual

LISTS = {"en": ["the", "of"], "de": ["über", "und", "groß"], "zh": ["的", "因为", "因", "日本の中の中"], "th": ["และ", "แต่"]}
ENDS = tuple('.!?"…。！？．｡؟۔।॥።។။')
CHARACTERS = st.one_of(st.sampled_from("ab \n\n.。的因为日本のカและ中\u3000\u2028🙂é"), st.characters(codec="utf-8"))
WORDS = [
    "the", "The", "THE", "of", "ÜBER", "Über", "über", "und.", "的人", "因为的", "因为因", "日本の中の中",
    "中日本の中の中的", "กและก", "และ", "\n", "x。\n",
]
TEXTS = st.one_of(st.text(CHARACTERS, max_size=100), st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join))


def length(character):
    point = ord(character)
    if 0x3400 <= point <= 0x4DBF or 0x4E00 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or 0x20000 <= point <= 0x3FFFF:
        return 2
    if 0x3040 <= point <= 0x30FF or 0x31F0 <= point <= 0x31FF or 0xFF66 <= point <= 0xFF9D:
        return 3
    thai_lao, burmese, khmer = range(0x0E00, 0x0F00), (*range(0x1000, 0x10A0), *range(0xAA60, 0xAA80)), range(0x1780, 0x1800)
    return 5 if point in thai_lao or point in burmese or point in khmer else 0


def pieces(word):
    """How many words a run of non-whitespace counts for."""
    total, run, kind = 0, 0, None
    for c in [*word, None]:
        here = None if c is None else length(c)
        if here != kind and run:
            total += -(-run // kind) if kind else 1
            run = 0
        kind, run = here, run + 1
    return total


def forms(word):
    return {word, word.lower(), word.upper(), word.capitalize()}


def occurrences(words, listed):
    """The stop words of each place that has any: whole words, or all that begin at a place of a script without spaces."""
    by_form = {form: word for word in reversed(listed) for form in forms(word)}
    for word in words:
        if word in by_form:
            yield {by_form[word]}
            continue
        for i, c in enumerate(word):
            found = {known for form, known in by_form.items() if word.startswith(form, i)} if length(c) else set()
            if found:
                yield found


def reference(text, language):
    words, lines = text.split(), [line for line in text.split("\n") if line.strip()]
    found = list(occurrences(words, LISTS[language])) if language in LISTS else None
    return {
        "words": sum(map(pieces, words)),
        "word_chars": sum(map(len, words)),
        "stop_words": None if found is None else len(found),
        "distinct_stop_words": None if found is None else len(set().union(*found)),
        "line_feeds": text.count("\n"),
        "filled_lines": len(lines),
        "ended_lines": sum(line.rstrip().endswith(ENDS) for line in lines),
    }


def signals(rows, operator=None):
    operator = operator or Multilingual(LISTS)
    batch = pa.record_batch({"text": pa.array([t for t, _ in rows], pa.string()),
                             "language.code": pa.array([c for _, c in rows], pa.string())})
    columns = operator.open({})(batch).batch.drop_columns(["text", "language.code"]).to_pylist()
    return [{name.removeprefix("multilingual."): n for name, n in row.items()} for row in columns]


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, st.sampled_from(["en", "de", "zh", "th", "fr", None])), max_size=5))
@example([("中" * 64 + "\n" + "x" * 63, "zh"), ("a" * 64, "en"), ("", None)])
def test_counts_are_those_of_the_reference(rows):
    assert signals(rows) == [reference(*row) for row in rows]


def test_a_list_that_cannot_serve_is_refused():
    for lists in ({}, {"en": []}, {"en": "the"}, {"en": ["a"] * 65}, {"en": 5}, {"en": {"a": 1}}):
        with pytest.raises(ConfigError, match="stopwords"):
            Multilingual(lists)


@pytest.mark.parametrize(("lists", "message"), [
    ("{no: [og], en: [the]}", r'stopwords.False: False is no text, as languages are: put "no"'),
    ("{es: [de, no]}", r'stopwords.es must be a list of words; False is no text: put "no", "on", "off" and the like in quotes'),
    ("{en: ['of the']}", r"without whitespace; got 'of the'"), ("{en: ['of\u3000']}", "without whitespace"),
    ("{en: ['']}", "got ''"),
])  # fmt: skip
def test_words_that_no_text_can_have_are_refused(lists, message):
    with pytest.raises(ConfigError) as caught:
        Multilingual(yaml.safe_load(lists))
    assert message in str(caught.value)


def test_the_operator_can_be_a_key():
    assert hash(Multilingual(LISTS)) == hash(Multilingual(dict(reversed(LISTS.items()))))
    assert Multilingual(LISTS) == Multilingual(dict(reversed(LISTS.items())))
