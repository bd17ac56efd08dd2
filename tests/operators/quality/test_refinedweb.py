"""RefinedWebLines against DCLM's rules written as regular expressions."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.refinedweb import RefinedWebLines
from corpusmill.operators.quality.refinedweb_editing import COLUMNS
from corpusmill.operators.schema import DOCUMENTS

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"
COUNTER = re.compile(r"\W*\d[,.\d]*[kmb]?\s+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes"
                     r"|downloads|views|followers)\W*")
LINES = st.one_of(
    st.sampled_from([
        "", " ", "A line of words.", "SHOUTED LINE of words", "ABcd", "ABCd", "Ⅷ Ⅷ a", "ÉÉé", "123", "1 2", "١٢٣",
        "²²", "①②", "  99", "3 likes",
        "(1,234.5K views)", "* 7m\u2003followers *", "2 liKes", "3likes", "x 3 likes", "4 shares now",
        "5 li\u212aes", "word", "two words",
        "7 items in cart", "items in cart", "ITEMS in cart and more",
        "a\u00a0\u0130tems \u0131n cart items in cart", "Read more...", "a b Read more abc",
        "read more..", "read more", "so it is, Read More...", "Sign-in", "Sign-in now", "\u017fign-in  here",
        "the sign-in page", "\u3000sign-in x",
        "one two three four five six seven eight nine ten sign-in items in cart", "中文 字", "e\u0301 \u200b", "\x0b",
        "a\r", "_ _ x", "\x00a b",
    ]),
    st.text(st.one_of(st.sampled_from("abAB 12.,é中🙂\u00a0"), st.characters(codec="utf-8", exclude_characters="\n")),
            max_size=20),
)  # fmt: skip
TEXTS = st.lists(LINES, max_size=10).map("\n".join)


def reference(text):
    found = dict.fromkeys(COLUMNS, 0)
    found["words"] = words(text)
    lines = text.split("\n")
    for rule, breaks in (("capital_lines", lambda line: sum(map(str.isupper, line)) / len(line) > 0.5),
                         ("numeric_lines", lambda line: sum(map(str.isdigit, line)) / len(line) > 0.999999),
                         ("counter_lines", lambda line: COUNTER.fullmatch(line.lower()) is not None),
                         ("short_lines", lambda line: len(line.split()) < 2)):
        kept = [line for line in lines if not line or not breaks(line)]
        found[rule] += len(lines) - len(kept)
        lines = kept if rule == "short_lines" else "\n".join(kept).strip().split("\n")
    for pattern in (r"\s?items in cart", r"\s?read more...\Z", r"\Asign-in\s?"):
        kept = []
        for line in lines:
            if len(line.split()) <= 10:
                shorter, removed = re.subn(pattern, "", line, flags=re.I)
                found["phrases"] += removed
                if line and not shorter.strip():
                    found["phrase_lines"] += 1
                    continue
                line = shorter
            kept.append(line)
        lines = "\n".join(kept).strip().split("\n")
    text = "\n".join(lines)
    found["words_removed"] = found["words"] - words(text)
    return text, found


def words(text):
    return sum(word[0].isalnum() for word in re.split("[ \t\n\v\f\r\0]+", text) if word)


def edited(values, operator):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = operator.open({})(batch)
    outcome.batch.validate(full=True)
    rows = outcome.batch.to_pylist()
    found = [(row.pop("text"), {name.removeprefix("refinedweb."): n for name, n in row.items()}) for row in rows]
    assert outcome.counts == {"edited": sum(text != value for value, (text, _) in zip(values, found, strict=True))}
    return found


@given(st.lists(TEXTS, max_size=5))
@example(["", "\n", "\n\n \n", "  123\nA line of words.", "ABC\n  99\n\nwords that stay\n\n  ", "a b\n\n\n\nc d"])
@example(["\n".join(["x y"] * 70), "ab " * 40 + "\n" + "AB " * 40, "1" * 2000 + "\n" + "1" * 999 + "é", "é" * 2000])
@example(["AB" * 40 + "ab" * 40, "AB" * 40 + "ab" * 40 + "C", "items in cart items in cart x y",
          "x items in cartitems in cart"])
def test_texts_and_counts_are_those_of_the_reference(values):
    assert edited(values, RefinedWebLines()) == [reference(value) for value in values]


@pytest.mark.parametrize("size", range(60, 68))
@pytest.mark.parametrize("tail", [" items in cart", " Read more...", "\n3 likes", "\nSHOUTED LINE", "\n12345",
                         "\nSign-in a b", "É a"])
def test_rules_hold_across_the_edges_of_blocks(size, tail):
    values = [letter * size + tail + end for letter in "aA1é" for end in ("", " b c\nd e")] + [("a b " * 17)[:size] + tail]
    assert edited(values, RefinedWebLines()) == [reference(value) for value in values]


@pytest.mark.corpus
def test_real_documents_become_what_the_reference_says():
    files = sorted(CORPUS.glob("*.parquet"))
    if not files:
        pytest.skip(f"no corpus in {CORPUS}")
    for file in files:
        column = pq.read_table(file, columns=["text"])["text"].cast(pa.string())
        values = [text for text in column.to_pylist()[2::max(1, len(column) // 40)] if len(text) < 100_000]
        assert edited(values, RefinedWebLines()) == [reference(value) for value in values]


@pytest.mark.parametrize("fields", [{"most_capitals": 1.5}, {"most_numerals": -0.1}, {"most_numerals": float("nan")},
                                    {"most_capitals": "0.5"}, {"fewest_words": -1}, {"fewest_words": 2.0}, {"phrase_words": -1},
                                    {"phrase_words": True}, {"phrase_words": 1 << 31}])
def test_an_impossible_bound_is_a_clear_error(fields):
    with pytest.raises(ConfigError, match=f"operator 'refinedweb': {next(iter(fields))} must be a"):
        RefinedWebLines(**fields)
