"""The profiles of conf/quality: rules that fit their operators, and decisions that follow from what was published."""

import dataclasses
import importlib.resources
import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from corpusmill.jobs.annotate import QualityConfig, operators
from corpusmill.operators.contract import describe
from corpusmill.operators.quality.select import check, parse_rules, select
from corpusmill.operators.schema import DOCUMENTS

FOLDER = importlib.resources.files("corpusmill.conf") / "quality"
NAMES = sorted(Path(str(entry)).stem for entry in FOLDER.iterdir() if entry.name.endswith(".yaml"))
PROSE = "It was the best of times, it was the worst of times; we had everything before us, and nobody knew what to do."
CODE = "\n".join(f"if value_{i} in known:\n    found.append(names[{i}])\nelse:\n    continue" for i in range(20))
# Rae et al. 2021, table A1 and section A1.1.
PUBLISHED = {
    "dup_para_frac": 0.3, "dup_para_char_frac": 0.2, "dup_line_frac": 0.3, "dup_line_char_frac": 0.2,
    "top_2_gram": 0.2, "top_3_gram": 0.18, "top_4_gram": 0.16, "duplicated_5_n_grams": 0.15, "duplicated_6_n_grams": 0.14,
    "duplicated_7_n_grams": 0.13, "duplicated_8_n_grams": 0.12, "duplicated_9_n_grams": 0.11, "duplicated_10_n_grams": 0.1,
    "gopher_short_doc": 50, "gopher_long_doc": 100000, "gopher_below_avg_threshold": 3, "gopher_above_avg_threshold": 10,
    "gopher_too_many_symbols": 0.1, "gopher_too_many_bullets": 0.9, "gopher_too_many_end_ellipsis": 0.3,
    "gopher_below_alpha_threshold": 0.8, "gopher_enough_stop_words": 2,
}  # fmt: skip


def profile(name):
    found = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return operators(QualityConfig(**found)), parse_rules(found["rules"])


def reasons(name, *documents):
    """The verdict on each (source, text)."""
    steps, rules = profile(name)
    columns = [pa.array([bytes(16)] * len(documents), pa.binary(16)), pa.array([text for _, text in documents]),
               pa.array([source for source, _ in documents])]
    fields = pa.schema([DOCUMENTS.field(name) for name in ("doc_id", "text", "source")])
    batch = steps.open()(pa.RecordBatch.from_arrays(columns, schema=fields)).batch
    return select(batch, rules).batch["reason"].to_pylist()


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_of_a_profile_read_signals_of_its_chain(name):
    steps, rules = profile(name)
    check(rules, pa.schema([*DOCUMENTS, *steps.signals]))


def test_lists_of_any_language_are_told_by_line_feeds_as_fineweb_2_does():
    """``text.count("\\n") / len(words)``, blank lines and the last line's end included."""
    steps, rules = profile("multilingual")
    operator = next(op for op in steps.operators if op.name == "multilingual")
    texts = ["a b c d e\nf g h i j" + "\n" * n for n in (1, 2, 3)]
    columns = {"text": texts, "language.code": ["xx"] * 3, "doc_id": pa.array([bytes(16)] * 3, pa.binary(16))}
    batch = operator.open({})(pa.record_batch(columns)).batch
    outcome = select(batch, [rule for rule in rules if rule.reason == "list_ratio"])
    assert outcome.batch["reason"].to_pylist() == [None, None, "list_ratio"]


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_of_gopher_has_the_published_threshold(name):
    rules = [rule for rule in profile(name)[1] if rule.reason in PUBLISHED and rule.by is None]
    assert {rule.reason: rule.max if rule.min is None else rule.min for rule in rules}.items() <= PUBLISHED.items()
    if name in ("gopher", "web_english"):
        assert [rule.reason for rule in rules] == list(PUBLISHED)


def words(n):
    return " ".join(f"word{i}" for i in range(n))


@pytest.mark.parametrize(("text", "reason"), [
    (f"{PROSE} {words(60)}", None), (f"the of {words(48)}", None), (f"the of {words(47)}", "gopher_short_doc"),
    (f"the of {words(99_998)}", None), (f"the of {words(99_999)}", "gopher_long_doc"), (words(60), "gopher_enough_stop_words"),
    ("the of " + words(58).replace("word", "w" * 9), "gopher_above_avg_threshold"),
    (f"the of {words(58)} # # # ... … # #", "gopher_too_many_symbols"),
    (f"the of {words(58)} # # # ... … #", None),
    ("\n".join(f"-{word} {word}s" for word in words(60).split()), "gopher_too_many_bullets"),
    ("\n".join(f"the {line}..." for line in words(60).split()), "gopher_too_many_symbols"),
    (f"the of {words(50)} " + " ".join(map(str, range(14))), "gopher_below_alpha_threshold"),
    (f"the of {words(50)} " + " ".join(map(str, range(13))), None),
    (f"{words(60)}\n" * 2, "dup_line_frac"), (f"the of {words(60)}\n\n{words(20)}\n\n{words(20)}", "dup_para_frac"),
    (" ".join(f"very often {word}" for word in words(60).split()), "top_2_gram"),
    (f"the of {words(100)} " + "again and again " * 16, "top_3_gram"),
    (f"the of {words(60)} {words(20)}", "duplicated_5_n_grams"),
])  # fmt: skip
def test_gopher_keeps_text_at_its_bounds_and_names_what_is_beyond(text, reason):
    assert reasons("gopher", ("web", text)) == [reason]


def test_code_is_not_judged_as_prose():
    assert reasons("mixed", ("machine/code", CODE), ("machine/docs", CODE), ("web", PROSE), ("machine/code", "short")) == \
        [None, "dup_line_frac", None, "too_short"]


def test_no_two_profiles_are_the_same():
    """Some share a chain and differ in their rules, such as gopher_datatrove and fineweb."""
    described = {name: repr([[describe(op) for op in profile(name)[0].operators], profile(name)[1]]) for name in NAMES}
    assert len(set(described.values())) == len(NAMES)


def test_fineweb_full_is_made_of_the_profiles_that_it_names():
    """Each rule stands twice; whoever changes one finds the other."""
    rules = [dataclasses.replace(rule, signal=re.sub(r"\b(gopher|fineweb)\.", "datatrove.", rule.signal))
             for rule in profile("fineweb_full")[1] if not rule.signal.startswith("language.")]
    assert rules == [rule for name in ("gopher_datatrove", "c4_datatrove", "fineweb") for rule in profile(name)[1]]


def test_dclm_baseline_bounds_what_gopher_dclm_bounds():
    """Under other reasons and with length in two rules."""
    def bounds(name):
        return {(rule.signal, side, bound) for rule in profile(name)[1] for side in ("min", "max")
                if (bound := getattr(rule, side)) is not None and rule.signal.startswith("gopher.")}

    assert bounds("dclm_baseline") == bounds("gopher_dclm")
