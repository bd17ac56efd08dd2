"""An Aho-Corasick automaton over characters, and the kernel that runs it over documents.

The text is read once, a table look-up per character, whatever the list. Case is folded by the table that numbers characters, so
that a character and its capital have one number.
"""

import dataclasses
from collections import deque
from collections.abc import Collection
from typing import Any

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.lists import small
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import NONE, ONE, byte_at, kernel
from corpusmill.operators.text.unicode import DIGIT, LETTER, classes
from corpusmill.operators.text.words import decode

LONGEST = 62  # characters of an entry: whether they are letters is kept in 64 bits
LARGEST = 1 << 28  # cells of the table: 1 GiB
_WORD = 0x8000  # in a character's number: a letter, digit or underscore
# Forms that are not the one capital of a small letter: Kelvin, ångström and ohm signs, capital ß, theta symbol, final sigma.
_OTHER_FORMS = {"k": "\u212a", "å": "\u212b", "ω": "\u2126", "ß": "\u1e9e", "θ": "\u03f4", "σ": "ς"}


@dataclasses.dataclass(frozen=True, slots=True)
class Automaton:
    """An automaton as arrays.

    ``codes``: the number of each code point. ``moves``: the next state by state + number; states are multiples of ``2^shift``,
    and the lowest bit says whether an entry ends there. ``ends``, ``links``: the entry that ends in a state, and the next
    shorter suffix of it in which one ends, -1 for none. ``sizes``: characters of each entry.
    """

    codes: Any
    moves: Any
    shift: int
    ends: Any
    links: Any
    sizes: Any
    bounded: bool

    @property
    def arrays(self) -> tuple[Any, Any, int, Any, Any, Any, bool]:
        """The fields, as the kernel takes them."""
        return self.codes, self.moves, self.shift, self.ends, self.links, self.sizes, self.bounded


def automaton(entries: Collection[str], bounded: bool) -> Automaton:
    """The automaton that finds entries in letters as ``lists.small`` makes them.

    ``bounded``: only where no letter, digit or _ is beside them.

    Raises ConfigError for an entry of more than 62 characters, and where the table would be larger than 1 GiB.
    """
    ordered = sorted(entries)
    for entry in ordered:
        if len(entry) > LONGEST:
            raise ConfigError(f"an entry of a list has at most {LONGEST} characters; got {len(entry)}: {entry!r}")
    alphabet = {c: i for i, c in enumerate(sorted(set("".join(ordered))), 1)}
    children, ends = _trie(ordered)
    shift = len(alphabet).bit_length()
    if len(children) << shift > LARGEST or len(alphabet) >= _WORD:
        raise ConfigError(f"a list of {len(ordered)} entries with {len(alphabet)} different characters makes a table of "
                          f"{len(children) << shift} cells, more than {LARGEST} or {_WORD} characters: split it")
    moves, links = _moves(children, ends, alphabet, shift)
    sizes = np.array([len(entry) for entry in ordered] or [0], np.int64)
    return Automaton(_codes(alphabet), moves, shift, np.array(ends, np.int64), links, sizes, bounded)


def _trie(entries: list[str]) -> tuple[list[dict[str, int]], list[int]]:
    """The children of every state, and the entry that ends there."""
    children: list[dict[str, int]] = [{}]
    ends = [-1]
    for number, entry in enumerate(entries):
        state = 0
        for character in entry:
            if character not in children[state]:
                children[state][character] = len(children)
                children.append({})
                ends.append(-1)
            state = children[state][character]
        ends[state] = number
    return children, ends


def _moves(children: list[dict[str, int]], ends: list[int], alphabet: dict[str, int], shift: int) -> tuple[Any, Any]:
    """Moves and links, filled from the shortest prefixes on: what a state lacks its longest suffix has."""
    targets, links = np.zeros((len(children), 1 << shift), np.int64), np.full(len(children), -1, np.int64)
    suffix, waiting = np.zeros(len(children), np.int64), deque([0])
    while waiting:
        state = waiting.popleft()
        if state:
            shorter = suffix[state]
            targets[state] = targets[shorter]
            links[state] = shorter if ends[shorter] >= 0 else links[shorter]
        for character, child in children[state].items():
            suffix[child] = targets[state, alphabet[character]] if state else 0
            targets[state, alphabet[character]] = child
            waiting.append(child)
    reached = (np.array(ends) >= 0) | (links >= 0)
    return ((targets << shift + 1) | reached[targets]).astype(np.int64).reshape(-1), links


def _codes(alphabet: dict[str, int]) -> Any:
    """The number of every code point: that of its small letter, and whether it is a letter, digit or underscore."""
    codes = np.where(classes() & (LETTER | DIGIT), _WORD, 0).astype(np.uint16)
    codes[ord("_")] = _WORD
    for character, number in alphabet.items():
        for form in {character, character.upper(), character.title(), _OTHER_FORMS.get(character, character)}:
            if len(form) == 1 and small(form) == character:
                codes[ord(form)] |= number
    return codes


@kernel
def count_matches(addresses: Integers, lengths: Integers, codes: Any, moves: Any, shift: int, ends: Integers, links: Integers,
                  sizes: Integers, bounded: bool, hits: Integers, distinct: Integers) -> None:
    """How often entries occur in each document, overlaps counted, and how many different ones."""
    seen = np.full(len(sizes), -1, np.int64)
    for d in range(len(addresses)):
        address, length = addresses[d], lengths[d]
        hits[d] = distinct[d] = at = state = 0
        words = NONE
        while at < length:
            point = byte_at(address + at)
            at += 1
            if point >= 0x80:
                point = decode(address + at - 1)
                at += 1 + (point >= 0x800) + (point >= 0x10000)
            code = np.int64(codes[point])
            words = words << ONE | np.uint64(code >> 15)
            move = moves[state + (code & 0x7FFF)]
            state = move >> 1
            if move & 1:
                after = np.int64(0)
                if at < length and bounded:
                    after = np.int64(codes[decode(address + at)]) >> 15
                place = state >> shift
                while place >= 0:
                    entry = ends[place]
                    free = entry >= 0
                    if free and bounded:
                        before = (words >> np.uint64(sizes[entry])) & ONE
                        free = before == NONE and after == 0
                    if free:
                        hits[d] += 1
                        distinct[d] += seen[entry] != d
                        seen[entry] = d
                    place = links[place]
