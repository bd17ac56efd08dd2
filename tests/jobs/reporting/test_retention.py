"""What other thresholds would keep is what the filter keeps at them."""

from collections import Counter

from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.reasons import reasons
from corpusmill.jobs.reporting.retention import FACTORS, sweeps_of

RULES = ("{{reason: few, signal: text.words, min: {}}}",
         "{{reason: half, select: quantile, signal: text.chars, keep: 0.8, order: lowest}}",
         "{{reason: long, signal: text.chars / text.lines, below: {}, when: {{source: [web, code]}}}}")


def filtered(mill, uri, few, long, *words):
    rules = ", ".join([RULES[0].format(few), RULES[1].format(), RULES[2].format(long)])
    found = mill("filter", f"annotations={mill.lineage(uri)['annotations'].path}", f"quality.rules=[{rules}]", *words)
    return mill.lineage(found)


def test_sweeps_are_what_filters_with_other_thresholds_keep(built):
    """With the cut-offs of the selector pinned; over all, and of each source."""
    mill, uri = built
    made = filtered(mill, uri, 80, 200)
    few, long = sweeps_of(mill.store, made)
    assert [(s.label, s.bound, s.factors) for s in (few, long)] == [("few", "min", FACTORS), ("long", "below", FACTORS)]
    pinned = f"quality.cutoffs={made['decisions'].parameters['cutoffs']}"
    for factor in (0.5, 1.25):
        at = FACTORS.index(factor)
        for sweep, other in ((few, (80 * factor, 200)), (long, (80, 200 * factor))):
            decisions = filtered(mill, uri, *other, pinned)["decisions"]
            assert sweep.kept[at] == decisions.counts["kept"]
            by_source = Counter({source: decisions.counts.get(f"source/{source}/kept", 0) for source in ("web", "code", "zh")})
            assert {source: n[at] for source, n in sweep.by_source.items()} == by_source
    assert few.kept[FACTORS.index(1.0)] == made["decisions"].counts["kept"]
    assert len(set(few.kept)) > 2


def test_the_report_shows_them(built):
    mill, uri = built
    made = filtered(mill, uri, 80, 200)["decisions"]
    facts = collect(mill.store, made)
    drawn = reasons(facts)
    for words in ("At other thresholds", "× 0.8", "As it is", "By source, threshold and reason"):
        assert words in drawn


def test_bounds_that_no_number_makes_looser_have_none(built):
    """Lists, zeros, dates, and factors at which nothing lies between the bounds."""
    mill, uri = built
    rules = ("[{reason: a, signal: source, in: [web]}, {reason: b, signal: text.words, min: 0}, "
             "{reason: c, signal: date, min: 2020-01-01}, {reason: d, signal: text.words, min: 30, max: 40}]")
    found = mill("filter", f"annotations={mill.lineage(uri)['annotations'].path}", f"quality.rules={rules}")
    low, high = sweeps_of(mill.store, mill.lineage(found))
    assert (low.label, low.bound, low.factors) == ("d", "min", (0.5, 0.8, 1.0, 1.25))
    assert (high.bound, high.factors) == ("max", (0.8, 1.0, 1.25, 2.0))
