"""The commands as a user types them."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "corpusmill"

pytestmark = pytest.mark.e2e


def call(*words, cwd):
    return subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture
def words(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    return ["corpus=files", "corpus.paths=[in.jsonl]", "engine=inline", "store.root=out"]


def test_the_command_equals_the_module(tmp_path, words):
    """The same manifest, as the last line on standard output; all else is on standard error."""
    one = call(COMMAND, "ingest", *words, cwd=tmp_path)
    two = call(sys.executable, "-m", "corpusmill.jobs.ingest", *words, cwd=tmp_path)
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    assert one.stdout == two.stdout
    assert one.stdout.startswith(f"manifest: {tmp_path}/out/documents/")
    assert one.stdout.count("\n") == 1
    assert (tmp_path / one.stdout.strip().removeprefix("manifest: ")).exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out"], "no outputs/ or multirun/ of Hydra's"


def test_a_bad_setting_has_exit_code_2_and_no_traceback(tmp_path, words):
    result = call(COMMAND, "ingest", *words, "corpus.pats=[x]", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: there is no setting 'corpus.pats': did you mean 'paths'?")
    assert result.stderr.count("\n") == 1


def test_help_needs_neither_store_nor_ray(tmp_path):
    program = "import sys; from corpusmill.jobs.runtime.main import main; main(); assert 'ray' not in sys.modules"
    result = call(sys.executable, "-c", program, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "corpusmill JOB" in result.stdout
    assert list(tmp_path.iterdir()) == []
