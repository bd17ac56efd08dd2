"""A model of a local folder, through the library transformers."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.embedders.embedder import Files, Pointwise
from corpusmill.operators.errors import ConfigError, whole

POOLINGS = ("auto", "mean", "cls")


@dataclasses.dataclass(frozen=True)
class Transformer(Pointwise):
    """Documents are near that a pretrained model sees alike: the model of a local folder, its last states pooled.

    The folder is one that ``save_pretrained`` writes. One of sentence-transformers says how its states are pooled
    (``modules.json``); else it is by their mean. The library transformers does it, which ``pip install
    'corpusmill[embedders]'`` brings; nothing is downloaded, and no code of the folder is run. The folder's digest is part of
    the key.
    """

    path: str = ""  # the folder
    digest: str = ""  # of its files: filled in by the job
    pooling: str = "auto"  # mean, cls (the first token), or auto: what the folder says
    prefix: str = ""  # before every text, as "clustering: "
    max_length: int = 512  # tokens of a text that are read
    head: int = 4096  # characters of a text that are cut into tokens
    batch: int = 32  # texts at once
    centre: bool = False  # shift and scale each dimension to mean 0 and variance 1 over the sample
    device: str = "auto"  # auto, cpu or cuda

    reads: ClassVar[tuple[str, ...]] = ()
    packs: ClassVar[str] = "folder"
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        for name, most in (("max_length", 1 << 20), ("head", 1 << 30), ("batch", 1 << 16)):
            whole(f"regroup.embedder.{name}", getattr(self, name), 1, most)
        if self.pooling not in POOLINGS:
            raise ConfigError(f"regroup.embedder.pooling={self.pooling!r}: give {', '.join(POOLINGS)}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"regroup.embedder.device={self.device!r}: give auto, cpu or cuda")

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The folder. Raises ConfigError where none is named."""
        if not self.digest:
            raise ConfigError("regroup.embedder.path is empty: name the folder of a model")
        return {"model": self.digest}

    def vectors(self, batch: pa.RecordBatch, files: Files) -> Floats:
        """The pooled states; zeros for a text without a token; (documents, D)."""
        from corpusmill.operators.domain.embedders.pooling import pooled

        return pooled(files["model"], self, batch.column("text"))
