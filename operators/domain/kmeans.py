"""Domains found in the data: k-means over the points of an embedder, learned once and then applied."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.domain.cards import Known, Sample, cards_of, name_all
from corpusmill.operators.domain.choice import Tried, judged, tried
from corpusmill.operators.domain.embed import Codes, Floats, nearest, rarity, spelt, terms
from corpusmill.operators.domain.embedders.embedder import Embedder, Files, Space, framed, stacked
from corpusmill.operators.domain.embedders.registry import described
from corpusmill.operators.domain.embedders.tfidf import Tfidf
from corpusmill.operators.domain.keys import Keys
from corpusmill.operators.domain.model import Model, rows_of
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.drawing import apart
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.hashing import priorities

READS = pa.schema([DOCUMENTS.field(name) for name in ("doc_id", "source", "text")])
SAMPLE = pa.schema([
    pa.field("priority", pa.uint64()), DOCUMENTS.field("doc_id"), DOCUMENTS.field("source"),
    pa.field("excerpt", pa.string()),  # the first characters of the text
    pa.field("buckets", pa.large_list(pa.int32())), pa.field("counts", pa.large_list(pa.int32())),
    pa.field("words", pa.large_list(pa.large_string())),  # the first of the document's words in each bucket
])
KEPT = "kept"  # the column of the sample that holds what the embedder keeps, where it keeps anything
EXCERPT = 240  # characters
FEWEST = 3  # documents of the sample that must hold a bucket for it to count
CHUNKS = 256  # of a sample that many shards added to: each merge walks over all of them
ALL = (1 << 64) - 1
MOST = 10_000  # domains
KEYING = ("keys", "quality", "bins", "language", "min_documents", "keying")
OVER = ("sample", "all", "minibatch")
DEVICES = ("cpu", "cuda")


@dataclasses.dataclass(frozen=True, slots=True)
class KMeans:
    """Domains are clusters of documents that use the same words, named for the words that set them apart.

    Hashed TF-IDF (1 + ln tf, smoothed rarity over all survivors), a truncated SVD of a sample without its first direction,
    vectors of length 1, k-means on the sample with several starts. The model is an artifact; each survivor then goes to
    the nearest centroid, on its own. A document without a word that the model knows goes to the domain ``none``. Another
    ``embedder`` places documents otherwise; their words still name the domains.
    """

    k: int | str | tuple[int, ...] = 20  # domains; of several, or of ``grid`` with "auto", the best (``choice``)
    grid: tuple[int, ...] = (10, 20, 40)  # what "auto" tries
    min_words: int = 0  # of the smallest domain, over all documents: where k is chosen, a k with less is out
    dimensions: int = 128  # of the latent space
    sample: int = 20_000  # documents that are learned from, drawn by a hash of their id
    held_out: float = 0.0  # share of documents that nothing is learned from: those that proxies hold out first
    finer: int = 6  # clusters for each domain, which are then merged (``merging``); 1 merges none
    power: float = 1.0  # of the sizes of clusters when they are merged: 1 is k-means' own aim, 0.6 keeps small ones apart
    starts: int = 1  # runs of k-means, of which the best counts
    over: str = "sample"  # what k-means sees: the sample, or then all documents in rounds, or in one pass of mini-batches
    rounds: int = 20  # over all documents at most; of mini-batches so many
    device: str = "cpu"  # of k-means: cpu or cuda
    seed: int = 0  # of the sample, the directions and the starts
    terms: int = 1 << 15  # buckets of words with a direction: the most frequent ones of the sample
    bits: int = 18  # words are hashed to 2 ** bits buckets
    artifact: str = ""  # digest or file of an earlier model: nothing is learned, it is applied
    previous: str = ""  # digest or file of an earlier model whose names the new domains keep where they are the same
    keys: tuple[str, ...] = ("cluster",)  # what a domain is named by: cluster, then quality_bin, language and source (``keys``)
    quality: str = ""  # the signal whose quantiles are quality bins
    bins: int = 3  # of quality, with as many documents each
    language: str = "language.code"  # the signal that tells a document's language
    min_documents: int = 0  # of a combination: rarer ones go to the domain of their cluster
    keying: str = ""  # digest or @NAME of earlier quality bins and combinations: they are applied
    embedder: Embedder = dataclasses.field(default_factory=Tfidf)  # how documents become points, by _target_

    def __post_init__(self) -> None:
        for k in self.ks or ("",):
            if type(k) is not int or not 1 <= k <= MOST:
                raise ConfigError(f"regroup.k={self.k}: give a whole number from 1 to {MOST:,}, several as [10,20,40], or auto "
                                  f"for those of regroup.grid ({self.grid})")
        for name, low, high in (("min_words", 0, 1 << 60), ("finer", 1, 100), ("rounds", 1, 1000), ("dimensions", 1, 1024),
                                ("sample", 2, 10_000_000), ("starts", 1, 1000),
                                ("seed", 0, (1 << 40) - 1), ("terms", 2, 1 << 20), ("bits", 8, 24)):
            if not isinstance(given := getattr(self, name), int) or not low <= given <= high:
                raise ConfigError(f"regroup.{name}={given}: give a whole number from {low} to {high}")
        if not 0 <= self.power <= 1:
            raise ConfigError(f"regroup.power={self.power}: give a number from 0 to 1")
        if not isinstance(self.held_out, int | float) or not 0 <= self.held_out < 1:
            raise ConfigError(f"regroup.held_out={self.held_out}: give a share of the documents, at least 0 and less than 1")
        for name, allowed in (("over", OVER), ("device", DEVICES)):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"regroup.{name}={getattr(self, name)!r}: there is {', '.join(allowed)}")
        for name in ("artifact", "previous", "keying"):
            if not isinstance(given := getattr(self, name), str):  # a digest may look like a number
                raise ConfigError(f"regroup.{name}={given} was read as a number: quote it, 'regroup.{name}=\"…\"'")

        self.parts  # noqa: B018 - refuses wrong ones

    @property
    def parts(self) -> Keys:
        """What domains are named by."""
        return Keys(self.keys, self.quality, self.bins, self.language, self.min_documents)

    @property
    def clustering(self) -> "KMeans":
        """Without what is of no concern until the clusters are there."""
        plain = KMeans()
        return dataclasses.replace(self, **{name: getattr(plain, name) for name in KEYING})

    @property
    def ks(self) -> tuple[int, ...]:
        """The numbers of domains that are tried, ascending."""
        given: Any = self.grid if self.k == "auto" else self.k
        several = given if isinstance(given, tuple) else (given,)
        return tuple(sorted(set(several))) if all(type(k) is int for k in several) else several

    def seen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The documents of a batch with doc_id that are learned from; the others are but assigned."""
        return batch.filter(pa.array(~apart(batch.column("doc_id"), self.held_out))) if self.held_out else batch

    @property
    def exact(self) -> bool:
        """False: torch learns it, on one thread; what is learned is committed once, and applying it is exact."""
        return False

    @property
    def version(self) -> str:
        """Part of the key."""
        return "2"

    @property
    def learned(self) -> dict[str, Any]:
        """The parameters that a model depends on, but for the embedder's."""
        others = ("artifact", "embedder", *KEYING)
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in others}


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What some documents tell: the documents, those that hold each bucket (B), and the rows of SAMPLE among them."""

    documents: int
    frequencies: Integers
    sample: pa.Table


@dataclasses.dataclass(frozen=True, slots=True)
class Learn:
    """A Fit of ``KMeans``; ``threshold`` is the priority up to which a document is in the sample.

    ``fewer``: that there are fewer distinct documents than ``k`` is no error, there are then as many domains.
    """

    parameters: KMeans
    threshold: int = ALL
    previous: Model | None = None
    fewer: bool = False
    files: Files = dataclasses.field(default_factory=dict)  # of the embedder, on this node

    def __post_init__(self) -> None:
        if self.previous is not None and self.previous.facts["bits"] != self.parameters.bits:
            raise ConfigError(f"regroup.bits={self.parameters.bits}, but the previous model hashed words to "
                              f"{self.previous.facts['bits']} bits: set regroup.bits to that, so that names can be kept")

    def partial(self, batch: pa.RecordBatch, /) -> Seen:
        """Of a batch of survivors with the columns of READS, and those that the embedder reads."""
        require(batch, READS, "documents")
        batch = self.parameters.seen(batch)
        bits, text = self.parameters.bits, batch.column("text")
        priority = priorities(batch.column("doc_id"), self.parameters.seed, "regroup")
        drawn = np.flatnonzero(priority <= np.uint64(self.threshold))
        found = terms(text, bits)
        frequencies = np.bincount(found.buckets, minlength=1 << bits)
        chosen = batch.take(pa.array(drawn))
        rows, embedder = _rows(chosen, priority[drawn], bits), self.parameters.embedder
        if embedder.kept is not None:
            kept = embedder.keep(chosen, self.files) if len(drawn) else pa.array([], embedder.kept)
            rows = rows.append_column(pa.field(KEPT, embedder.kept), kept)
        return Seen(batch.num_rows, frequencies, rows)

    def merge(self, a: Seen, b: Seen, /) -> Seen:
        """Sums, and both samples."""
        sample = pa.concat_tables([a.sample, b.sample])
        if sample.column(0).num_chunks > CHUNKS:
            sample = sample.combine_chunks()
        return Seen(a.documents + b.documents, a.frequencies + b.frequencies, sample)

    def finish(self, state: Seen, /, refine: Callable[[Model], Floats] | None = None) -> bytes:
        """The model. Raises DataError where there is too little text for ``k`` domains.

        ``refine`` may give better centroids for the model that the sample gave, before domains are described and named.
        """
        given = self.parameters
        ordered = state.sample.sort_by([("priority", "ascending"), ("doc_id", "ascending")])
        sample = Sample.of(ordered)
        buckets = _frequent(sample.buckets, given.bits, given.terms)
        if len(buckets) < 2:
            raise DataError(f"no two words are in {FEWEST} of the {len(sample)} documents that domains are learned from: "
                            f"too little text; take {'dedup=minhash' if self.fewer else 'regroup=source'}")
        frequencies = state.frequencies[buckets]
        kept = ordered.column(KEPT).combine_chunks() if KEPT in ordered.schema.names else None
        space = Space(sample, kept, rows_of(buckets, given.bits), rarity(state.documents, frequencies), given.dimensions,
                      given.seed)
        learned = given.embedder.learn(space)
        points = given.embedder.points(space, learned)
        documents = state.documents / (1 - given.held_out)  # about so many with those that are held out
        centroids, measures = self._centroids(points, sample.lengths * (documents / max(1, len(sample))))
        made = Model(self._described(), buckets, frequencies, learned.projection, centroids, learned.frame)
        if refine is not None:
            made = dataclasses.replace(made, centroids=_largest_first(points, refine(made)))
        facts = self._facts(state, space, made, points) | ({"choice": [one.told() for one in measures]} if measures else {})
        return dataclasses.replace(made, facts=facts).to_bytes()

    def _described(self) -> dict[str, Any]:
        """What every model tells first; TF-IDF is what a model without a word of its embedder was made with."""
        embedder = self.parameters.embedder
        told = {} if isinstance(embedder, Tfidf) else {"embedder": described(embedder)}
        return {"bits": self.parameters.bits} | told

    def _centroids(self, points: Floats, words: npt.NDArray[np.float64]) -> tuple[Floats, list[Tried]]:
        """Of the domains, the largest first, and what spoke for each number of them where there was a choice.

        ``words``: what each point stands for.
        """
        from corpusmill.operators.domain.clusters import Clusters

        given, alive = self.parameters, points.any(axis=1)
        known, cluster = points[alive], Clusters(given.finer, given.power, given.starts, given.seed, _device(given.device))
        if len(given.ks) == 1:
            (k,) = given.ks
            measures, centroids = [], cluster(known, k)
        else:
            found = [tried(known, words[alive], k, cluster, given.seed) for k in given.ks]
            measures = judged([one for one, _ in found], given.min_words)
            k, centroids = next((one.k, places) for one, (_, places) in zip(measures, found, strict=True) if one.chosen)
        if len(centroids) < k and not self.fewer:
            raise DataError(f"regroup.k={k}, but the {len(known)} documents that domains are learned from have only "
                            f"{len(centroids)} distinct vectors: give a smaller k")
        return centroids, measures

    def _facts(self, state: Seen, space: Space, made: Model, points: Floats) -> dict[str, Any]:
        from corpusmill.operators.domain.latent import plane

        k, known, sample = len(made.centroids), None, space.sample
        codes, distances = nearest(points, made.centroids)
        cards = cards_of(sample, made.rows, codes, distances, k)
        if self.previous is not None:
            known = Known(self.previous.names, self.previous.facts["next"], self._before(self.previous, space))
        names, following = name_all([card["terms"] for card in cards], codes, known)
        return self._described() | {"documents": state.documents, "sampled": len(sample), "names": names,
                "next": following, "parameters": self.parameters.learned,
                "cards": [{"domain": name, **card, "place": [round(float(at), 4) for at in place]}
                          for name, card, place in zip(names, cards, plane(made.centroids), strict=True)]}

    def _before(self, previous: Model, space: Space) -> Codes:
        """The old domains of the sample; by its points where the old model has the same embedder."""
        if previous.by_words:
            return previous.assign(space.sample.offsets, space.sample.buckets, space.sample.counts)[0]
        if previous.facts["embedder"] != self._described().get("embedder"):
            raise ConfigError("regroup.previous was made with another embedder, whose points the sample does not have: give "
                              "the same regroup.embedder, or a model by words")
        return nearest(framed(stacked(space), previous.frame), previous.centroids)[0]


def _largest_first(points: Floats, centroids: Floats) -> Floats:
    from corpusmill.operators.domain.clusters import largest_first

    return largest_first(points, centroids)


def _device(name: str) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("regroup.device=cuda: torch finds no GPU here: give cpu")
    return name


def threshold_of(sample: int, documents: int) -> int:
    """The priority up to which about ``sample`` of so many documents lie."""
    return ALL if documents <= sample else (sample << 64) // documents


def _rows(batch: pa.RecordBatch, priority: npt.NDArray[np.uint64], bits: int) -> pa.Table:
    text = batch.column("text")
    found = terms(text, bits)
    lists = (pa.array(found.buckets), pa.array(found.counts), spelt(text, found))
    columns = [pa.array(priority), batch.column("doc_id"), batch.column("source"), pc.utf8_slice_codeunits(text, 0, EXCERPT),
               *(pa.LargeListArray.from_arrays(pa.array(found.offsets), values) for values in lists)]
    return pa.Table.from_arrays(columns, schema=SAMPLE)


def _frequent(buckets: Codes, bits: int, most: int) -> Codes:
    """The buckets that the most documents of the sample hold, ascending; among equals the smaller ones."""
    held = np.bincount(buckets, minlength=1 << bits)
    order = np.argsort(-held, kind="stable")[:most]
    return np.sort(order[held[order] >= FEWEST]).astype(np.int32)
