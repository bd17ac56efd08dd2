"""Two texts side by side, with the words that differ."""

import dataclasses
import difflib
import re
from collections.abc import Iterator

_WORDS = re.compile(r"\s*\S+|\s+$")
MAX_WORDS = 2_000  # of each text: comparing is quadratic in the worst case
COMPARED = 100_000  # characters of two texts in which the first difference is looked for
LEAD = 150  # characters shown before it


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """Consecutive words of both texts: equal, or different (then one of them may be empty)."""

    left: str
    right: str
    equal: bool


def compare(left: str, right: str) -> Iterator[Span]:
    """The texts' first words as spans that join to them again."""
    a, b = (_WORDS.findall(text)[:MAX_WORDS] for text in (left, right))
    plain = [[word.strip() for word in words] for words in (a, b)]
    matcher = difflib.SequenceMatcher(None, plain[0], plain[1], autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        yield Span("".join(a[i:j]), "".join(b[k:m]), kind == "equal")


def first_difference(left: str, right: str, chars: int) -> int:
    """Where to begin, so that the first difference is on show within ``chars``; 0 where there is none, or it is early."""
    both = zip(left[:COMPARED], right[:COMPARED], strict=False)
    end = min(len(left), len(right))
    same = next((i for i, (a, b) in enumerate(both) if a != b), end if max(len(left), len(right)) > end else 0)
    return max(0, same - min(LEAD, chars // 2)) if chars // 2 < same < COMPARED else 0
