"""Write what spaCy makes of chunks drawn by a seed: the data of tests/operators/text/test_spacy.py.

    SPACY_PYTHON benchmarks/agreement/spacy_answers.py tests/operators/text/models/spacy_answers.json
"""

import json
import random
import sys
from pathlib import Path

import spacy

KINDS = {
    "marks": ("abcXYZ0159", ".,;:!?'\"()[]{}<>-–—…/\\|@#$%^&*_+=~`’‘“”", 900),
    "words": (["can", "not", "He", "we", "U", "S", "Dr", "km", "e", "g", "10", "3", "and", "or", "US"],
              [
        "'s", "n't", "'", "’ll", ".", "..", ",", "-", "--", "/", "$", "%", "°", ":", ")", "(", "'d", "'ve",
        "=", "é", "m²"], 900),
    "faces": ([":", ";", "=", "8", "x", "o", "O", "^", "<", ">", "D", "v", "3"], "-_'’()[].*/|PDpo0", 500),
    "addresses": (["http://", "a", "example", "WWW", "10", "192", "255", "co", "mailto:", "-x", "σ", "1"],
                  [".", ".com", ".org/", ":80", "@", "/p?q#r", "_", "-", ".168.0.1", "://", ".uk", ","], 700),
    "wide": ("éÀжЖαΩ中あ한עक😀☃★€£²٣", ".,-—…()'’:/+5a。、「」·〜", 700),
}


def main() -> None:
    tokenize = spacy.blank("en").tokenizer
    answers = {}
    for kind, (words, marks, number) in KINDS.items():
        draw = random.Random(f"spacy {kind}")
        chunks = {"".join(draw.choice(draw.choice([words, marks])) for _ in range(draw.randint(1, 7))) for _ in range(number)}
        answers[kind] = sorted([token.text for token in tokenize(chunk)] for chunk in chunks)
    lines = ",\n".join(f'{json.dumps(kind)}: {json.dumps(found, ensure_ascii=False, separators=(",", ":"))}'
                       for kind, found in answers.items())
    Path(sys.argv[1]).write_text(f'{{"spacy": "{spacy.__version__}", "answers": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
