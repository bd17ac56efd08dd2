"""What a language model makes of a text's bytes, as a point."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.embedders.embedder import Files, Pointwise
from corpusmill.operators.errors import ConfigError, whole


@dataclasses.dataclass(frozen=True)
class LanguageModelMean(Pointwise):
    """Documents are near whose bytes a language model of ``train_lm`` sees alike: the mean of its states over the text.

    ``layer`` 0 takes the token embeddings, which of bytes tell little more than how often each occurs; 1 … the number of blocks
    the states after so many; -1 the last ones as the model normalises them. A text is read in windows of the model's context.
    """

    path: str = ""  # the model: @name, or a file
    digest: str = ""  # of the model: filled in by the job
    layer: int = -1
    head: int = 1024  # bytes of a text that are read
    centre: bool = True  # shift and scale each dimension to mean 0 and variance 1 over the sample
    device: str = "auto"  # auto, cpu or cuda

    reads: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        whole("regroup.embedder.layer", self.layer, -1, 128)
        whole("regroup.embedder.head", self.head, 1, 1 << 30)
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"regroup.embedder.device={self.device!r}: give auto, cpu or cuda")

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The model's file. Raises ConfigError where none is named."""
        if not self.digest:
            raise ConfigError("regroup.embedder.path is empty: name a model that train_lm made, as @NAME or a file")
        return {"model": self.digest}

    def vectors(self, batch: pa.RecordBatch, files: Files) -> Floats:
        """Means of the states; (documents, D)."""
        from corpusmill.operators.domain.embedders.states import means

        texts = pc.binary_slice(batch.column("text").cast(pa.binary()), 0, self.head)
        return means(files["model"], self.digest, self.device, self.layer, texts)
