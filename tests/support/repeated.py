"""What is repeated, found plainly: all items of all documents in one dictionary, one document after the other in rank order."""

import re
from dataclasses import dataclass, field

BLANKS = re.compile(r"\S+")


@dataclass
class Left:
    """What becomes of one document."""

    reason: str | None
    text: str
    spans: list = field(default_factory=list)  # (start, end, holder) in characters


def plain(documents, pieces_of, items_of, width, reason_of):
    """``documents``: (id, text) in rank order. Gives id → Left.

    ``pieces_of(text)``: (start, end, size) in order; ``items_of(text, pieces)``: hashable items, or None, one for each place;
    ``reason_of(removed, total)``: a reason, or None.
    """
    held, found = {}, {}
    for name, text in documents:
        pieces = pieces_of(text)
        items = items_of(text, pieces)
        holders, own = {}, {}
        for at, item in enumerate(items):
            if item is None:
                continue
            own.setdefault(item, at)
            holder = held.get(item, name if at >= own[item] + width else None)
            if holder is not None:
                for piece in range(at, at + width):
                    holders.setdefault(piece, holder)
        removed = sum(pieces[i][2] for i in holders)
        reason = reason_of(removed, sum(p[2] for p in pieces)) if removed else None
        spans = cut(text, pieces, holders)
        found[name] = Left(reason, without(text, spans), spans)
        if reason is None:
            for item in items:
                held.setdefault(item, name)
    return found


def cut(text, pieces, holders):
    """Consecutive removed pieces as spans, by holder."""
    spans, i = [], 0
    while i < len(pieces):
        if i not in holders:
            i += 1
            continue
        end = i
        while end < len(pieces) and end in holders:
            end += 1
        last = end == len(pieces)
        start = pieces[i - 1][1] if last and i > 0 else pieces[i][0]
        while i < end:
            holder = holders[i]
            while i < end and holders[i] == holder:
                i += 1
            stop = pieces[i - 1][1] if last else pieces[i][0]
            spans.append((start, stop, holder))
            start = stop
    return spans


def without(text, spans):
    """The text outside the spans."""
    at, kept = 0, []
    for start, end, _ in spans:
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])


def windows(tokens, width):
    """Every run of ``width`` tokens."""
    return [tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)]


def words(text):
    """Tokens without white space, each of size 1."""
    return [(m.start(), m.end(), 1) for m in BLANKS.finditer(text)]


def lines(text):
    """Lines that are not blank, sized in characters."""
    found, at = [], 0
    for line in text.split("\n"):
        if line.strip():
            found.append((at, at + len(line), len(line)))
        at += len(line) + 1
    return found


def paragraphs(text):
    """Runs of lines without a blank one between."""
    found, joined, at = [], False, 0
    for line in text.split("\n"):
        if line.strip() and joined:
            found[-1] = (found[-1][0], at + len(line))
        elif line.strip():
            found.append((at, at + len(line)))
        joined = bool(line.strip())
        at += len(line) + 1
    return [(start, end, end - start) for start, end in found]
