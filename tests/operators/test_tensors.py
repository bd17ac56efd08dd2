"""Models as files: what is read is what was written, and nothing but the whole of a file is read."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.tensors import pack, unpack

ARRAYS = {"a": np.arange(6, dtype=np.int64).reshape(3, 2), "b": np.array([], np.float32), "c": np.array([7, 9], np.uint64),
          "d": np.zeros((0, 4), np.int32)}  # fmt: skip
DATA = pack("form.1", {"é": [1]}, ARRAYS)


def test_facts_and_arrays_are_those_that_were_written():
    facts, arrays = unpack("form.1", DATA)
    assert facts == {"é": [1]}
    assert list(arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)
        assert arrays[name].flags.writeable
        assert arrays[name].flags.aligned


def test_no_part_of_a_file_is_taken_for_the_whole():
    for size in range(len(DATA)):
        with pytest.raises(ValueError, match="bytes"):
            unpack("form.1", DATA[:size])


NAMES = st.sampled_from(["__metadata__", "format", "facts", "a", "dtype", "shape", "data_offsets"])
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers(-9, 99) | st.text(),
                        lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=12)


@given(ANYTHING)
def test_a_header_of_any_json_is_refused(header):
    head = json.dumps(header).encode()
    with pytest.raises(ValueError, match=r"its header is not understood|its format is"):
        unpack("form.1", len(head).to_bytes(8, "little") + head + bytes(64))


@pytest.mark.parametrize("field", [
    {"dtype": "I32", "shape": [2], "data_offsets": [0, 4]}, {"dtype": "I32", "shape": [-1], "data_offsets": [0, 4]},
    {"dtype": "I32", "shape": [1], "data_offsets": [-4, 0]}, {"dtype": "I64", "shape": [1], "data_offsets": [0, 4]},
    {"dtype": "I32", "shape": [1]}, {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}, [], 3,
    {"dtype": "I32", "shape": ["1"], "data_offsets": [0, 4]}, {"dtype": "I32", "shape": [], "data_offsets": [0, 8]},
])
def test_an_array_that_does_not_fit_its_bytes_is_refused(field):
    head = json.dumps({"__metadata__": {"format": "form.1", "facts": "{}"}, "a": field}).encode()
    with pytest.raises(ValueError, match=r"a has|not understood"):
        unpack("form.1", len(head).to_bytes(8, "little") + head + bytes(64))
