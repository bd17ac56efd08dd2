"""The kernels of ``Decontaminate``: find what a document shares with an index of evaluation sets, and cut it out.

A rolling hash over bare words asks the filter at every word whether an entry may end there; only then are the entries
looked up. What is found is kept as hits (entry, first word, first byte, end byte), in the order of their ends, and
everything that a document is told by follows from its hits. Entries that stand in many items do not tell which item it is
unless nothing rarer is found, so that boilerplate costs no more than other hits.
"""

from typing import Any

import numpy as np

from corpusmill.operators.quality.evalindex import LENGTH, RADIX, Index
from corpusmill.operators.text.bare import CHUNK, ROOM, Bare, bare_hash, integer, locate_bare
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.shingles import mixed, weight_of_oldest
from corpusmill.operators.text.simd import NONE, ONE, between, byte_at, copy_block, count_ones, kernel, low_bits, put_byte

WORDS, HITS, MATCHED, ITEM_WORDS, ITEM_MATCHED, CHARS, PIECES, KEPT_CHARS = range(8)
COLUMNS = ("words", "hits", "matched_words", "item_words", "item_matched_words", "chars", "pieces", "kept_chars")

TELLING = 8  # items of an entry that tells them apart: boilerplate stands in hundreds

_RING = 64  # words remembered: more than the longest n-gram has
_LOW_SIX, _SIX, _SIXTY_FOUR = np.uint64(63), np.uint64(6), np.uint64(64)


@kernel
def scan(
    addresses: Integers, lengths: Integers, index: Index, ignored: Any, bare: Bare, fewest: int, window: int, oldest: Any,
    longest: int, counts: Integers, best: Integers, documents: Integers,
) -> Any:
    """Fill ``counts`` (COLUMNS up to ITEM_MATCHED × documents) and ``best`` (the item of each, -1 where nothing is found).

    ``fewest`` words make a paragraph; where it is 0, entries are n-grams, and ``oldest`` is the weight of the oldest word
    of the shortest; ``longest`` is an item's most words. ``ignored`` says of each entry that it does not count.
    ``documents`` (sets) is raised by one for each document with a hit. Returns the spans to cut, ``window`` characters
    around each run of hits, from the last of a document to its first: (document, first byte, end byte). There are none
    where ``window`` is below 0.
    """
    spans, state, rolling = np.empty(ROOM, np.int64), np.empty(5, np.uint64), np.empty(3, np.uint64)
    words, edges, keys = np.empty(_RING + ROOM, np.uint64), np.empty((_RING + ROOM, 2), np.int64), np.empty(ROOM, np.uint64)
    hits, cuts, cut, span = np.empty((256, 4), np.int32), np.empty((64, 3), np.int32), 0, np.empty(2, np.int64)
    tally, touched = np.zeros(len(index.words), np.int32), np.empty(len(index.words), np.int32)
    marks, seen = np.zeros(longest, np.int32), np.full(len(documents), -1)
    for d in range(len(addresses)):
        state[:], rolling[:], words[:_RING], found = NONE, NONE, NONE, 0
        for first in range(0, lengths[d], CHUNK):
            filled = locate_bare(addresses[d], lengths[d], first, state, spans, bare.actions, fewest > 0)
            hits = _roomier(hits, found + filled * max(1, len(index.lengths)))
            if fewest:
                found = _paragraphs(addresses[d], spans, filled, index, ignored, bare, fewest, rolling, span, hits, found)
            else:
                found = _ngrams(
                    addresses[d], spans, filled, index, ignored, bare, oldest, rolling, words, edges, keys, hits, found)
        if fewest:
            found = _close(index, ignored, fewest, rolling, span, hits, found)
        counts[:, d] = 0
        counts[WORDS, d], counts[HITS, d], best[d] = rolling[1], found, -1
        if found:
            counts[MATCHED, d] = _covered(hits, found, index.sizes)
            best[d] = _best(hits, found, index, tally, touched)
            counts[ITEM_WORDS, d] = index.words[best[d]]
            counts[ITEM_MATCHED, d] = _covered_of(hits, found, index, best[d], marks)
            _count_sets(hits, found, index, d, seen, documents)
            if window >= 0:
                cuts, cut = _cut(addresses[d], lengths[d], hits, found, window, d, cuts, cut)
    return cuts[:cut]


