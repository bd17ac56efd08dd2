"""Pages as text: characters, declared languages, main content."""

import codecs
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.sources.html import decoded, page, serve

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 8
ARTICLE = "".join(f"<p>Paragraph {at} says something in a whole sentence of its own, in words.</p>\n" for at in range(9))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60))
def test_utf8_is_found_whatever_the_header_says(text):
    for declared in ("", "utf-8", "iso-8859-1", "nonsense", "base64"):
        # A leading byte order mark is not text.
        assert decoded(text.encode(), declared)[0] == text.removeprefix("\ufeff")


@pytest.mark.parametrize(("charset", "text", "used"), [
    ("iso-8859-1", "Käse – naïve café".replace("–", "-"), "windows-1252"), ("windows-1251", RUSSIAN, "windows-1251"),
    ("koi8-r", RUSSIAN, "koi8-r"), ("shift_jis", "日本語のページです。", "shift_jis"), ("gb2312", "简体中文网页", "gbk"),
    ("iso-2022-jp", "日本語のページです。", "iso-2022-jp"), ("euc-kr", "한국어 페이지", "euc-kr"),
])
def test_declared_charsets_are_those_that_the_web_means(charset, text, used):
    content = text.encode(charset)
    got, facts = decoded(content, charset.upper())
    assert got == text
    assert facts == {"charset": codecs.lookup(used).name}
    in_page = f'<html><head><META http-equiv="Content-Type" content="text/html; charset={charset}">'.encode() + content
    assert decoded(in_page)[0].endswith(text)


def test_undeclared_charsets_are_guessed():
    assert decoded(f"<p>{RUSSIAN}</p>".encode("windows-1251"))[0] == f"<p>{RUSSIAN}</p>"


def test_the_header_wins_over_the_page_and_a_byte_order_mark_over_both():
    content = b'<meta charset="utf-8">' + RUSSIAN.encode("koi8-r")
    assert RUSSIAN in decoded(content, "koi8-r")[0]
    marked = codecs.BOM_UTF16_LE + "<meta charset=koi8-r>é".encode("utf-16-le")
    assert decoded(marked, "koi8-r") == ("<meta charset=koi8-r>é", {"charset": "utf-16-le", "declared_charset": "koi8-r"})


def test_a_page_cut_within_a_character_is_still_utf8():
    assert decoded("абвгд".encode()[:-1])[0] == "абвг"


def test_bytes_that_are_no_characters_become_replacements():
    assert decoded(b"<meta charset=utf-8>caf\xff\xfe ok", "")[0] == "<meta charset=utf-8>caf\ufffd\ufffd ok"


@pytest.mark.parametrize(("start", "language"), [
    ('<html lang="de-AT">', "de-AT"), ("<HTML class=x LANG=fr>", "fr"), ("<html>", None),
    ('<html xmlns="x" xml:lang="pt">', "pt"),
    ('<html><meta http-equiv="Content-Language" content="nl">', "nl"), ('<html data-lang="xx">', None),
])
def test_the_declared_language_is_kept(start, language):
    assert page(start.encode() + b"<body><p>text")[1].get("html_lang") == language


def test_the_main_text_keeps_its_form_and_loses_what_is_around_it():
    menu = "".join(f'<li><a href="/{at}">Menu entry {at}</a></li>' for at in range(12))
    html = (f"<html><head><title>T</title><style>p {{}}</style></head><body><nav><ul>{menu}</ul></nav><main><h1>Heading</h1>"
            f"{ARTICLE}<pre>def f():\n    return 1 &lt; 2\n</pre><ul><li>one</li><li>two</li></ul></main>"
            "<footer><a href='/'>Imprint</a></footer><script>var hidden = 1;</script></body></html>")
    text, facts = page(html.encode())
    assert facts == {"charset": "utf-8"}
    assert "Menu entry" not in text
    assert "hidden" not in text
    assert "Imprint" not in text
    assert "def f():\n    return 1 < 2" in text
    assert "says something in a whole sentence of its own, in words.\n" in text
    assert text.index("Heading") < text.index("Paragraph 0") < text.index("Paragraph 8") < text.index("one")


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(junk):
    page(junk)
    page(b"<html><body><table><svg><template>" + junk)


def test_served_pages_are_answered_in_order():
    def framed(declared, content):
        return len(declared).to_bytes(4, "little") + len(content).to_bytes(4, "little") + declared + content

    answers = io.BytesIO()
    serve(io.BytesIO(framed(b"", ARTICLE.encode()) + framed(b"koi8-r", RUSSIAN.encode("koi8-r"))), answers, 10_000)
    answers.seek(0)
    got = []
    while lengths := answers.read(8):
        facts = json.loads(answers.read(int.from_bytes(lengths[:4], "little")))
        got.append((answers.read(int.from_bytes(lengths[4:], "little")).decode(), facts))
    assert got == [page(ARTICLE.encode()), page(RUSSIAN.encode("koi8-r"), "koi8-r")]
