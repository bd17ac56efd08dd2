"""Shingles in plain Python: what the kernels are held against."""

import segmenting

MASK = (1 << 64) - 1


def fold(left, right):
    product = left * right
    return (product >> 64) ^ (product & MASK)


def mix(value):
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def hash_of(word):
    """Of a word in bytes: its first and its last eight, after those between them."""
    found, size = 0x243F6A8885A308D3 ^ (len(word) * 0x9E3779B97F4A7C15 & MASK), min(len(word), 8)
    for at in range(8, len(word) - 8, 8):
        found = fold(found ^ int.from_bytes(word[at : at + 8], "little"), 0xA0761D6478BD642F)
    first, last = (int.from_bytes(part, "little") for part in (word[:size], word[-size:]))
    return fold(first ^ found, last ^ 0xA0761D6478BD642F)


def folded_words(text):
    words, open_word = [], ""
    for character in text:
        point = ord(character)
        letter = character == "_" or (character.isalnum() if point < 0x80 else not (
            0x80 <= point <= 0xBF or 0x2000 <= point <= 0x207F or 0x3000 <= point <= 0x303F))
        alone = 0x3040 <= point <= 0x9FFF
        if open_word and (alone or not letter):
            words.append(open_word)
            open_word = ""
        if alone:
            words.append(character)
        elif letter:
            open_word += character
    return words + [open_word] * bool(open_word)


UNITS = {"folded": folded_words, "words": str.split, "uax29": segmenting.words_of, "characters": list}


def units_of(text, unit):
    return UNITS[unit](text)


def shingle_hash(units, characters=False):
    """The 64-bit hash of one shingle."""
    hashes = [ord(u) + 1 if characters else hash_of(u.encode()) for u in units]
    return mix(sum(h * pow(0xD6E8FEB86659FD93, len(units) - 1 - i, 1 << 64) for i, h in enumerate(hashes)) & MASK)


def shingles_of(text, ngram, unit="folded"):
    """The hash of every run of ``ngram`` units; of all units where there are fewer, and none where there is none."""
    units = units_of(text, unit)
    runs = [units[i : i + ngram] for i in range(max(1, len(units) - ngram + 1))] if units else []
    return [shingle_hash(run, unit == "characters") for run in runs]
