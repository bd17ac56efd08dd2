"""What is in the wheel is what is in the folders, and it runs."""

import ast
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOP = ("jobs", "operators", "conf")


def folders():
    """Package folders: those with Python files, below the three that are mapped."""
    for top in TOP:
        for folder in [ROOT / top, *sorted((ROOT / top).rglob("*"))]:
            if folder.is_dir() and folder.name != "__pycache__" and list(folder.glob("*.py")):
                yield folder


def test_every_package_folder_is_listed_and_every_listed_one_exists():
    listed = SETTINGS["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed)
    assert set(listed) == {"corpusmill." + ".".join(f.relative_to(ROOT).parts) for f in folders()}


@pytest.mark.parametrize("folder", list(folders()), ids=lambda f: str(f.relative_to(ROOT)))
def test_every_package_tells_what_it_holds(folder):
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))


def test_corpusmill_is_a_namespace_package():
    """A file of its own would shadow what others put there."""
    import corpusmill

    assert corpusmill.__file__ is None


def test_the_version_of_ray_and_of_python_are_bounded():
    assert SETTINGS["project"]["requires-python"].startswith(">=3.11")
    assert any(d.startswith("ray>=") for d in SETTINGS["project"]["dependencies"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of what git knows, so that nothing is left in the tree."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True).stdout.decode().split("\0")
    for name in filter(None, files):
        source, target = ROOT / name, copy / name
        if source.is_file() and not source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(out)], cwd=copy, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.mark.e2e
def test_the_wheel_holds_sources_configuration_and_type_markers(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"corpusmill/{p.relative_to(ROOT)}" for f in folders() for p in f.glob("*.py")}
    expected |= {f"corpusmill/{p.relative_to(ROOT)}" for p in (ROOT / "conf").rglob("*.yaml")}
    expected |= {"corpusmill/jobs/py.typed", "corpusmill/operators/py.typed"}
    held = {n for n in names if n.startswith("corpusmill/")}
    assert held == expected
    assert not [n for n in names if n.split("/")[0] in (*TOP, "tests")]


@pytest.mark.e2e
def test_the_wheel_installs_and_runs_in_a_fresh_environment(wheel, tmp_path):
    """With this environment's libraries behind it, and without the source tree."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(tmp_path / "venv")
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    here = next(p for p in sys.path if p.endswith("site-packages"))
    # Appended by path, so that no .pth file of that folder (the editable install's) is obeyed.
    (site / "libraries.pth").write_text(here)
    zipfile.ZipFile(wheel).extractall(site)
    run = [tmp_path / "venv" / "bin" / "python", "-I", "-m", "corpusmill.jobs.build"]
    shown = subprocess.run([*run, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "mix.budget=" in shown.stdout
    entry = "import sys, corpusmill.jobs.runtime.main as m; print(m.__file__); sys.exit(m.main(['ls', 'engine=inline']))"
    ls = subprocess.run([run[0], "-I", "-c", entry], cwd=tmp_path, capture_output=True, text=True)
    assert ls.returncode == 0, ls.stderr
    assert ls.stdout.startswith(str(site))
    assert "no names in" in ls.stdout
    scripts = zipfile.ZipFile(wheel).read(next(n for n in zipfile.ZipFile(wheel).namelist() if n.endswith("entry_points.txt")))
    assert b"corpusmill = corpusmill.jobs.runtime.main:main" in scripts
