"""What every operator owes its callers, whatever it computes."""

import hashlib
import importlib
import os
import pickle
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpusmill.operators
from corpusmill.operators.contract import chain, describe
from corpusmill.operators.errors import DataError
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.datatrove import Datatrove
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.normalise import Normalise

OPERATORS = [Normalise(), BasicSignals(), Compression(), Datatrove(), Gopher(), Language(), TextLayer()]
# A small model of random words: what it finds means nothing.
FILES = {"language": {"model": Path(__file__).parents[1] / "operators" / "text" / "models" / "pruned.ftz"}}
FIELDS = pa.schema([DOCUMENTS.field("doc_id"), DOCUMENTS.field("text")])
TEXTS = st.lists(st.text(st.one_of(st.sampled_from("ab \n\n\r\t\u200b\u3000é中🙂.-"), st.characters(codec="utf-8")),
                         max_size=150), max_size=8)
each = pytest.mark.parametrize("operator", OPERATORS, ids=lambda op: type(op).__name__)


def batch_of(values):
    ids = pa.array([i.to_bytes(16, "big") for i in range(len(values))], pa.binary(16))
    return pa.record_batch([ids, pa.array(values, pa.string())], schema=FIELDS)


def opened(operator):
    return operator.open(FILES.get(operator.name, {}))


def joined(outcomes):
    counts = {}
    for outcome in outcomes:
        for key, n in outcome.counts.items():
            counts[key] = counts.get(key, 0) + n
    return pa.Table.from_batches([outcome.batch for outcome in outcomes]).to_pydict(), counts


def operator_classes():
    """Every class of the package that has what the Operator protocol asks for."""
    for module in pkgutil.walk_packages(corpusmill.operators.__path__, "corpusmill.operators."):
        for value in vars(importlib.import_module(module.name)).values():
            parts = ("reads", "adds", "edits", "artifacts", "exact", "version", "open")
            if isinstance(value, type) and value.__module__ == module.name and all(hasattr(value, p) for p in parts):
                yield value


def test_every_operator_of_the_package_is_under_these_laws():
    found = {value for value in operator_classes() if not getattr(value, "_is_protocol", False)}
    assert found == {type(operator) for operator in OPERATORS}


@each
@settings(deadline=None, max_examples=50)
@given(values=TEXTS, data=st.data())
def test_any_split_of_the_rows_gives_the_same_columns_and_counts(operator, values, data):
    apply, batch = opened(operator), batch_of(values)
    whole = joined([apply(batch)])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    slices = [batch.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, len(values)], strict=True)]
    assert joined([apply(part) for part in slices]) == whole
    assert joined([apply(batch_of(part.column("text").to_pylist())) for part in slices])[1] == whole[1]


@each
@settings(deadline=None, max_examples=50)
@given(values=TEXTS)
def test_rows_keep_their_number_and_order_and_schema_is_as_declared(operator, values):
    batch = batch_of(values)
    found = opened(operator)(batch).batch
    found.validate(full=True)
    assert found.column("doc_id").equals(batch.column("doc_id"))
    assert found.schema.names == [*batch.schema.names, *operator.adds.names]
    require(found, operator.adds)
    if "text" not in operator.edits:
        assert found.column("text").equals(batch.column("text"))


@each
@settings(deadline=None, max_examples=20)
@given(values=TEXTS)
def test_an_operator_can_be_pickled_and_run_twice(operator, values):
    copy = pickle.loads(pickle.dumps(operator))
    assert copy == operator
    assert describe(copy) == describe(operator)
    assert joined([opened(copy)(batch_of(values))]) == joined([opened(operator)(batch_of(values))])


@each
def test_an_empty_batch_gives_an_empty_batch_with_all_columns(operator):
    outcome = opened(operator)(batch_of([]))
    assert outcome.batch.num_rows == 0
    assert outcome.batch.schema.names == [*FIELDS.names, *operator.adds.names]
    assert not any(outcome.counts.values())


@each
def test_a_null_text_is_a_clear_error(operator):
    with pytest.raises(DataError, match="column 'text' has 1 nulls"):
        opened(operator)(pa.record_batch([pa.array([bytes(16)] * 2, pa.binary(16)), pa.array(["a", None])],
                                          names=["doc_id", "text"]))


@each
def test_a_batch_without_text_is_a_clear_error(operator):
    with pytest.raises(DataError, match="no column 'text'"):
        opened(operator)(pa.record_batch({"body": ["a"]}))


FIXED = ["", "The same text.\nThe same text.\n", "é 中文\u3000🙂 \r\n\n\n\n\nend", "x" * 5000, "a b c " * 300]


def digest():
    """A digest of what the whole chain makes of FIXED."""
    outcome = chain(OPERATORS, FIELDS).open(FILES)(batch_of(FIXED))
    return hashlib.sha256(repr((outcome.batch.to_pydict(), outcome.counts)).encode()).hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_with_another_hash_seed_finds_the_same(hash_seed):
    code = f"import runpy; print(runpy.run_path({__file__!r})['digest']())"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONSAFEPATH": "1"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == digest()


ADVERSARIAL = {
    "empty lines": lambda n: "\n" * n,
    "one line": lambda n: "x" * n,
    "NUL": lambda n: "\x00" * n,
    "blank": lambda n: " " * n,
    "blanks before line ends": lambda n: (" " * 999 + "\n") * (n // 1000),
    "equal lines": lambda n: "a\n" * (n // 2),
    "distinct lines": lambda n: "\n".join(map(str, range(n // 8))),
    "short words": lambda n: "a b " * (n // 4),
    "wide spaces": lambda n: "中\u3000" * (n // 6),
    "carriage returns": lambda n: "\r\r\n" * (n // 3),
}


@each
@pytest.mark.parametrize("make", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_time_is_linear_in_adversarial_text(operator, make):
    """Four times the text takes about four times the time; a quadratic step would take sixteen."""
    apply = opened(operator)
    apply(batch_of(["compiled"]))
    small, large = (min(seconds(apply, batch_of([make(n)])) for _ in range(3)) for n in (1_500_000, 6_000_000))
    assert large < 10 * small + 0.05


def seconds(apply, batch):
    start = time.process_time()  # of this process alone: other work on the machine does not count
    apply(batch)
    return time.process_time() - start
