"""The pinned table against Python's own."""

import re
import unicodedata

import numpy as np

from corpusmill.operators.text import categories, unicode


def class_of(point):
    character = chr(point)
    category = unicodedata.category(character)
    return (
        categories.WORD * bool(re.fullmatch(r"\w", character))
        | categories.PUNCTUATION * (category[0] == "P")
        | categories.OTHER_SYMBOL * (category == "So")
        | categories.CAPITAL * character.isupper()
        | categories.NUMERAL * character.isdigit()
    )


def test_categories_are_those_of_the_pinned_version():
    """Where Python is newer, it may only class code points that the pinned version does not assign."""
    table = categories.categories()
    python = np.array([class_of(point) for point in range(unicode.CODE_POINTS)], np.uint8)
    differing = np.flatnonzero(python != table[:unicode.CODE_POINTS])
    if unicodedata.unidata_version == unicode.UNICODE_VERSION:
        assert differing.size == 0
    else:
        assert (table[differing] == 0).mean() > 0.99
    assert unicode.encode(table[:unicode.CODE_POINTS]) == categories.RUNS
