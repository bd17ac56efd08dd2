"""The walls of the house: what may import what, how large things are, and that types are written down."""

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "operators").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")])
IDS = [str(p.relative_to(ROOT)) for p in SOURCES]

# Operators are pure: Arrow in, Arrow out, and nothing that depends on the machine, the clock or chance.
IMPURE = {"ray", "hydra", "omegaconf", "boto3", "botocore", "rich", "pyarrow.fs", "pyarrow.dataset", "pyarrow.parquet",
          "fsspec", "urllib", "requests",
          "socket", "subprocess", "tempfile", "shutil", "glob", "random", "secrets", "time", "threading",
          "multiprocessing", "logging", "corpusmill.jobs"}
READING = {"open", "read_bytes", "read_text"}
WRITING = {"write_bytes", "write_text", "unlink", "mkdir", "rename", "replace_file", "rmdir", "touch", "iterdir", "rglob"}


def parsed(path):
    return ast.parse(path.read_text())


def imported(tree):
    """Every module that a file names in an import, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name, packages):
    return any(name == p or name.startswith(f"{p}.") for p in packages)


def functions(tree):
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node):
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(ROOT / "operators")], ids=lambda p: p.stem)
def test_operators_are_pure(path):
    tree = parsed(path)
    assert not [name for name in imported(tree) if within(name, IMPURE)]
    called = {n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "") for n in ast.walk(tree)
              if isinstance(n, ast.Call)}
    assert not called & WRITING
    builtin = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not builtin & READING


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent.name in ("runtime", "sources")], ids=lambda p: p.stem)
def test_what_jobs_stand_on_does_not_stand_on_jobs(path):
    """The entry finds jobs by name, so that a job imports its stage's code and no other's."""
    allowed = {"runtime": ["corpusmill.jobs.runtime"], "sources": ["corpusmill.jobs.runtime", "corpusmill.jobs.sources"]}
    jobs = [name for name in imported(parsed(path)) if within(name, ["corpusmill.jobs"])]
    assert not [name for name in jobs if not within(name, allowed[path.parent.name])]


@pytest.mark.parametrize("path", sorted([*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]),
                         ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_imports_a_bare_folder(path):
    """Ray pickles by module name: two names for one module are two modules."""
    assert not [name for name in imported(parsed(path)) if within(name, ["operators", "jobs", "conf"])]


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_files_and_functions_stay_small(path):
    assert len(path.read_text().splitlines()) <= 500
    assert not [f"{f.name}: {length(f)} lines" for f in functions(parsed(path)) if length(f) > 60]


def test_most_files_and_functions_are_much_smaller():
    lengths = [length(f) for path in SOURCES for f in functions(parsed(path))]
    files = [len(path.read_text().splitlines()) for path in SOURCES if path.name != "__init__.py"]
    assert statistics.median(lengths) <= 10
    assert statistics.quantiles(lengths, n=10)[-1] <= 30
    assert statistics.median(files) <= 150
    assert statistics.quantiles(files, n=10)[-1] <= 400


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_every_parameter_and_result_has_a_type(path):
    """Compiled kernels among them: their types are what a reader needs most."""
    bare = []
    for function in functions(parsed(path)):
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        untyped = [a.arg for a in named if a.annotation is None and a.arg not in ("self", "cls")]
        if function.returns is None or untyped:
            bare.append(f"{function.name}({', '.join(untyped)})")
    assert bare == []


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_no_mark_of_unfinished_work(path):
    text = path.read_text()
    assert not [word for word in ("TODO", "FIXME", "XXX", "NotImplementedError", "HACK") if word in text]


def test_tests_mirror_the_sources():
    """A file of tests is named after the file (or folder) that it tests, at the same place; an aspect may follow the name."""
    strays = []
    for test in [*(ROOT / "tests" / "operators").rglob("test_*.py"), *(ROOT / "tests" / "jobs").rglob("test_*.py")]:
        place = ROOT / test.relative_to(ROOT / "tests").parent
        words = test.stem.split("_")[1:]
        names = ["_".join(words[:n]) for n in range(1, len(words) + 1)]
        if not any((place / f"{name}.py").exists() or (place / name).is_dir() for name in names):
            strays.append(str(test.relative_to(ROOT)))
    assert strays == []
