"""What was consumed and added between two readings of a pool.

A fall of the balance is consumption at once. A rise may be a top-up, or a vendor that answers from
caches of different age and flaps between an old value and a new one. So a rise counts as a top-up
only once it is confirmed:

- two readings in a row stand above the balance before the rise, the first of them above everything
  that the last ten readings had shown (a stale cache can't show more than there was lately), or
- ten readings in a row stand above it.

Until then the balance before the rise stays the level from which consumption is counted, so that a
vendor which flaps adds nothing to any counter.

Beside the counters there is what was consumed within the last day, or since the first reading where
that is younger: the pace that a person wants to know, which a counter alone doesn't tell.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

_WINDOW: Final = 10
_RECENT_SECONDS: Final = 86_400.0
_SECONDS_BETWEEN_MARKS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Consumption:
    """The counters of one pool since the start, in its unit; times are Unix timestamps.

    ``recent`` is what was consumed since ``recent_since``: a day ago, give or take an hour, or the
    first reading.
    """

    consumed: float = 0.0
    added: float = 0.0
    topups: int = 0
    last_topup: float | None = None
    recent: float = 0.0
    recent_since: float | None = None


class ConsumptionMeter:
    """Follows the balance of one pool."""

    def __init__(self) -> None:
        self.totals = Consumption()
        self._level: float | None = None
        self._above: list[tuple[float, float]] = []  # the readings in a row above the level: time, balance
        self._recent: deque[float] = deque(maxlen=_WINDOW)  # the readings before those
        self._marks: deque[tuple[float, float]] = deque()  # about hourly: time, consumed until then

    def observe(self, balance: float, now: float) -> None:
        """Take one reading; ``now`` is its Unix timestamp."""
        if self._level is None or balance <= self._level:
            self._fall_to(balance)
        else:
            self._above.append((now, balance))
            if self._is_confirmed():
                self._top_up()
        self._look_back(now)

    def _fall_to(self, balance: float) -> None:
        if self._level is not None:
            self.totals = replace(self.totals, consumed=self.totals.consumed + (self._level - balance))
        self._level = balance
        self._recent.extend(seen for _, seen in self._above)
        self._above.clear()
        self._recent.append(balance)

    def _is_confirmed(self) -> bool:
        if len(self._above) >= _WINDOW:
            return True
        return len(self._above) == 2 and self._above[0][1] > max(self._recent)

    def _top_up(self) -> None:
        """Count the rise to the highest of the readings above the level, and what went since."""
        assert self._level is not None  # noqa: S101 - a rise has a level below it
        risen_at = self._above[0][0]
        highest = max(balance for _, balance in self._above)
        latest = self._above[-1][1]
        self.totals = replace(
            self.totals,
            added=self.totals.added + (highest - self._level),
            topups=self.totals.topups + 1,
            last_topup=risen_at,
        )
        self._level = highest
        self._above.clear()
        self._recent.clear()
        self._fall_to(latest)

    def _look_back(self, now: float) -> None:
        """Tell what was consumed since the youngest mark that is a day old, or the oldest there is."""
        consumed = self.totals.consumed
        if not self._marks or now - self._marks[-1][0] >= _SECONDS_BETWEEN_MARKS:
            self._marks.append((now, consumed))
        while len(self._marks) > 1 and now - self._marks[1][0] >= _RECENT_SECONDS:
            self._marks.popleft()
        since, before = self._marks[0]
        self.totals = replace(self.totals, recent=consumed - before, recent_since=since)
