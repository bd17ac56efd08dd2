import dataclasses

import pytest

from corpusmill.jobs.runtime import help as helping
from corpusmill.jobs.runtime.main import JOBS, module, register, usage


@pytest.mark.parametrize("job", JOBS)
def test_every_setting_is_shown_with_what_it_means(job):
    text = helping.job_help(job)
    assert text.startswith(f"corpusmill {job} [")
    for name in _settings(module(job).Config):
        lines = [line for line in text.splitlines() if line.strip().startswith(f"{name}=")]
        assert len(lines) == 1, name
        assert len(lines[0].strip().split("  ")) > 1 or name.split(".")[0] in helping.groups(), f"{name} has no comment"


def _settings(cls, prefix=""):
    for field in dataclasses.fields(cls):
        nested = field.default_factory() if field.default_factory is not dataclasses.MISSING else None
        if dataclasses.is_dataclass(nested):
            yield from _settings(type(nested), f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def test_groups_are_those_of_the_folder(conf):
    files = sorted(f for f in conf.glob("*/*.yaml") if f.parent.name != helping.CATALOGUE)
    folders = {folder: [f.stem for f in files if f.parent.name == folder] for folder in {f.parent.name for f in files}}
    assert helping.groups() == folders
    text = "\n".join(helping.job_help(job) for job in JOBS)
    for name, options in folders.items():
        assert f"  {name}: {', '.join(options)}" in text


def test_a_job_shows_only_its_own_groups():
    text = helping.job_help("dedup")
    assert "  dedup: " in text
    assert "  weigh: " not in text


@pytest.mark.parametrize("job", JOBS)
def test_every_job_is_in_the_usage_and_has_a_docstring_and_a_schema(job):
    assert f"  {job} " in usage()
    assert module(job).__doc__
    register(job)
