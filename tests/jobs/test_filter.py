from collections import Counter

import pytest
import yaml

from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.operators.quality import cutoffs


@pytest.fixture(scope="module")
def tables(built):
    mill, uri = built
    made = mill.lineage(uri)
    annotations = {r["native_id"]: r for r in mill.rows(made["annotations"])}
    decisions = {r["native_id"]: r for r in mill.rows(made["decisions"])}
    return made, annotations, decisions


def test_decisions_are_what_the_rules_say(tables, conf):
    """The first rule that fails gives the reason."""
    rules = yaml.safe_load((conf / "quality" / "default.yaml").read_text())["rules"]
    _, annotations, decisions = tables
    for name, row in annotations.items():
        reason = next((rule["reason"] for rule in rules if not _passes(rule, row)), None)
        assert (decisions[name]["keep"], decisions[name]["reason"]) == (reason is None, reason), name


def _passes(rule, row):
    left, _, right = rule["signal"].partition(" / ")
    if right and row[right] == 0:
        return True
    value = row[left] / row[right] if right else row[left]
    return rule.get("min", value) <= value <= rule.get("max", value)


def test_what_was_planted_is_dropped(tables, planted):
    _, _, decisions = tables
    assert {name for name, row in decisions.items() if not row["keep"]} == planted.short


def test_counts_add_up_by_reason_and_by_source(tables):
    made, _, decisions = tables
    counts = made["decisions"].counts
    reasons = Counter(row["reason"] or "kept" for row in decisions.values())
    by_source = Counter((row["source"], row["reason"] or "kept") for row in decisions.values())
    assert counts["rows_in"] == len(decisions)
    assert {r: counts[r if r == "kept" else f"dropped.{r}"] for r in reasons} == reasons
    assert {key: counts["source/{}/{}".format(*key)] for key in by_source} == by_source


def test_a_threshold_is_changed_without_annotating_again(built, build_command, tasks_run):
    """Decisions and what follows from them are new; no text is annotated, and no signature computed, again."""
    mill, _ = built
    rules = "[{reason: brief, signal: text.words, min: 40}]"
    made = mill.lineage(mill("build", *build_command, f"quality.rules={rules}"))
    assert tasks_run["Ingest"] == tasks_run["Annotate"] == tasks_run["Sign"] == 0
    assert tasks_run["Select"] == made["decisions"].shards
    annotations = {r["native_id"]: r for r in mill.rows(made["annotations"])}
    assert all(r["keep"] == (annotations[r["native_id"]]["text.words"] >= 40) for r in mill.rows(made["decisions"]))


@pytest.mark.parametrize(("rules", "message"), [
    ("[{reason: x, signal: text.wrods, min: 1}]", "text.words"),
    ("[{reason: x, signal: text.words, mim: 1}]", "min"),
    ("[{reason: x, signal: text.words}]", "x"),
])
def test_a_rule_that_cannot_be_applied_is_an_error(built, rules, message):
    """A misspelt column is never a rule that never fires."""
    mill, uri = built
    result = mill.run("filter", f"annotations={mill.lineage(uri)['annotations'].path}", f"quality.rules={rules}")
    assert result.code == 2
    assert message in result.err


def test_dropping_everything_is_reported_and_not_an_error_of_this_stage(built):
    """Decisions hold a row for every document, so they are not empty; see the stages after it."""
    mill, uri = built
    rules = "[{reason: all, signal: text.bytes, max: 0}]"
    made = mill.manifest(mill("filter", f"annotations={mill.lineage(uri)['annotations'].path}", f"quality.rules={rules}"))
    assert made.counts["kept"] == 0
    assert made.counts["dropped.all"] == made.rows


SIGNAL = "text.alpha_words / text.words"


@pytest.fixture
def decide(built):
    """Decisions by rules, on the annotations of the build."""
    mill, uri = built
    annotations = mill.lineage(uri)["annotations"].path

    def run(rules, *words):
        return mill.run("filter", f"annotations={annotations}", f"quality.rules=[{', '.join(rules)}]", *words)

    return run


