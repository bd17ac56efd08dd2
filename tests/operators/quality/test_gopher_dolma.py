"""GopherDolma's counts; that they decide as Dolma does is tested with its profile (tests/conf/test_gopher_profiles.py)."""

import pyarrow as pa
import pytest

from corpusmill.operators.quality.datatrove import Datatrove
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.gopher_dolma import GopherDolma
from corpusmill.operators.schema import DOCUMENTS

FIELDS = pa.schema([DOCUMENTS.field("text")])


def counts(operator, text):
    batch = operator.open({})(pa.record_batch([pa.array([text], pa.string())], schema=FIELDS)).batch
    return {name.partition(".")[2]: n for name, n in batch.drop_columns(["text"]).to_pylist()[0].items()}


def test_the_counts_of_a_short_text():
    found = counts(GopherDolma(), "The the of #\n- …of\n\n* x\n")
    wanted = {"words": 8, "required_words": 2, "symbol_words": 2, "lines": 5, "bullet_lines": 2}
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize(("operator", "signal"), [
    (GopherDolma(), "required_words"), (Gopher(), "stop_words"), (Datatrove(), "stop_words"),
], ids=lambda one: one if isinstance(one, str) else one.name)  # fmt: skip
def test_a_word_that_ends_in_nul_is_no_stop_word(operator, signal):
    """Its bytes beyond the end of the word look like the padding of a shorter one."""
    assert counts(operator, "the\0 of\0 to\0\0 and\0 that\0 have\0 \0")[signal] == 0
    assert counts(operator, "the of to and that have")[signal] == 6


def test_a_document_of_many_megabytes_beyond_ascii():
    """A bitmap of the document was freed while kernels wrote to it: the process ended."""
    line = "é漢 ab ключ\n"
    times = 30_000_000 // len(line.encode())
    found = counts(GopherDolma(), line * times)
    assert (found["words"], found["lines"], found["duplicate_lines"]) == (3 * times, times + 1, times)
