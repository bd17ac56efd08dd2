"""Kernels of ``PII`` over whole batches: every span of every document, and texts with their spans replaced."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.pii_addresses import find_emails, find_ips
from corpusmill.operators.quality.pii_numbers import find_cards, find_ibans, find_phones
from corpusmill.operators.quality.pii_secrets import find_assigned, find_secrets
from corpusmill.operators.quality.pii_spans import merged
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import byte_at, copy_block, kernel


@kernel
def find_spans(addresses: Integers, lengths: Integers, breaks: int, offsets: Integers) -> Any:
    """All spans (start, end, kind), document after document, and how many; row ``offsets[d]`` is the first of document ``d``.

    Where two overlap the one of the finder that stands first here remains. ``breaks`` is the address of
    ``wordbreak.properties()``.
    """
    spans, n = np.empty((1024, 3), np.int64), 0
    for d in range(len(addresses)):
        address, length, first = addresses[d], lengths[d], n
        offsets[d] = n
        spans, n = find_secrets(address, length, spans, n)
        middle = n
        spans, n = find_emails(address, length, spans, n)
        n = merged(spans, first, middle, n)
        middle = n
        spans, n = find_assigned(address, length, spans, n)
        n = merged(spans, first, middle, n)
        middle = n
        spans, n = find_ibans(address, length, spans, n)
        n = merged(spans, first, middle, n)
        middle = n
        spans, n = find_cards(address, length, spans, n)
        n = merged(spans, first, middle, n)
        middle = n
        spans, n = find_ips(address, length, spans, n)
        n = merged(spans, first, middle, n)
        middle = n
        spans, n = find_phones(address, length, breaks, spans, n)
        n = merged(spans, first, middle, n)
    offsets[len(addresses)] = n
    return spans, n


@kernel
def find_changes(addresses: Integers, spans: Any, offsets: Integers, starts: Integers, masks: Integers, wanted: Any,
                 changes: Any) -> None:
    """Which spans have a replacement that is not their text already.

    The replacement of kind ``k`` is at the address ``masks[k]``, ``starts[k + 1] - starts[k]`` bytes; ``wanted[k]`` says
    whether there is one.
    """
    for d in range(len(addresses)):
        for i in range(offsets[d], offsets[d + 1]):
            kind, start, size = spans[i, 2], spans[i, 0], spans[i, 1] - spans[i, 0]
            same = starts[kind + 1] - starts[kind] == size
            at = 0
            while same and at < size:
                same = byte_at(addresses[d] + start + at) == byte_at(masks[kind] + at)
                at += 1
            changes[i] = wanted[kind] and not same


@kernel
def replace_spans(addresses: Integers, lengths: Integers, spans: Any, offsets: Integers, starts: Integers, masks: Integers,
                  changes: Any, data: int, ends: Any) -> None:
    """Write all documents one after another to the address ``data``, with the spans replaced that ``changes`` names.

    Blocks are copied whole: up to 63 bytes after the end are written and then overwritten, or are padding.
    """
    out = data
    for d in range(len(addresses)):
        copied = 0
        for i in range(offsets[d], offsets[d + 1]):
            if changes[i]:
                out = _copy(addresses[d] + copied, spans[i, 0] - copied, out)
                kind = spans[i, 2]
                out = _copy(masks[kind], starts[kind + 1] - starts[kind], out)
                copied = spans[i, 1]
        out = _copy(addresses[d] + copied, lengths[d] - copied, out)
        ends[d + 1] = out - data


@kernel
def _copy(source: int, size: int, target: int) -> int:
    for at in range(0, size, 64):
        copy_block(target + at, source + at)
    return target + size
