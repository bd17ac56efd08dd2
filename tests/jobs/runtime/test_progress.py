import io
import time

import pytest

from corpusmill.jobs.runtime import progress
from corpusmill.jobs.runtime.progress import StageProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def lines(monkeypatch, *, quiet, step, stream=None):
    """What a stage of four tasks says, where each takes ``step`` seconds."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    stream = stream or io.StringIO()
    with StageProgress("annotations", 4, quiet, stream) as bar:
        for _ in range(4):
            clock[0] += step
            bar.advance(1000, 2_000_000)
    return stream.getvalue().splitlines()


def test_a_piped_stage_says_how_it_went_in_one_line(monkeypatch):
    assert lines(monkeypatch, quiet=False, step=0.5) == ["annotations: 4 tasks, 4,000 rows (2,000/s), 4.0 MB/s, 2.0 s"]


def test_a_long_piped_stage_says_where_it_is_now_and_then(monkeypatch):
    said = lines(monkeypatch, quiet=False, step=6)
    assert said[0] == "annotations: 1/4 tasks, 1,000 rows (167/s), 0.3 MB/s, about 18 s left"
    assert len(said) == 5


def test_a_quiet_stage_says_nothing(monkeypatch):
    assert lines(monkeypatch, quiet=True, step=6) == []
    assert lines(monkeypatch, quiet=True, step=6, stream=Terminal()) == []


def test_a_terminal_gets_a_bar_and_then_one_line():
    stream = Terminal()
    with StageProgress("mixture", 2, quiet=False, stream=stream) as bar:
        bar.advance(5, 10)
        bar.advance(5, 10)
    assert "2/2" in stream.getvalue()
    assert stream.getvalue().splitlines()[-1].split("mixture: ")[-1].startswith("2 tasks, 10 rows")


def test_a_failed_stage_does_not_say_that_it_is_done():
    stream = io.StringIO()
    with pytest.raises(ValueError, match="x"), StageProgress("mixture", 2, quiet=False, stream=stream):
        raise ValueError("x")
    assert stream.getvalue() == ""


def test_notes_go_to_standard_error(capsys):
    progress.note("hello")
    progress.note("hidden", quiet=True)
    assert capsys.readouterr() == ("", "hello\n")
