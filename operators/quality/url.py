"""``Url`` and ``UrlList``: hosts and registered domains of documents' URLs, and what lists say of them."""

import dataclasses
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality import url_parsing as parsing
from corpusmill.operators.quality.badwords_matching import Automaton, automaton, count_matches
from corpusmill.operators.quality.lists import entries_of, read_list
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import append

URL = pa.schema([DOCUMENTS.field("url")])
MATCHES = ("domain", "host", "site", "url", "word", "subword")
_NONE = np.empty(0, np.uint64)


@dataclasses.dataclass(frozen=True)
class Url:
    """Adds ``{name}.host`` and ``{name}.domain``, strings in lower case; null where a document has no URL, or it no host.

    The host is what stands between ``//`` (or the beginning) and the next / ? # or backslash, without user, port and a final
    full stop; more than 253 bytes are no host (RFC 1035). The domain is the registered one: the public suffix and one label
    more, null for a suffix alone; IP addresses are their own. Suffixes are read from ``path``, a list in the form of
    publicsuffix.org (a rule a line, * and !), which the package does not carry. Without one the suffix is the last label, or
    the last two where the last is a country's two letters and the one before names a category: co, com, ac, gov and the like.
    Names are compared as they are written: IDNs are not converted to Punycode, so give the list both ways. Raises DataError
    for a list that is not UTF-8.
    """

    name: str = "url"
    path: str = ""  # of a list of public suffixes; empty for the rule
    digest: str = ""  # of the list: filled in by the job

    reads = URL
    edits = frozenset[str]()
    exact = True
    version = "1"

    @property
    def adds(self) -> pa.Schema:
        """Both strings."""
        return pa.schema([pa.field(f"{self.name}.{part}", pa.string()) for part in ("host", "domain")])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The list, where there is one."""
        return {"list": self.digest} if self.path else {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds both columns; ``files["list"]`` is the list."""
        fields = self.adds
        suffixes = _suffixes(_file(files, self.name, self.path), self.path, self.digest) if self.path else _rule()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, URL, f"the batch of {self.name!r}")
            column = batch.column("url")
            hosts = parsing.hosts(Texts.of(_filled(column), "url"))
            starts = np.empty(len(hosts), np.int64)
            parsing.find_domains(hosts.addresses, hosts.lengths, *suffixes, starts)
            whole = np.where(hosts.lengths > 0, 0, -1)
            return Outcome(append(batch, fields, [_from(hosts, whole), _from(hosts, starts)]), {})

        return apply


@dataclasses.dataclass(frozen=True)
class UrlList:
    """Adds ``{name}.hits``: how many entries of a list a document's URL matches; null without a URL, so that no rule fires.

    Whether the list blocks or allows is the rule's: ``max: 0`` blocks what matches, ``min: 1`` what does not. The list is a
    file with an entry a line, # before comments; entries of hosts may be whole URLs. No list is part of the package.

    ======= ================================================================================================================
    domain  the registered domain is listed, by the rule of ``Url`` (datatrove's URLFilter: reason ``domain``)
    host    the host itself is listed (``subdomain``)
    site    the host or a domain above it is: at most one hit for each of its labels
    url     the URL is, compared without scheme, user, port, fragment and final slashes, its host in lower case (``url``)
    word    runs of ASCII letters and digits of the URL, in lower case: different listed ones are counted. ``max: 0`` for hard
            words (``hard_blacklisted``), ``max: 1`` for soft ones (``soft_blacklisted``)
    subword listed strings in what remains of the URL without all but ASCII letters and digits, in lower case: different ones
            are counted (``blacklisted_subword``)
    ======= ================================================================================================================

    Of words and subwords only letters and digits count, in lower case, as in datatrove; but there words of URLs keep their
    case. Raises ConfigError for another ``match``, and DataError for a list that is not UTF-8.
    """

    path: str  # of the list
    name: str = "url_list"
    match: str = "site"  # domain, host, site, url, word or subword
    digest: str = ""  # of the list: filled in by the job

    reads = URL
    edits = frozenset[str]()
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        if self.match not in MATCHES:
            raise ConfigError(f"operator {self.name!r}: match must be one of {', '.join(MATCHES)}; got {self.match!r}")

    @property
    def adds(self) -> pa.Schema:
        """The number of hits."""
        return pa.schema([pa.field(f"{self.name}.hits", pa.int64())])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The list."""
        return {"list": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the column; ``files["list"]`` is the list."""
        fields, match = self.adds, self.match
        listed = _listed(_file(files, self.name, self.path), self.path, self.digest, match)

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, URL, f"the batch of {self.name!r}")
            column = batch.column("url")
            texts = Texts.of(_filled(column), "url")
            hits = np.zeros(len(texts), np.int64)
            applicable = _count(texts, listed, match, hits)
            unknown = ~applicable | ~np.asarray(column.is_valid())
            return Outcome(append(batch, fields, [pa.array(hits, mask=unknown)]), {})

        return apply


