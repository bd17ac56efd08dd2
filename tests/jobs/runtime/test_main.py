import os
import signal

import pytest
import yaml

from corpusmill.jobs import ingest
from corpusmill.jobs.runtime import main as entry
from corpusmill.jobs.runtime.main import JOBS, main
from corpusmill.operators.errors import TaskError


@pytest.fixture
def corpus(tmp_path):
    """The override that names a file of two documents."""
    (tmp_path / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    return f"corpus.paths=[{tmp_path / 'in.jsonl'}]"


def test_a_job_ends_with_its_manifest_on_standard_output(mill, corpus):
    """Nothing else is there; the rest is on standard error."""
    result = mill.run("ingest", "corpus=files", corpus)
    assert result.code == 0
    assert result.out == f"manifest: {result.uri}\n"
    assert mill.manifest(result.uri).rows == 2
    assert "documents: 1 tasks" in result.err


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_without_a_job_the_usage_is_shown(capsys, words):
    assert main(words) == 0
    out = capsys.readouterr().out
    assert all(f"  {job} " in out for job in JOBS)


@pytest.mark.parametrize("job", JOBS)
def test_every_job_has_help(capsys, job):
    assert main([job, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"corpusmill {job} ")


@pytest.mark.parametrize(("words", "message"), [
    (["biuld"], "there is no job 'biuld': did you mean 'build'"),
    (["store.root=x"], "no job is named in 'store.root=x'; there is ingest"),
    (["-m"], "no job is named"),
])
def test_what_names_no_job_is_refused(capsys, words, message):
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("job", "setting", "messages"), [
    ("build", "mix.bugdet=5", ["mix.bugdet", "did you mean 'budget'"]),
    ("build", "+mix.bugdet=5", ["mix.bugdet", "did you mean 'budget'"]),
    ("build", "++mix.bugdet=5", ["mix.bugdet", "did you mean 'budget'"]),
    ("build", "+nonsense=5", ["nonsense"]),
    ("build", "corpus.pats=[x]", ["corpus.pats", "did you mean 'paths'"]),
    ("build", "quite=true", ["quite", "did you mean 'quiet'"]),
    ("build", "mix.seed=abc", ["mix.seed", "abc"]),
    ("build", "mix.max_epochs=often", ["mix.max_epochs", "often"]),
    ("build", "quiet=perhaps", ["quiet", "perhaps"]),
    ("build", "mix.budget=12.5", ["mix.budget", "12.5", "whole number"]),
    ("build", "engine.workers=x", ["engine.workers", "x"]),
    ("build", "dedup=fuzy", ["dedup", "fuzy", "exact"]),
    ("build", "weigh=unimx", ["weigh", "unimx", "unimax", "natural"]),
    ("build", "weigh.budgt=5", ["weigh", "budgt", "did you mean 'budget'"]),
    ("build", "regroup.column=language", ["regroup.column", "language", "license"]),
    ("build", "tokenizer._target_=os.system", ["tokenizer._target_", "os.system", "corpusmill.operators"]),
    ("build", "mix.budget", ["mix.budget"]),
    ("mix", "mix.seed=1", ["proportions", "must be given"]),
    ("export", "manifest=x", ["path", "must be given"]),
    ("filter", "annotations=@none", ["@none", "no name yet"]),
])
def test_a_wrong_setting_ends_with_code_2_and_says_what_would_be_right(mill, job, setting, messages):
    """Before anything is read or written, without a traceback."""
    result = mill.run(job, setting)
    assert result.code == 2, result.err
    assert result.out == ""
    for message in messages:
        assert message in result.err
    assert "Traceback" not in result.err
    assert not mill.root.exists() or not [e for e in mill.store.list() if e.path.endswith("manifest.json")]


def test_the_composed_configuration_is_shown_on_request(mill):
    result = mill.run("dedup", "dedup.signature.digest=normalised", "--cfg", "job")
    assert result.code == 0
    shown = yaml.safe_load(result.out)
    assert shown["dedup"]["signature"]["digest"] == "normalised"
    assert shown["store"]["root"] == str(mill.root)
    assert not mill.root.exists()


def test_an_error_of_the_data_ends_with_code_1(mill, tmp_path):
    (tmp_path / "in.jsonl").write_text("no json\n")
    result = mill.run("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'in.jsonl'}]")
    assert result.code == 1
    assert result.err.splitlines()[-1].startswith("error: ")
    assert result.out == ""


def test_an_interrupted_job_says_how_to_go_on(mill, corpus, monkeypatch):
    def interrupted(*_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ingest, "run", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    try:
        result = mill.run("ingest", "corpus=files", corpus)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.code == 130
    assert "the same command goes on from there" in result.err
    assert not list(mill.store.list("running/"))


def test_a_sweep_stops_at_its_first_error(mill, corpus, monkeypatch):
    runs = []

    def failing(config, store, engine):
        runs.append(config.limit)
        raise TaskError("shard 7 failed")

    monkeypatch.setattr(ingest, "run", failing)
    result = mill.run("ingest", "-m", "corpus=files", corpus, "limit=1,2,3")
    assert (result.code, runs) == (1, [1])
    assert result.err.splitlines()[-1] == "error: arm 0 (limit=1): shard 7 failed"


def test_a_sweep_gives_a_manifest_for_each_run(mill, corpus):
    result = mill.run("ingest", "--multirun", "corpus=files", corpus, "corpus.license=MIT,CC0")
    uris = [line.removeprefix("manifest: ") for line in result.out.splitlines() if line.startswith("manifest: ")]
    assert result.code == 0
    assert [mill.rows(uri)[0]["license"] for uri in uris] == ["MIT", "CC0"]


def test_a_manifest_given_by_uri_says_which_store_is_meant(mill, corpus, tmp_path, capsys, monkeypatch):
    uri = mill("ingest", "corpus=files", corpus)
    monkeypatch.chdir(tmp_path)
    assert main(["regroup", f"documents={uri}", "engine=inline"]) == 0
    assert capsys.readouterr().out.startswith(f"manifest: {mill.root}/domains/")
    assert not (tmp_path / "out").exists()


def test_inputs_of_another_store_are_refused(mill, corpus, make_mill, tmp_path):
    uri = mill("ingest", "corpus=files", corpus)
    result = make_mill(tmp_path / "other").run("regroup", f"documents={uri}")
    assert result.code == 2
    assert "inputs and results of a job are in one store" in result.err


def test_a_name_is_given_to_what_a_job_made(mill, corpus):
    uri = mill("ingest", "corpus=files", corpus, "name=mine")
    assert mill.manifest("@mine") == mill.manifest(uri)
    assert mill("regroup", "documents=@mine") == mill("regroup", f"documents={uri}")


def test_a_plan_gives_no_manifest_and_moves_no_name(mill, corpus, tmp_path):
    result = mill.run("ingest", "corpus=files", corpus, "name=mine", "plan=true")
    assert (result.code, result.out) == (0, "")
    assert not mill.root.exists()
    uri = mill("ingest", "corpus=files", corpus)
    before = mill.objects()
    words = [f"manifest={uri}", f"path={tmp_path / 'x.parquet'}"]
    assert mill.run("export", *words, "name=mine", "plan=true").code == 0
    assert mill.objects() == before


def test_engines_are_closed_after_the_last_run(mill, corpus, monkeypatch):
    """A sweep shares one; starting Ray takes seconds."""
    closed, made = [], []

    class Engine:
        workers = 1

        def map(self, fn, items):
            return (fn(item) for item in items)

        def close(self):
            closed.append(self)

    def make(config):
        made.append(Engine())
        return made[-1]

    monkeypatch.setattr("corpusmill.jobs.runtime.config.make_engine", make)
    assert mill.run("ingest", "-m", "corpus=files", corpus, "corpus.license=MIT,CC0").code == 0
    assert len(made) == 1
    assert closed == made
    assert entry._engines == {}
