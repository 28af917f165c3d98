"""Patterns for answers of text: what they give, and which are refused."""

import re

import pytest

from exporter.providers.pattern import Pattern


def test_named_groups_are_what_a_pattern_gives():
    """A group that took no part, and every group where nothing matches, is None."""
    pattern = Pattern(r"left=(?P<left>\d+)(?:;used=(?P<used>\d+))?")
    assert pattern.groups("ok left=12") == {"left": "12", "used": None}
    assert pattern.groups("left=12;used=3") == {"left": "12", "used": "3"}
    assert pattern.groups("WRONG") == {"left": None, "used": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(?P<a>", "is not a regular expression: missing ), unterminated subpattern at position 1"),
        ("[0-9]+", "should have a named group"),
        ("(?P<a>a+)+", "take for ever, at position 10"),
        ("(?P<a>x)(?:a|a)*b", "take for ever"),
        ("(?P<a>x)((a{1,}b?)c){2,}", "take for ever"),
    ],
)
def test_a_wrong_or_dangerous_pattern_is_refused(text, message):
    """A pattern that one long line can keep busy for hours would stop the whole exporter."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Pattern(text)


@pytest.mark.parametrize("text", [r"(?P<a>\d+)", r"(?P<a>(?:abc)+)", r"(?P<a>\d+)?x", r"(?P<a>(\d+){3})"])
def test_ordinary_patterns_are_taken(text):
    """Repetition of characters, of fixed groups, and so many times."""
    assert repr(Pattern(text)) == text
    assert Pattern(text) == Pattern(text)
    assert hash(Pattern(text)) == hash(text)
