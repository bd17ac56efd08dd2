import re

import pytest

from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.reasons import COLOURS, palette, reasons


def test_each_reason_stands_with_its_rule_and_its_documents(lineage, small):
    drawn = reasons(collect(lineage.store, small()))
    for words in ("too_short", "100 ≤ text.chars", "near_duplicate", "bad_utf8", "Not applicable", "By source and reason"):
        assert words in drawn


def test_the_waterfall_ends_at_what_the_last_stage_kept(lineage, small):
    """Each bar holds what is left, then what was dropped; all that was dropped is what came in and did not stay."""
    facts = collect(lineage.store, small())
    drawn = reasons(facts).partition("<details>")[0]
    part = re.compile(r'class="(\w+)" x="[\d.]+" y="0" width="([\d.]+)"')
    bars = [{kind: float(width) for kind, width in part.findall(bar)} for bar in drawn.split("<svg")[1:]]
    lost = [next(width for kind, width in bar.items() if kind.startswith("r")) for bar in bars]
    steps = [step for step in facts.steps if step.stage != "mixture"]
    assert sum(lost) == pytest.approx(100 * (steps[0].documents_in - steps[-1].kept) / steps[0].documents_in, abs=0.01)
    assert bars[-1]["kept"] == pytest.approx(100 * steps[-1].kept / steps[0].documents_in, abs=0.01)
    for above, below, dropped in zip(bars, bars[1:], lost[1:], strict=False):
        assert above["kept"] - below["kept"] == pytest.approx(dropped, abs=0.01)


def test_reasons_beyond_the_palette_share_a_colour(lineage):
    many = {f"dropped.r{i}": i + 1 for i in range(COLOURS + 3)}
    documents = lineage.put("documents", {"rows_in": sum(many.values()), "kept": 0, **many})
    colours = palette(collect(lineage.store, documents))
    assert sorted(colours.values()) == [f"r{i}" for i in range(1, COLOURS + 1)]
    assert colours["documents", f"r{COLOURS + 2}"] == "r1"


def test_nothing_is_drawn_where_nothing_was_dropped(lineage):
    assert reasons(collect(lineage.store, lineage.put("documents", {"rows_in": 1, "kept": 1}))) == ""
