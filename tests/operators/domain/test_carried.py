import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.domain.carried import Carried
from corpusmill.operators.errors import ConfigError, DataError

VALUES = st.one_of(st.none(), st.text(min_size=0, max_size=8))


ROWS = st.fixed_dictionaries({}, optional={"topic": VALUES, "format": VALUES, "n": st.integers()})


@given(rows=st.lists(st.one_of(st.none(), ROWS)))
def test_domains_are_the_fields_joined(rows):
    metadata = pa.array([None if row is None else json.dumps(row) for row in rows], pa.string())
    found = Carried(("topic", "format"), "–").label(metadata).to_pylist()
    assert found == [f"{(row or {}).get('topic') or '–'}/{(row or {}).get('format') or '–'}" for row in rows]
    assert Carried("topic").label(metadata).to_pylist() == [(row or {}).get("topic") or "none" for row in rows]


def test_a_field_that_is_no_text_is_told():
    with pytest.raises(DataError, match="'topic' is not always string"):
        Carried().label(pa.array(['{"topic": 3}']))


@pytest.mark.parametrize(("settings", "told"), [
    ({"column": ""}, "regroup.column=''"), ({"column": ()}, r"regroup.column=\(\)"), ({"column": ("a", 3)}, "regroup.column="),
    ({"missing": ""}, "regroup.missing=''"),
])
def test_settings_that_will_not_do_are_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        Carried(**settings)
