import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.tokens import BOUNDARY, VOCABULARY, Vocabulary, chosen, encoded, stream

TEXTS = [b"the river turns the wheel of the mill", "Brücke über den Fluß, 水車が回る".encode(), b"\x00\x01 rye"]


@pytest.fixture(scope="module")
def few():
    return chosen("cl100k", TEXTS, VOCABULARY + 6)


def spelled(vocabulary, tokens):
    """The bytes that tokens stand for, by the tokenizer's own decoder."""
    from rs_bpe.bpe import openai

    decode = openai.cl100k_base().bpe().decode_tokens
    return b"".join(bytes([t]) if t < 256 else b"" if t == BOUNDARY else decode([vocabulary.kept[t - VOCABULARY]])
                    for t in tokens.tolist())


def test_bytes_are_tokens_and_boundaries_stand_between_documents():
    assert stream([b"ab", b"", b"c"]).tolist() == [256, 97, 98, 256, 256, 99, 256]
    assert Vocabulary().stream([b"ab"]).tolist() == [256, 97, 98, 256]
    assert (len(Vocabulary()), Vocabulary().widths.sum(), Vocabulary().widths[BOUNDARY]) == (257, 256, 0)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_text_is_written_whole_with_a_few_tokens(few, texts):
    data = [text.encode() for text in texts]
    tokens = few.stream(data)
    assert spelled(few, tokens) == b"".join(data)
    assert few.widths[tokens].sum() == sum(map(len, data))
    assert (tokens == BOUNDARY).sum() == len(texts) + 1


def test_the_most_frequent_tokens_are_kept(few):
    ids = np.concatenate([encoded("cl100k", text) for text in TEXTS]).tolist()
    assert len(few) == VOCABULARY + 6
    least = min(ids.count(kept) for kept in few.kept)
    widths = dict(zip(few.kept, few.widths[VOCABULARY:].tolist(), strict=True))
    assert all(width > 1 for width in widths.values())
    assert encoded("cl100k", b" the").tolist()[0] in few.kept
    assert least >= 1


def test_all_that_occur_are_kept_where_there_is_room():
    vocabulary = chosen("o200k", TEXTS, 10_000)
    assert len(vocabulary) < VOCABULARY + 60
    assert len(vocabulary.stream(TEXTS[:1])) == len(encoded("o200k", TEXTS[0])) + 2


def test_what_is_no_vocabulary_is_refused():
    with pytest.raises(ConfigError, match=r"streams\.tokenizer='gpt9'"):
        chosen("gpt9", [], 1000)
    with pytest.raises(ConfigError, match=r"streams\.vocabulary=257"):
        chosen("o200k", [], 257)
