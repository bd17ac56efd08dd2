import dataclasses
import html.parser
import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from corpusmill.jobs.reporting.examples import Examples, Outcome, Pair, Shown
from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.measures import Clusters, Histogram
from corpusmill.jobs.reporting.origins import Origins
from corpusmill.jobs.reporting.page import render
from corpusmill.jobs.reporting.pairs import PairFacts, Precision, Recall, Share, Similarities
from corpusmill.jobs.reporting.timings import Timing

HOSTILE = ('<script>console.error("ran");document.title="ran"</script>"\'>'
           "<img src=https://hostile.invalid/x onerror=console.error(1)>")
RUN = {"started": 1.0, "wall_seconds": 2.0, "task_seconds": 3.0, "tasks_run": 4, "tasks_adopted": 0, "workers": 2,
       "machine": HOSTILE, "system": HOSTILE, "python": "3.11", "cpus": 2, "pyarrow": "1"}
TRICKY = f"{HOSTILE}\x00\x1b[31m\u202e reversed \u2066 שלום</pre></bdi></svg>\ufffe '\" &lt;"
OWN_HOSTS = (".google.com", ".googleapis.com", ".gvt1.com")  # that a browser asks by itself


@pytest.fixture
def hostile(lineage, small):
    """A page of facts whose names hold markup, in every place that a name comes to."""
    told = small(source=HOSTILE, domain=HOSTILE, reason=HOSTILE, documents={f"unread.{HOSTILE}": 1})
    facts = collect(lineage.store, told)
    rule = {"reason": HOSTILE, "signal": "a / b", "min": 1, "max": 2, "isin": None, "when": None}
    shown = Shown("00", HOSTILE, HOSTILE, TRICKY, 7, 9000, {HOSTILE: 1.5})
    seen = {"doc_id": "00", "source": HOSTILE, "distance": 0.1, "excerpt": TRICKY}
    card = {"domain": HOSTILE, "documents": 3, "terms": [{"term": HOSTILE}], "sources": [{"source": HOSTILE, "documents": 3}],
            "nearest": [seen], "farthest": [seen], "place": [0.5, 0.5]}
    facts = dataclasses.replace(
        facts, histograms=(Histogram(HOSTILE, rule, {1: 2, 9: 3}, 1, 1, 1, 2, 3, 4, 5),),
        clusters=Clusters({"2": 1, HOSTILE: 2}, {HOSTILE: 1}), cards=(card, card | {"place": [0.1, 0.2]}),
        origins=Origins((HOSTILE, "web"), 3, ((1, 2, 0), (3, 4, 5), (0, 0, 6)), 5, 21),
        pairs=PairFacts(Similarities(0.7, {80: 2}, {60: 1}), Recall(14, 8, {"0.7": 0.5}, 0.9, 7), Precision(
            9, 2, 0.7, Share(1, 0.1, 0.9), Share(2, 0.3, 1.0), 0.01, (Pair(HOSTILE, 0.6, None, shown, shown),))),
        choice=({"k": 3, "silhouette": 0.1, "stability": 0.9, "least_words": 9, "score": 1.0, "chosen": True},),
        crossed=((HOSTILE, "x", 3), (HOSTILE, HOSTILE, 2)),
        examples=Examples((Outcome(HOSTILE, 3, (shown,)),), (Pair("near", 0.8, 2, shown, dataclasses.replace(
            shown, text=f"{TRICKY} more")),), HOSTILE))
    return render(facts, [Timing(HOSTILE, "documents", False, 50.0, 2.5, RUN)])


class Elements(html.parser.HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: bytes):
        super().__init__(convert_charrefs=True)
        self.names, self.attributes, self.texts = set(), [], []
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def test_hostile_names_are_text_and_nothing_else(hostile):
    seen = Elements(hostile)
    assert not seen.names & {"script", "iframe", "object", "a"}
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    fetched = [value for name, value in seen.attributes if name in ("src", "href", "action")]
    assert "data:," in fetched
    assert not [value for value in fetched if value != "data:," and not value.startswith("data:image/svg+xml;base64,")]
    assert seen.texts.count(HOSTILE) > 12, "as a source, a domain, a reason, a document's, a card's"


def test_documents_show_as_they_are_and_what_no_page_may_hold_as_replaced(hostile):
    """Markup stays text, directions stay within their element, and control characters are gone."""
    text = "".join(Elements(hostile).texts)
    assert text.count(TRICKY.replace("\x00", "�").replace("\x1b", "�").replace("\ufffe", "�")) >= 3
    assert not set(hostile.decode()) & {"\x00", "\x1b", "\ufffe"}
    assert "7 characters before" in text
    assert "more characters" in text


def test_nothing_on_the_page_is_fetched(hostile):
    style = hostile.decode().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = [value for _, value in Elements(hostile).attributes if value and value.startswith("default-src")]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_the_page_shows_the_numbers_of_its_facts(lineage, small):
    texts = Elements(render(collect(lineage.store, small()), [])).texts
    for shown in ("103", "near_duplicate", "≈ 475", "75.0 %", "54.5 %", "1.67 → 1.60", "at the cap", "100 ≤ text.chars"):
        assert shown in texts, shown


def test_every_dataset_shows_its_identity_and_parameters(lineage, small):
    facts = collect(lineage.store, small())
    page = "".join(Elements(render(facts, [])).texts)
    for dataset in facts.datasets:
        for shown in (dataset.digest, dataset.key, dataset.manifest, json.dumps(dataset.parameters, indent=2, sort_keys=True)):
            assert shown in page


def test_an_adopted_stage_says_so(lineage, small):
    run = RUN | {"tasks_run": 0, "tasks_adopted": 4}
    page = Elements(render(collect(lineage.store, small()), [Timing("documents", "documents", True, None, None, run)]))
    assert "adopted" in page.texts


@pytest.fixture
def browse(tmp_path):
    """A function that opens a page in headless Chromium and gives its DOM, console messages and requested addresses."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")

    def open_page(page: bytes) -> tuple[str, list[str], list[str]]:
        file, log = tmp_path / "page.html", tmp_path / "net.json"
        file.write_bytes(page)
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                   "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
                   f"--log-net-log={log}", "--virtual-time-budget=2000", "--dump-dom", f"file://{file}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line], _asked(log)
    return open_page


def _asked(log: Path) -> list[str]:
    events = json.loads(log.read_text())["events"]
    found = {e["params"]["url"] for e in events if "url" in e.get("params", {})}
    return sorted(url for url in found if not (urlsplit(url).hostname or "").endswith(OWN_HOSTS))


@pytest.mark.e2e
def test_a_browser_shows_a_hostile_page_without_console_message_or_request(browse, hostile):
    """A page that does both shows first that they would be seen."""
    _, messages, asked = browse(f"<!doctype html><title>control</title>{HOSTILE}".encode())
    assert messages
    assert asked == ["https://hostile.invalid/x"]
    dom, messages, asked = browse(hostile)
    assert "<title>Mixture of 880 tokens – corpusmill report</title>" in dom
    assert (messages, asked) == ([], [])