@kernel
def _roomier(rows: Any, needed: int) -> Any:
    """The array, or a larger copy."""
    if needed <= len(rows):
        return rows
    larger = np.empty((max(needed, len(rows) + len(rows) // 2), rows.shape[1]), np.int32)
    for i in range(len(rows)):  # a slice would take a second to compile
        for k in range(rows.shape[1]):
            larger[i, k] = rows[i, k]
    return larger


@kernel
def _ngrams(
    address: int, spans: Integers, filled: int, index: Index, ignored: Any, bare: Bare, oldest: Any,
    rolling: Any, words: Any, edges: Integers, keys: Any, hits: Any, found: int,
) -> int:
    """Take in the words of a chunk; returns how many hits there are now. ``rolling``: value, words so far.

    ``words`` and ``edges`` (first and last byte) hold the ``_RING`` words before the chunk and then its own. The filter is
    asked in a loop of its own: its answers come from far, but many can be under way at once.
    """
    value, count, shortest = rolling[0], integer(rolling[1]), index.lengths[0]
    actions, folded, used = bare.actions.ctypes.data, bare.folded.ctypes.data, 0
    for i in range(0, filled, 2):
        start = spans[i]
        word = bare_hash(address + start, spans[i + 1] - start, actions, folded)
        if word == NONE:
            continue
        value = value * RADIX + word - words[_RING + used - shortest] * oldest
        words[_RING + used], edges[_RING + used, 0], edges[_RING + used, 1] = word, start, spans[i + 1]
        keys[used] = mixed(value)
        used += 1
    candidates = _filtered(keys, used, index.bits, spans)
    if candidates:
        found = _look_up(spans, candidates, count, index, ignored, words, edges, hits, found)
    for i in range(_RING):
        words[i], edges[i, 0], edges[i, 1] = words[used + i], edges[used + i, 0], edges[used + i, 1]
    rolling[0], rolling[1] = value, np.uint64(count + used)
    return found


@kernel
def _filtered(keys: Any, used: int, bits: Any, places: Integers) -> int:
    """Write at which of ``keys[:used]`` an entry may end; returns how many."""
    shift, found = _shift(len(bits)), 0
    for i in range(used):
        key = keys[i]
        here = bits[integer(key >> shift)]
        places[found] = i
        found += integer((here >> (key & _LOW_SIX)) & (here >> (key >> _SIX & _LOW_SIX)) & ONE)
    return found


@kernel
def _shift(size: int) -> Any:
    """How far a key is shifted to choose one of ``size`` words, a power of two."""
    bits = 0
    while 1 << bits < size:
        bits += 1
    return _SIXTY_FOUR - np.uint64(bits)


@kernel
def _look_up(
    places: Integers, candidates: int, count: int, index: Index, ignored: Any, words: Any, edges: Integers,
    hits: Any, found: int,
) -> int:
    """Add the n-grams of every length that end in one of the chunk's words at ``places``; ``count`` words are before it."""
    all_keys, directory, lengths, shift = index.keys, index.directory, index.lengths, _shift(len(index.directory) - 1)
    for candidate in range(candidates):
        upto = places[candidate] + 1
        for n in lengths:
            if n > count + upto:
                break
            value, first = NONE, _RING + upto - n
            for i in range(first, first + n):
                value = value * RADIX + words[i]
            key = mixed(value + np.uint64(n) * LENGTH)
            bucket = integer(key >> shift)
            for entry in range(directory[bucket], directory[bucket + 1]):  # no call: it would cost more than the search
                if all_keys[entry] == key and not ignored[entry]:
                    hits[found, 0], hits[found, 1], hits[found, 2] = entry, count + upto - n, edges[first, 0]
                    hits[found, 3] = edges[first + n - 1, 1]
                    found += 1
    return found


@kernel
def _entry(key: Any, keys: Any, directory: Any) -> int:
    """The entry with this key, -1 where there is none."""
    bucket = integer(key >> _shift(len(directory) - 1))
    for entry in range(directory[bucket], directory[bucket + 1]):
        if keys[entry] == key:
            return entry
    return -1


@kernel
def _paragraphs(
    address: int, spans: Integers, filled: int, index: Index, ignored: Any, bare: Bare, fewest: int,
    rolling: Any, ends: Integers, hits: Any, found: int,
) -> int:
    """Take in the words of a chunk. ``rolling``: value, all words, words of the open paragraph; ``ends``: its bytes."""
    actions, folded = bare.actions.ctypes.data, bare.folded.ctypes.data
    for i in range(0, filled, 2):
        start, end = spans[i], spans[i + 1]
        if start == end:
            if integer(rolling[2]) >= fewest:
                found = _close(index, ignored, fewest, rolling, ends, hits, found)
            rolling[0] = rolling[2] = NONE
            continue
        word = bare_hash(address + start, end - start, actions, folded)
        if word != NONE:
            ends[0] = start if rolling[2] == NONE else ends[0]
            ends[1] = end
            rolling[0] = rolling[0] * RADIX + word
            rolling[1] += ONE
            rolling[2] += ONE
    return found


@kernel
def _close(index: Index, ignored: Any, fewest: int, rolling: Any, ends: Integers, hits: Any, found: int) -> int:
    """Look the open paragraph up; returns how many hits there are now."""
    words = integer(rolling[2])
    if words >= fewest:
        key = mixed(rolling[0] + rolling[2] * LENGTH)
        entry = _entry(key, index.keys, index.directory)
        if entry >= 0 and not ignored[entry]:
            hits[found, 0], hits[found, 1] = entry, integer(rolling[1]) - words
            hits[found, 2], hits[found, 3] = ends[0], ends[1]
            found += 1
    return found


@kernel
def _covered(hits: Any, found: int, sizes: Any) -> int:
    """Words that any hit covers, each once. From the last hit on, what begins earliest is known when a run is left."""
    covered, low = 0, hits[found - 1, 1] + sizes[hits[found - 1, 0]]
    high = low
    for i in range(found - 1, -1, -1):
        end = hits[i, 1] + sizes[hits[i, 0]]
        if end < low:
            covered += high - low
            high = low = end
        low = min(low, hits[i, 1])
    return integer(covered + high - low)


@kernel
def _best(hits: Any, found: int, index: Index, tally: Any, touched: Any) -> int:
    """The item with the most hits of entries that at most ``TELLING`` items share, of equals the first.

    Where there are none, the rarest entries of the document tell the item.
    """
    firsts, items, used = index.firsts, index.items, 0
    most = firsts[hits[0, 0] + 1] - firsts[hits[0, 0]]
    for i in range(found):
        most = min(most, firsts[hits[i, 0] + 1] - firsts[hits[i, 0]])
    most = max(most, TELLING)
    for i in range(found):
        first, end = firsts[hits[i, 0]], firsts[hits[i, 0] + 1]
        for posting in range(first, end if end - first <= most else first):
            item = items[posting]
            if tally[item] == 0:
                touched[used] = item
                used += 1
            tally[item] += 1
    best = touched[0]
    for i in range(used):
        item = touched[i]
        if tally[item] > tally[best] or (tally[item] == tally[best] and item < best):
            best = item
    for i in range(used):
        tally[touched[i]] = 0
    return integer(best)


@kernel
def _count_sets(hits: Any, found: int, index: Index, document: int, seen: Integers, documents: Integers) -> None:
    """Raise ``documents`` for each set with a hit, whose last document ``seen`` holds."""
    items, sets = index.items, index.sets
    for i in range(found):
        posting, end = index.firsts[hits[i, 0]], index.firsts[hits[i, 0] + 1]
        while posting < end:
            owner = sets[items[posting]]
            if seen[owner] != document:
                seen[owner] = document
                documents[owner] += 1
            low, high = posting + 1, end  # the first posting of the next set
            while low < high:
                middle = (low + high) // 2
                if sets[items[middle]] == owner:
                    low = middle + 1
                else:
                    high = middle
            posting = low


@kernel
def _covered_of(hits: Any, found: int, index: Index, item: int, marks: Any) -> int:
    """Words of the item that any hit covers, each once, wherever in the item the hit's entry stands.

    At a place of an item one entry begins at most, so an entry whose first place is marked was marked before.
    """
    firsts, items, starts, places = index.firsts, index.items, index.starts, index.places
    words, covered, reach = index.words[item], 0, 0
    marks[:words] = 0
    for i in range(found):
        low, end = firsts[hits[i, 0]], firsts[hits[i, 0] + 1]
        high = end
        while low < high:  # no call: it would cost more than the search
            middle = (low + high) // 2
            if items[middle] < item:
                low = middle + 1
            else:
                high = middle
        if low < end and items[low] == item and marks[places[starts[low]]] == 0:
            for occurrence in range(starts[low], starts[low + 1]):
                marks[places[occurrence]] = index.sizes[hits[i, 0]]
    for i in range(words):
        reach = max(reach, i + marks[i])
        covered += i < reach
    return covered


@kernel
def _cut(
    address: int, length: int, hits: Any, found: int, window: int, document: int, cuts: Any, cut: int
) -> tuple[Any, int]:
    """Write the document's spans to cut, the last first; returns the spans, in more room if need be, and how many they are.

    Two runs of hits are one span where ``window`` characters around each meet.
    """
    low, high = integer(hits[found - 1, 2]), integer(hits[found - 1, 3])
    for i in range(found - 2, -2, -1):
        if i >= 0:
            gap = low - hits[i, 3]
            # So few bytes hold no more characters: only wider gaps are counted in characters.
            if gap <= 2 * window:
                low = min(low, integer(hits[i, 2]))
                continue
            if _forward(address, hits[i, 3], length, window) >= _backward(address, low, window):
                low = min(low, integer(hits[i, 2]))
                continue
        cuts = _roomier(cuts, cut + 1)
        cuts[cut, 0], cuts[cut, 1] = document, _backward(address, low, window)
        cuts[cut, 2] = _forward(address, high, length, window)
        cut += 1
        if i >= 0:
            low, high = integer(hits[i, 2]), integer(hits[i, 3])
    return cuts, cut


@kernel
def _forward(address: int, at: int, length: int, characters: int) -> int:
    """The place so many characters on, or the end."""
    while characters > 0 and at < length:
        at += 1
        while at < length and byte_at(address + at) & 0xC0 == 0x80:
            at += 1
        characters -= 1
    return at


@kernel
def _backward(address: int, at: int, characters: int) -> int:
    """The place so many characters before, or the start."""
    while characters > 0 and at > 0:
        at -= 1
        while at > 0 and byte_at(address + at) & 0xC0 == 0x80:
            at -= 1
        characters -= 1
    return at


@kernel
def cut_out(
    addresses: Integers, lengths: Integers, cuts: Any, fragment: int, counts: Integers, data: int, offsets: Any
) -> None:
    """Write what is left of the documents that have cuts, one after another, to the address ``data``.

    Pieces are what lies between cuts; those of fewer than ``fragment`` characters are left out, the others are joined by a
    blank line. Fills PIECES (before any is left out) and KEPT_CHARS of ``counts`` for these documents, and ``offsets``.
    Blocks are copied whole, so up to 63 bytes after the end are written.
    """
    end, row, at = data, 0, 0
    while at < len(cuts):
        document, stop = cuts[at, 0], at
        while stop < len(cuts) and cuts[stop, 0] == document:
            stop += 1
        begun, start, pieces, chars = end, 0, 0, 0
        for i in range(stop - 1, at - 2, -1):
            upto = cuts[i, 1] if i >= at else lengths[document]
            if upto > start:
                pieces += 1
                size = _characters(addresses[document] + start, upto - start)
                if size >= fragment:
                    if end > begun:
                        put_byte(end, 0x0A)
                        put_byte(end + 1, 0x0A)
                        end += 2
                    for block in range(0, upto - start, 64):
                        copy_block(end + block, addresses[document] + start + block)
                    end += upto - start
                    chars += size
            start = cuts[i, 2] if i >= at else start
        counts[PIECES, document], counts[KEPT_CHARS, document] = pieces, chars
        row += 1
        offsets[row] = end - data
        at = stop


@kernel
def _characters(address: int, length: int) -> int:
    continued = 0
    for at in range(0, length, 64):
        continued += count_ones(between(address + at, 0x80, 0xBF) & low_bits(length - at))
    return length - continued


@kernel
def count_documents(
    addresses: Integers, lengths: Integers, index: Index, bare: Bare, oldest: Any, documents: Integers
) -> None:
    """Raise ``documents`` (entries) by one for each document that an n-gram occurs in."""
    spans, state, rolling = np.empty(ROOM, np.int64), np.empty(5, np.uint64), np.empty(3, np.uint64)
    words, edges, keys = np.empty(_RING + ROOM, np.uint64), np.empty((_RING + ROOM, 2), np.int64), np.empty(ROOM, np.uint64)
    hits, latest = np.empty((256, 4), np.int32), np.full(len(index.keys), -1, np.int32)
    none = np.zeros(len(index.keys), np.bool_)
    for d in range(len(addresses)):
        state[:], rolling[:], words[:_RING] = NONE, NONE, NONE
        for first in range(0, lengths[d], CHUNK):
            filled = locate_bare(addresses[d], lengths[d], first, state, spans, bare.actions, False)
            hits = _roomier(hits, filled * len(index.lengths))
            found = _ngrams(addresses[d], spans, filled, index, none, bare, oldest, rolling, words, edges, keys, hits, 0)
            for i in range(found):
                if latest[hits[i, 0]] != d:
                    latest[hits[i, 0]] = d
                    documents[hits[i, 0]] += 1


def oldest_weight(index: Index) -> np.uint64:
    """The weight with which a word leaves the rolling hash; 0 where entries are paragraphs."""
    return weight_of_oldest(int(index.lengths[0])) if len(index.lengths) else np.uint64(0)
