import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.jobs.reporting.weights import weighing_of
from corpusmill.operators.weight.laws import law_of
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Points

DOMAINS, TARGETS = ("code", "prose", "web"), ("chat", "web")
ERROR = {"mre": 0.01, "mae": 0.03, "rmse": 0.04, "pearson": 0.99, "spearman": 0.98}


def model():
    mix = np.random.default_rng(5).dirichlet(np.ones(3), 30)
    losses = 2 + 1 / (0.1 + mix**0.5 @ np.array([[2.0, 0.1], [0.3, 0.2], [0.1, 2.0]]))
    law = law_of("additive")
    return LawModel(law, law.fit(Points(mix), losses), DOMAINS, TARGETS, mix, losses, dict.fromkeys(TARGETS, ERROR), None, (),
                    losses + 0.01)


@pytest.fixture
def weighed(lineage):
    """A law, and proportions that a rule of balance came to."""
    law = lineage.put("law", details={"file": "law.json"})
    lineage.store.write(f"{law.folder}/law.json", model().to_json())
    made = lineage.put("proportions", details={"proportions": {"a": 0.4, "b": 0.6}, "available": {"a": 10, "b": 30},
                                               "weigher": "RegroupBalance", "solution": {
                                                   "strategies": {"unimax": {"proportions": {"a": 0.5, "b": 0.5}}}}})
    rounds = pa.table({"round": [0, 1], "step": [50, 100], "p/a": [0.5, 0.4], "p/b": [0.5, 0.6],
                       "gram": pa.array([None, [[4.0, 1.0], [1.0, 1.0]]], pa.list_(pa.list_(pa.float64())))})
    sink = io.BytesIO()
    pq.write_table(rounds, sink)
    lineage.store.write(f"{made.folder}/trajectory.parquet", sink.getvalue())
    return lineage.store, {"law": law, "proportions": made}


def test_a_law_is_told_beside_its_runs(weighed):
    store, made = weighed
    law, true = weighing_of(store, {"law": made["law"]}).law, model()
    assert np.allclose(law.observed, true.losses, rtol=1e-5)
    assert np.allclose(law.held_out, true.held_out, rtol=1e-5)
    assert law.follows == ("code", "web"), "the domain whose share lowers the loss; the one of the same name"
    assert np.allclose(law.shares, true.design[:, [0, 2]], rtol=1e-5)


def test_the_law_that_proportions_are_the_optimum_of_is_told_with_them(lineage, weighed):
    store, made = weighed
    optimum = lineage.put("proportions", details={"proportions": {"a": 1.0}, "available": {"a": 5}, "read": {
        "law": made["law"].path}})
    assert weighing_of(store, {"proportions": optimum}).law == weighing_of(store, {"law": made["law"]}).law


def test_the_line_of_a_law_is_what_it_predicts_there(weighed):
    store, made = weighed
    law, true = weighing_of(store, made).law, model()
    rest = true.design.mean(0)[:2]
    for at, value in zip(law.at, law.lines[1], strict=True):
        mix = np.array([*(rest / rest.sum() * (1 - at)), at])
        assert value == pytest.approx(float(true.predict(Points(mix[None]))[0, 1]), rel=1e-5)


def test_proportions_stand_beside_what_was_found_and_compared(weighed):
    store, made = weighed
    assert weighing_of(store, {"proportions": made["proportions"]}).strategies == {
        "natural": {"a": 0.25, "b": 0.75}, "unimax": {"a": 0.5, "b": 0.5}, "chosen": {"a": 0.4, "b": 0.6}}


def test_a_course_is_told_with_its_last_gradients(weighed):
    course = weighing_of(*weighed).course
    assert (course.rule, course.domains, course.steps) == ("RegroupBalance", ("a", "b"), [50, 100])
    assert (course.shares, course.gram) == ([[0.5, 0.5], [0.4, 0.6]], [[4.0, 1.0], [1.0, 1.0]])


def test_nothing_is_told_where_nothing_was_weighed(lineage):
    assert weighing_of(lineage.store, {"documents": lineage.put("documents")}) is None
