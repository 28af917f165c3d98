"""Request limits: what a vendor counts per minute and per day, and when it starts to refuse."""

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """A vendor's limits for one account; None is no limit.

    ``day`` is the length of the accounting day in seconds: a real one ends at midnight UTC, a demo's
    in minutes. ``elsewhere`` is how many requests per second others make with the same account.
    """

    per_minute: int | None = None
    per_day: int | None = None
    day: float = 86_400.0
    elsewhere: float = 0.0


@dataclass(frozen=True)
class Allowance:
    """What is left after a request; ``retry_after`` (seconds) is set where the request was over a limit."""

    left_today: int | None = None
    seconds_to_reset: int | None = None
    retry_after: int | None = None


class Meter:
    """Counts one account's requests against its limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._recent: deque[float] = deque()
        self._day = -1
        self._today = 0

    def count(self, now: float) -> Allowance:
        """Count a request at a Unix time; a refused one isn't counted."""
        wait = self._minute_wait(now)
        left, to_reset = self._day_left(now)
        if left == 0 and to_reset is not None:
            wait = max(wait or 0, to_reset)
        if wait is not None:
            return Allowance(left, to_reset, wait)
        self._today += 1
        if self._limits.per_minute is not None:
            self._recent.append(now)
        return Allowance(None if left is None else left - 1, to_reset)

    def _minute_wait(self, now: float) -> int | None:
        if self._limits.per_minute is None:
            return None
        while self._recent and self._recent[0] <= now - 60:
            self._recent.popleft()
        if len(self._recent) < self._limits.per_minute:
            return None
        return math.ceil(self._recent[0] + 60 - now)

    def _day_left(self, now: float) -> tuple[int | None, int | None]:
        if self._limits.per_day is None:
            return None, None
        day, into = divmod(now, self._limits.day)
        if day != self._day:
            self._day, self._today = int(day), 0
        elsewhere = math.floor(into * self._limits.elsewhere)
        left = max(0, self._limits.per_day - elsewhere - self._today)
        return left, math.ceil(self._limits.day - into)
