"""Which n-grams are in too many documents: a Fit whose parts can come in any order."""

import itertools
import json

import pyarrow as pa
import pytest
from barewords import bare_words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality import evalindex
from corpusmill.operators.quality.common_ngrams import Common, common_of
from corpusmill.operators.quality.decontaminate import Decontaminate

WORDS = ["a", "b", "c", "d", "e", "f"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join), max_size=12)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An operator over bigrams, and its index as a file."""
    operator = Decontaminate(sets=["s.jsonl"], ngram=2, max_documents=2, edit=True, window=0, fragment=0)
    path = tmp_path_factory.mktemp("index") / "index"
    path.write_bytes(operator.build({"s.jsonl": [{"q": "a b c d"}, {"q": "e f"}]}))
    return operator, path


def batch(texts):
    return pa.record_batch([pa.array(texts, pa.string())], names=["text"])


def bigrams(text):
    words = [word for word, _, _ in bare_words(text)]
    return set(itertools.pairwise(words))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, data=st.data())
def test_documents_are_counted_whatever_the_batches_and_their_order(texts, data, made, tmp_path):
    operator, path = made
    fit = operator.fit({"index": path})
    assert isinstance(fit, Common)
    cut = data.draw(st.integers(0, len(texts)))
    states = [fit.partial(batch(texts[cut:])), fit.partial(batch(texts[:cut])), fit.partial(batch([]))]
    found = fit.finish(fit.merge(states[0], fit.merge(states[1], states[2])))
    assert found == fit.finish(fit.partial(batch(texts)))
    told = json.loads(found)
    documents = {gram: sum(gram in bigrams(text) for text in texts) for gram in zip("abce", "bcdf", strict=True)}
    assert sorted(told["common"].values()) == sorted(n for n in documents.values() if n > 2)
    assert told["documents"] == len(texts)

    (tmp_path / "common").write_bytes(found)
    apply = operator.open({"index": path, "common": tmp_path / "common"})
    hits = apply(batch(texts)).batch.column("decontaminate.hits").to_pylist()
    counted = [gram for gram, n in documents.items() if n <= 2]
    words = [[word for word, _, _ in bare_words(text)] for text in texts]
    assert hits == [sum(pair in counted for pair in itertools.pairwise(w)) for w in words]


def test_keys_of_another_index_are_passed_over_and_other_files_refused(made, tmp_path):
    index = evalindex.load(made[1], "").tables
    known = f"{index.keys[1]:016x}"
    (tmp_path / "common").write_text(json.dumps({"common": {known: 11, "0" * 16: 12, "f" * 16: 13}}))
    assert common_of(tmp_path / "common", index).tolist() == [1]
    for text in ("[]", "{}", "no JSON", '{"common": ["x"]}', '{"common": ["1' + 16 * "0" + '"]}', '{"common": ["-1"]}'):
        (tmp_path / "common").write_text(text)
        with pytest.raises(ConfigError, match="does not say which n-grams are common"):
            common_of(tmp_path / "common", index)


def test_an_operator_that_bounds_documents_must_be_fitted_first(made):
    operator, path = made
    assert operator.unfitted
    assert not operator.fitted("d").unfitted
    assert operator.fitted("d").artifacts == {"index": "", "common": "d"}
    assert not Decontaminate(method="llama3").unfitted
    with pytest.raises(ConfigError, match="its common has not been fetched"):
        operator.open({"index": path})
