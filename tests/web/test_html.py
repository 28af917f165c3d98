"""The builder of markup: everything is escaped that it did not make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.html import Html, element, join


@pytest.mark.parametrize(
    ("made", "markup"),
    [
        (element("p"), "<p></p>"),
        (element("p", "a", None, "<b>"), "<p>a&lt;b&gt;</p>"),
        (element("p", element("b", "&")), "<p><b>&amp;</b></p>"),
        (element("a", "x", href='"><script>'), '<a href="&quot;&gt;&lt;script&gt;">x</a>'),
        (element("p", class_="x", aria_label="y", rowspan=2), '<p class="x" aria-label="y" rowspan="2"></p>'),
        (element("p", hidden=True, id=None, lang=False), "<p hidden></p>"),
        (element("meta", name="a", content="b"), '<meta name="a" content="b">'),
        (element("rect", width=1), '<rect width="1"/>'),
        (join(["<", Html("<br>")], " & "), "&lt; &amp; <br>"),
    ],
)
def test_markup(made, markup):
    """Each call gives the element that it names."""
    assert made == markup
    assert isinstance(made, Html)


@given(st.text())
def test_no_text_becomes_markup(text):
    """Whatever a name holds, in content or attribute it stays text."""
    made = element("p", text, title=text)
    inner = made.removeprefix("<p title=").removesuffix("</p>")
    assert "<" not in inner
    assert inner.count('"') == 2
    assert inner.count(">") == 1
