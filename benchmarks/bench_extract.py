"""HTML to text and WARC to records: what the candidates keep, what they lose, and how fast they are.

    python benchmarks/bench_extract.py [--pages FOLDER ...] [--limit N] [--json FILE]

Pages are HTML files of documentation that is installed here, whose templates say where the content is, and pages made of
corpus documents inside a template of navigation, side bar, related links and footer. Recall and precision are of the words of
the content (with their number), ``lines`` is the share of the lines in <pre> that stay as they are. trafilatura, which brings
the lxml that --pages needs, is compared where it is installed. Processor time, best of three, one core.
"""

import argparse
import collections
import glob
import html
import io
import json
import os
import random
import re
import resource
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import CORPUS, machine

try:
    import trafilatura
except ImportError:
    trafilatura = None

from corpusmill.jobs.sources.files import find
from corpusmill.jobs.sources.html import page as html_page
from corpusmill.jobs.sources.reading import Reading, read
from corpusmill.jobs.sources.records import Record, records

CONTENT = (("//*[@id='main-content']", "rustdoc"), ("//*[@id='_content']", "npm"), ("//*[@id='apicontent']", "node"),
           ("//main", "mdbook"), ("//div[@class='body']", "sphinx"))
WORD = re.compile(r"\w+")


def extractors():
    from resiliparse.extract.html2text import extract_plain_text

    def all_text(page):
        return extract_plain_text(page, main_content=False, preserve_formatting=True, alt_texts=False)

    def main_text(page):
        return extract_plain_text(page, main_content=True, preserve_formatting=True, alt_texts=False)

    def ours(page):
        return html_page(page.encode())[0]

    def usual(page):
        return trafilatura.extract(page, include_comments=False) or ""

    def recall(page):
        return trafilatura.extract(page, include_comments=False, favor_recall=True) or ""

    found = {"ours": ours, "resiliparse": main_text, "resiliparse, all text": all_text}
    if trafilatura is not None:
        found |= {"trafilatura": usual, "trafilatura, recall": recall}
    return found


def installed(folders, limit):
    """(kind, page, content, lines in <pre>) of files whose content has a known place."""
    if not folders:
        return []
    from lxml import html as lx

    found = []
    for folder in folders:
        files = sorted(glob.glob(f"{folder}/**/*.html", recursive=True))
        random.Random(0).shuffle(files)
        for path in files[: 3 * limit]:
            page = Path(path).read_text(encoding="utf-8", errors="replace")
            if not 3000 < len(page) < 500_000:
                continue
            tree = lx.document_fromstring(page.encode())
            for where, kind in CONTENT:
                places = tree.xpath(where)
                if len(places) == 1 and len(places[0].text_content().split()) > 50:
                    for script in places[0].xpath(".//script|.//style"):
                        script.drop_tree()
                    lines = [x for pre in places[0].iter("pre") for x in pre.text_content().split("\n") if x.strip()]
                    found.append((kind, page, places[0].text_content(), lines))
                    break
            if sum(1 for f in found if f[0] == (found[-1][0] if found else "")) >= limit:
                break
    return found


def made(limit):
    """Corpus documents in the page of a site, as paragraphs."""
    found = []
    for name in ("health_qa", "speeches", "encyclopedia", "multilingual", "stackexchange", "gov_web"):
        texts = pq.read_table(CORPUS / f"{name}-00000.parquet", columns=["text"]).column("text").slice(0, 400).to_pylist()
        links = [" ".join(t.split()[:6]) for t in texts]
        for at, text in enumerate(t for t in texts if 600 < len(t) < 30_000):
            if at >= limit // 6:
                break
            found.append((f"made: {name}", template(text, links[at:] + links[:at]), text, []))
    return found


def template(text, links):
    body = "\n".join(f"<p>{html.escape(p)}</p>" for p in re.split(r"\n\s*\n", text) if p.strip())
    items = "".join(f'<li class="menu-item"><a href="/{i}">{html.escape(x)}</a></li>' for i, x in enumerate(links[:25]))
    related = "".join(f'<div class="card"><a href="/r{i}">{html.escape(x)}</a></div>' for i, x in enumerate(links[30:42]))
    return f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(links[0])}</title>
