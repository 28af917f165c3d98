"""Numbers and times as people read them."""

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = ((86_400.0, 2.0, "days"), (3600.0, 1.0, "h"), (60.0, 1.0, "min"), (1.0, 1.0, "s"))
_TOO_LONG_TO_PRINT: Final = 1e15
_DAYS_BEYOND_SENSE: Final = 3650


def amount(value: float) -> str:
    """Return a balance with thousands separated and at most two decimals; a small one keeps its digits."""
    if abs(value) >= _TOO_LONG_TO_PRINT or 0 < abs(value) < 0.01:
        return f"{value:.3g}"
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def span(seconds: float) -> str:
    """Return a length of time in its largest fitting unit: ``48 s``, ``12 min``, ``3.5 h``, ``2 days``.

    Days begin at two, and below ten hours or days there is one decimal.
    """
    if seconds >= _DAYS_BEYOND_SENSE * 86_400:
        return "more than ten years"
    for size, least, unit in _UNITS:
        count = seconds / size
        if count >= least * 0.995:
            text = f"{count:.1f}".removesuffix(".0") if size >= 3600 and count < 9.95 else f"{count:.0f}"
            return f"{text} {unit}"
    return "0 s"


def ago(then: float, now: float) -> str:
    """Return how long ago a Unix timestamp was; one in the future counts as now."""
    return "just now" if now - then < 1 else f"{span(now - then)} ago"


def utc(timestamp: float) -> str:
    """Return a Unix timestamp as ``2026-07-01 14:03:12 UTC``; a nonsensical one as it is."""
    moment = _moment(timestamp)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else f"{timestamp:g}"


def clock(timestamp: float, now: float) -> str:
    """Return a Unix timestamp as the time of day alone where it is the same day as now (UTC)."""
    text = utc(timestamp)
    return text.removeprefix(utc(now)[:11]) if _moment(timestamp) else text


def iso(timestamp: float) -> str | None:
    """Return a Unix timestamp as ``2026-07-01T14:03:12Z``; None for a nonsensical one."""
    moment = _moment(timestamp)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None


def _moment(timestamp: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, OSError, ValueError):
        return None
