"""What paths, folders and globs name."""

import os
import re
from glob import glob

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusmill.jobs.runtime.store import StoreOptions, open_store
from corpusmill.jobs.sources.files import SourceFile, _expression, find, opened
from corpusmill.operators.errors import ConfigError, DataError, Missing

TREE = ["a.txt", "b.txt", "sub/a.txt", "sub/deep/c.md", "sub/.hidden", ".git/x.txt", "we[i]rd/d.txt", "sub/b1.txt"]


@pytest.fixture
def tree(tmp_path):
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def bucket(s3_server, aws_credentials):
    import boto3

    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    name = f"sources-{os.urandom(4).hex()}"
    client.create_bucket(Bucket=name)
    options = StoreOptions(endpoint=s3_server, region="us-east-1")
    store = open_store(f"s3://{name}/data", options)
    for path in TREE:
        store.write(path, path.encode())
    return f"s3://{name}", options


def _names(files):
    return [file.name for file in files]


def test_a_folder_is_all_below_it_sorted_by_uri(tree):
    files = find([str(tree)])
    assert _names(files) == ["a.txt", "b.txt", "sub/a.txt", "sub/b1.txt", "sub/deep/c.md", "we[i]rd/d.txt"]
    assert [file.uri for file in files] == sorted(str(tree / file.name) for file in files)
    assert files[0].size == 5
    assert files[0].version == f"{(tree / 'a.txt').stat().st_mtime_ns:x}"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "sub/a.txt", "sub/b1.txt", "we[i]rd/d.txt"]),
        ("sub/?.txt", ["a.txt"]),
        ("sub/[ab]*.txt", ["a.txt", "b1.txt"]),
        ("sub/[!a]*", ["b1.txt"]),
        ("sub/.h*", [".hidden"]),
        ("sub/**/c.md", ["deep/c.md"]),
        ("a.txt", ["a.txt"]),
        ("we[i]rd/d.txt", ["d.txt"]),
        ("sub/", ["a.txt", "b1.txt", "deep/c.md"]),
    ],
)
def test_globs_name_files_below_their_fixed_part(tree, pattern, names):
    assert _names(find([f"{tree}/{pattern}"])) == names


def test_names_stay_when_the_tree_moves(tree, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "there"
    before = _names(find([f"{tree}/**/*.txt"]))
    tree.rename(moved)
    assert _names(find([f"{moved}/**/*.txt"])) == before


def test_each_file_is_found_once(tree, monkeypatch):
    monkeypatch.chdir(tree)
    files = find(["*.txt", str(tree / "a.txt"), (tree / "a.txt").as_uri(), "sub/../b.txt"])
    assert _names(files) == ["a.txt", "b.txt"]


@pytest.mark.parametrize(("path", "nearest"), [("{}/sub/no/*.txt", "{}/sub"), ("{}/sub/deep/x.txt", "{}/sub/deep")])
def test_a_pattern_that_names_nothing_says_where_to_look(tree, path, nearest):
    with pytest.raises(ConfigError, match=re.escape(f"exists is {nearest.format(tree)}") + "$"):
        find([str(tree / "a.txt"), path.format(tree)])


def test_no_paths_and_foreign_schemes_are_refused():
    with pytest.raises(ConfigError, match=r"corpus\.paths is empty"):
        find([])
    with pytest.raises(ConfigError, match="gs://b/x"):
        find(["gs://b/x"])


def test_content_identity_sees_content_alone(tree):
    first = find([f"{tree}/a.txt"], identity="content")
    os.utime(tree / "a.txt", ns=(1, 1))
    assert find([f"{tree}/a.txt"], identity="content") == first
    (tree / "a.txt").write_text("a.tx!")
    assert find([f"{tree}/a.txt"], identity="content")[0].version != first[0].version


def test_a_file_that_changed_or_went_is_noticed(tree):
    [file] = find([f"{tree}/a.txt"])
    with opened(file, StoreOptions()) as handle:
        assert handle.read() == b"a.txt"
    (tree / "a.txt").write_text("longer than before")
    with pytest.raises(DataError, match="was 5 bytes when it was found and is 18 now"), opened(file, StoreOptions()):
        pass
    (tree / "a.txt").unlink()
    with pytest.raises(Missing), opened(file, StoreOptions()):
        pass


PART = st.sampled_from(["*", "**", "?", "a", "b.c", "[ab]", "[!a]", "a*", "*c", ".*", ".a", "a**", "[.]a"])
NAME = st.sampled_from(["a", "b", "ab", "b.c", ".a", "c"])


@given(
    pattern=st.lists(PART, min_size=1, max_size=3).map("/".join),
    names=st.lists(st.lists(NAME, min_size=1, max_size=3).map("/".join), max_size=6),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_globs_mean_the_same_in_a_store(tmp_path_factory, pattern, names):
    """The oracle is the standard library's glob on a tree of files."""
    root = tmp_path_factory.mktemp("tree")
    made = set()
    for name in names:
        if not any(other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in made):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
            made.add(name)
    found = [path for path in glob(pattern, root_dir=root, recursive=True) if not path.endswith("/")]
    expected = {path for path in found if (root / path).is_file()}
    assert {name for name in made if re.fullmatch(_expression(pattern), name)} == expected


@pytest.mark.s3
def test_a_store_is_searched_like_a_folder(bucket):
    uri, options = bucket
    assert _names(find([f"{uri}/data"], options)) == [
        "a.txt",
        "b.txt",
        "sub/a.txt",
        "sub/b1.txt",
        "sub/deep/c.md",
        "we[i]rd/d.txt",
    ]
    assert _names(find([f"{uri}/data/**/*.txt"], options)) == [
        "a.txt",
        "b.txt",
        "sub/a.txt",
        "sub/b1.txt",
        "we[i]rd/d.txt",
    ]
    assert _names(find([f"{uri}/data/sub/[ab]*"], options)) == ["a.txt", "b1.txt"]
    assert len(find([uri], options)) == 6
    [file] = find([f"{uri}/data/sub/a.txt"], options)
    assert (file.uri, file.name, file.size) == (f"{uri}/data/sub/a.txt", "a.txt", 9)
    with opened(file, options) as handle:
        assert handle.read() == b"sub/a.txt"
    with pytest.raises(ConfigError, match=re.escape(f"exists is {uri}/data/sub") + "$"):
        find([f"{uri}/data/sub/none/*.txt"], options)
    with pytest.raises(DataError, match="was 3 bytes"), opened(SourceFile(file.uri, 3, "", ""), options):
        pass


@pytest.mark.s3
def test_a_folder_is_no_prefix_of_another_name(bucket):
    """Keys have no folders: data/sub must not name data/subway."""
    uri, options = bucket
    open_store(uri, options).write("data/subway/x.txt", b"x")
    assert _names(find([f"{uri}/data/sub"], options)) == ["a.txt", "b1.txt", "deep/c.md"]
