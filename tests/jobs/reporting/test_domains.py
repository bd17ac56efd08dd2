from collections import Counter

import pytest

from corpusmill.jobs.reporting.domains import domains_of
from corpusmill.jobs.runtime import manifest as manifests


def test_planned_and_achieved_stand_beside_what_is_there(lineage, small):
    prose, code = domains_of(manifests.lineage(lineage.store, small()))
    assert (prose.domain, prose.documents, prose.tokens, prose.bytes) == ("prose", 50, 300, 1200)
    assert (prose.available, prose.natural, prose.proportion) == (300, 0.75, 0.5)
    assert (prose.planned, prose.achieved, prose.drawn, prose.capped) == (500, 480, 70, False)
    assert (prose.planned_share, prose.planned_epochs) == (500 / 900, 500 / 300)
    assert (prose.achieved_share, prose.achieved_epochs) == (480 / 880, 480 / 300)
    assert (code.planned_epochs, code.capped) == (4.0, True)


def test_shares_of_a_build_sum_to_one_and_agree_with_its_rows(built):
    mill, uri = built
    made = mill.lineage(uri)
    found = domains_of(made)
    for field in ("natural", "proportion", "planned_share", "achieved_share"):
        assert sum(getattr(d, field) for d in found) == pytest.approx(1)
    assert {d.domain: d.drawn for d in found} == dict(Counter(r["domain"] for r in mill.rows(uri)))
    assert [d.available for d in found] == sorted((d.available for d in found), reverse=True)


def test_counts_alone_have_no_plan(lineage):
    counts = lineage.put("counts", {"tokens/a": 3, "bytes/a": 9, "documents/a": 1})
    (one,) = domains_of({"counts": counts})
    assert (one.natural, one.proportion, one.planned, one.achieved) == (1.0, None, None, None)


def test_before_the_count_there_are_no_domains(lineage):
    assert domains_of({"documents": lineage.put("documents")}) == ()
