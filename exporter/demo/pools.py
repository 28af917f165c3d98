"""Balances as functions of time: they fall at a pace, and are topped up when they are low."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

# Spending speeds up and slows down by up to this share of the pace, over this many seconds.
_SWING = 0.7
_SWING_PERIOD = 120.0

T = TypeVar("T")


def phase(text: str) -> float:
    """Return an angle that depends on nothing but the text, to seed a pool's ups and downs."""
    return zlib.crc32(text.encode()) / 2**32 * 2 * math.pi


@dataclass(frozen=True)
class Level:
    """A pool at one moment.

    ``parts`` splits off what is spent last; ``rest`` is the balance without those parts.
    """

    balance: float
    used: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def rest(self) -> float:
        """What is spent first."""
        return self.balance - sum(self.parts.values())


@dataclass(frozen=True)
class Pool:
    """A pool of credits from a moment (``since``, Unix time) on.

    ``pace`` is what is spent per second on average. On falling to ``low`` it is topped up by
    ``top_up``; without top-ups it stops at zero. ``used_before`` had been spent by then. ``kept``
    names the sizes of the parts that are spent last, the very last one first.
    """

    start: float
    since: float = 0.0
    pace: float = 0.0
    low: float = 0.0
    top_up: float = 0.0
    seed: float = 0.0
    used_before: float = 0.0
    kept: Mapping[str, float] = field(default_factory=dict)

    def at(self, now: float) -> Level:
        """Return the pool's level at a Unix time."""
        spent = self.pace * (self._swung(now) - self._swung(self.since))
        if self.top_up > 0:
            to_low = self.start - self.low
            top_ups = math.floor((spent - to_low) / self.top_up) + 1 if spent > 0 and spent >= to_low else 0
        else:
            spent = min(spent, max(self.start, 0.0))
            top_ups = 0
        balance = self.start - spent + top_ups * self.top_up
        return Level(balance, self.used_before + spent, _filled(self.kept, balance))

    def topped_up(self, amount: float, now: float) -> "Pool":
        """Return the pool with an extra top-up; it goes on as before."""
        level = self.at(now)
        return replace(self, start=level.balance + amount, since=now, used_before=level.used)

    def held(self, balance: float, now: float) -> "Pool":
        """Return the pool resting at a balance: nothing more is spent."""
        return replace(self, start=balance, since=now, pace=0.0, used_before=self.at(now).used)

    def _swung(self, moment: float) -> float:
        angle = 2 * math.pi / _SWING_PERIOD
        return moment + _SWING / angle * math.sin(angle * moment + self.seed)


def _filled(sizes: Mapping[str, float], balance: float) -> dict[str, float]:
    left = max(balance, 0.0)
    parts = {}
    for name, size in sizes.items():
        parts[name] = min(size, left)
        left -= parts[name]
    return parts


@dataclass(frozen=True)
class Episodes(Generic[T]):
    """Something that happens for the last ``lasting`` of every ``every`` seconds, one value after another."""

    every: float
    lasting: float
    values: tuple[T, ...]
    since: float = 0.0

    def at(self, now: float) -> T | None:
        """Return the value at a Unix time, None between episodes."""
        cycle, into = divmod(now - self.since, self.every)
        return self.values[int(cycle) % len(self.values)] if into >= self.every - self.lasting else None
