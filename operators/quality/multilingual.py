"""``Multilingual``: words, stop words and ends of sentences, by the language that a document is in."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.multilingual_counting import COLUMNS, MOST_WORDS, count_multilingual, words_key
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append


@dataclasses.dataclass(frozen=True)
class Multilingual:
    """Adds int64 counts named ``{name}.{signal}`` with the stop words of each document's language.

    A word is a run of non-whitespace; within it, runs of scripts without spaces are cut by their usual word length: Han two
    characters, kana three, Thai, Lao, Khmer and Burmese five (rounded up). That counts words well enough to compare
    documents of one language and needs no dictionary; it does not find where words end.

    Stop words are compared with whole words, in lower case, capitals or with a capital first; in scripts without spaces
    each place counts at which one begins or several do. ``stop_words`` is null where the language has no list.

    ==================== ===============================================================================================
    words, word_chars    words as above, and the characters in them
    stop_words           occurrences of stop words
    distinct_stop_words  how many of the language's stop words occur
    line_feeds           "\\n", as Datatrove counts them
    filled_lines         lines that are not blank
    ended_lines          lines that end as sentences do in any script: . ! ? " … 。 ！ ？ ． ｡ ؟ ۔ । ॥ ። ។ ။
    ==================== ===============================================================================================

    Raises ConfigError for a language without words, or with more than 64, and for a word with whitespace.
    """

    stopwords: Mapping[str, Any]  # language → its words
    name: str = "multilingual"
    language: str = "language.code"  # the column that tells the language of each document

    edits = frozenset[str]()
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        given = dict(self.stopwords)
        if not given:
            raise ConfigError(f"operator {self.name!r}: stopwords must have a list for at least one language")
        for language, words in given.items():
            _check_list(f"operator {self.name!r}: stopwords.{language}", language, words)
        object.__setattr__(self, "stopwords", _Lists((k, tuple(v)) for k, v in sorted(given.items())))

    @property
    def reads(self) -> pa.Schema:
        """The text and the language."""
        return pa.schema([*TEXT, pa.field(self.language, pa.string())])

    @property
    def adds(self) -> pa.Schema:
        """The counts, as int64."""
        return pa.schema([pa.field(f"{self.name}.{column}", pa.int64()) for column in COLUMNS])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the counts."""
        fields, languages = self.adds, pa.array(list(self.stopwords), pa.string())
        lists = [tuple(words) for words in self.stopwords.values()]
        keys, bits = _table(lists)
        longest = np.array([max(len(form) for word in words for form in _forms(word)) for words in lists], np.int64)

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, self.reads, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            found = batch.column(self.language).dictionary_encode()
            known = pc.index_in(found.dictionary, languages).fill_null(-1).to_numpy()
            codes = found.indices.fill_null(len(known)).to_numpy()
            chosen = np.append(known, -1)[codes].astype(np.int64)
            counts = np.empty((len(COLUMNS), len(texts)), np.int64)
            count_multilingual(texts.addresses, texts.lengths, chosen, longest, keys, bits, counts)
            return Outcome(append(batch, fields, _columns(counts, chosen < 0)), {})

        return apply


class _Lists(dict[str, tuple[str, ...]]):
    """A mapping that can be hashed, since operators are keys of caches; nobody changes it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def _check_list(where: str, language: object, words: object) -> None:
    quoted = 'put "no", "on", "off" and the like in quotes'
    if not isinstance(language, str):
        raise ConfigError(f"{where}: {language!r} is no text, as languages are: {quoted}")
    if not isinstance(words, list | tuple) or not 0 < len(words) <= MOST_WORDS:
        raise ConfigError(f"{where} must be a list of 1 to {MOST_WORDS} words; got {words!r}")
    for word in words:
        if not isinstance(word, str):
            raise ConfigError(f"{where} must be a list of words; {word!r} is no text: {quoted}")
        if word.split() != [word]:
            raise ConfigError(f"{where} must be a list of words, without whitespace; got {word!r}")


def _columns(counts: Any, unknown: Any) -> list[pa.Array]:
    return [pa.array(column, mask=unknown) if name.endswith("stop_words") else pa.array(column)
            for name, column in zip(COLUMNS, counts, strict=True)]


def _forms(word: str) -> set[str]:
    return {word, word.lower(), word.upper(), word.capitalize()}


def _table(lists: list[tuple[str, ...]]) -> tuple[Any, Any]:
    """An open-addressed table of the words' hashes by language, and which bit each word has."""
    entries: dict[int, int] = {}
    for number, words in enumerate(lists):
        for bit, word in enumerate(words):
            for form in _forms(word):
                texts = Texts.of(pa.array([form]))
                entries.setdefault(int(words_key(int(texts.addresses[0]), int(texts.lengths[0]), number)), bit)
    size = 1 << max(6, (4 * len(entries)).bit_length())
    keys, bits = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    for key, bit in sorted(entries.items()):
        slot = key >> 20 & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot], bits[slot] = key, bit
    return keys, bits
