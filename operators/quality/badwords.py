"""``BadWords``: how often words of a list occur in a document."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.badwords_matching import Automaton, automaton, count_matches
from corpusmill.operators.quality.lists import entries_of, read_list
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append


@dataclasses.dataclass(frozen=True)
class BadWords:
    """Adds int64 counts ``{name}.hits``, occurrences of entries of a list, and ``{name}.words``, different entries among them.

    C4's filter (Raffel et al. 2020; datatrove, C4BadWordsFilter) drops a document with any: ``signal: badwords.hits, max: 0``.
    As there, an entry counts in any case where no letter, digit or underscore is beside it, as ``(?:\\W|^)word(?:\\W|$)``, and
    with ``boundaries: false`` anywhere, for languages without spaces (there ja, th and zh). Entries may have spaces and
    punctuation. Overlapping occurrences count each, where the regular expression's share no character.

    The list is a file, an entry a line, # before comments; no list is part of the package. A list per language is an instance
    per language, and a rule with ``when: {language.code: [en]}``. Letters and digits are those of Unicode 14 (categories L and
    Nd; Python's ``\\w`` has fractions and superscripts too); case is that of single characters, so İ is not i; Σ, σ and ς are
    one letter.

    Raises DataError for a list that is not UTF-8, and ConfigError for one with an entry of more than 62 characters.
    """

    path: str  # of the list
    name: str = "badwords"
    boundaries: bool = True  # whether entries are words; false for Japanese, Thai and Chinese
    digest: str = ""  # of the list: filled in by the job

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    @property
    def adds(self) -> pa.Schema:
        """Both counts."""
        return pa.schema([pa.field(f"{self.name}.{count}", pa.int64()) for count in ("hits", "words")])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The list."""
        return {"list": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds both counts; ``files["list"]`` is the list."""
        if "list" not in files:
            raise ConfigError(f"operator {self.name!r}: the list {self.path!r} has not been fetched: it is opened with "
                              "files['list'], which the annotate job fills in")
        fields, found = self.adds, _loaded(files["list"], self.path, self.digest, self.boundaries)

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            hits, distinct = np.empty((2, len(texts)), np.int64)
            count_matches(texts.addresses, texts.lengths, *found.arrays, hits, distinct)
            return Outcome(append(batch, fields, [pa.array(hits), pa.array(distinct)]), {})

        return apply


@functools.lru_cache(maxsize=16)
def _loaded(path: Path, given: str, digest: str, bounded: bool) -> Automaton:
    """The list as an automaton, made once per process."""
    return automaton(entries_of(read_list(path, given)), bounded)
