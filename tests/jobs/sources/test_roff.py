"""Manual pages as plain text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.sources.roff import plain


def test_a_page_becomes_its_words():
    page = (
        '.\\" a comment\n.TH LS 1 "May 2020"\n.SH NAME\nls \\- list \\fIdirectory\\fR contents\n'
        '.SH "EXIT STATUS"\n.TP\n.B \\-a\ndo not ignore \\(lqdots\\(rq\n.PP\n'
        '.BR stat (2)\n.de XX\nhidden\n..\nend\\&.\n'
    )
    assert plain(page) == (
        "LS(1)\n\nNAME\n\nls - list directory contents\n\nEXIT STATUS\n\n\n-a\ndo not ignore “dots”\n\nstat(2)\nend.\n"
    ).replace("\n\n\n", "\n\n")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("a\\fBb\\fPc", "abc"),
        ("\\s-1X\\s0", "X"),
        ("\\[u2019]", "’"),
        ("it\\(aqs", "it's"),
        ("\\*(lqx", "“x"),
        ("C:\\e", "C:\\"),
        ("a\\h'1n'b", "ab"),
        ('x \\" said', "x"),
        ("\\(xx", ""),
        (".Op Fl a Ar file", "-a file"),
        (".so man1/x.1", ""),
    ],
)
def test_escapes_and_requests(line, text):
    assert plain(line + "\n").rstrip("\n") == text


@given(st.text(alphabet="ab\\.fB(['\"*-\n SH", max_size=60))
def test_anything_is_read(page):
    """Pages are made by many hands: none may stop a harvest."""
    assert plain(page) == "" or plain(page).endswith("\n")
