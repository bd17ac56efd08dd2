"""C4Lines against plain-Python statements of the three systems' rules."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.c4 import VARIANTS, C4Lines
from corpusmill.operators.quality.c4_editing import COLUMNS
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.sentences import count_by_spaces, marks
from corpusmill.operators.text.spacy import rules
from corpusmill.operators.text.spacy_sentences import count_by_tokens

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"
POLICIES = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"]
PIECES = st.one_of(
    st.sampled_from([
        "One two three four five.", "Is this a line of words?", "It says \u201cso\u201d here, \"so.\"",
        "Never. Ever! Why?", "wait...", "end…",
        "[1]", "[]", "[edit]", "[citation needed]", "[12", "[٣]", "[Edit]", "a[1]", "{", "}", "lorem ipsum",
        "Lorem Ipsum.",
        "LOREM\u00a0IPSUM", "JavaScript", "java[2]script", "java\u017fcript", "javascr\u0131pt", "terms of use",
        "Terms of U\u017fe", "PRIVACY policy",
        "pr\u0130vacy policy", "coo\u212aie policy", "uses cookies", "USE of CooKies", "use  cookies",
        "reuse cookies.", "w" * 1001, "é" * 1000,
        "\u4e2d" * 1001 + ".", " ", "  ", "\t", "\u3000", "\u200b", "e\u0301.", "\u0648\u0642\u0627\u0644.", "'",
        "it's over.'", ".", "!", "''",
    ]),
    st.text(st.one_of(st.sampled_from("ab [].!?\"'{é中🙂\u00a0\u2003"), st.characters(codec="utf-8")), max_size=20),
)  # fmt: skip
BREAKS = st.sampled_from(["\n", "\n\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029",
    " ", "", "\n "])
TEXTS = st.lists(st.tuples(PIECES, BREAKS), max_size=12).map(lambda parts: "".join(piece + end for piece,
    end in parts))


def sentences(text, by_tokens):
    texts = Texts.of(pa.array([text]))
    at = int(texts.addresses[0]), int(texts.lengths[0])
    return count_by_tokens(*at, rules().address, rules().most, marks()) if by_tokens else count_by_spaces(*at, marks())


def reference(text, variant, fewest=3, longest=1000, terminal=True):
    """What tfds' clean_page, datatrove's C4QualityFilter and DCLM's chain of modifiers do, in our words."""
    dclm = variant == "dclm"
    found = dict.fromkeys(COLUMNS, 0)
    found["chars"] = len(text)
    stops = (".", "?", "!", '"', "'") if variant == "datatrove" else (".", "?", "!", '"')
    lines = text.split("\n") if dclm else [line.strip() for line in text.splitlines()]
    found["lines"] = len(lines)
    kept = []
    for raw in lines:
        if any(len(word) > longest for word in raw.split()):
            found["long_word_lines"] += 1
            continue
        line, removed = re.subn(r"\[\d*\]|\[edit\]|\[citation needed\]", "", raw)
        found["citations"] += removed
        if dclm and not line:
            kept.append(line)
            continue
        end = line.rstrip() if dclm else line
        if terminal and (not end.endswith(stops) or end.endswith("...")):
            found["unpunctuated_lines"] += 1
            continue
        if len((raw if variant == "datatrove" else line).split()) < fewest:
            found["short_lines"] += 1
            continue
        if "lorem ipsum" in line.lower():
            found["lorem_first"] |= found["lorem_lines"] + found["curly_lines"] == 0
            found["lorem_lines"] += 1
        if mentions(line, ["javascript"], dclm):
            found["javascript_lines"] += 1
            continue
        found["curly_lines"] += "{" in line
        if mentions(line, POLICIES, dclm):
            found["policy_lines"] += 1
            continue
        found["kept_lines"] += 1
        if not dclm:
            found["sentences"] += sentences(line, variant == "datatrove")
        kept.append(line)
    text = "\n".join(kept).strip()
    if dclm:
        found["sentences"] = sentences(text, by_tokens=False)
    return text, found


