"""What was consumed and added between two readings of a pool.

A fall of the balance is consumption at once. A rise may be a top-up, or a vendor that answers from
caches of different age and flaps between an old value and a new one. So a rise counts as a top-up
only once it is confirmed:

- two readings in a row stand above the balance before the rise, the first of them above everything
  that the last ten readings had shown (a stale cache can't show more than there was lately), or
- ten readings in a row stand above it.

Until then the balance before the rise stays the level from which consumption is counted, so that a
vendor which flaps adds nothing to any counter.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

_WINDOW: Final = 10


@dataclass(frozen=True, slots=True)
class Consumption:
    """The counters of one pool since the start, in its unit; ``last_topup`` is a Unix timestamp."""

    consumed: float = 0.0
    added: float = 0.0
    topups: int = 0
    last_topup: float | None = None


class ConsumptionMeter:
    """Follows the balance of one pool."""

    def __init__(self) -> None:
        self.totals = Consumption()
        self._level: float | None = None
        self._above: list[tuple[float, float]] = []  # the readings in a row above the level: time, balance
        self._recent: deque[float] = deque(maxlen=_WINDOW)  # the readings before those

    def observe(self, balance: float, now: float) -> None:
        """Take one reading; ``now`` is its Unix timestamp."""
        if self._level is None or balance <= self._level:
            self._fall_to(balance)
            return
        self._above.append((now, balance))
        if self._is_confirmed():
            self._top_up()

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
