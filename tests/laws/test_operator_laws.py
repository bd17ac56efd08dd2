"""What every operator owes its callers, whatever it computes."""

import hashlib
import importlib
import os
import pickle
import pkgutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from roster import FIELDS, FILES, OPERATORS, batch_of, opened

import corpusmill.operators
from corpusmill.operators.contract import chain, describe
from corpusmill.operators.errors import DataError
from corpusmill.operators.schema import require

SUPPORT = str(Path(__file__).parents[1] / "support")
TEXTS = st.lists(st.text(st.one_of(st.sampled_from("ab \n\n\r\t\u200b\u3000é中🙂.-"), st.characters(codec="utf-8")),
                         max_size=150), max_size=8)
each = pytest.mark.parametrize("operator", OPERATORS, ids=lambda op: op.name)
each_of_text = pytest.mark.parametrize("operator", [op for op in OPERATORS if "text" in op.reads.names],
                                       ids=lambda op: op.name)


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


@each_of_text
def test_a_null_text_is_a_clear_error(operator):
    batch = batch_of(["a", "b"])
    at = batch.schema.get_field_index("text")
    with pytest.raises(DataError, match="column 'text' has 1 nulls"):
        opened(operator)(batch.set_column(at, "text", pa.array(["a", None])))


@each_of_text
def test_a_batch_without_text_is_a_clear_error(operator):
    with pytest.raises(DataError, match="no column 'text'"):
        opened(operator)(batch_of(["a"]).drop_columns(["text"]))


FIXED = ["", "The same text.\nThe same text.\n", "é 中文\u3000🙂 \r\n\n\n\n\nend", "x" * 5000, "a b c " * 300]


def digest():
    """A digest of what the whole chain makes of FIXED."""
    outcome = chain(OPERATORS, FIELDS).open(FILES)(batch_of(FIXED))
    return hashlib.sha256(repr((outcome.batch.to_pydict(), outcome.counts)).encode()).hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_with_another_hash_seed_finds_the_same(hash_seed):
    code = f"import runpy, sys; sys.path.append({SUPPORT!r}); print(runpy.run_path({__file__!r})['digest']())"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONSAFEPATH": "1"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == digest()


SMALL = 200_000
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
    "brackets": lambda n: "[1" * (n // 2),
    "citations": lambda n: "[1]" * (n // 3) + ".",
    "points": lambda n: "1.a." * (n // 4),
    "sentences": lambda n: "Ab. (C.) d!' " * (n // 13),
}


@each
@pytest.mark.parametrize("make", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_time_is_linear_in_adversarial_text(operator, make):
    """Four times the text takes about four times the time; a quadratic step would take sixteen."""
    apply = opened(operator)
    apply(batch_of(["compiled"]))
    once = seconds(apply, batch_of([make(SMALL)]))
    times = 1 + int(0.02 / (once + 0.001))  # so that what is measured is not the clock
    small = min(seconds(apply, batch_of([make(SMALL)] * times)) for _ in range(3))
    large = (seconds(apply, batch_of([make(4 * SMALL)] * times)) for _ in range(3))
    assert any(took < 10 * small + 0.02 for took in large)  # another look costs most of the time, so only where it is needed


MANY_LINES = ["\n".join(f"é {i * d % 97} “ключ” of the 漢字 {i % 7}…" for i in range(400 * d)) for d in range(1, 6)]


@each
def test_threads_may_share_what_was_opened(operator):
    """Kernels run without the GIL; one that wrote to memory that it no longer held found other counts then."""
    apply, batch = opened(operator), batch_of(MANY_LINES)
    alone = joined([apply(batch)])
    with ThreadPoolExecutor(4) as pool:
        assert all(joined([outcome]) == alone for outcome in pool.map(apply, [batch] * 8))


def seconds(apply, batch):
    start = time.process_time()  # of this process alone: other work on the machine does not count
    apply(batch)
    return time.process_time() - start