def mentions(line, phrases, ignore_case):
    return any(re.search(phrase, line, re.I) if ignore_case else phrase in line.lower() for phrase in phrases)


def edited(values, operator):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = operator.open({})(batch)
    outcome.batch.validate(full=True)
    rows = outcome.batch.to_pylist()
    found = [(row.pop("text"), {name.removeprefix("c4."): n for name, n in row.items()}) for row in rows]
    assert outcome.counts == {"edited": sum(text != value for value, (text, _) in zip(values, found, strict=True))}
    return found


@pytest.mark.parametrize("variant", VARIANTS)
@given(st.lists(TEXTS, max_size=4), st.sampled_from([0, 1, 3, 5]), st.booleans())
@example(["", "\n", "\n\n", "a\r\n\r\nb", "[1]\n\nOne two three.\n\n[2]\nFour five six.\n\n"], 3, True)
@example(["[1] [2] [3]\nwords", "  One two three. [1]  \n x", "One two three[1]."], 3, False)
@example(["a" * 62 + "[1]b c.", "a" * 63 + "[edit] b c.", "x " * 31 + "javascript.", "x " * 30 + "use cookies."],
          3, True)
@example(["a lorem ipsum.\n b c {.", "b c { d.\n a lorem ipsum.", "a javascript lorem ipsum {."], 3, True)
def test_texts_and_counts_are_those_of_the_reference(variant, values, fewest, terminal):
    operator = C4Lines(variant=variant, fewest_words=fewest, terminal_punctuation=terminal)
    assert edited(values, operator) == [reference(value, variant, fewest, 1000, terminal) for value in values]


@pytest.mark.parametrize("size", range(60, 68))
@pytest.mark.parametrize("tail", ["[1].", "[citation needed].", " javascript.", " use cookies.", "\u2028b c.",
                         "\r\n b c.", " lorem ipsum {."])
def test_rules_hold_across_the_edges_of_blocks(size, tail):
    values = [("w " * 40)[:size] + tail, "w" * size + tail + " and so on."]
    for variant in VARIANTS:
        assert edited(values, C4Lines(variant=variant)) == [reference(value, variant) for value in values]


@pytest.mark.parametrize("chars", [999, 1000, 1001])
@pytest.mark.parametrize("letter", ["a", "é", "中", "🙂"])
def test_a_word_is_too_long_by_its_characters(chars, letter):
    text = f"A line {letter * chars}\u3000of words."
    (found, counts), = edited([text], C4Lines())
    assert (found == text, counts["long_word_lines"]) == (chars <= 1000, int(chars > 1000))


@pytest.mark.corpus
@pytest.mark.parametrize("variant", VARIANTS)
def test_real_documents_become_what_the_reference_says(variant):
    files = sorted(CORPUS.glob("*.parquet"))
    if not files:
        pytest.skip(f"no corpus in {CORPUS}")
    for file in files:
        column = pq.read_table(file, columns=["text"])["text"].cast(pa.string())
        values = [text for text in column.to_pylist()[5::max(1, len(column) // 40)] if len(text) < 100_000]
        assert edited(values, C4Lines(variant=variant)) == [reference(value, variant) for value in values]


@pytest.mark.parametrize("fields", [{"variant": "gopher"}, {"fewest_words": -1}, {"longest_word": -1}, {"fewest_words": 3.5},
                                    {"fewest_words": "3"}, {"fewest_words": None}, {"longest_word": 1e3},
                                    {"longest_word": True}, {"longest_word": 1 << 31}])
def test_an_impossible_parameter_is_a_clear_error(fields):
    with pytest.raises(ConfigError, match=f"operator 'c4': {next(iter(fields))} must be"):
        C4Lines(**fields)


def test_a_batch_without_edits_keeps_its_column():
    batch = pa.record_batch([pa.array(["Nothing to edit here.", ""])], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = C4Lines().open({})(batch)
    assert outcome.batch.column("text").buffers()[2].address == batch.column("text").buffers()[2].address
    assert np.array_equal(outcome.batch.column("c4.kept_lines"), [1, 0])
