"""The one source of time, so that tests need no sleeps."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is shown, monotonic time for what is measured; both in seconds."""

    def now(self) -> float:
        """Return the Unix timestamp."""

    def monotonic(self) -> float:
        """Return a time that never goes backwards; only differences mean anything."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return the Unix timestamp."""
        return time.time()

    def monotonic(self) -> float:
        """Return a time that never goes backwards."""
        return time.monotonic()