@pytest.mark.parametrize("gather", [0, 20, 10**6])
def test_a_selector_sees_what_the_rules_before_it_leave(decide, tables, built, monkeypatch, gather):
    """The 30 % of each source that are the largest of those that are not short; in one pass or in many."""
    monkeypatch.setattr(cutoffs, "GATHER", gather)
    result = decide(["{reason: brief, signal: text.words, min: 41}",
                     f"{{reason: small, select: quantile, signal: text.bytes, keep: 0.3, by: source, seed: {gather}}}"])
    mill, _ = built
    _, annotations, _ = tables
    made = mill.manifest(result.uri)
    rows = {r["native_id"]: r for r in mill.rows(made)}
    for source in ("web", "code", "zh"):
        mine = [n for n in rows if rows[n]["source"] == source]
        left = [n for n in mine if annotations[n]["text.words"] >= 41]
        kept = {n for n in mine if rows[n]["keep"]}
        assert len(kept) == -(-3 * len(left) // 10)
        assert all(rows[n]["reason"] == "brief" for n in mine if n not in left)
        least = min((annotations[n]["text.bytes"] for n in kept), default=0)
        assert all(annotations[n]["text.bytes"] <= least and rows[n]["reason"] == "small" for n in left if n not in kept)
    assert {c["group"]: c["documents"] for c in made.details["cuts"]["1"]} == Counter(
        row["source"] for n, row in rows.items() if annotations[n]["text.words"] >= 41)
    assert made.counts["rows_in"] == made.counts["kept"] + made.counts["dropped.brief"] + made.counts["dropped.small"]


def test_a_budget_of_bytes_is_met_by_the_best_and_not_exceeded(decide, tables, built):
    result = decide([f"{{reason: over, select: top, signal: {SIGNAL}, budget: 30000, size: text.bytes}}"])
    mill, _ = built
    _, annotations, _ = tables
    rows = {r["native_id"]: r for r in mill.rows(result.uri)}
    score = {n: r["text.alpha_words"] / r["text.words"] for n, r in annotations.items() if r["text.words"]}
    kept = [n for n in score if rows[n]["keep"]]
    taken = sum(annotations[n]["text.bytes"] for n in kept)
    assert 25_000 < taken <= 30_000
    assert min(score[n] for n in kept) >= max(score[n] for n in score if n not in kept)


def test_selectors_follow_each_other(decide, built):
    """The second compares what the first has left."""
    made = built[0].manifest(decide([
        f"{{reason: sampled, select: pareto, signal: {SIGNAL}, alpha: 3}}",
        "{reason: half, select: quantile, signal: text.chars, keep: 0.5}",
        "{reason: ten, select: gumbel, signal: text.words, count: 10}"]).uri)
    left = made.rows - made.counts["dropped.sampled"]
    assert made.counts["dropped.half"] == left // 2
    assert made.counts["kept"] == 10


SELECTORS = ["{reason: half, select: quantile, signal: text.chars, keep: 0.5}",
             f"{{reason: best, select: top, signal: {SIGNAL}, count: 30, by: source}}"]


def test_any_shards_in_any_order_keep_the_same_documents(built, planted, make_mill, tmp_path, monkeypatch, decide):
    """Twice as many shards, finished in another order, with more passes."""
    expected = {r["native_id"]: r["keep"] for r in built[0].rows(decide(SELECTORS).uri)}
    monkeypatch.setattr(cutoffs, "GATHER", 4)
    plain = InlineEngine.map
    monkeypatch.setattr(InlineEngine, "map", lambda self, fn, items: plain(InlineEngine(shuffle=3), fn, items))
    other = make_mill(tmp_path / "store")
    documents = other("ingest", "corpus=files", f"corpus.paths=[{planted.folder}]", "ingest.bundle_bytes=1",
                      "ingest.shard_bytes=9000", "ingest.row_group_bytes=3000")
    annotations = other("annotate", f"documents={documents}")
    uri = other("filter", f"annotations={annotations}", f"quality.rules=[{', '.join(SELECTORS)}]")
    assert other.manifest(documents).shards > built[0].lineage(built[1])["documents"].shards
    assert {r["native_id"]: r["keep"] for r in other.rows(uri)} == expected


def test_a_stopped_run_goes_on_within_the_passes(decide, built, tasks_run, monkeypatch):
    """What a pass has told of a shard is not counted again."""
    monkeypatch.setattr(cutoffs, "GATHER", 0)
    rules = ["{reason: half, select: quantile, signal: text.chars, keep: 0.25, seed: 77}"]
    narrow, calls = cutoffs.Search.narrow, []

    def stop(self, *args, **options):
        calls.append(self.digits)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return narrow(self, *args, **options)

    monkeypatch.setattr(cutoffs.Search, "narrow", stop)
    assert decide(rules).code == 130
    passes, looked = len(calls), tasks_run["Look"]
    shards = built[0].lineage(built[1])["annotations"].shards
    assert looked == passes * shards
    result = decide(rules)
    assert result.code == 0, result.err
    assert tasks_run["Look"] == (len(calls) - passes) * shards
    assert tasks_run["Select"] == shards
    decide(rules)
    assert tasks_run["Look"] == (len(calls) - passes) * shards


def test_cutoffs_can_be_pinned(decide, built):
    """What is learned of one corpus is applied to another, and to no other selectors."""
    first = decide(SELECTORS, "name=pinned")
    digest = built[0].manifest(first.uri).parameters["cutoffs"]
    learned = next(path for path in built[0].objects() if path.startswith("cutoffs/") and path.endswith("manifest.json")
                   and built[0].manifest(path).details["artifact"] == digest)
    for named in (digest, "@pinned", learned, f"{built[0].root}/{learned}"):
        again = decide(SELECTORS, f"quality.cutoffs={named}")
        assert again.uri == first.uri
    for words, says in ((["quality.cutoffs=12"], "give a digest, a manifest or @NAME"),
                        ([f"quality.cutoffs={'0' * 32}"], "there is no"),
                        ([f"quality.cutoffs={built[1]}"], "no decisions by selectors are in its lineage")):
        result = decide(SELECTORS, *words)
        assert (result.code, says in result.err) == (2, True), result.err
    result = decide(SELECTORS, f"quality.cutoffs=elsewhere/{learned}")
    assert (result.code, "inputs and results of a job are in one store" in result.err) == (2, True), result.err
    result = decide(SELECTORS[:1], f"quality.cutoffs={digest}")
    assert (result.code, "were learned for 2 selectors, and there are 1" in result.err) == (2, True)
    result = decide(["{reason: x, signal: text.words, min: 1}"], f"quality.cutoffs={digest}")
    assert (result.code, "no rule needs any" in result.err) == (2, True)


def test_a_plan_of_selectors_writes_nothing(decide, built):
    before = built[0].objects()
    result = decide(["{reason: half, select: quantile, signal: text.chars, keep: 0.125}"], "plan=true")
    assert (result.code, "plan of cutoffs" in result.err) == (0, True), result.err
    assert built[0].objects() == before


@pytest.mark.parametrize(("rule", "message"), [
    ("{reason: x, select: quantle, signal: text.words, keep: 0.5}", "did you mean 'quantile'?"),
    ("{reason: x, select: top, signal: text.words, budget: 9, size: text.byte}", "did you mean 'text.bytes'?"),
    ("{reason: x, select: pareto, signal: text.words}", "pareto needs a score from 0 to 1"),
    ("{reason: x, signal: date, min: 2020}", "its bounds are dates such as 2020-01-31"),
])
def test_a_selector_that_cannot_be_applied_is_an_error(decide, rule, message):
    result = decide([rule])
    assert (result.code, message in result.err) == (1 if "pareto" in message else 2, True), result.err


def test_licences_dates_and_languages_have_their_rules(decide, built):
    made = built[0].manifest(decide([
        "{reason: no_license, signal: license, missing: drop}", "{reason: license, signal: license, in: ['M*']}",
        "{reason: undated, signal: date, missing: drop, when: {source: [web]}}",
        "{reason: short, signal: text.words, by: source, min: {code: 60, default: 1}}"]).uri)
    rows = built[0].rows(made)
    assert made.counts["dropped.no_license"] == 0
    assert made.counts["dropped.license"] == sum(int(r["native_id"].partition("-")[2]) % 2 for r in rows)
    assert made.counts["dropped.undated"] == sum(r["source"] == "web" and r["reason"] != "license" for r in rows)
    assert all(r["source"] == "code" for r in rows if r["reason"] == "short" and r["native_id"] != "zh-9")


def test_a_source_that_loses_over_its_share_is_named(decide):
    result = decide(["{reason: foreign, signal: source, not_in: [zh]}"])
    assert "warning: source zh lost 40 of its 40 documents, 4.2 times its share, 40 of them to foreign" in result.err
    assert "warning" not in decide(["{reason: even, select: quantile, signal: text.bytes, keep: 0.5, by: source}"]).err
