import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.tables import by_domain


@pytest.mark.parametrize("given", [
    {"x": {"a": 1, "b": 2}, "y": {"b": 4, "a": 3}},
    pa.table({"a": [1, 3], "domain": ["x", "y"], "b": [2.0, 4.0]}),
])  # fmt: skip
def test_rows_by_name(given):
    domains, names, values = by_domain(given, "k")
    assert (domains, names) == (("x", "y"), ("a", "b"))
    assert (values == [[1, 2], [3, 4]]).all()


@pytest.mark.parametrize("given", [{"x": [1, 2], "y": (3, 4)}, pa.table({"domain": ["x", "y"], "v": [[1, 2], [3, 4]]})])
def test_rows_in_lists(given):
    domains, _, values = by_domain(given, "k")
    assert domains == ("x", "y")
    assert (values == [[1, 2], [3, 4]]).all()


@pytest.mark.parametrize(("given", "message"), [
    (None, "k=None: give a file"), ({}, "give a file, or a mapping"), ({"x": 3}, "k.x=3: give numbers"),
    ({"x": {"a": "z"}}, "k.x.a='z': give a number"), ({"x": [np.nan]}, "k.x.0=nan"), ({"x": [1], "y": [1, 2]}, "k.y has 0, 1"),
    (pa.table({"a": [1]}), "k has the columns a: give domain"), (pa.table({"domain": ["x", "x"], "a": [1, 2]}), "twice: x"),
    (pa.table({"domain": ["x"], "a": ["z"]}), "not equally many numbers"),
    (pa.table({"domain": ["x"], "a": [None]}), "a number is missing"),
    (pa.table({"domain": ["x", "y"], "v": [[1], [1, 2]]}), "not equally many numbers"),
])  # fmt: skip
def test_what_is_no_table_is_named(given, message):
    with pytest.raises((ConfigError, DataError), match=message):
        by_domain(given, "k")
