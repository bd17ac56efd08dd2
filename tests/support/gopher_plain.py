"""Gopher's rules as DCLM and Dolma decide them, document by document: what profiles are held against.

Also runs in an environment that has one of the systems, without corpusmill, for ``benchmarks/agreement_gopher.py``:

    python gopher_plain.py uniseg|gopher_v1|gopher_v2 < texts.jsonl > answers.jsonl

Each line of the input is a JSON string. The answer is what the system's own code gives: with ``uniseg`` the list of words
that begin with a letter or number, with a tagger of Dolma the mapping from attribute to score.
"""

import json
import re
import sys
from collections import Counter
from statistics import median

STOP_WORDS = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])


def runs(words, n):
    return [tuple(words[i:i + n]) for i in range(len(words) - n + 1)]


def size(words):
    return sum(map(len, words))


def dclm(text, words):
    """The reason for which DCLM drops the text, or None; ``words`` are those of UAX #29 that n-grams are made of."""
    split, lines = text.split(), [line.strip() for line in text.split("\n") if line.strip()]
    tokens = sum(token[:1].isalnum() for token in re.split("[ \t-\r\0]", text))
    if not 50 <= tokens <= 100000:
        return "page_length_filter"
    if not split or not 3 <= size(split) / len(split) <= 10:
        return "word_length_filter"
    if sum(map(text.count, ["#", "...", ". . .", "…"])) / len(split) > 0.1:
        return "symbol_ratio_filter"
    if sum(line[0] in "●•*-" for line in lines) > 0.9 * len(lines):
        return "bullet_count_filter"
    if sum(line.endswith(("...", ". . .", "…")) for line in lines) > 0.3 * len(lines):
        return "ellipsis_count_filter"
    if sum(not any(map(str.isalpha, word)) for word in split) / len(split) > 0.2:
        return "alphabetic_word_ratio_filter"
    if sum(word.lower() in STOP_WORDS for word in split) < 2:
        return "stop_word_filter"
    return dclm_repetition(lines, [part.strip() for part in text.split("\n\n") if part.strip()], words)


def dclm_repetition(lines, paragraphs, words):
    for suffix, pieces, most, weight in (("line", lines, 0.3, lambda _: 1), ("paragraph", paragraphs, 0.3, lambda _: 1),
                                         ("line_chars", lines, 0.2, len), ("paragraph_chars", paragraphs, 0.2, len)):
        counted = Counter(pieces)
        copied = sum(weight(piece) * n for piece, n in counted.items() if n > 1)
        if len(pieces) > 1 and copied / sum(map(weight, pieces)) > most:
            return f"massive_web_repetition_filters_{suffix}"
    for n, most in zip(range(2, 11), (0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.1), strict=True):
        found = runs(words, n)
        counted = Counter(found)
        highest = max(counted.values(), default=1)
        if highest == 1:
            continue
        if n < 5:
            covered = highest * max(size(run) for run, k in counted.items() if k == highest)
        else:
            covered = size(words[i] for i in {i + k for i, run in enumerate(found) if counted[run] > 1 for k in range(n)})
        if covered / size(words) > most:
            return f"massive_web_repetition_filters_{n}gram"
    return None


def dolma_attributes(text, version):
    """Dolma's attributes by name, those of Gopher; no n-gram attribute where the text is shorter."""
    words = text.split()
    lines = text.split("\n") if version == 1 else re.split("\n+", text)
    total, copies = len(words) or 1, [(line, n) for line, n in Counter(lines).items() if n > 1]
    found = {
        "word_count": len(words),
        "median_word_length": median(map(len, words)) if words else 0,
        "symbol_to_word_ratio": sum("#" in word or "…" in word for word in words) / total,
        "fraction_of_words_with_alpha_character": sum(any(map(str.isalpha, word)) for word in words) / total,
        "required_word_count": sum(word in STOP_WORDS for word in words),
        "fraction_of_lines_starting_with_bullet_point": sum(line[:1] in ("*", "-") for line in lines) / len(lines),
        "fraction_of_lines_ending_with_ellipsis": sum(line[-1:] == "…" for line in lines) / len(lines),
        "fraction_of_duplicate_lines": sum(n for _, n in copies) / len(lines),
        "fraction_of_characters_in_duplicate_lines": sum(n * len(line) for line, n in copies) / (size(words) or 1),
    }
    for n in range(2, min(10, len(words)) + 1):
        counted = Counter(runs(words, n))
        if n < 5:
            first, most = counted.most_common(1)[0]
            found[f"fraction_of_characters_in_most_common_{n}grams"] = most * size(first) / size(words)
        else:
            repeated, every = (sum(k * size(run) for run, k in counted.items() if k > least) for least in (1, 0))
            found[f"fraction_of_characters_in_duplicate_{n}grams"] = repeated / every
    return found


DOLMA_RULES = (
    ("word_count", 50, 100000), ("median_word_length", 3, 10), ("symbol_to_word_ratio", None, 0.1),
    ("fraction_of_words_with_alpha_character", 0.8, None), ("required_word_count", 2, None),
    ("fraction_of_lines_starting_with_bullet_point", None, 0.9), ("fraction_of_lines_ending_with_ellipsis", None, 0.3),
    ("fraction_of_duplicate_lines", None, 0.3), ("fraction_of_characters_in_duplicate_lines", None, 0.3),
    *((f"fraction_of_characters_in_duplicate_{n}grams", None, bound)
      for n, bound in zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.1), strict=True)),
    *((f"fraction_of_characters_in_most_common_{n}grams", None, bound) for n, bound in ((2, 0.2), (3, 0.18), (4, 0.16))),
)  # fmt: skip


def dolma(attributes, rules=DOLMA_RULES):
    """The first attribute that is out of bounds, or None; without the last three rules it is what Dolma ran."""
    for name, least, most in rules:
        score = attributes.get(name)
        if score is not None and ((least is not None and score < least) or (most is not None and score > most)):
            return name
    return None


def answers(system):
    """The function of a text that the system's own code gives."""
    if system == "uniseg":
        from uniseg.wordbreak import words

        return lambda text: [word for word in words(text) if word[0].isalnum()]
    from dolma.core.data_types import Document
    from dolma.taggers import gopher

    tagger = {"gopher_v1": gopher.GopherTagger, "gopher_v2": gopher.GopherTaggerV2}[system]()
    return lambda text: {span.type: span.score for span in tagger.predict(Document("", "", text)).spans}


if __name__ == "__main__":
    answer = answers(sys.argv[1])
    for record in sys.stdin:
        print(json.dumps(answer(json.loads(record))))
