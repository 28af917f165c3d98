"""Fixtures for all tests: a clock that only tests move, and logs that are not printed."""

import pytest
import structlog


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> float:
        """Return the Unix timestamp."""
        return self._now

    def monotonic(self) -> float:
        """Return the monotonic time."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        self._now += seconds
        self._monotonic += seconds


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def log_events():
    """Return the list of events that are logged during the test."""
    with structlog.testing.capture_logs() as events:
        yield events
