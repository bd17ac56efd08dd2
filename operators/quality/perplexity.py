"""``Perplexity``: how well an n-gram model foretells a text."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.ngrams import UNIT, Model, score
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.lexing import points

COLUMNS = ("log10_prob", "tokens", "unknown_tokens", "least_log10_prob", "least_tokens")


@dataclasses.dataclass(frozen=True)
class Perplexity:
    """Adds what an n-gram model that ``train_perplexity`` learned says of a text, as int64, and its perplexity.

    As in CCNet (Wenzek et al. 2020), every line that has words is a sentence, and its end is a token. Tokens are those of
    ``text.lexing``. A text without words has no perplexity: it is null, and rules on it are not applicable.

    ============================= ======================================================================================
    log10_prob                    sum of the tokens' log10-probabilities, in whole millionths
    tokens                        words, symbols and line ends
    unknown_tokens                tokens that the model never saw
    least_log10_prob              the same sum over the ``least`` of the tokens that the model foretells worst …
    least_tokens                  … and how many these are: at least one, where there is any
    perplexity                    10 ** -(log10_prob / 1e6 / tokens), as float32
    ============================= ======================================================================================

    ``least_log10_prob / least_tokens`` is Min-K% Prob (Shi et al. 2024, K = 20) under the n-gram model, not under the large
    model that the paper asks: high values mark text of which even the rarest turns are foretold.

    CCNet's head, middle and tail are rules: the job ``train_perplexity`` tells the percentiles 30 and 60 of a reference
    set, and ``when: {language.code: [en]}`` limits a rule to the language of its model.

    ``path`` is a file or the ``@name`` of what the job made. Raises ConfigError for a share outside 0 … 1, and DataError
    for a file that is no such model.
    """

    name: str = "perplexity"
    path: str = ""  # the model: @name, or a file
    digest: str = ""  # of the model: filled in by the job
    least: float = 0.2  # share of the tokens that least_log10_prob sums over

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise ConfigError(f"operator {self.name!r}: least must be above 0 and up to 1; got {self.least}")

    @property
    def adds(self) -> pa.Schema:
        """The sums and counts, and the perplexity."""
        counts = [pa.field(f"{self.name}.{column}", pa.int64()) for column in COLUMNS]
        return pa.schema([*counts, pa.field(f"{self.name}.perplexity", pa.float32())])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The model's file."""
        return {"model": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the columns; ``files["model"]`` is the file."""
        if "model" not in files:
            raise ConfigError(f"operator {self.name!r}: the model {self.path!r} has not been fetched: name one that "
                              "train_perplexity made with path=@NAME")
        model = _loaded(files["model"], self.digest, f"operator {self.name!r}: its model {self.path!r}")
        fields, table = self.adds, points()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            found = np.zeros((len(COLUMNS), len(texts)), np.int64)
            if len(texts):
                score(texts.addresses, texts.lengths, table, model.table, model.order, model.unknown, self.least, found)
            columns = [*map(pa.array, found), pa.array(perplexities(found[0], found[1]), mask=found[1] == 0)]
            return Outcome(append(batch, fields, columns), {})

        return apply


def perplexities(log10_prob: Integers, tokens: Integers) -> npt.NDArray[np.float32]:
    """Of documents, from the sums that the operator adds; 1 where there is no token."""
    found: npt.NDArray[np.float32] = np.power(10.0, -log10_prob / (UNIT * np.maximum(tokens, 1))).astype(np.float32)
    return found


@functools.lru_cache(maxsize=4)
def _loaded(path: Path, digest: str, where: str) -> Model:
    """The model, read once per process."""
    return Model.from_bytes(path.read_bytes(), where)
