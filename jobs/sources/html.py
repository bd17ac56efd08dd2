"""HTML pages as text: which characters the bytes are, and which of the text is the page's content.

This file runs by itself in a process of its own too (see ``extraction``), and so imports nothing of the package.
"""

import codecs
import contextlib
import json
import re
import resource
import sys
import time
from typing import BinaryIO

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import HTMLTree

_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HTML_LANG = re.compile(r"""<html[^>]*?\s(?:xml:)?lang\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_META_LANG = re.compile(r"""<meta[^>]*?content-language["'][^>]*?content\s*=\s*["']?([\w, -]+)""", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_LINK = re.compile(r"<a[\s>].*?</a>", re.DOTALL)
_HIGH_LISTS = "body > ul, body > * > ul, body > * > * > ul"
_SEARCHED = 8 << 10
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Their bytes can pass for UTF-8.
_WIDE = {"utf-16-le", "utf-16-be"}
_NOT_BY_LOOKS = {"iso2022_jp", *_WIDE}


def page(content: bytes, declared: str = "") -> tuple[str, dict[str, str]]:
    """The main text of a page, and ``charset``, ``declared_charset`` where it is another, ``html_lang``.

    ``declared`` is the charset that the HTTP header names. The text keeps paragraphs, lists and preformatted lines; links,
    forms, alternative texts and what is repeated around the content are left out.
    """
    text, facts = decoded(content, declared)
    start = text[:_SEARCHED]
    if language := _HTML_LANG.search(start) or _META_LANG.search(start):
        facts["html_lang"] = language[1].strip()
    tree = HTMLTree.parse(text)
    _keep_lists(tree)
    found = extract_plain_text(tree, main_content=True, preserve_formatting=True, alt_texts=False)
    return found.strip(), facts


def _keep_lists(tree: HTMLTree) -> None:
    """Put lists that are not mostly links deeper into the tree.

    The extractor takes every <ul> within three levels of the body for a menu: on npm's pages it lost 93 % of the list items.
    """
    for high in tree.document.query_selector_all(_HIGH_LISTS) if tree.document is not None else ():
        inner = high.inner_html  # going through its elements one by one takes as long as the extraction
        linked = sum(len(_TAG.sub("", link).strip()) for link in _LINK.findall(inner))
        if 2 * linked < len(" ".join(_TAG.sub("", inner).split())):
            outer, middle, inmost = (tree.create_element("div") for _ in range(3))
            assert outer is not None
            assert middle is not None
            assert inmost is not None
            high.replace_with(outer)
            outer.append_child(middle)
            middle.append_child(inmost)
            inmost.append_child(high)


def decoded(content: bytes, declared: str = "") -> tuple[str, dict[str, str]]:
    """The characters of a page, and by which charset: its byte order mark, UTF-8 where the bytes are, what the header or the
    page declares, or a guess. Bytes that are none of it become U+FFFD.
    """
    for mark, name in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace"), _charsets(name, declared)
    if not declared and (meta := _META.search(content, 0, _SEARCHED)):
        declared = meta[1].decode("ascii", "replace")
        # What was read as ASCII is not UTF-16, whatever it says.
        declared = "" if _python_name(declared) in _WIDE else declared
    name = _python_name(declared)
    if name not in _NOT_BY_LOOKS:
        try:
            # Pages are cut by crawlers, in the middle of a character too.
            return codecs.getincrementaldecoder("utf-8")().decode(content), _charsets("utf-8", declared)
        except UnicodeDecodeError:
            name = name or _python_name(str(detect_encoding(content))) or "cp1252"
    return content.decode(name, "replace"), _charsets(name, declared)


def _python_name(label: str) -> str:
    """The codec that the web means by a label, as iso-8859-1 means windows-1252; empty for an unknown one."""
    known = map_encoding_to_html5(label, fallback_utf8=False) if label else None
    try:
        return codecs.lookup(known).name if known else ""
    except LookupError:
        return ""


def _charsets(used: str, declared: str) -> dict[str, str]:
    other = declared if declared and _python_name(declared) != used else ""
    return {"charset": used} | ({"declared_charset": other.lower()} if other else {})


def serve(requests: BinaryIO, answers: BinaryIO, cpu_seconds: int) -> None:
    """Answer pages until there are no more: 4 bytes of each length, then declared charset and page → facts and text.

    A page that takes more CPU time ends the process with SIGXCPU.
    """
    while lengths := requests.read(8):
        declared = requests.read(int.from_bytes(lengths[:4], "little"))
        content = requests.read(int.from_bytes(lengths[4:], "little"))
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + cpu_seconds + 1, resource.RLIM_INFINITY))
        try:
            text, facts = page(content, declared.decode())
        except Exception as error:
            text, facts = "", {"error": f"{type(error).__name__}: {error}"[:200]}
        head, tail = json.dumps(facts).encode(), text.encode(errors="replace")
        answers.write(len(head).to_bytes(4, "little") + len(tail).to_bytes(4, "little") + head + tail)
        answers.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
    serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
