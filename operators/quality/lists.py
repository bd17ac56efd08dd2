"""Files with an entry a line: lists of words, of hosts and of public suffixes."""

import codecs
from pathlib import Path

from corpusmill.operators.errors import DataError


def read_list(path: Path, given: str) -> str:
    """The text of a list, without a byte order mark; ``given`` is how the user named it.

    Raises DataError, with the number of the line, for a file that is not UTF-8.
    """
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"the list {given!r} is not UTF-8: line {line} has the byte {data[error.start]:#04x}; convert it, as "
                        "with iconv -t utf-8") from None


def entries_of(text: str) -> set[str]:
    """The entries in small letters: one a line, without space at its ends, comments from a # at the beginning."""
    lines = (line.strip() for line in text.split("\n"))
    return {small(line) for line in lines if line and not line.startswith("#")}


def small(text: str) -> str:
    """The text in lower case, a final sigma as any other: str.lower() makes Σ either, by what stands beside it."""
    return text.lower().replace("ς", "σ")
