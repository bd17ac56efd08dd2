"""``Classifier``: what a fastText classifier says of a document, such as how much it is like chosen good text."""

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
from corpusmill.operators.text.classifying import score
from corpusmill.operators.text.columns import TEXT, append


@dataclasses.dataclass(frozen=True)
class Classifier:
    """Adds the judgement of any supervised fastText model, ``.bin`` or ``.ftz``, with n-grams of words or of characters.

    | signal | |
    |---|---|
    | ``{name}.label`` | the most probable label, without ``__label__``; null where the model knows nothing of a text |
    | ``{name}.score`` | probability of ``positive``, or of the most probable label where that is empty; float32 |
    | ``{name}.score.{label}`` | probability of each of ``labels``; float32 |

    The text is looked at as it stands, in one line: fastText parts words at blank, tab, line feed, VT, FF, CR and NUL
    alike, so line ends count as blanks (DCLM joins a document's lines by blanks before it asks the library). Lines that end
    at U+001C to U+001E, U+0085, U+2028 or U+2029 are not parted, which Python's ``splitlines`` would do. Case and punctuation
    stay: a model must be given what it was trained on. A word ``</s>`` ends the text, as in the library: what follows it is
    not looked at.

    Probabilities are those of ``predict(text, k=-1)``, 1e-5 added as there, at most 1. A text without words gets what the
    model says of the end of a text. DCLM (Li et al. 2024, "DataComp-LM") keeps documents from 0.018112 on of its model
    OH-2.5+ELI5, about a tenth; that is a rule on ``{name}.score``.

    Raises ConfigError for a file that is no classifier and for labels that it does not have.
    """

    name: str = "quality"
    path: str = ""  # where the job finds the file: a path, s3://…, or @NAME of a classifier that was trained here
    digest: str = ""  # of the file: filled in by the job
    positive: str = "positive"  # the label whose probability is the score
    labels: tuple[str, ...] = ()  # each gets a column of its own

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        if not isinstance(self.labels, tuple) or len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"operator {self.name!r}: labels must be a list of different labels; got {self.labels!r}")

    @property
    def adds(self) -> pa.Schema:
        """The label, the score and a score per label."""
        scores = [f"{self.name}.score", *(f"{self.name}.score.{label}" for label in self.labels)]
        return pa.schema([pa.field(f"{self.name}.label", pa.string()), *(pa.field(one, pa.float32()) for one in scores)])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The model's file."""
        return {"model": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the columns; ``files["model"]`` is the file."""
        if "model" not in files:
            raise ConfigError(f"operator {self.name!r}: there is no model to apply: give the path of a fastText classifier, or "
                              "@NAME of one that corpusmill train_classifier made")
        model = _loaded(files["model"], self.digest)
        wanted = self._wanted(model)
        fields, names = self.adds, pa.array([*model.labels, None], pa.string())

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            labels, best = np.empty(len(texts), np.int32), np.empty(len(texts), np.float32)
            found = np.empty((len(texts), len(wanted)), np.float32)
            if len(texts):
                score(texts.addresses, texts.lengths, model.vocabulary, model.ngrams, model.network, wanted, labels, best,
                      found)
            labels[labels < 0] = len(model.labels)
            scores = [np.ascontiguousarray(found[:, i]) for i in range(len(wanted))]
            columns = [*scores] if self.positive else [best, *scores]
            return Outcome(append(batch, fields, [names.take(pa.array(labels)), *map(pa.array, columns)]), {})

        return apply

    def _wanted(self, model: fasttext.Model) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The model's numbers of the labels whose probabilities are columns."""
        asked = [*([self.positive] if self.positive else []), *self.labels]
        for label in asked:
            if label not in model.labels:
                shown = ", ".join(model.labels[:20]) + (", …" if len(model.labels) > 20 else "")
                raise ConfigError(f"operator {self.name!r}: the model has no label {label!r}; there is {shown}: give it as "
                                  "positive")
        return np.array([model.labels.index(label) for label in asked], np.int64)


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, digest: str) -> fasttext.Model:
    """The model, read once per process."""
    return fasttext.read(path.read_bytes(), str(path))
