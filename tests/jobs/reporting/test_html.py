import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.reporting.html import escape, join, name, number, percent, plural, seconds, short, size, tag

ANY = st.text(st.characters(), max_size=40)


class Events(html.parser.HTMLParser):
    """What a browser would see: elements with attributes, and text."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.elements, self.text = [], ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@given(text=ANY, value=ANY)
def test_text_and_attributes_never_become_markup(text, value):
    """Characters that no page may hold become one that says so; the rest arrives as it was."""
    seen = Events(tag("p", text, name(text), title=value))
    assert [e for e, _ in seen.elements] == ["p", "bdi"]
    assert set(seen.elements[0][1]) == {"title"}
    assert len(seen.text) == 2 * len(text)
    assert all(a == b or b == "�" for a, b in zip(text * 2, seen.text, strict=True))
    tag("p", text).encode()


def test_markup_is_escaped_once():
    assert join([escape("<"), tag("b", escape("&"))]) == "&lt;<b>&amp;</b>"


@pytest.mark.parametrize(("written", "wanted"), [
    (number(1234567), "1,234,567"), (short(999_999), "999,999"), (short(3_992_386), "3.99 million"),
    (short(999_600_000), "1,000 million"), (short(10**12), "1 trillion"), (size(999), "999 B"), (size(17_737_055), "17.7 MB"),
    (percent(0), "0.0 %"), (percent(0.0001), "< 0.1 %"), (percent(0.99999), "> 99.9 %"), (percent(1), "100.0 %"),
    (seconds(0.1234), "0.12 s"), (seconds(59.94), "59.9 s"), (seconds(245), "4 min 05 s"), (seconds(11_220), "3 h 07 min"),
    (plural(1, "document"), "1 document"), (plural(2000, "document"), "2,000 documents"),
])
def test_numbers_read_well(written, wanted):
    assert written == wanted
