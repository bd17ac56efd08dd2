"""What decided, and what came near it."""

import pyarrow as pa
import pytest
import yaml

from corpusmill.jobs.inspecting.deciding import borderline, decided
from corpusmill.operators.quality.select import parse_rules


def rules_of(*entries):
    return parse_rules([yaml.safe_load(entry) | {"reason": "r"} for entry in entries])


@pytest.mark.parametrize("signal", ["a / b", "a/b", "a/ b", "a*b"])
def test_ratios_and_products_are_told_however_they_are_spaced(signal):
    (rule,) = rules_of(f"{{signal: {signal}, missing: drop}}")
    (found,) = decided({"a": 6, "b": 2, "doc_id": bytes(16)}, [rule], "r",
                       {"a": pa.int64(), "b": pa.int64(), "doc_id": pa.binary(16)})
    assert (found.signal, found.value) == (signal, 12 if "*" in signal else 3)


@pytest.mark.parametrize(("bound", "near"), [
    ("min: 10", [10, 10.9]), ("max: 0", [-0.05]), ("min: 0", [0.05, 0.1]), ("above: 0", [0.05, 0.1]), ("below: 0", [-0.05]),
    ("min: -0.05", [-0.05]),
])  # fmt: skip
def test_near_is_a_part_of_the_bound_and_of_0_the_margin_itself(bound, near):
    """All that a rule keeps which allows no such thing is 0: none of that is near."""
    values = [-3, -0.05, 0, 0.05, 0.1, 0.2, 10, 10.9, 12]
    batch = pa.record_batch({"n": pa.array(values, pa.float64()), "keep": [True] * len(values)})
    found = borderline(rules_of(f"{{signal: n, {bound}}}"), "r", 0.1)(batch)
    assert [value for value, chosen in zip(values, found, strict=True) if chosen] == near