def _count(texts: Texts, listed: Any, match: str, hits: Any) -> Any:
    """Fill ``hits``; returns for which rows there is something to match."""
    if match == "subword":
        found, words = parsing.squeezed(texts), cast("Automaton", listed)
        count_matches(found.addresses, found.lengths, *words.arrays, np.empty(len(texts), np.int64), hits)
    elif match == "word":
        found = parsing.lowered(texts)
        parsing.count_words(found.addresses, found.lengths, listed, hits)
    else:
        found = parsing.canonical(texts) if match == "url" else parsing.hosts(texts)
        there = found.lengths > 0
        found = _domains(found) if match == "domain" else found
        parsing.count_listed(found.addresses, found.lengths, listed, match == "site", hits)
        return there
    return np.ones(len(texts), np.bool_)


def _domains(hosts: Texts) -> Texts:
    """The registered domains of hosts, empty where there is none."""
    starts = np.empty(len(hosts), np.int64)
    parsing.find_domains(hosts.addresses, hosts.lengths, *_rule(), starts)
    return Texts(hosts.addresses + np.maximum(starts, 0), np.where(starts < 0, 0, hosts.lengths - starts), hosts.owners)


def _from(hosts: Texts, starts: Any) -> pa.StringArray:
    """What of each host begins at ``starts``; null where that is below 0."""
    first = np.maximum(starts, 0)
    ends = np.where(starts < 0, first, hosts.lengths)
    found = parsing.written(hosts.addresses, first, ends, ends, ends)
    offsets = np.append(0, np.cumsum(found.lengths)).astype(np.int32)
    known = np.packbits(starts >= 0, bitorder="little")
    return pa.StringArray.from_buffers(len(hosts), pa.py_buffer(offsets), pa.py_buffer(found.owners[0]), pa.py_buffer(known))


def _filled(column: pa.StringArray) -> pa.StringArray:
    return pc.fill_null(column, "") if column.null_count else column


def _file(files: Mapping[str, Path], name: str, path: str) -> Path:
    if "list" not in files:
        raise ConfigError(f"operator {name!r}: the list {path!r} has not been fetched: it is opened with files['list'], which "
                          "the annotate job fills in")
    return files["list"]


@functools.lru_cache(maxsize=16)
def _listed(path: Path, given: str, digest: str, match: str) -> Any:
    """The list as it is looked up, read once per process."""
    text = read_list(path, given)
    if match == "subword":
        return automaton({re.sub("[^a-z0-9]", "", entry) for entry in entries_of(text)} - {""}, bounded=False)
    entries = parsing.lines(text.encode())
    if match == "word":
        return parsing.hashed(parsing.squeezed(entries))
    return parsing.hashed(parsing.canonical(entries) if match == "url" else parsing.hosts(entries))


@functools.lru_cache(maxsize=2)
def _suffixes(path: Path, given: str, digest: str) -> tuple[Any, Any, Any]:
    """Hashes of the rules of a public suffix list: exact, behind a wildcard, exceptions."""
    rules = [line.split()[0].lower() for line in read_list(path, given).split("\n") if line.strip()]
    rules = [rule for rule in rules if not rule.startswith("//")]
    return (_hashes(r for r in rules if r[0] not in "*!"), _hashes(r[2:] for r in rules if r.startswith("*.")),
            _hashes(r[1:] for r in rules if r[0] == "!"))


@functools.cache
def _rule() -> tuple[Any, Any, Any]:
    """The suffixes of two labels of every country: all pairs of a category and two letters."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return _hashes(f"{c}.{a}{b}" for c in parsing.CATEGORIES for a in letters for b in letters), _NONE, _NONE


def _hashes(names: Any) -> Any:
    return parsing.hashed(parsing.lines("\n".join(names).encode()))
