"""The profiles gopher_dclm and gopher_dolma decide as the systems that they are named after."""

import dataclasses
import importlib.resources
import random
from pathlib import Path

import gopher_plain
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from segmenting import words_of

from corpusmill.jobs.annotate import QualityConfig, operators
from corpusmill.operators.quality.select import parse_rules, select
from corpusmill.operators.schema import DOCUMENTS

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "data" / "corpus"
FOLDER = importlib.resources.files("corpusmill.conf") / "quality"


def decide(name, texts, change=lambda rules: rules):
    found = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    columns = [pa.array([bytes(16)] * len(texts), pa.binary(16)), pa.array(texts, pa.string())]
    batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema([DOCUMENTS.field(n) for n in ("doc_id", "text")]))
    annotated = operators(QualityConfig(**found)).open()(batch).batch
    return select(annotated, change(parse_rules(found["rules"]))).batch["reason"].to_pylist()


def dclm(text):
    return gopher_plain.dclm(text, words_of(text))


def dolma(text, version=1):
    return gopher_plain.dolma(gopher_plain.dolma_attributes(text, version))


def dolma_v2(rules):
    def renamed(signal):
        return signal.replace("dolma.duplicate_lines", "dolma.duplicate_lines_v2").replace("dolma.lines", "dolma.lines_v2")

    return [dataclasses.replace(rule, signal=renamed(rule.signal)) for rule in rules]


WORDS = ["the", "of", "to", "With", "can't", "word", "3.14", "#", "…", "...", "-", "*", "naïve", "中文", "²", "_x", "a", "it's"]
LINES = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
BREAKS = st.sampled_from(["\n", "\n\n", " ", " \n", "\n* ", "\n- ", "…\n", "\n\n\n", ". . .\n"])
TEXTS = st.lists(st.tuples(LINES, BREAKS), min_size=3, max_size=25).map(lambda parts: "".join(a + b for a, b in parts))
FILLED = " ".join(f"the w{i}rd n{i}me p{i}ace" for i in range(30))
LISTED = "\n".join(f"- the w{i}rd of n{i}me" for i in range(40))
EXAMPLES = [
    "", "\n", "\n\n", FILLED, f"{FILLED}\n\n{FILLED}", f"\n{FILLED}\n", "the of " * 30, "a\n" * 60, "* of the\n" * 40, "-",
    f"{FILLED} " + "# " * 40, f"{FILLED}\n" + "x…\n" * 40, "1 2 3 " * 30, "word " * 60, "\n\n\n".join(FILLED.split()),
    LISTED, LISTED.replace("-", "*"), "\n".join(f"the w{i}rd n{i}me p{i}ace l{i}ke …" for i in range(40)), FILLED + " 1 2" * 20,
    FILLED + " very often" * 12, f"{FILLED} {FILLED[-170:]}", f"{FILLED} {FILLED[:90]} so {FILLED[200:290]}", "abc\0" * 60,
    "½ ² Ⅷ the of " * 20, "elephantine-multiplications " * 60, f"{FILLED}\n\nlast\n\nlast", FILLED + " a" * 300,
]  # fmt: skip


@given(st.lists(TEXTS, max_size=6))
@example(EXAMPLES)
def test_gopher_dclm_decides_as_dclm(texts):
    assert decide("gopher_dclm", texts) == [dclm(text) for text in texts]


@given(st.lists(TEXTS, max_size=6))
@example(EXAMPLES)
def test_gopher_dolma_decides_as_dolma(texts):
    assert decide("gopher_dolma", texts) == [dolma(text) for text in texts]
    assert decide("gopher_dolma", texts, dolma_v2) == [dolma(text, 2) for text in texts]


def test_examples_reach_most_reasons():
    """A profile that agreed only on documents that every rule keeps would have shown nothing."""
    assert len({dclm(text) for text in EXAMPLES}) >= 8
    assert len({dolma(text) for text in EXAMPLES}) >= 8


def test_the_rules_that_dolma_misspelt_can_be_switched_off():
    rules = parse_rules(yaml.safe_load((FOLDER / "gopher_dolma.yaml").read_text())["rules"])
    assert [rule.reason for rule in rules[15:]] == [f"fraction_of_characters_in_most_common_{n}grams" for n in (2, 3, 4)]
    ran = gopher_plain.DOLMA_RULES[:15]
    attributes = [gopher_plain.dolma_attributes(text, 1) for text in EXAMPLES]
    assert decide("gopher_dolma", EXAMPLES, lambda rules: rules[:15]) == [gopher_plain.dolma(a, ran) for a in attributes]


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "reference"), [("gopher_dclm", dclm), ("gopher_dolma", dolma)])
def test_profiles_decide_as_their_systems_on_real_text(name, reference):
    files = sorted(CORPUS.glob("*.parquet"))
    if not files:
        pytest.skip(f"no corpus in {CORPUS}")
    draw, texts = random.Random(14), []
    for file in files:
        column = pq.read_table(file, columns=["text"])["text"].cast(pa.string()).to_pylist()
        texts += [text for text in draw.sample(column, min(len(column), 40)) if len(text) < 20_000][:12]
    assert decide(name, texts) == [reference(text) for text in texts]