<style>body {{margin: 0}}</style><script>window.dataLayer = [];</script></head><body>
<div id="cookie-banner" class="cookie-consent">We use cookies to improve your experience. <button>Accept all</button></div>
<header class="site-header"><a href="/">Example site</a><nav class="navbar"><ul>{items}</ul></nav></header>
<div class="wrapper"><div class="content"><article class="post"><h1>{html.escape(links[0])}</h1>
<div class="share-buttons"><a href="#">Share on Facebook</a> <a href="#">Tweet</a></div>
<div class="entry-content">{body}</div></article></div>
<aside class="sidebar"><h3>Popular posts</h3><ul>{items}</ul></aside></div>
<section class="related"><h3>You may also like</h3>{related}</section>
<footer class="footer"><p>Copyright 2024 Example site. All rights reserved.</p><a href="/privacy">Privacy policy</a></footer>
</body></html>"""


def quality(pages, extract):
    """Per kind: recall, precision, kept lines of <pre>, empty pages; and seconds."""
    sums, started = collections.defaultdict(collections.Counter), time.process_time()
    texts = []
    for _, page, _, _ in pages:
        try:
            texts.append(extract(page))
        except Exception:
            texts.append("")
    seconds = time.process_time() - started
    for (kind, _, content, lines), text in zip(pages, texts, strict=True):
        want, got = collections.Counter(WORD.findall(content)), collections.Counter(WORD.findall(text))
        both = (want & got).total()
        kept = {x.rstrip() for x in text.split("\n")}
        for group in (kind, "all"):
            sums[group].update(n=1, recall=both / want.total(), precision=both / max(1, got.total()) if got else 0,
                               lines=sum(x.rstrip() in kept for x in lines), of=len(lines), empty=not got)
    return {k: {"pages": s["n"], "recall": s["recall"] / s["n"], "precision": s["precision"] / max(1, s["n"] - s["empty"]),
                "lines": s["lines"] / s["of"] if s["of"] else None, "empty": s["empty"]} for k, s in sums.items()}, seconds


def warc_of(pages, conversion=False):
    """A WARC file of pages, one gzip member each."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    for at, (_, page, content, _) in enumerate(pages):
        url = f"https://example.org/{at}"
        if conversion:
            writer.write_record(writer.create_warc_record(
                url, "conversion", payload=io.BytesIO(content.encode()), warc_content_type="text/plain"))
            continue
        head = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
        writer.write_record(writer.create_warc_record(url, "response", payload=io.BytesIO(page.encode()), http_headers=head))
    return out.getvalue()


def framing(data):
    """Seconds to read every record's block, by reader."""
    import fastwarc.warc
    import warcio

    def ours():
        return sum(len(r.body) for r in records(pa.BufferReader(data), "x.warc.gz") if isinstance(r, Record))

    def fast():
        return sum(len(r.reader.read()) for r in fastwarc.warc.ArchiveIterator(io.BytesIO(data), parse_http=False))

    def python():
        return sum(len(r.raw_stream.read()) for r in warcio.ArchiveIterator(io.BytesIO(data), no_record_parse=True))

    return {name: min(timed(read) for _ in range(3)) for name, read in (("ours", ours), ("fastwarc", fast), ("warcio", python))}


def processor():
    """Seconds of this process and of those that it started and that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def reading(data, kind):
    """Seconds of processor time, in both processes, from file to documents."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x.{kind}.gz"
        path.write_bytes(data)
        [file] = find([str(path)])
        best = float("inf")
        for _ in range(3):
            started = processor()
            rows = sum(piece.documents.num_rows for piece in read(file, Reading(on_bad="quarantine")))
            best = min(best, processor() - started)
        assert rows
        return best


def timed(work):
    started = time.process_time()
    work()
    return time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", nargs="*", default=[])
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pages = installed(arguments.pages, arguments.limit) + made(arguments.limit)
    mb = sum(len(p[1].encode()) for p in pages) / 1e6
    report = {"machine": machine(), "pages": len(pages), "mb": mb, "extractors": {}, "framing": {}, "reading": {}}
    print(f"{len(pages)} pages, {mb:.1f} MB of HTML")
    for name, extract in extractors().items():
        best = min((quality(pages, extract) for _ in range(3)), key=lambda r: r[1])
        report["extractors"][name] = {"mb_s": mb / best[1], "by_kind": best[0]}
        print(f"\n{name}: {mb / best[1]:.1f} MB/s")
        for kind, row in sorted(best[0].items()):
            lines = "" if row["lines"] is None else f"  lines {row['lines']:.3f}"
            print(f"  {kind:24} {row['pages']:4} recall {row['recall']:.3f}  precision {row['precision']:.3f}"
                  f"  empty {row['empty']}{lines}")
    for label, conversion in (("WARC", False), ("WET", True)):
        data = warc_of(pages, conversion) * 4
        size = 4 * sum(len((p[2] if conversion else p[1]).encode()) for p in pages) / 1e6
        seconds = reading(data, label.lower())
        report["reading"][label] = {"blocks_mb_s": size / seconds, "file_mb_s": len(data) / 1e6 / seconds}
        print(f"\n{label} to documents: {size / seconds:.1f} MB/s of pages, {len(data) / 1e6 / seconds:.1f} MB/s of the file")
        report["framing"][label] = {name: size / seconds for name, seconds in framing(data).items()}
        rates = ", ".join(f"{n} {v:.0f}" for n, v in report["framing"][label].items())
        print(f"records of a {label}, MB/s of blocks: {rates}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()
