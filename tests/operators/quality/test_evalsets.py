import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.evalsets import EvalSet, parse_sets

RECORDS = [{"id": "a/1", "question": "Why?", "choices": {"text": ["one", "two"], "label": ["A", "B"]}, "answer": 3, "n": None},
           {"question": "Who \ud800?", "answer": "me", "right": True}]


def test_a_path_is_a_set_named_for_its_file():
    assert parse_sets(["x/gsm8k.test.jsonl", {"path": "s3://b/mmlu.parquet", "query": "q", "name": "MMLU"}]) == (
        EvalSet("x/gsm8k.test.jsonl", "gsm8k"), EvalSet("s3://b/mmlu.parquet", "MMLU", ("q",)))


def test_fields_that_are_named_make_the_query_and_the_label():
    one = EvalSet("p", "n", ("question", "choices"), ("answer",))
    assert one.texts(RECORDS) == [("Why?\none\ntwo\nA\nB", "3"), ("Who ??", "me")]
    assert one.ids(RECORDS) == ["a/1", "1"]


def test_without_fields_all_strings_but_the_id_count():
    assert EvalSet("p", "n").texts(RECORDS) == [("Why?\none\ntwo\nA\nB", ""), ("Who ??\nme", "")]
    assert EvalSet("p", "n", id="question").texts(RECORDS)[1] == ("me", "")


@pytest.mark.parametrize(("entries", "message"), [
    ("a.jsonl", "sets must be a list"), ([3], r"sets\[0\] must be a path"),
    ([{"path": "a", "querry": "q"}], "did you mean 'query'"), (["a", "b/a.jsonl"], "two evaluation sets are named 'a'"),
    ([{"name": "a"}], r"sets\[0\] must be a path, or a mapping with a path"),
    ([{"path": "a", "query": [1]}], "must be a field's name"), ([{"path": "a", "label": []}], "must be a field's name"),
    ([{"path": "a", "name": ""}], "needs a path and a name"),
    ([{"path": "a", "name": 8}], r"sets\[0\].name must be a string; got 8"),
    (["b", {"path": "a", "name": None}], r"sets\[1\].name must be a string; got None"),
    ([{"path": "a", "id": ["x"]}], r"sets\[0\].id must be a string; got \['x'\]"),
])
def test_what_is_no_set_is_refused(entries, message):
    with pytest.raises(ConfigError, match=message):
        parse_sets(entries)


def test_a_field_that_no_record_has_is_refused_by_name():
    with pytest.raises(ConfigError, match="no record of p has a field 'prompt'; there is id, question, choices, answer, n"):
        EvalSet("p", "n", ("prompt",)).texts(RECORDS)
    for name in ("", "key"):
        with pytest.raises(ConfigError, match=f"no record of p has a field '{name}'; there is id, question"):
            EvalSet("p", "n", ("question",), id=name).texts(RECORDS)
    with pytest.raises(ConfigError, match="no record of p has a field 'id'; there is q"):
        EvalSet("p", "n", id="id").texts([{"q": "a"}])
    assert EvalSet("p", "n", id=None).ids([{"q": "a"}]) == ["0"]
    with pytest.raises(DataError, match="has no records"):
        EvalSet("p", "n").texts([])
