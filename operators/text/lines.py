"""Lines: the pieces of ``text.split("\\n")``, so a text has one line more than it has line feeds."""

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import NONE, ONE, count_ones, equal, kernel, low_bits, lowest

LINE_FEED = 0x0A


@kernel
def count_lines(addresses: Integers, lengths: Integers, counts: Integers) -> None:
    """Lines of each document, at least one."""
    for d in range(len(addresses)):
        feeds = 0
        for at in range(0, lengths[d], 64):
            feeds += count_ones(equal(addresses[d] + at, LINE_FEED) & low_bits(lengths[d] - at))
        counts[d] = feeds + 1


@kernel
def locate_lines(addresses: Integers, lengths: Integers, spans: Integers) -> None:
    """Write start and end of every line (bytes from the document's start, line feed excluded), document by document."""
    filled = 0
    for d in range(len(addresses)):
        start = 0
        for at in range(0, lengths[d], 64):
            feeds = equal(addresses[d] + at, LINE_FEED) & low_bits(lengths[d] - at)
            while feeds != NONE:
                spans[filled] = start
                spans[filled + 1] = at + lowest(feeds)
                start = spans[filled + 1] + 1
                filled += 2
                feeds &= feeds - ONE
        spans[filled] = start
        spans[filled + 1] = lengths[d]
        filled += 2
