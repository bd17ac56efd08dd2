"""Reading fastText's files: what is in them, and what is refused."""

from pathlib import Path

import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.text.fasttext import read

MODELS = Path(__file__).parent / "models"


@pytest.mark.parametrize(("name", "kept"),
                         [("softmax.bin", None), ("tree.bin", None), ("quantised.ftz", None), ("pruned.ftz", 150)])
def test_the_parts_of_a_file_fit_each_other(name, kept):
    model = read((MODELS / name).read_bytes(), name)
    words = model.vocabulary.words_known
    assert sorted(model.labels) == ["aa", "bb", "cc", "dd", "ee"]
    assert len(model.network.vectors) == words + (model.ngrams.buckets if kept is None else kept)
    assert model.network.vectors.shape[1] == model.network.layer.shape[1] == 6
    inner = len(model.network.children)
    assert inner in (0, 4)
    assert len(model.network.layer) == (inner or 5)
    text, start = model.vocabulary.words.tobytes(), 0
    found = []
    for end in model.vocabulary.ends:
        found.append(text[start:end].decode())
        start = end
    assert "</s>" in found
    assert len(set(found)) == words + 5


def test_a_tree_leads_to_every_label_once():
    children = read((MODELS / "tree.bin").read_bytes(), "tree.bin").network.children
    assert sorted(children.ravel().tolist()) == [0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("name", ["softmax.bin", "pruned.ftz"])
def test_a_cut_file_is_refused(name):
    data = (MODELS / name).read_bytes()
    for size in (0, 7, 50, 70, 300, len(data) // 2, len(data) - 1):
        with pytest.raises(ConfigError, match=r"m\.bin is no"):
            read(data[:size], "m.bin")


def changed(at, value):
    data = bytearray((MODELS / "tree.bin").read_bytes())
    data[at:at + 4] = value.to_bytes(4, "little", signed=True)
    return bytes(data)


@pytest.mark.parametrize(("at", "value", "message"), [
    (0, 1, "no fastText model of version 12"), (4, 11, "it begins with 793712314, 11"), (8, 5, "do not fit 5 dimensions"),
    (28, 0, "wordNgrams 0"), (32, 5, "loss 5"), (36, 1, "model 1"), (40, 500, "buckets of n-grams"),
    (40, 0, "buckets of n-grams"), (44, 9, "n-grams of 9 to 4"), (44, 0, "n-grams of 0 to 4"),
])  # fmt: skip
def test_other_files_are_refused_with_what_is_wrong(at, value, message):
    with pytest.raises(ConfigError, match=message):
        read(changed(at, value), "m.bin")
