"""Numbers and times as people read them."""

import math

import pytest

from exporter.web.words import ago, amount, clock, iso, span, utc

NOW = 1_782_914_592.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (-3, "-3"),
        (10.324, "10.32"),
        (136_012, "136,012"),
        (15_432.50, "15,432.5"),
        (0.001, "0.001"),
        (-0.0004, "-0.0004"),
        (0.05, "0.05"),
        (999_999_999_999.99, "999,999,999,999.99"),
        (1e300, "1e+300"),
        (-1e15, "-1e+15"),
    ],
)
def test_amounts(value, text):
    """Thousands are separated, two decimals are enough, and nothing small becomes nothing."""
    assert amount(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (1, "1 s"),
        (48.4, "48 s"),
        (59.4, "59 s"),
        (59.9, "1 min"),
        (90, "2 min"),
        (720, "12 min"),
        (3582, "1 h"),
        (5400, "1.5 h"),
        (3 * 3600, "3 h"),
        (23.5 * 3600, "24 h"),
        (30 * 3600, "30 h"),
        (2 * 86_400, "2 days"),
        (3.26 * 86_400, "3.3 days"),
        (40 * 86_400, "40 days"),
        (3650 * 86_400, "more than ten years"),
        (math.inf, "more than ten years"),
    ],
)
def test_spans(seconds, text):
    """A length of time has one unit, with a decimal only where it matters."""
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("then", "text"), [(NOW - 12, "12 s ago"), (NOW - 0.3, "just now"), (NOW + 5, "just now")]
)
def test_how_long_ago(then, text):
    """The past is told by its distance; what a skewed clock puts into the future is now."""
    assert ago(then, NOW) == text


def test_moments():
    """Absolute times are UTC and say so; the date is left out today."""
    assert utc(NOW) == "2026-07-01 14:03:12 UTC"
    assert iso(NOW) == "2026-07-01T14:03:12Z"
    assert clock(NOW - 12, NOW) == "14:03:00 UTC"
    assert clock(NOW + 40_000, NOW) == "2026-07-02 01:09:52 UTC"


@pytest.mark.parametrize("timestamp", [1e18, -1e18, math.inf, math.nan])
def test_a_nonsensical_moment_is_shown_as_it_is(timestamp):
    """A vendor's impossible reset time breaks no page."""
    assert utc(timestamp) == clock(timestamp, NOW) == f"{timestamp:g}"
    assert iso(timestamp) is None
