import pytest

from corpusmill.operators.domain.embedders.fasttext import FastText
from corpusmill.operators.domain.embedders.registry import described, restored
from corpusmill.operators.domain.embedders.transformer import Transformer
from corpusmill.operators.errors import DataError


@pytest.mark.parametrize("embedder", [FastText(words=7), Transformer("", "0" * 32, prefix="query: ")])
def test_an_embedder_is_what_was_told_of_it(embedder):
    assert restored(described(embedder)) == embedder


def test_where_the_files_are_is_no_part_of_it():
    assert described(Transformer("/here", "0" * 32)) == described(Transformer("/there", "0" * 32))


@pytest.mark.parametrize(("change", "told"), [
    ({"class": "os.path"}, "names the embedder os.path"),
    ({"class": "corpusmill.operators.domain.embedders.fasttext.learn"}, "which this version does not have"),
    ({"version": "0"}, "made with version 0 of FastText"),
])
def test_what_is_no_embedder_of_this_version_is_refused(change, told):
    with pytest.raises(DataError, match=told):
        restored(described(FastText()) | change)
