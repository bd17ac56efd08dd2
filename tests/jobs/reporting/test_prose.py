from corpusmill.jobs.reporting import prose
from corpusmill.jobs.reporting.facts import collect


def test_the_summary_tells_the_story(lineage, small):
    facts = collect(lineage.store, small())
    assert prose.title(facts) == "Mixture of 880 tokens"
    assert prose.summary(facts) == (
        "103 documents came in and 80 were kept (77.7 %), with 400 tokens in 2 domains. The mixture holds 880 tokens from "
        "2 domains: 88.0 % of the 1,000 asked for.")


def test_headline_numbers(lineage, small):
    values = {label: value for label, value, _ in prose.headline(collect(lineage.store, small()))}
    assert values == {"Documents in": "103", "Documents kept": "80", "Text": "1.6 kB", "Tokens": "400",
                      "In the mixture": "880", "Most epochs": "4.00"}


def test_documents_alone_are_told_without_domains(lineage):
    facts = collect(lineage.store, lineage.put("documents", {"rows_in": 1, "kept": 1, "bytes_in": 7}))
    assert prose.summary(facts) == "1 document came in and 1 was kept (100.0 %)."
    assert ("Text", "≈ 7 B", "of the kept documents") in prose.headline(facts)


def test_a_lineage_without_documents_says_so(lineage):
    assert prose.summary(collect(lineage.store, lineage.put("lexicon"))) == "Its lineage holds no documents."


def test_notices_name_what_the_reader_should_know(lineage):
    bad = lineage.put("quarantine", rows=3)
    documents = lineage.put("documents", {"rows_in": 1, "kept": 1, "unread.bad_file": 2}, exact=False,
                            details={"partial": True, "quarantine": bad.path})
    told = " ".join(prose.notices(collect(lineage.store, documents)))
    for words in ("first look", "2 files", "bad_file (2)", "3 bad rows", bad.path, "inexact operators: documents"):
        assert words in told


def test_a_shortfall_is_a_notice_and_a_clean_lineage_has_none(lineage, small):
    assert any("cannot be met" in text for text in prose.notices(collect(lineage.store, small())))
    assert prose.notices(collect(lineage.store, lineage.put("documents", {"rows_in": 1, "kept": 1}))) == []
