"""``Outlier``: how far a text is from all that a model of domains knows."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.domain.embed import Floats, nearest, project, terms
from corpusmill.operators.domain.model import NONE, Model
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import require
from corpusmill.operators.text.columns import TEXT, append


@dataclasses.dataclass(frozen=True)
class Outlier:
    """Adds the distances of a text's vector to the domains that ``regroup=kmeans`` learned.

    Vectors have length 1: hashed TF-IDF in a few latent dimensions (``domain.embed``), so distances lie from 0 to 2 or
    so. ``{name}.distance`` is the one to the nearest centroid and ``{name}.domain`` its name; ``{name}.mean_distance`` is
    the one to the mean of all centroids. Distances are float32. Where no word of the text is known, the distances are null
    and the domain is ``none``.

    ``path`` is the model: its file, or the ``@name`` of domains that were made with it. Raises DataError that names it for a
    file that is none.
    """

    name: str = "outlier"
    path: str = ""  # the model of domains: @name, or a file
    digest: str = ""  # of the model: filled in by the job

    reads = TEXT
    edits = frozenset[str]()
    exact = True  # vectors and distances are summed word after word, in float32 (decision 0010)
    version = "1"

    @property
    def adds(self) -> pa.Schema:
        """Both distances, and the nearest domain."""
        distances = [pa.field(f"{self.name}.{column}", pa.float32()) for column in ("distance", "mean_distance")]
        return pa.schema([*distances, pa.field(f"{self.name}.domain", pa.string())])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The model's file."""
        return {"model": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the columns; ``files["model"]`` is the file."""
        if "model" not in files:
            raise ConfigError(f"operator {self.name!r}: the model {self.path!r} has not been fetched: name domains that "
                              "regroup=kmeans made with path=@NAME")
        model, fields = _loaded(files["model"], self.digest, f"operator {self.name!r}: its model {self.path!r}"), self.adds
        model.require_words(f"operator {self.name!r}: its model {self.path!r}")
        names, mean = pa.array([*model.names, NONE], pa.string()), model.centroids.astype(np.float64).mean(0).astype(np.float32)

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            found = terms(batch.column("text"), model.facts["bits"])
            vectors = project(found.offsets, found.buckets, found.counts, model.rows, model.projection)
            codes, squares = nearest(vectors, model.centroids)
            distances = (np.sqrt(squares), _distances(vectors, mean))
            columns = [pa.array(values, mask=codes < 0) for values in distances]
            return Outcome(append(batch, fields, [*columns, names.take(pa.array(codes % len(names)))]), {})

        return apply


def _distances(vectors: Floats, mean: Floats) -> Floats:
    """Of each vector to the mean; summed column after column, since the order of np.sum depends on the processor."""
    total = np.zeros(len(vectors), np.float32)
    for column, centre in zip(vectors.T, mean, strict=True):
        total += (column - centre) ** 2
    found: Floats = np.sqrt(total)
    return found


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, digest: str, where: str) -> Model:
    """The model, read once per process."""
    return Model.from_bytes(path.read_bytes(), where)
