"""What exists is documented, and what is documented exists."""

import dataclasses
import importlib.util
import re
import typing
from pathlib import Path

import pyarrow as pa
import pytest

from corpusmill.jobs import status
from corpusmill.jobs.runtime import manifest
from corpusmill.jobs.runtime.help import groups
from corpusmill.jobs.runtime.main import JOBS, module
from corpusmill.operators import errors
from corpusmill.operators.contract import chain
from corpusmill.operators.schema import DOCUMENTS

ROOT = Path(__file__).parents[1]
PAGES = [path for name in ("*.md", "docs/*.md", "docs/decisions/*.md", "deploy/*.md") for path in sorted(ROOT.glob(name))]
TEXT = "\n".join(path.read_text() for path in PAGES)
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
FORMS = ["corpusmill --help", "JOB --help", "JOB --cfg job", "corpusmill -m build", "python -m corpusmill.jobs.JOB",
         "make demo", "make test", "plan=true", "limit=N", "sample=F", "name=", "@name", "manifest: "]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate_operators", ROOT / "docs" / "generate.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_reference_of_operators_is_fresh(generator):
    """Failing here: python docs/generate.py."""
    assert generator.TARGET.read_text() == generator.document()


def test_every_operator_that_a_configuration_names_is_in_the_reference(generator):
    named = {line.rpartition("_target_: ")[2].strip() for path in ROOT.glob("conf/*/*.yaml")
             for line in path.read_text().splitlines() if "_target_: " in line}
    assert named
    assert named <= {generator.target(cls) for cls in generator.operator_classes()}


@pytest.mark.parametrize("job", JOBS)
def test_every_job_is_in_the_readme(job):
    assert f"corpusmill {job}" in README


@pytest.mark.parametrize(("group", "options"), groups().items())
def test_every_group_and_option_is_in_the_readme(group, options):
    row = next((line for line in README.splitlines() if line.startswith(f"| `{group}` |")), "")
    assert set(options) <= set(re.findall(r"`([\w.]+)`", row))
    assert set(re.findall(r"`([\w.]+)`", row)) <= {group, *options}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_command_line_is_in_the_readme(form):
    assert form in README


@pytest.mark.parametrize("stage", status.STAGES)
def test_every_dataset_is_in_the_readme(stage):
    assert f"\n| `{stage}` |" in README


@pytest.mark.parametrize("error", [n for n, v in vars(errors).items() if isinstance(v, type)])
def test_every_error_is_in_the_architecture(error):
    assert re.search(rf"\b{error}\b", ARCHITECTURE)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(manifest.Manifest)])
def test_every_field_of_a_manifest_is_described(field):
    assert f"`{field}`" in (ROOT / "docs" / "manifest.md").read_text()


def test_the_file_tree_of_the_readme_names_every_folder_and_job():
    tree = README.partition("## The files")[2].partition("## ")[0]
    packages = [p.parent.name + "/" for p in (*ROOT.glob("operators/*/__init__.py"), *ROOT.glob("jobs/*/__init__.py"))]
    files = [p.name for p in (*ROOT.glob("jobs/*.py"), *ROOT.glob("operators/*.py")) if p.name != "__init__.py"]
    missing = [name for name in packages + files if name not in tree]
    assert missing == []


def test_decisions_are_numbered_one_by_one():
    records = sorted(ROOT.glob("docs/decisions/*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    assert [path.name for path in records if not path.read_text().startswith(f"# {path.name[:4]}")] == []


def test_the_operator_in_the_readme_works():
    """As it stands there: copied, named in a chain, run."""
    namespace = {"__name__": "readme"}
    exec(re.search(r"^```python\n(.*?)^```", README, re.S | re.M)[1], namespace)
    batch = pa.record_batch({"text": pa.array(["no", "Yes! Yes!", ""])}, schema=pa.schema([DOCUMENTS.field("text")]))
    steps = chain([namespace["Shouting"]()], DOCUMENTS)
    assert steps.signals.names == ["shouting.exclamations"]
    assert steps.open()(batch).batch.column("shouting.exclamations").to_pylist() == [0, 2, 0]


@each_page
def test_jobs_that_are_named_exist(page):
    named = set(re.findall(r"corpusmill (?:-m )?([a-z_]+)\b", "\n".join(_code(page))))
    assert named <= {*JOBS}


@each_page
def test_files_that_are_named_exist(page):
    pattern = r"(?:conf|operators|jobs|tests|docs|deploy|benchmarks|\.ci)/[\w./*-]*"
    named = {path for span in _code(page) for path in re.findall(rf"(?<![\w./<>-]){pattern}", span)}
    assert [path for path in sorted(named) if not list(ROOT.glob(path.rstrip("/.")))] == []


@each_page
def test_options_and_settings_that_are_named_exist(page):
    """Whoever renames a setting finds the sentences that speak of it."""
    offered, known = groups(), _settings()
    code = "\n".join(_code(page))
    wrong = [f"{group}={option}" for group, option in re.findall(r"(?<![\w.])([a-z]+)=([a-z]\w*)\b", code)
             if group in offered and option not in offered[group]]
    wrong += [key for key in re.findall(r"(?<![\w./:])([a-z_]+\.[a-z_.]+)=", code)
              if key not in known and not key.startswith("hydra.") and not any(key.startswith(f"{free}.") for free in known)]
    assert [found for found in wrong if found != "mx.budget"] == []  # the example of a misspelt key


def _code(page):
    """Code spans and blocks."""
    text = page.read_text()
    blocks = re.findall(r"^```(?:\w*)\n(.*?)^```", text, re.S | re.M)
    return blocks + re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


def _settings():
    """Dotted names of all jobs' settings; one of free content stands for all below it."""
    found = set()

    def walk(cls, prefix):
        for name, kind in typing.get_type_hints(cls).items():
            if dataclasses.is_dataclass(kind):
                walk(kind, f"{prefix}{name}.")
            else:
                found.add(f"{prefix}{name}")

    for job in JOBS:
        walk(module(job).Config, "")
    return found
