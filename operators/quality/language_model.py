"""``LanguageModel``: how well a causal transformer foretells a text, byte by byte."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.domain.latent import one_thread
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.gpt import GPT, device_of, from_bytes
from corpusmill.operators.lm.scoring import log_probs
from corpusmill.operators.quality.perplexity import perplexities
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, append

COLUMNS = ("log10_prob", "tokens", "least_log10_prob", "least_tokens")
_UNIT = 1e6 / math.log(10)  # nats in millionths of log10


@dataclasses.dataclass(frozen=True)
class LanguageModel:
    """Adds what a language model that ``train_lm`` learned says of a text; the columns are those of ``Perplexity``.

    ============================= ======================================================================================
    log10_prob                    sum of the bytes' log10-probabilities, in whole millionths
    tokens                        bytes that were scored: the first ``head`` of the text
    least_log10_prob              the same sum over the ``least`` of the bytes that the model foretells worst …
    least_tokens                  … and how many these are: at least one, where there is any
    perplexity                    of a byte: 10 ** -(log10_prob / 1e6 / tokens), as float32
    ============================= ======================================================================================

    ``least_log10_prob / least_tokens`` is Min-K% Prob (Shi et al. 2024, K = 20), for text that the model may have learned
    from. Bits per byte are log2 of the perplexity. A text without a byte is null.

    On a GPU where there is one (``device: auto``), else on one core of the processor: 11 kB/s there with the default shape
    of ``train_lm``, some 2,500 times slower than the n-gram model, so that a loop over documents in Python costs nothing.
    The last bits may differ between machines, so results are committed once. ``path`` is a file or the ``@name`` of what
    the job made. Raises ConfigError for a share outside 0 … 1, and DataError for another file.
    """

    name: str = "lm"
    path: str = ""  # the model: @name, or a file
    digest: str = ""  # of the model: filled in by the job
    least: float = 0.2  # share of the bytes that least_log10_prob sums over
    head: int = 2048  # bytes of a text that are scored
    device: str = "auto"  # auto, cpu or cuda

    reads = TEXT
    edits = frozenset[str]()
    exact = False
    version = "1"

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise ConfigError(f"operator {self.name!r}: least must be above 0 and up to 1; got {self.least}")
        if not 1 <= self.head <= 1 << 30:
            raise ConfigError(f"operator {self.name!r}: head must be from 1 to 2^30 bytes; got {self.head}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"operator {self.name!r}: device must be auto, cpu or cuda; got {self.device!r}")

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
            raise ConfigError(f"operator {self.name!r}: the model {self.path!r} has not been fetched: name one that train_lm "
                              "made with path=@NAME")
        device = device_of(self.device)
        model, fields = _loaded(files["model"], self.digest, str(device)), self.adds

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            Texts.of(batch.column("text"))  # refuses nulls
            found = np.zeros((len(COLUMNS), batch.num_rows), np.int64)
            with one_thread():
                for row, text in enumerate(batch.column("text")):
                    scores = log_probs(model, text.as_buffer().to_pybytes()[: self.head], device)
                    found[:, row] = _summed(np.rint(scores * _UNIT).astype(np.int64), self.least)
            nothing = found[1] == 0
            columns = [*map(pa.array, found), pa.array(perplexities(found[0], found[1]), mask=nothing)]
            return Outcome(append(batch, fields, columns), {})

        return apply


def _summed(scores: Integers, least: float) -> tuple[int, int, int, int]:
    few = min(len(scores), max(1, int(least * len(scores))))
    return int(scores.sum()), len(scores), int(np.sort(scores)[:few].sum()), few


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, digest: str, device: str) -> GPT:
    """The model, read once per process and device."""
    return from_bytes(path.read_bytes(), str(path))[0].to(device).eval()
