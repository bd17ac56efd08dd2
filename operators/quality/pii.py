"""``PII``: email, IP, telephone, card and account numbers and keys, counted, located and, where asked for, masked."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.pii_masking import find_changes, find_spans, replace_spans
from corpusmill.operators.quality.pii_spans import KINDS, PRIVATE_IP, to_characters
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import LARGEST, TEXT, append, replace_text
from corpusmill.operators.text.simd import PADDING
from corpusmill.operators.text.wordbreak import properties

ROUNDS = 8  # of masking: what one round uncovers the next one masks; two have always been enough
SPANS = pa.list_(pa.struct([pa.field("kind", pa.string()), pa.field("start", pa.int64()), pa.field("end", pa.int64())]))


@dataclasses.dataclass(frozen=True)
class PII:
    """Adds int64 counts ``{name}.{kind}``, ``{name}.spans`` (all kinds together but private_ip, which names nobody),
    ``{name}.chars`` (characters in these) and ``{name}.found``, a list of (kind, start, end) in characters of the text that the
    operator was given, with those of private_ip.

    A kind whose parameter is a string is masked: each span becomes that string, in which the operator must find nothing, or
    the whole of it as of that kind (email@example.com for email). A kind whose parameter is null is only counted. «Drop» is a
    rule on the counts. A second run changes nothing; where masking uncovers another span (rare), it is masked too, and counted
    as ``uncovered``. Counts ``edited``: rows whose text changed. Precision comes first: a number without a checksum, a layout
    or a word beside it that says what it is stays. All grammars are ASCII; a letter or digit beside a span rules it out.

    =========== ============================================================================================================
    email       up to 64 of A-Z a-z 0-9 . _ % + ' - from a letter, digit or _ on, without two full stops; @; labels of a
                domain; a last label of 2 to 24 letters. Not «icon@2x.png»
    ip          IPv4 as four numbers to 255 without leading zeros, not part of a longer row of numbers, one of them 32 or
                more (4.2.1.3 is a section or a version); IPv6 (RFC 4291) whose first group has four digits, as all global
                ones have, and which has a decimal digit: «a::b» is code
    private_ip  both, numbers of any size, where IANA's special-purpose registry does not call the block globally reachable:
                what ``ipaddress.is_global``, and so datatrove's formatter, says, but that all of 192.0.0.0/24, 2001::/23,
                2002::/16 and 3fff::/20 is private
    phone       + and 8 to 15 digits that begin with a country code in use, single separators (space . - /) between, one group
                perhaps in parentheses; 7 to 15 such digits after the word tel, telephone, phone, fax, mobile or cell (no letter
                or digit of any script before it, as UAX #29 parts words; «hôtel» is no label); (2xx) 2xx-xxxx,
                2xx-2xx-xxxx and 2xx.2xx.xxxx, the latter two perhaps after a 1
    card        digits together, or 4-4-4-4, 4-6-5, 4-6-4 with spaces or hyphens, not after / or =; prefix and length of Visa
                (13, 16), Mastercard (16), American Express (15), Diners Club (14), Discover and JCB (16) or UnionPay (16,
                19); Luhn's check digit
    iban        capitals, together or in fours; a country of the IBAN registry (ISO 13616) and its length; 1 modulo 97
    key         AWS access key ids, tokens of GitHub, GitLab, Slack, Stripe, Google, npm, PyPI, Hugging Face and OpenAI, JSON
                web tokens, PEM private keys; and 20 to 200 characters of base64 with at least two digits, two letters
                and ten distinct characters behind a name that ends in token, secret, password, passwd or api, auth,
                access, secret, private key, with = : := or => between
    =========== ============================================================================================================

    Where spans overlap the first of these remains: key of its own shape, email, key behind a name, iban, card, ip, phone.
    The default masks are in the style of Dolma's (allenai/dolma, configs of v1_5); datatrove's formatter writes
    email@example.com. Raises ConfigError for another mask, or one that is no text.
    """

    name: str = "pii"
    email: str | None = "|||EMAIL_ADDRESS|||"  # the mask; null counts only
    ip: str | None = "|||IP_ADDRESS|||"
    private_ip: str | None = None
    phone: str | None = "|||PHONE_NUMBER|||"
    card: str | None = "|||CARD_NUMBER|||"
    iban: str | None = "|||IBAN|||"
    key: str | None = "|||KEY|||"

    reads = TEXT
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        for kind, mask in zip(KINDS, self._masks, strict=True):
            if mask is not None and not isinstance(mask, str):
                raise ConfigError(f"operator {self.name!r}: {kind} must be a mask or null; got {mask!r}")
            if mask and mask != getattr(PII, kind):
                self._check_mask(kind, mask)

    def _check_mask(self, kind: str, mask: str) -> None:
        spans, _ = _located(Texts.of(pa.array([mask])))
        whole = [0, len(mask.encode()), KINDS.index(kind)]
        for start, end, other in spans.tolist():
            if [start, end, other] != whole:
                raise ConfigError(f"operator {self.name!r}: the mask {kind}={mask!r} holds what this operator itself finds, "
                                  f"{mask.encode()[start:end].decode()!r} ({KINDS[other]}): give one that holds none, or that "
                                  f"is one {kind} as a whole")

    @property
    def _masks(self) -> tuple[str | None, ...]:
        return tuple(getattr(self, kind) for kind in KINDS)

    @property
    def adds(self) -> pa.Schema:
        """The counts as int64, and the spans."""
        counts = [pa.field(f"{self.name}.{signal}", pa.int64()) for signal in (*KINDS, "spans", "chars")]
        return pa.schema([*counts, pa.field(f"{self.name}.found", SPANS)])

    @property
    def edits(self) -> frozenset[str]:
        """The text where any kind is masked."""
        return frozenset({"text"}) if any(mask is not None for mask in self._masks) else frozenset()

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the columns and masks."""
        fields, masks = self.adds, _Masks.of(self._masks)

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            spans, offsets = _located(texts)
            counts = {"edited": 0, "uncovered": 0} if self.edits else {}
            if self.edits and len(spans):
                column, counts = _stable(batch.column("text"), texts, spans, offsets, masks)
                batch = replace_text(batch, column)
            return Outcome(append(batch, fields, _columns(texts, spans, offsets)), counts)

        return apply


@dataclasses.dataclass(frozen=True, slots=True)
class _Masks:
    """The replacements as kernels take them; ``data`` keeps their memory."""

    starts: Integers
    addresses: Integers
    wanted: Any
    data: Any

    @classmethod
    def of(cls, masks: tuple[str | None, ...]) -> "_Masks":
        texts = [(mask or "").encode() for mask in masks]
        starts = np.cumsum([0, *map(len, texts)])
        data = np.frombuffer(b"".join(texts) + bytes(PADDING), np.uint8)
        return cls(starts, starts[:-1] + data.ctypes.data, np.array([mask is not None for mask in masks]), data)


def _located(texts: Texts) -> tuple[Any, Integers]:
    """(start, end, kind) of every span in bytes, and where each document's begin."""
    offsets = np.zeros(len(texts) + 1, np.int64)
    spans, n = find_spans(texts.addresses, texts.lengths, properties().ctypes.data, offsets)
    return spans[:n], offsets


def _columns(texts: Texts, spans: Any, offsets: Integers) -> list[pa.Array]:
    """What is added, in the order of the schema."""
    documents, kinds = len(texts), len(KINDS)
    cells = np.repeat(np.arange(documents) * kinds, np.diff(offsets)) + spans[:, 2]
    table = np.bincount(cells, minlength=documents * kinds).reshape(documents, kinds)
    personal = np.append(0, spans[:, 2] != PRIVATE_IP)
    together = np.cumsum(personal)
    characters = np.cumsum(personal * np.append(0, spans[:, 1] - spans[:, 0]))
    placed = spans.copy()
    to_characters(texts.addresses, placed, offsets)
    values = [pa.array(KINDS).take(pa.array(placed[:, 2])), pa.array(placed[:, 0]), pa.array(placed[:, 1])]
    rows = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.StructArray.from_arrays(values, fields=list(
        SPANS.value_type)))
    counts = [*table.T, *(sums[offsets[1:]] - sums[offsets[:-1]] for sums in (together, characters))]
    return [*(pa.array(np.ascontiguousarray(column).astype(np.int64)) for column in counts), rows]


