"""Bundles of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.sources.bundles import bundles
from corpusmill.jobs.sources.files import SourceFile
from corpusmill.operators.errors import ConfigError

FILES = st.lists(
    st.builds(
        lambda uri, size: SourceFile(uri, size, "1", uri), st.text("abc/", min_size=1, max_size=6), st.integers(0, 120)
    ),
    max_size=40,
    unique_by=lambda file: file.uri,
).map(lambda files: sorted(files, key=lambda file: file.uri))


@given(FILES)
def test_bundles_are_the_files_in_order(files):
    assert [file for bundle in bundles(files, 100) for file in bundle] == files


@given(FILES)
def test_a_large_file_stands_alone(files):
    for bundle in bundles(files, 100):
        assert bundle
        assert len(bundle) == 1 or all(file.size < 100 for file in bundle)


@given(FILES, st.data())
def test_one_file_changes_few_bundles(files, data):
    """A small file changes the bundle it falls into; one that ends a bundle or stands alone joins its neighbours."""
    if not files:
        return
    gone = data.draw(st.sampled_from(files))
    before, after = set(bundles(files, 100)), set(bundles([file for file in files if file != gone], 100))
    assert len(before - after) <= (3 if gone.size >= 100 else 2)
    assert len(after - before) <= (2 if gone.size >= 100 else 1)


def test_bundles_are_about_as_large_as_asked():
    files = sorted((SourceFile(f"/data/{n}.txt", 1000, "1", "") for n in range(50_000)), key=lambda file: file.uri)
    sizes = [sum(file.size for file in bundle) for bundle in bundles(files, 100_000)]
    assert 80_000 < sum(sizes) / len(sizes) < 125_000


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="positive"):
        bundles([], 0)
