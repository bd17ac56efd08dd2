"""Results that are published under a version never change: a new result needs a new version."""

import hashlib

import pytest
from roster import FIELDS, OPERATORS, TEXTS, batch_of, opened

from corpusmill.operators.quality.decontaminate import METHODS, Decontaminate

PUBLISHED = {
    ("decontaminate datatrove", "1"): "9d237df9c816a861ab7c0c8a88f5e104",
    ("decontaminate dolma", "1"): "701fd83e37b380358333f95608bf75d5",
    ("decontaminate gpt3", "1"): "8df174e6f45fe7e9b2f224db7ebc853b",
    ("decontaminate llama3", "1"): "e7695643fad836fb0c773b58683565c6",
    ("quality", "1"): "35690e9ac0b18d33578408ff16e3d091",
    ("datatrove", "1"): "c2d626e9696d4fe4fba86d79c4b9c81c",
    ("multilingual", "1"): "1f723c80ce3dd9d252b27eef59de6f96",
    ("urls", "1"): "1bf32f8d6ce5c8a0fe3434828974db1a",
    ("refinedweb", "1"): "84d651fc4d8d6a2f5921df8eed90f802",
    ("c4", "1"): "4de228b347367172b2df56ca08f1e7ad",
    ("pii", "1"): "3487b6eda1364ecdc9c7f0939cb712ad",
    ("gopher", "2"): "edee226cb30ca55b1df2ad4b015701ba",
    ("dolma", "1"): "540867eb5f1a3c71239942aa6bc0d27f",
    ("web", "1"): "4d82600e88427bcbdc3584f0fc47770c",
    ("difficulty", "1"): "6ec0cb37421805359b8c3c96e05bd080",
    ("importance", "1"): "ee31bc5222ea50057cf9b8b84dc4f55c",
    ("outlier", "1"): "4e617025b07bf76d6d7498fdf3b3a6ae",
    ("perplexity", "1"): "4a9858b155d7f7113f54e7d2eec03905",
    ("cut", "1"): "98e5fb09e10428126f6c3161f0713b53",
    ("paragraphs", "1"): "5d329c2cfcb123d6f208114d87a2d9c8",
    ("badwords", "1"): "b9ac36d674e31ad0f09fdc48b5e4063e",
    ("url", "1"): "f24f1788fb9570163905b01aa80e809e",
    ("url_list", "1"): "b54387326c230bff0ac29d2450c0b343",
    ("nemo", "1"): "eb5063bfa36709cd69f07efd1ad7ac48",
    ("corruption", "1"): "17a6cc6d2c962ff28e7ee1e8f22e3890",
    ("normalise", "1"): "ce0e92d35550599fe7b8200b0ac96aba",
    ("text", "1"): "afec30020dcea1908cce09d53e66cf8c",
    ("compression", "1"): "d2a691f8bcf9404fed6b365619cb81d1",
    ("language", "1"): "94c9a3258b94099e656542774324f2d8",
    ("layer", "1"): "7d59f70f956bab16136567624c3ff753",
}


@pytest.mark.parametrize("operator", [op for op in OPERATORS if op.exact], ids=lambda op: op.name)
def test_results_are_those_published_under_this_version(operator):
    """Failing here: raise the operator's ``version`` and add its line, which keeps old receipts from being reused."""
    outcome = opened(operator)(batch_of(TEXTS, [name for name in FIELDS.names if name in operator.reads.names]))
    assert digest_of(outcome) == PUBLISHED.get((operator.name, operator.version))


def digest_of(outcome):
    return hashlib.sha256(repr((outcome.batch.to_pydict(), outcome.counts)).encode()).hexdigest()[:32]


@pytest.mark.parametrize("method", METHODS)
def test_hits_and_indices_are_those_published_under_this_version(method, tmp_path):
    operator = Decontaminate(sets=[{"path": "q", "name": "s", "query": "q", "label": "l"}], method=method, ngram=3,
                             **({"edit": True, "max_documents": 0, "window": 5, "fragment": 9} if method == "gpt3" else {}))
    items = [{"id": "é", "q": TEXTS[2], "l": TEXTS[3]}, {"q": "one. two? Line OF many", "l": TEXTS[4][:900]}]
    data = operator.build({"q": items})
    (tmp_path / "index").write_bytes(data)
    outcome = operator.open({"index": tmp_path / "index"})(batch_of([*TEXTS, TEXTS[4][400:] + TEXTS[2]], ["text"]))
    assert sum(outcome.batch.column("decontaminate.hits").to_pylist())
    found = hashlib.sha256((hashlib.sha256(data).hexdigest() + digest_of(outcome)).encode()).hexdigest()[:32]
    assert found == PUBLISHED.get((f"decontaminate {method}", operator.version))
