import pytest

from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.objective import value_of
from corpusmill.operators.errors import ConfigError


def made(details):
    return Manifest("law", "k", "d", 0, 0, 0, "", (), {}, {}, (), {}, True, details)


def test_a_number_of_the_details_by_its_path():
    assert value_of(None, made({"a": {"b": 3}}), "a.b") == 3.0
    assert value_of(None, made({"bits_per_byte": 1.5}), "bits_per_byte") == 1.5


@pytest.mark.parametrize("path", ["a", "b", "a.c", "c", "d.e", "a.b.c"])
def test_what_is_no_number_is_refused(path):
    with pytest.raises(ConfigError, match=f"optimise={path}: the details of law hold no such number; they hold c, d"):
        value_of(None, made({"a": {"b": 3}, "b": True, "c": float("nan"), "d": 2}), path)
