import dataclasses

import pytest

from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.weighing import weighing
from corpusmill.jobs.reporting.weights import CourseFacts, LawFacts, Weighing

ERROR = {"mre": 0.0123, "mae": 0.03, "rmse": 0.04, "pearson": 0.99, "spearman": 0.98}
LAW = LawFacts("additive", ("chat",), [[2.0], [3.0]], [[2.1], [2.9]], {"chat": ERROR}, ("web",), [[0.2], [0.7]], [0.0, 1.0],
               [[4.0, 1.0]], ("few runs",))
COURSE = CourseFacts("RegroupBalance", ("a", "b"), [10], [[0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]])


def told(**parts):
    found = Weighing(**({"law": None, "course": None, "strategies": {}} | parts))
    return weighing(Facts("", "law", "tokens", (), (), (), {}, {}, "", {}, (), weighing=found))


@pytest.mark.parametrize(("parts", "pictures", "words"), [
    ({"law": LAW}, 2, ["additive", "2 runs", "few runs", "1.2 %", "0.980"]),
    ({"law": dataclasses.replace(LAW, lines=[], held_out=[])}, 0, ["additive"]),
    ({"strategies": {"natural": {"a": 0.5, "b": 0.5}, "chosen": {"a": 0.2, "b": 0.8}}}, 1, ["2 domains"]),
    ({"course": COURSE}, 2, ["RegroupBalance", "1 round"]),
    ({"course": dataclasses.replace(COURSE, gram=[])}, 1, ["RegroupBalance"]),
])
def test_what_there_is_is_drawn_and_told(parts, pictures, words):
    page = told(**parts)
    assert page.count("<img") == pictures
    assert not [word for word in words if word not in page]


def test_without_weighing_there_is_no_section():
    assert weighing(Facts("", "documents", "tokens", (), (), (), {}, {}, "", {}, ())) == ""
