"""Read from spaCy and datatrove what operators/text/spacy_classes.py and spacy_exceptions.py hold, as JSON.

    DATATROVE_PYTHON benchmarks/agreement/spacy_table.py > facts.json

``runs`` is a list of (class bits, length) over all code points, ``exceptions`` maps chunks to tokens, ``units`` lists units.
"""

import json
import re
import unicodedata

import spacy
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION
from spacy.lang import char_classes as known
from spacy.pipeline import Sentencizer
from spacy.symbols import ORTH

DOTTED = rf"0-9{known.ALPHA_LOWER}%²\-\+{known.CONCAT_QUOTES}{known.PUNCT}(?:)"


def main() -> None:
    tokenizer = spacy.blank("en").tokenizer
    tests = kinds(tokenizer)
    runs: list[list[int]] = []
    for point in range(0x110000):
        surrogate = 0xD800 <= point < 0xE000
        bits = 0 if surrogate else sum(1 << i for i, test in enumerate(tests) if test(chr(point)))
        if runs and runs[-1][0] == bits:
            runs[-1][1] += 1
        else:
            runs.append([bits, 1])
    exceptions = {chunk: [token[ORTH] for token in tokens] for chunk, tokens in tokenizer.rules.items() if not chunk.isspace()}
    print(json.dumps({"runs": runs, "exceptions": exceptions, "units": known.UNITS.split("|")}))


def kinds(tokenizer):
    """A test for each bit of ``spacy_classes``, from the lowest."""
    icon, stops = one_of(known.CONCAT_ICONS), set(Sentencizer.default_punct_chars)
    currency = re.compile(f"(?:{known.CURRENCY})$").match
    return [lambda c: tokenizer.find_prefix(c) == 1, lambda c: tokenizer.find_suffix(c) == 1, lambda c: icon(c) or c == "…",
            one_of(known.ALPHA), one_of(known.ALPHA_LOWER), one_of(known.ALPHA_UPPER), one_of(known.CONCAT_QUOTES),
            one_of(DOTTED), currency, re.compile(r"\w").match, str.isalpha, re.compile(r"\d").match,
            lambda c: unicodedata.category(c)[0] == "P", stops.__contains__, PUNCTUATION_SET.__contains__,
            TERMINAL_PUNCTUATION.__contains__]


def one_of(characters):
    return re.compile(f"[{characters}]").match


if __name__ == "__main__":
    main()
