"""Spans of equal and different words."""

from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.inspecting.words import compare, first_difference

texts = st.lists(st.sampled_from(["a", "b", "c", " ", "  ", "\n", "word "]), max_size=40).map("".join)


@given(texts, texts)
def test_spans_join_to_both_texts_and_tell_equal_words(left, right):
    spans = list(compare(left, right))
    assert "".join(s.left for s in spans) == left
    assert "".join(s.right for s in spans) == right
    assert all(s.left.split() == s.right.split() if s.equal else s.left != s.right for s in spans)


def test_only_the_words_that_differ_are_marked():
    spans = list(compare("the red fox ran", "the grey fox ran off"))
    assert [(s.left, s.right) for s in spans if not s.equal] == [(" red", " grey"), ("", " off")]


@given(st.text(max_size=900), st.text(max_size=50), st.text(max_size=50), st.integers(1, 700))
def test_the_first_difference_is_on_show(same, left, right, chars):
    left, right = same + left, same + right
    start = first_difference(left, right, chars)
    assert left[:start] == right[:start]
    if left != right:
        assert left[start : start + chars] != right[start : start + chars]
