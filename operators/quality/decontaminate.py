"""``Decontaminate``: what documents share with evaluation sets, by the methods that are published, and cut out if asked."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality import evalindex
from corpusmill.operators.quality.common_ngrams import Common, common_of
from corpusmill.operators.quality.contamination import (
    CHARS,
    COLUMNS,
    KEPT_CHARS,
    PIECES,
    cut_out,
    oldest_weight,
    scan,
)
from corpusmill.operators.quality.evalsets import EvalSet, Record, parse_sets
from corpusmill.operators.schema import require
from corpusmill.operators.text import bare
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.simd import PADDING
from corpusmill.operators.text.words import characters

# Words of an n-gram, or the fewest of a paragraph.
METHODS = {"gpt3": 13, "datatrove": 12, "llama3": 8, "dolma": 13}
GPT3_SHORTEST = 8
GPT3_DOCUMENTS = 10
NAMES = ("set", "item")


@dataclasses.dataclass(frozen=True)
class Decontaminate:
    """Adds what a document shares with evaluation sets, as int64 counts and two strings named ``{name}.{signal}``.

    Words are bare words (``text.bare``): no case, no punctuation. An entry of the index is an n-gram or a paragraph of an
    item; a *hit* is an occurrence of an entry in the document. Hits are told by 64-bit hashes. Entries that more than eight
    items share do not tell which item it is, unless all of a document's are so: then its rarest do.

    ================== =================================================================================================
    words              bare words of the document
    hits               occurrences of entries
    matched_words      words that any hit covers, each once
    set, item          the item with the most hits that tell it, of equals the first, and its set; null without a hit
    item_words         words of that item, 0 without a hit
    item_matched_words words of that item that hits cover, each once, wherever in the item they stand
    chars              characters of the document as it came
    pieces             gpt3: what the cuts leave, short fragments too; 1 without a hit, 0 for an empty text
    kept_chars         gpt3: characters of the pieces that are long enough; ``chars`` without a hit
    ================== =================================================================================================

    ``method`` is one of

    - ``gpt3`` (Brown et al. 2020, section 2.2 and appendix C): n-grams of 13 words, or as many as the item at the 5th
      percentile of its set has, but 8 at least. Those in more than 10 documents do not count (the annotate job looks at
      all documents first; equal documents count each). Each hit is cut out with 200 characters on either side; pieces
      of fewer than 200 characters are left out; more than 10 pieces mean that the document is to be dropped, which is a
      rule's affair. With ``edit`` the pieces, joined by blank lines, replace the text; without, they are only counted.
      Unlike lm-eval's Janitor (EleutherAI/lm-evaluation-harness 4e7e0d47) hits that overlap are one cut, and a document
      without a hit stays as it is, however short.
    - ``datatrove`` (huggingface/datatrove a649de79, NGramsDecontFilter): 12-grams of the answer (``label``), and those that
      reach from the question into it; n-grams of the question alone are not looked for. Any hit means drop. Its words are
      spaCy's, with numbers as 0 and without accents.
    - ``llama3`` (Dubey et al. 2024, section 5.1.4): 8-grams; rules bound ``matched_words / words``, the share of the document,
      or ``item_matched_words / item_words``, the share of the item. Its tokens are the model's.
    - ``dolma`` (allenai/dolma 669f5348, the paragraph deduper against a read-only filter): whole paragraphs, which end at a
      line feed, of 13 words or more. It compares bytes; here case and punctuation do not count.

    The index is built once by the job, out of ``sets``. Counts ``contaminated``, ``contaminated.{set}`` (documents with a hit
    of that set) and ``contaminated.{set}/{item}`` (documents whose item it is). Raises ConfigError for parameters that
    contradict each other, and when it is opened without its index.
    """

    name: str = "decontaminate"
    sets: Any = ()  # paths (JSON Lines, JSON, Parquet), or mappings with path, name, query, label and id
    method: str = "gpt3"  # gpt3, datatrove, llama3 or dolma
    ngram: int = 0  # words of an n-gram, the fewest of a paragraph; 0 is the method's own
    edit: bool = False  # gpt3: cut out of the text what is found
    window: int = 200  # gpt3: characters cut out on either side
    fragment: int = 200  # gpt3: characters of the shortest piece that stays
    max_documents: int | None = None  # n-grams in more documents do not count, 0 for no bound; gpt3: 10
    digest: str = ""  # of the index: filled in by the job
    common: str = ""  # digest of the n-grams that do not count: filled in by the job, or given to keep them

    reads = TEXT
    exact = True
    version = "1"
    pinned = frozenset({"sets"})  # what the index's digest stands for

    def __post_init__(self) -> None:
        object.__setattr__(self, "sets", parse_sets(self.sets))
        where = f"operator {self.name!r}"
        if self.method not in METHODS:
            raise ConfigError(f"{where}: method must be one of {', '.join(METHODS)}; got {self.method!r}")
        if self.ngram and not 2 <= self.ngram <= evalindex.LONGEST:
            raise ConfigError(f"{where}: ngram must be 2 to {evalindex.LONGEST} words; got {self.ngram}")
        for key in ("window", "fragment", "max_documents"):
            if (getattr(self, key) or 0) < 0:
                raise ConfigError(f"{where}: {key} must be 0 or more; got {getattr(self, key)}")
        unused = {"edit": (False,), "window": (Decontaminate.window,), "fragment": (Decontaminate.fragment,),
                  "max_documents": (None, 0)}
        for key, values in unused.items():
            if self.method != "gpt3" and getattr(self, key) not in values:
                raise ConfigError(f"{where}: {key} belongs to method=gpt3; {self.method} only counts: leave {key} out; got "
                                  f"{getattr(self, key)}")
        if self.common and not self.bound:
            raise ConfigError(f"{where}: common={self.common} would be passed over: with max_documents=0, and with methods "
                              "other than gpt3, every n-gram counts; leave one of them out")

    @property
    def adds(self) -> pa.Schema:
        """The counts, the set and the item; those of pieces only with gpt3."""
        counted = COLUMNS if self.method == "gpt3" else COLUMNS[:CHARS]
        return pa.schema([*(pa.field(f"{self.name}.{c}", pa.int64()) for c in counted),
                          *(pa.field(f"{self.name}.{c}", pa.string()) for c in NAMES)])

    @property
    def edits(self) -> frozenset[str]:
        """The text, where it is cut."""
        return frozenset({"text"}) if self.edit else frozenset()

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The index, and the n-grams that do not count."""
        return {"index": self.digest} | ({"common": self.common} if self.common else {})

    @property
    def bound(self) -> int:
        """In how many documents an n-gram may be; 0 for any."""
        return GPT3_DOCUMENTS if self.max_documents is None and self.method == "gpt3" else self.max_documents or 0

    @property
    def sources(self) -> Mapping[str, str]:
        """Path → what it is, of the files that the index is built from. Raises ConfigError where there are none."""
        if not self.sets:
            raise ConfigError(f"operator {self.name!r} has no evaluation sets: name their files in `sets`, such as "
                              "quality.operators.0.sets=[gsm8k.jsonl,mmlu.parquet]")
        return {one.path: f"evaluation set {one.name!r}" for one in self.sets}

    def build(self, records: Mapping[str, Sequence[Record]], /) -> bytes:
        """The index, out of the records of each source."""
        ngram = self.ngram or METHODS[self.method]
        return evalindex.build(self.sets, records, self.method, ngram, min(GPT3_SHORTEST, ngram))

    @property
    def unfitted(self) -> bool:
        """Whether it needs to see all documents before it can be applied."""
        return self.bound > 0 and not self.common

    def fit(self, files: Mapping[str, Path], /) -> Common:
        """What learns which n-grams are in too many documents."""
        return Common(str(self._file(files, "index")), self.digest, self.bound)

    def fitted(self, digest: str) -> "Decontaminate":
        """The operator that leaves these n-grams out."""
        return dataclasses.replace(self, common=digest)

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the signals; ``files["index"]`` is the index."""
        loaded = evalindex.load(self._file(files, "index"), self.digest)
        ignored = np.zeros(len(loaded.tables.keys), np.bool_)
        if self.bound:
            ignored[common_of(self._file(files, "common"), loaded.tables)] = True
        return functools.partial(self._apply, loaded, ignored)

    def _file(self, files: Mapping[str, Path], name: str) -> Path:
        if name not in files:
            raise ConfigError(f"operator {self.name!r}: its {name} has not been fetched: it is opened with files[{name!r}], "
                              "which the annotate job fills in")
        return files[name]

    def _apply(self, loaded: evalindex.Loaded, ignored: Any, batch: pa.RecordBatch) -> Outcome:
        require(batch, TEXT, f"the batch of {self.name!r}")
        texts = Texts.of(batch.column("text"))
        counts, best = np.zeros((len(COLUMNS), len(texts)), np.int64), np.full(len(texts), -1, np.int64)
        documents = np.zeros(len(loaded.names), np.int64)
        fewest = (self.ngram or METHODS[self.method]) if self.method == "dolma" else 0
        window = self.window if self.method == "gpt3" else -1
        cuts = scan(texts.addresses, texts.lengths, loaded.tables, ignored, bare.tables(), fewest, window,
                    oldest_weight(loaded.tables), int(loaded.tables.words.max(initial=0)), counts, best, documents)
        if self.method == "gpt3":
            batch = self._pieces(batch, texts, cuts, counts)
        items = pa.array(best, mask=best < 0)
        owners = pa.array(loaded.tables.sets[best], mask=best < 0)
        columns = [*(pa.array(column) for column in counts[: len(self.adds) - len(NAMES)]),
                   loaded.names.take(owners), loaded.ids.take(items)]
        return Outcome(append(batch, self.adds, columns), _report(loaded, best, documents))

    def _pieces(self, batch: pa.RecordBatch, texts: Texts, cuts: Any, counts: Integers) -> pa.RecordBatch:
        """Count the pieces, and put them in the place of the text where that is asked for."""
        counts[CHARS] = counts[KEPT_CHARS] = characters(texts)
        counts[PIECES] = texts.lengths > 0
        rows = np.unique(cuts[:, 0])
        offsets = np.zeros(len(rows) + 1, np.int32)
        data = np.empty(int(texts.lengths[rows].sum()) + 2 * len(cuts) + PADDING, np.uint8)
        cut_out(texts.addresses, texts.lengths, cuts, self.fragment, counts, data.ctypes.data, offsets)
        if not self.edit or not len(rows):
            return batch
        left = pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(data))
        mask = np.zeros(len(texts), np.bool_)
        mask[rows] = True
        at = batch.schema.get_field_index("text")
        return batch.set_column(at, batch.schema.field(at), pc.replace_with_mask(batch.column("text"), pa.array(mask), left))


def _report(loaded: evalindex.Loaded, best: Integers, documents: Integers) -> dict[str, int]:
    """Documents with a hit, by set and by item."""
    found = {"contaminated": int((best >= 0).sum())}
    found |= {f"contaminated.{name}": int(n) for name, n in zip(loaded.names.to_pylist(), documents, strict=True)}
    items, counts = np.unique(best[best >= 0], return_counts=True)
    for item, n in zip(items.tolist(), counts.tolist(), strict=True):
        name = f"contaminated.{loaded.names[loaded.tables.sets[item]].as_py()}/{loaded.ids[item].as_py()}"
        found[name] = found.get(name, 0) + n
    return found


__all__ = ["METHODS", "Decontaminate", "EvalSet"]
