"""Bare words and decontamination in plain Python, one character and one n-gram at a time."""

import unicodedata
from collections import Counter

INVISIBLE = {0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)}
CASED = [(0x80, 0x52F), (0x531, 0x586), (0x10A0, 0x10C5), (0x1E00, 0x1FFF), (0xFF21, 0xFF3A)]
ALONE = [(0x3040, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x1B000, 0x1B16F),
         (0x20000, 0x31FFF)]  # fmt: skip


def within(point, ranges):
    return any(low <= point <= high for low, high in ranges)


def folded(c):
    if c.isascii():
        return c.lower()
    if not within(ord(c), CASED):
        return c
    return c.casefold() if len(c.casefold()) == 1 else c.lower()[0]


def separates(c):
    return not c.isalnum() if c.isascii() else unicodedata.category(c)[0] in "PSZ" or "\x80" <= c < "\xa0"


def bare_words(text):
    """(word, first character, end character) of each."""
    found, content, start = [], "", None
    for i, c in enumerate([*text, " "]):
        hidden, single = ord(c) in INVISIBLE, within(ord(c), ALONE) and unicodedata.category(c)[0] == "L"
        if not hidden and (single or separates(c)):
            if content:
                found.append((content, start, i))
            content, start = "", None
            if single:
                found.append((c, i, i + 1))
            continue
        start = i if start is None else start
        content += "" if hidden else folded(c)
    return found


def plain(text):
    return [word for word, _, _ in bare_words(text)]


def lines(text):
    """The words of each line, with their places in the text."""
    found, at = [], 0
    for line in text.split("\n"):
        found.append([(word, start + at, end + at) for word, start, end in bare_words(line)])
        at += len(line) + 1
    return found


class Reference:
    """``sets``: name → items of (query, label). ``entries``: words → items by number, with the places where they stand."""

    telling = 8

    def __init__(self, sets, method, ngram, shortest):
        self.method, self.ngram, self.entries, self.items, self.lengths = method, ngram, {}, [], set()
        for name, items in sets.items():
            sizes = sorted(len(plain(query)) + len(plain(label)) for query, label in items)
            n = max(min(shortest, ngram), min(ngram, sizes[len(sizes) // 20])) if method == "gpt3" else ngram
            self.lengths |= {n}
            for i, (query, label) in enumerate(items):
                self._add(query, label, n, len(self.items))
                self.items.append((name, i, len(plain(query)) + len(plain(label))))

    def _add(self, query, label, n, item):
        first, words = len(plain(query)), plain(query) + plain(label)
        if self.method == "dolma":
            place = 0
            for line in [*query.split("\n"), *label.split("\n")]:
                if len(plain(line)) >= n:
                    self.entries.setdefault(tuple(plain(line)), {}).setdefault(item, []).append(place)
                place += len(plain(line))
            return
        for place in range(len(words) - n + 1):
            if self.method != "datatrove" or place + n > first:
                self.entries.setdefault(tuple(words[place : place + n]), {}).setdefault(item, []).append(place)

    def hits(self, text):
        """(entry, first word, first character, end character) in the order of ends."""
        found, words = [], bare_words(text)
        if self.method == "dolma":
            before = 0
            for line in lines(text):
                entry = tuple(word for word, _, _ in line)
                if len(line) >= self.ngram and entry in self.entries:
                    found.append((entry, before, line[0][1], line[-1][2]))
                before += len(line)
            return found
        for end in range(1, len(words) + 1):
            for n in sorted(self.lengths):
                entry = tuple(word for word, _, _ in words[max(0, end - n) : end])
                if len(entry) == n and entry in self.entries:
                    found.append((entry, end - n, words[end - n][1], words[end - 1][2]))
        return found

    def signals(self, text, window, fragment):
        hits = self.hits(text)
        row = {"words": len(plain(text)), "hits": len(hits),
               "matched_words": len({first + k for entry, first, _, _ in hits for k in range(len(entry))}),
               "item_words": 0, "item_matched_words": 0, "set": None, "item": None}
        if hits:
            most = max(self.telling, min(len(self.entries[entry]) for entry, *_ in hits))
            owners = Counter(item for entry, *_ in hits if len(self.entries[entry]) <= most for item in self.entries[entry])
            best = min(owners, key=lambda item: (-owners[item], item))
            name, number, size = self.items[best]
            places = {place + k for entry, *_ in hits for place in self.entries[entry].get(best, ()) for k in range(len(entry))}
            row |= {"item_words": size, "item_matched_words": len(places), "set": name, "item": str(number)}
        if self.method == "gpt3":
            kept = self.pieces(text, hits, window)
            row |= {"chars": len(text), "pieces": len(kept),
                    "kept_chars": sum(len(p) for p in kept if len(p) >= fragment or not hits)}
        return row

    def found_sets(self, text):
        """The sets with an item that a hit stands in."""
        return {self.items[item][0] for entry, *_ in self.hits(text) for item in self.entries[entry]}

    def pieces(self, text, hits, window):
        removed = set()
        for _, _, start, end in hits:
            removed |= set(range(max(0, start - window), min(len(text), end + window)))
        found, piece = [], ""
        for i, c in enumerate(text):
            if i in removed:
                found, piece = found + [piece] * bool(piece), ""
            else:
                piece += c
        return found + [piece] * bool(piece)

    def edited(self, text, window, fragment):
        hits = self.hits(text)
        return "\n\n".join(p for p in self.pieces(text, hits, window) if len(p) >= fragment) if hits else text
