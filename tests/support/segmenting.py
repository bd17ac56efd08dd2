"""Segmentation by UAX #29, one rule after the other: what the kernel is held against."""

from corpusmill.operators.text.wordbreak import ALNUM, CLASS, CLASSES, PICTOGRAPHIC, properties

LETTERS = {"ALetter", "Hebrew_Letter"}
SKIPPED = {"Extend", "Format", "ZWJ"}
LINE_ENDS = {"CR", "LF", "Newline"}
QUOTED = {"MidNumLet", "Single_Quote"}


def class_of(character):
    return CLASSES[properties()[ord(character)] & CLASS]


def segments(text):
    """All segments of a text, by rules WB3 to WB999."""
    kinds = [class_of(c) for c in text]
    # WB4: positions that count; an ignored character belongs to the one before, unless that ends a line or there is none.
    counted = [i for i, kind in enumerate(kinds) if kind not in SKIPPED or i == 0 or kinds[i - 1] in LINE_ENDS]
    starts, regional = [0], 0
    for n, i in enumerate(counted):
        kind = kinds[i] if kinds[i] not in SKIPPED else "Other"
        around = [kinds[counted[k]] if 0 <= k < len(counted) else "" for k in (n - 2, n - 1, n + 1)]
        regional = regional + 1 if kind == "Regional_Indicator" else 0
        if n and not joins(*around, kind, regional, kinds[i - 1], text[i]):
            starts.append(i)
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)] if text else []


def joins(before, last, after, kind, regional, neighbour, character):
    between_letters, between_numbers = QUOTED | {"MidLetter"}, QUOTED | {"MidNum"}
    words = LETTERS | {"Numeric", "Katakana"}
    if last in LINE_ENDS or kind in LINE_ENDS:
        return (last, kind) == ("CR", "LF")
    return any([
        neighbour == "ZWJ" and properties()[ord(character)] & PICTOGRAPHIC,
        neighbour == kind == "WSegSpace",
        last in LETTERS | {"Numeric"} and kind in LETTERS | {"Numeric"},
        last in LETTERS and kind in between_letters and after in LETTERS,
        before in LETTERS and last in between_letters and kind in LETTERS,
        last == "Hebrew_Letter" and kind == "Single_Quote",
        last == "Hebrew_Letter" and kind == "Double_Quote" and after == "Hebrew_Letter",
        before == "Hebrew_Letter" and last == "Double_Quote" and kind == "Hebrew_Letter",
        before == "Numeric" and last in between_numbers and kind == "Numeric",
        last == "Numeric" and kind in between_numbers and after == "Numeric",
        last == kind == "Katakana",
        last in words | {"ExtendNumLet"} and kind == "ExtendNumLet",
        last == "ExtendNumLet" and kind in words,
        last == kind == "Regional_Indicator" and regional % 2 == 0,
    ])  # fmt: skip


def words_of(text):
    """The segments that begin with a letter or number."""
    return [segment for segment in segments(text) if properties()[ord(segment[0])] & ALNUM]
