"""Profiles against the same steps in plain Python, and the classes they rest on against Python's."""

import hashlib
import re
import string
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketching import folded

from corpusmill.operators.text import profiles, unicode
from corpusmill.operators.text.profiles import ASSIGNED, MARK, PROFILES, folding

# Letters that lower or decompose into several, marks, digits of scripts, separators of numbers, every kind of white space.
SPECIAL = ("İΣςÀé\u0301\u0344ﬁ가각\u1112\U0001d160K\u212a\u037e\u1fef٣५１1.,٫\x1c\x85\xa0\u1680\u3000\u2028—„。\u200b\ud7ff🙂"
           "\U0002f800\U000e0100")
texts = st.text(st.one_of(st.sampled_from(SPECIAL), st.sampled_from("aZ09.,'_-!/ \r\n\t"), st.characters(codec="utf-8")),
                max_size=150)
NUMBER = re.compile(r"\d+(?:[.,\u060c\u066b\u2396-\u2398]\d+)?")
PUNCTUATION = dict.fromkeys(map(ord, profiles.PUNCTUATION + profiles.CONTROLS), " ")


def lowered(text):
    return "".join(c.lower() for c in text)


def bare(text):
    return text.translate(dict.fromkeys(map(ord, string.punctuation)))


def collapsed(text):
    return " ".join(text.split())


def decomposed(text):
    return "".join(unicodedata.normalize("NFD", c) for c in text)


def fineweb(text):
    plain = decomposed(NUMBER.sub("0", lowered(text)).translate(PUNCTUATION))
    return collapsed("".join(c for c in plain if unicodedata.category(c) != "Mn"))


REFERENCE = {
    "none": str,
    "folded": lambda text: "".join(c.lower() if c < "\x80" else c for c in text),
    "lowered": lowered,
    "fineweb": fineweb,
    "slimpajama": lambda text: collapsed(bare(lowered(text))),
    "textdedup": lambda text: collapsed(re.sub(r"\W", " ", lowered(text))),
    "redpajama": lambda text: collapsed(decomposed(lowered(bare(text)))),
}


SAME = unicodedata.unidata_version == unicode.UNICODE_VERSION
pinned = pytest.mark.skipif(not SAME, reason="the reference is of another Unicode")


@pinned
@pytest.mark.parametrize("profile", PROFILES[1:])
@given(text=texts)
def test_texts_are_folded_as_by_the_reference(profile, text):
    assert folded(text, profile) == REFERENCE[profile](text)


@pinned
@pytest.mark.parametrize("profile", PROFILES[1:])
def test_every_character_is_folded_as_by_the_reference(profile):
    """Between letters, so that white space shows; in one text, which passes many blocks."""
    characters = [chr(p) for p in range(unicode.CODE_POINTS) if not 0xD800 <= p < 0xE000]
    for start in range(0, len(characters), 50_000):
        text = "x".join(characters[start : start + 50_000])
        assert folded(text, profile) == REFERENCE[profile](text)


@pytest.mark.parametrize(("text", "expected"), [
    ("Version 1.2.3, of 2024!", "version 0 0 of 0"), ("3,5 ٣٫٥ 10.", "0 0 0"), ("1. 2", "0 0"),
    ("Ünïcode\r\n\r\nÉ", "unicode e"), ("a\u0301b", "ab"), ("\u0301", ""), ("x" * 63 + "1" * 70 + "é", "x" * 63 + "0e"),
])
def test_fineweb_by_example(text, expected):
    assert folded(text, "fineweb") == expected


def test_what_is_written_fits_the_room():
    for profile in PROFILES[1:]:
        for character in "İ\u0344\U0001d160각é":
            assert folded(character * 1000, profile) == REFERENCE[profile](character * 1000)


def test_classes_are_those_of_the_pinned_version():
    """Where Python is newer, it may only class code points that the pinned version does not assign."""
    table = profiles.marks()[:unicode.CODE_POINTS]
    kinds = [unicodedata.category(chr(point)) for point in range(unicode.CODE_POINTS)]
    python = np.array([(k not in ("Cn", "Co", "Cs")) * ASSIGNED | (k == "Mn") * MARK for k in kinds], np.uint8)
    differing = np.flatnonzero(python != table)
    assert differing.size == 0 if SAME else (table[differing] == 0).mean() > 0.99
    assert unicode.encode(table) == profiles.RUNS


def test_tables_are_the_same_under_any_python():
    """Forms are Python's, which Unicode's policy keeps for what is assigned."""
    state = hashlib.sha256()
    for profile in PROFILES[2:]:
        tables = folding(profile)
        for part in (tables.ascii, tables.actions, tables.where, tables.pieces):
            state.update(part.tobytes())
    assert state.hexdigest()[:32] == "6f816c8343a1fb5f105cc1bd10b011d7"
