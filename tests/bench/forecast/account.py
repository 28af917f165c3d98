"""One simulated account: the truth of its pool, and what the exporter would have shown of it."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from tests.bench.forecast.demand import STEP_SECONDS, STEPS_PER_DAY, STEPS_PER_HOUR, demand

WARM_UP_DAYS = 7    # the rules look back one week
SCORED_DAYS = 84
FUTURE_DAYS = 42    # beyond the end, to know when a pool would have run dry
_STALENESS_STEPS = STEPS_PER_HOUR  # max_staleness: 1h
_LEAK_FACTOR = 10
_LEAK_STEPS = 2 * STEPS_PER_HOUR


@dataclass(frozen=True)
class Span:
    """Steps from `start` to just before `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Plan:
    """What happens to an account from outside; outages and leaks are spans of steps."""

    outages: tuple[Span, ...]
    restarts: frozenset[int]
    leaks: tuple[Span, ...]
    refresh_steps: int


@dataclass
class Truth:
    """The pool as it really was. `wanted` runs past the end of the simulation."""

    wanted: list[float]
    balance: list[float] = field(default_factory=list)
    topups: list[int] = field(default_factory=list)
    dry: list[int] = field(default_factory=list)      # the first step of each drought

    def __post_init__(self) -> None:
        self._cumulative = list(accumulate(self.wanted, initial=0.0))

    def dry_after(self, step: int) -> int:
        """Return the step at which the pool would have run dry, had nobody topped up after `step`."""
        goal = self._cumulative[step] + self.balance[step]
        return max(step, bisect_left(self._cumulative, goal - 1e-9) - 1)


@dataclass(frozen=True)
class Exposition:
    """What Prometheus scraped at each step; None where the series was absent."""

    balance: list[float | None]
    consumed: list[float]
    up: list[int]


@dataclass(frozen=True)
class Account:
    """A profile and a seed with all that follows from them."""

    name: str
    profile: str
    plan: Plan
    truth: Truth
    seen: Exposition


def _spans(random: Random, first: int, last: int, every_days: float, length: tuple[float, float]) -> tuple[Span, ...]:
    """Return spans at random times, `every_days` apart on average, lognormal with (median hours, sigma)."""
    spans: list[Span] = []
    step = float(first)
    while True:
        step += random.expovariate(1 / (every_days * STEPS_PER_DAY))
        steps = max(1, round(length[0] * STEPS_PER_HOUR * random.lognormvariate(0, length[1])))
        if step + steps >= last:
            return tuple(spans)
        spans.append(Span(int(step), int(step) + steps))
        step += steps


def _plan(random: Random, steps: int, leaked: bool) -> Plan:
    leaks: list[Span] = []
    if leaked:
        for fortnight in range(6):
            start = (WARM_UP_DAYS + 14 * fortnight) * STEPS_PER_DAY + random.randrange(13 * STEPS_PER_DAY)
            leaks.append(Span(start, start + _LEAK_STEPS))
    return Plan(
        outages=_spans(random, 0, steps, every_days=10, length=(1.0, 1.0)),
        restarts=frozenset(span.start for span in _spans(random, 0, steps, every_days=21, length=(0.1, 0))),
        leaks=tuple(leaks),
        refresh_steps=random.choice((1, 1, 3)),  # 1m and 5m look the same at this step; 15m does not
    )


def _leak(wanted: list[float], leaks: tuple[Span, ...]) -> list[float]:
    """Return the demand with a thief who takes ten times the mean of the week around, day or night."""
    leaking = list(wanted)
    for span in leaks:
        week = wanted[max(0, span.start - 7 * STEPS_PER_DAY):span.start]
        extra = _LEAK_FACTOR * sum(week) / len(week)
        for step in range(span.start, span.end):
            leaking[step] += extra
    return leaking


def _live(random: Random, wanted: list[float], steps: int, whole: bool) -> Truth:
    """Let the account live: a third of its top-ups come early, the others only after the pool ran dry."""
    truth = Truth(wanted)
    daily = sum(wanted[:28 * STEPS_PER_DAY]) / 28

    def size(step: int) -> float:
        growth = max(1.0, sum(wanted[step:step + 7 * STEPS_PER_DAY]) / 7 / daily)
        bought = daily * growth * random.uniform(9, 21)
        return float(round(bought)) if whole else bought

    balance = size(0)
    early = random.uniform(0.05, 0.6) * balance if random.random() < 1 / 3 else None
    refill_at: int | None = None
    for step in range(steps):
        if (early is not None and balance <= early) or step == refill_at:
            bought = size(step)
            balance, refill_at = balance + bought, None
            truth.topups.append(step)
            early = random.uniform(0.05, 0.6) * bought if random.random() < 1 / 3 else None
        truth.balance.append(balance)
        balance = max(0.0, balance - wanted[step])
        if balance == 0 and refill_at is None:
            truth.dry.append(step + 1)
            refill_at = step + 1 + random.randint(1, 12 * STEPS_PER_HOUR)
            early = None
    return truth


def _expose(truth: Truth, plan: Plan, steps: int) -> Exposition:
    """Return what the exporter shows: readings every refresh, the last one for an hour of failure."""
    down = {step for span in plan.outages for step in range(span.start, span.end)}
    balance: list[float | None] = []
    consumed: list[float] = []
    up: list[int] = []
    last: float | None = None
    age, counter, healthy = 0, 0.0, 1
    for step in range(steps):
        if step in plan.restarts:
            last, counter = None, 0.0
        age += 1
        if step % plan.refresh_steps == 0 or last is None:
            healthy = int(step not in down)
            if healthy:
                reading = truth.balance[step]
                counter += max(0.0, (reading if last is None else last) - reading)
                last, age = reading, 0
        balance.append(last if age < _STALENESS_STEPS else None)
        consumed.append(counter)
        up.append(healthy)
    return Exposition(balance, consumed, up)


def simulate(profile: str, seed: int, *, leaked: bool = False) -> Account:
    """Return the account of this profile and seed: the same every time, whatever else is simulated."""
    random = Random(f"{profile}/{seed}/{leaked}")
    steps = (WARM_UP_DAYS + SCORED_DAYS) * STEPS_PER_DAY
    wanted = demand(profile, random, WARM_UP_DAYS + SCORED_DAYS + FUTURE_DAYS)
    plan = _plan(random, steps, leaked)
    truth = _live(random, _leak(wanted, plan.leaks), steps, profile == "slow trickle")
    group = "leaked key" if leaked else profile
    return Account(f"{group}/{profile}/{seed}", profile, plan, truth, _expose(truth, plan, steps))


def timestamp(start: int, step: int) -> int:
    """Return the Unix time of a step."""
    return start + step * STEP_SECONDS
