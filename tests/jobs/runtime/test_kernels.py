"""The cache of compiled kernels: found again by the next process, never stale, never shared by mistake."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpusmill.jobs.runtime import kernels

# Imports the kernel first, as unpickling does in a worker, and only then names the cache folder.
CALL = """
import numpy as np
from corpusmill.operators.text.lines import count_lines
from corpusmill.jobs.runtime.kernels import use_cache
folder = use_cache()
empty = np.empty(0, np.int64)
count_lines(empty, empty, empty)
print(folder, sum(count_lines.stats.cache_hits.values()), sum(count_lines.stats.cache_misses.values()))
"""
WARM = """
from corpusmill.jobs.runtime import kernels
from corpusmill.operators.contract import chain
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.words import count_words
kernels.warm(chain([TextLayer()], DOCUMENTS))
print(sum(count_words.stats.cache_hits.values()), sum(count_words.stats.cache_misses.values()))
"""


@pytest.fixture
def start(tmp_path):
    """Starts Python with an empty cache folder of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}

    def run(code):
        return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)

    return run


def output(process):
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return text.split()


def test_a_second_process_loads_what_the_first_compiled(start, tmp_path):
    """numba picks the folder when a kernel is decorated, which may be before ``use_cache`` is called."""
    folder, hits, misses = output(start(CALL))
    assert (hits, misses) == ("0", "1")
    assert Path(folder) == tmp_path / "corpusmill" / "kernels" / kernels.digest()
    assert list(Path(folder).rglob("*.nbi"))
    assert output(start(CALL))[1:] == ["1", "0"]


def test_workers_that_warm_at_once_compile_once(start):
    found = sorted(output(process) for process in [start(WARM), start(WARM)])
    assert found == [["0", "1"], ["1", "0"]]


def test_the_digest_follows_the_sources(tmp_path, monkeypatch):
    before = kernels.digest()
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr(kernels.corpusmill.operators, "__file__", str(tmp_path / "__init__.py"))
    empty = kernels.digest()
    (tmp_path / "simd.py").write_text("changed = True")
    assert len({before, empty, kernels.digest()}) == 3


def test_a_home_that_cannot_be_written_is_not_needed(tmp_path, monkeypatch):
    """A file where the cache folder should be stands for a read-only home: permissions do not stop root."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(kernels.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(kernels.numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(kernels, "_redirect", lambda: None)
    folder = kernels.use_cache.__wrapped__()
    assert folder.parent == tmp_path / f"corpusmill-{os.getuid()}" / "kernels"
    assert folder.is_dir()
    assert kernels.numba.config.CACHE_DIR == os.environ["NUMBA_CACHE_DIR"] == str(folder)


def test_the_environment_of_workers_names_the_folder():
    assert kernels.environment() == {"NUMBA_CACHE_DIR": str(kernels.use_cache())}


def test_a_process_that_dies_while_it_warms_does_not_block_the_others(start, tmp_path):
    code = """
from corpusmill.jobs.runtime import kernels
with kernels._locked(kernels.Path({path!r})):
    print("held", flush=True)
    input()
"""
    held = start(code.format(path=str(tmp_path / "x.lock")))
    with held:
        assert held.stdout.readline() == "held\n"
        held.kill()
    begin = time.monotonic()
    with kernels._locked(tmp_path / "x.lock"):
        assert time.monotonic() - begin < 10
