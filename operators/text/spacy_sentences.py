"""Sentences as spaCy's rule ``sentencizer`` finds them over the words of its ``blank("en")``: what datatrove counts in English.

A sentence ends at a token that is one of . ! ? (or another script's mark), with the punctuation after it, where another token
follows; whitespace is a token where it is more than the one space that belongs to the word before it. Only chunks that have a
mark, or follow one, are split into tokens. Source: explosion/spaCy v3.8.18, pipeline/sentencizer.pyx.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.sentences import after_spaces, after_word, next_mark
from corpusmill.operators.text.simd import byte_at, inlined, kernel
from corpusmill.operators.text.spacy_classes import FULL_STOP, PUNCTUATION
from corpusmill.operators.text.spacy_rules import CLASSES
from corpusmill.operators.text.spacy_urls import class_at, width_at
from corpusmill.operators.text.spacy_words import split_chunk, split_simple


@kernel
def count_by_tokens(address: int, length: int, rules: int, most: int, table: Any) -> int:
    """Sentences of the ``length`` bytes at an address, 1 for none.

    ``rules`` and ``most`` are address and ``most`` of ``spacy.rules()``; ``table`` is ``sentences.marks()``.
    """
    state, at = 2, 0
    while at < length:
        start = at
        if state & 1:
            start = after_spaces(address, length, at, table)
            if start - at > 1 or (start > at and byte_at(address + at) != 0x20):
                state = _fed(state, 0)
        else:
            mark = next_mark(address, length, at, True)
            if mark == length:
                break
            start = mark
            while start > at and byte_at(address + start - 1) > 0x20:
                start -= 1
            start = after_spaces(address, length, start, table)
        at = after_word(address, length, start, table)
        if at > start:
            state = _read_chunk(address + start, at - start, state, rules, most)
    return state >> 1


@inlined
def _fed(state: int, kind: int) -> int:
    """The state after a token: twice the sentences that have begun, plus one where the last may have ended."""
    if kind & FULL_STOP:
        return state | 1
    return state + (state & 1) if kind & PUNCTUATION == 0 else state


@kernel
def _read_chunk(at: int, size: int, state: int, rules: int, most: int) -> int:
    """The state after the tokens of a chunk."""
    first = split_simple(rules, at, size)
    if first >= 0:
        state = _fed(state, _kind_of(at, first, rules + CLASSES))
        return _fed(state, _kind_of(at + first, size - first, rules + CLASSES)) if first < size else state
    bounds = np.empty(2 * size + 3, np.int32)
    bounds[0] = 0
    for i in range(split_chunk(rules, most, at, 0, size, bounds, 0)):
        state = _fed(state, _kind_of(at + bounds[i], bounds[i + 1] - bounds[i], rules + CLASSES))
    return state


@kernel
def _kind_of(at: int, size: int, table: int) -> int:
    """The classes of a token's one character; of several whether all are punctuation."""
    kind, step = class_at(table, at), width_at(at)
    if step >= size:
        return kind
    while kind & PUNCTUATION and step < size:
        kind = class_at(table, at + step)
        step += width_at(at + step)
    return kind & PUNCTUATION