def _stable(
    column: pa.StringArray, texts: Texts, spans: Any, offsets: Integers, masks: _Masks
) -> tuple[pa.Array, dict[str, int]]:
    """The column with all spans masked, again and again until nothing changes; rows edited, and spans that were uncovered."""
    edited, rows, part, uncovered = np.zeros(len(texts), np.bool_), np.arange(len(texts)), column, 0
    for turn in range(ROUNDS):
        changes = np.zeros(len(spans), np.bool_)
        find_changes(texts.addresses, spans, offsets, masks.starts, masks.addresses, masks.wanted, changes)
        dirty = np.add.reduceat(np.append(changes, False), offsets[:-1]) * (np.diff(offsets) > 0) > 0
        if not dirty.any():
            break
        uncovered += int(changes.sum()) if turn else 0
        replaced = _replaced(texts, spans, offsets, masks, changes)
        if turn:
            column = pc.replace_with_mask(column, pa.array(_flags(len(column), rows[dirty])), replaced.filter(pa.array(dirty)))
        else:
            column, edited = replaced, dirty
        rows = rows[dirty]
        part = column.take(pa.array(rows))
        texts = Texts.of(part)
        spans, offsets = _located(texts)
    return column, {"edited": int(edited.sum()), "uncovered": uncovered}


def _flags(size: int, rows: Any) -> Any:
    flags = np.zeros(size, np.bool_)
    flags[rows] = True
    return flags


def _replaced(texts: Texts, spans: Any, offsets: Integers, masks: _Masks, changes: Any) -> pa.StringArray:
    """All texts, with the changes made. Raises DataError where they no longer fit in a column."""
    grown = np.diff(masks.starts)[spans[:, 2]] - (spans[:, 1] - spans[:, 0])
    size = int(texts.lengths.sum() + grown[changes].sum())
    if size > LARGEST:
        raise DataError(f"masks make a batch of {len(texts)} documents {size} bytes long, more than {LARGEST}: give shorter "
                        "masks")
    ends, data = np.zeros(len(texts) + 1, np.int32), np.empty(size + PADDING, np.uint8)
    replace_spans(texts.addresses, texts.lengths, spans, offsets, masks.starts, masks.addresses, changes, data.ctypes.data,
                  ends)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(data))
