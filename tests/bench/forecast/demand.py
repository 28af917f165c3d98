"""What an account would use if its pool never ran dry: one stream per profile, in steps of five minutes.

Means are 1 per step before scaling, so that "ten times normal use" is the same for every profile.
"""

import math
from collections.abc import Callable, Iterator
from random import Random

STEP_SECONDS = 300
STEPS_PER_HOUR = 3600 // STEP_SECONDS
STEPS_PER_DAY = 24 * STEPS_PER_HOUR
DAYS_PER_WEEK = 7

_OPENING, _CLOSING = 7, 19  # hours between which a business works, give or take an hour and a half


def _noise(random: Random, sigma: float) -> float:
    """Return a lognormal factor whose mean is 1."""
    return random.lognormvariate(-sigma * sigma / 2, sigma)


def _business_hour(hour: float) -> float:
    """Return the load of a working day at this hour: two hours' ramps and a dip at noon."""
    ramp = min((hour - _OPENING) / 2, (_CLOSING - hour) / 2, 1.0)
    lunch = 0.75 if 12 <= hour < 13 else 1.0
    return max(0.02, ramp * lunch)


def weekday(random: Random, days: int) -> Iterator[float]:
    """Office hours: next to nothing at night and at weekends, and one public holiday a quarter."""
    shift = random.uniform(-1.5, 1.5)
    holiday = DAYS_PER_WEEK * random.randrange(1, days // DAYS_PER_WEEK) + random.randrange(5)
    for day in range(days):
        resting = day % DAYS_PER_WEEK >= 5 or day == holiday
        level = (0.05 if resting else 1.0) * _noise(random, 0.15) * 3.4
        for step in range(STEPS_PER_DAY):
            hour = (step / STEPS_PER_HOUR - shift) % 24
            yield level * _business_hour(hour) * _noise(random, 0.3)


def round_the_clock(random: Random, days: int) -> Iterator[float]:
    """Users all over the world: a gentle wave over the day, a little less at weekends."""
    peak = random.uniform(0, 24)
    for day in range(days):
        level = (0.85 if day % DAYS_PER_WEEK >= 5 else 1.06) * _noise(random, 0.1)
        for step in range(STEPS_PER_DAY):
            wave = 1 + 0.4 * math.cos((step / STEPS_PER_HOUR - peak) * math.pi / 12)
            yield level * wave * _noise(random, 0.3)


def growing(random: Random, days: int) -> Iterator[float]:
    """The weekday business when it grows by five percent a week."""
    for step, use in enumerate(weekday(random, days)):
        yield use * 1.05 ** (step / STEPS_PER_DAY / DAYS_PER_WEEK)


def bursty(random: Random, days: int) -> Iterator[float]:
    """A low base, and batch jobs at odd hours, one at a time: about three a day of 20 to 120 minutes, 3 to 6 times base."""
    base = 0.6
    queue: list[tuple[int, float]] = []  # (steps left, load)
    for _ in range(days * STEPS_PER_DAY):
        if random.random() < 3 / STEPS_PER_DAY:
            queue.append((random.randint(4, 24), base * random.uniform(3, 6)))
        load = base
        if queue:
            left, job = queue[0]
            load += job
            queue[:1] = [(left - 1, job)] if left > 1 else []
        yield load * _noise(random, 0.3)


def trickle(random: Random, days: int) -> Iterator[float]:
    """Whole credits, a few an hour, each on its own."""
    per_step = random.uniform(1, 4) / STEPS_PER_HOUR
    for _ in range(days * STEPS_PER_DAY):
        events, threshold = 0, random.random()
        probability = cumulative = math.exp(-per_step)
        while threshold > cumulative:
            events += 1
            probability *= per_step / events
            cumulative += probability
        yield float(events)


PROFILES: dict[str, Callable[[Random, int], Iterator[float]]] = {
    "weekday": weekday,
    "growing 5 %/week": growing,
    "24/7": round_the_clock,
    "bursty": bursty,
    "slow trickle": trickle,
}


def demand(profile: str, random: Random, days: int) -> list[float]:
    """Return credits wanted per step: 50 to 50,000 a day, whole numbers for the trickle."""
    stream = PROFILES[profile](random, days)
    if profile == "slow trickle":
        return list(stream)
    scale = 50 * 1000 ** random.random() / STEPS_PER_DAY
    return [use * scale for use in stream]
