"""Markup in which all text is escaped, and numbers as people read them.

Only ``tag`` and ``join`` make ``Html``, and whatever is not ``Html`` is escaped: a name out of a corpus can hold
markup, quotes or control characters, and shows as what it is.
"""

import html
import re
from collections.abc import Iterable

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_VOID = frozenset({"meta", "link", "br", "hr", "img"})


class Html(str):
    """Markup that is safe as it stands."""

    __slots__ = ()


def escape(text: object) -> Html:
    """Text as markup; characters that no page may hold become �."""
    if isinstance(text, Html):
        return text
    return Html(html.escape(printable(text), quote=True))


def printable(text: object) -> str:
    """Text whose characters that no page may hold became �."""
    return _CONTROL.sub("�", str(text))


def join(parts: Iterable[object]) -> Html:
    """One after the other."""
    return Html("".join(escape(part) for part in parts))


def tag(element: str, *children: object, **attributes: object) -> Html:
    """An element. ``class_`` is written class, ``aria_label`` aria-label; an attribute that is None is left out."""
    written = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
                      for name, value in attributes.items() if value is not None)
    if element in _VOID:
        return Html(f"<{element}{written}>")
    return Html(f"<{element}{written}>{join(children)}</{element}>")


def name(text: object) -> Html:
    """A name out of the data, kept apart from the direction of the text around it."""
    return tag("bdi", text)


def number(value: int) -> str:
    """1,234,567."""
    return f"{value:,}"


def short(value: int) -> str:
    """1.23 million, for headings."""
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if abs(value) >= size:
            return f"{value / size:.3g} {word}" if abs(value) < 999.5 * size else f"{value / size:,.0f} {word}"
    return number(value)


def size(nbytes: int) -> str:
    """12.3 MB, in powers of ten."""
    for unit, word in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if nbytes >= unit:
            return f"{nbytes / unit:,.1f} {word}"
    return f"{nbytes} B"


def percent(share: float) -> str:
    """12.3 %; what is above zero never shows as zero, nor what is below one as all."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def seconds(value: float) -> str:
    """0.12 s, 12.3 s, 4 min 05 s or 3 h 07 min."""
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def plural(count: int, noun: str) -> str:
    """1 document, 2 documents."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"
