"""Text of the machine that this runs on."""

import gzip
import shutil

import pytest

from corpusmill.jobs.sources.bundles import bundles
from corpusmill.jobs.sources.machine import SHARES, Places, find_machine
from corpusmill.jobs.sources.reading import Reading, read_bundle
from corpusmill.operators.errors import ConfigError

READING = Reading(format="machine", on_bad="quarantine")
MODULE = '"""Module."""\nclass A:\n    """Of A."""\n    def f(self):\n        """Of f."""\n'
FILES = {
    "lib/json/decoder.py": MODULE,
    "lib/empty.py": "",
    "lib/plain.py": "x = 1\n",
    "lib/__pycache__/x.py": "no",
    "lib/broken.py": "def (\n",
    "lib/site-packages/other.py": "no",
    "site/pkg-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n"
    "License-Expression: MIT\n\n# Pkg\n",
    "site/pkg-1.0.dist-info/licenses/LICENSE": "MIT text",
    "site/pkg-1.0.dist-info/RECORD": "pkg/a.py,,\npkg/b.c,,\npkg/data.bin,,\npkg/gone.py,,\n../bin/pkg,,\n"
    "CHANGELOG.md,,\n"
    "pkg-1.0.dist-info/METADATA,,\npkg-1.0.dist-info/licenses/LICENSE,,\n",
    "site/pkg/a.py": "# a\n",
    "site/pkg/b.c": "int b;\x00",
    "site/pkg/data.bin": "no",
    "site/CHANGELOG.md": "1.0: first",
    "share/man/man1/ls.1": ".TH LS 1\n.SH NAME\nls\n",
    "share/man/man1/dir.1": ".so man1/ls.1\n",
    "share/man/de/man1/ls.1": "no",
    "share/doc/bash/copyright": "GPL text",
    "share/doc/bash/README": "read me",
    "share/doc/bash/example.sh": "no",
}


@pytest.fixture
def places(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "share/doc/bash/changelog.gz").write_bytes(gzip.compress(b"changes " * 50))
    (tmp_path / "share/doc/sh").symlink_to("bash")
    return Places(str(tmp_path / "lib"), (str(tmp_path / "site"),), str(tmp_path / "share"))


def _rows(files):
    pieces = list(read_bundle(files, READING))
    return (
        [row for piece in pieces for row in piece.documents.to_pylist()],
        [row for piece in pieces for row in piece.bad.to_pylist()],
    )


def test_each_kind_of_text_is_found_with_its_name_and_licence(places):
    documents, bad = _rows(find_machine(1_000_000, places))
    found = {(d["source"], d["native_id"]): (d["license"], d["text"]) for d in documents}
    assert found == {
        ("machine/code", "stdlib/json/decoder.py"): ("PSF-2.0", MODULE),
        ("machine/code", "stdlib/plain.py"): ("PSF-2.0", "x = 1\n"),
        ("machine/code", "stdlib/broken.py"): ("PSF-2.0", "def (\n"),
        ("machine/code", "dist/pkg-1.0/pkg/a.py"): ("MIT", "# a\n"),
        ("machine/docstrings", "stdlib/json/decoder.py"): ("PSF-2.0", "Module.\n\nA\n\nOf A.\n\nA.f\n\nOf f."),
        ("machine/docs", "dist/pkg-1.0/pkg-1.0.dist-info/METADATA"): ("MIT", "# Pkg\n"),
        ("machine/docs", "man/man1/ls.1"): (None, "LS(1)\n\nNAME\n\nls\n"),
        ("machine/docs", "doc/bash/README"): (None, "read me"),
        ("machine/licences", "dist/pkg-1.0/pkg-1.0.dist-info/licenses/LICENSE"): ("MIT", "MIT text"),
        ("machine/licences", "doc/bash/copyright"): (None, "GPL text"),
        ("machine/changelogs", "dist/pkg-1.0/CHANGELOG.md"): ("MIT", "1.0: first"),
        ("machine/changelogs", "doc/bash/changelog.gz"): (None, "changes " * 50),
    }
    assert sorted((row["file"].rpartition("/")[2], row["reason"]) for row in bad) == [
        ("b.c", "binary"),
        ("broken.py", "unparsable"),
    ]


def test_the_harvest_does_not_hang_on_where_things_are(places, tmp_path, tmp_path_factory):
    moved = tmp_path_factory.mktemp("other") / "deep" / "machine"
    first = sorted(d["doc_id"] for d in _rows(find_machine(300, places))[0])
    shutil.copytree(tmp_path, moved, symlinks=True)
    there = Places(str(moved / "lib"), (str(moved / "site"),), str(moved / "share"))
    assert sorted(d["doc_id"] for d in _rows(find_machine(300, there))[0]) == first


@pytest.mark.parametrize("cap", [100, 400, 2_000, 100_000])
def test_the_cap_holds_and_is_used(places, cap):
    files = find_machine(cap, places)
    assert sum(file.size for file in files) <= cap
    assert sum(len(d["text"].encode()) for d in _rows(files)[0]) <= cap + 10 * len(files)
    assert files == find_machine(cap, places)


def test_what_one_kind_leaves_goes_to_the_others(tmp_path):
    for n in range(100):
        (tmp_path / "lib").mkdir(exist_ok=True)
        (tmp_path / "lib" / f"m{n}.py").write_text("x" * 1000)
    files = find_machine(60_000, Places(str(tmp_path / "lib"), (), str(tmp_path)))
    size = {kind: sum(file.size for file in files if file.kind == kind) for kind in SHARES}
    assert size["code"] + size["docstrings"] > 57_000
    code = 60_000 * SHARES["code"] / (SHARES["code"] + SHARES["docstrings"])
    assert code - 1_000 < size["code"] <= code


def test_copies_are_picked_together(tmp_path):
    """Of many licence texts, each there twice, a sample must have pairs."""
    for n in range(100):
        for side in "ab":
            folder = tmp_path / "share" / "doc" / f"{side}{n}"
            folder.mkdir(parents=True)
            (folder / "copyright").write_text("x" * (n + 1))
    picked = [file.size for file in find_machine(2_000, Places("", (), str(tmp_path / "share")))]
    assert sum(picked.count(size) == 2 for size in set(picked)) > 0.8 * len(set(picked))


def test_a_machine_without_text_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="corpus=files"):
        find_machine(1000, Places(str(tmp_path), (), str(tmp_path)))
    with pytest.raises(ConfigError, match="max_bytes"):
        find_machine(0)


def test_this_machine_has_text():
    files = find_machine(2_000_000)
    documents, bad = _rows([file for bundle in bundles(files, 1 << 20) for file in bundle])
    assert len({d["source"] for d in documents}) >= 3
    assert sum(len(d["text"]) for d in documents) > 500_000
    assert len(bad) < len(documents) / 20
    assert all(not d["native_id"].startswith("/") for d in documents)
