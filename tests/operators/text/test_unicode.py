"""The pinned table against Python's own."""

import unicodedata

import numpy as np
import pytest

from corpusmill.operators.text import unicode


def class_of(point):
    character = chr(point)
    category = unicodedata.category(character)
    return (
        unicode.LETTER * character.isalpha()
        | unicode.DIGIT * character.isdecimal()
        | unicode.SYMBOL * (category[0] in "PS")
        | unicode.SPACE * character.isspace()
        | unicode.UPPER * (category == "Lu")
    )


def from_python():
    return np.array([class_of(point) for point in range(unicode.CODE_POINTS)], np.uint8)


def test_classes_are_those_of_the_pinned_version():
    """Where Python is newer, it may only class code points that the pinned version does not assign."""
    differing = np.flatnonzero(from_python() != unicode.classes()[:unicode.CODE_POINTS])
    if unicodedata.unidata_version == unicode.UNICODE_VERSION:
        assert differing.size == 0
    else:
        assert (unicode.classes()[differing] == 0).mean() > 0.99


def test_the_table_covers_all_that_four_bytes_can_spell():
    assert unicode.classes().shape == (unicode.DECODABLE,)
    assert not unicode.classes()[unicode.CODE_POINTS:].any()


def test_the_table_is_shared_and_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        unicode.classes()[0] = 1


def test_encode_makes_the_runs_that_are_shipped():
    assert unicode.encode(unicode.classes()[:unicode.CODE_POINTS]) == unicode.RUNS
