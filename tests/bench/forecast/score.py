"""What fired, held against what happened. The definitions behind the table are here and nowhere else.

- An *exhaustion* is a moment in the scored weeks at which a pool really ran dry; two thirds of the top-ups
  come only after that. Pools topped up early have none, but every alert about them is judged.
- It is *caught* by an alert with horizon H if the alert was firing, `for` included, at some time between
  1.5 H and one lead time before, after the last top-up. A cycle too short to give that lead is not counted.
- A *notification* (an alert that begins to fire) is *right* if the pool would have run dry within 1.5 H of
  it, had nobody topped up: the demand is known, past every later top-up. Precision is the share of these.
- A *leak* takes ten times the mean of the week before, for two hours, at any time of day.
- The *lead time* is from the first moment of firing since the top-up until exhaustion.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.bench.forecast.account import WARM_UP_DAYS, Account, Span
from tests.bench.forecast.demand import DAYS_PER_WEEK, STEP_SECONDS, STEPS_PER_DAY
from tests.bench.forecast.firing import Firing

TOLERANCE = 1.5
DAY = 86400
LEAK_LIMIT_SECONDS = 45 * 60
_LEAK_AFTERMATH_STEPS = 12   # the burn of the leak is still in an hour's average for that long
_SETTLING = 3600             # until a top-up was read, scraped and evaluated, the last cycle's alerts go on


@dataclass
class Foresight:
    """Counts of one alert over any number of accounts; lead times in seconds."""

    exhaustions: int = 0
    caught: int = 0
    notifications: int = 0
    right: int = 0
    leads: list[int] = field(default_factory=list)

    def add(self, other: "Foresight") -> None:
        """Count what the other one counted as well."""
        self.exhaustions += other.exhaustions
        self.caught += other.caught
        self.notifications += other.notifications
        self.right += other.right
        self.leads += other.leads


@dataclass
class Leaks:
    """Counts of a leak alert over any number of accounts; delays in seconds, from the leak to firing."""

    leaks: int = 0
    delays: list[int] = field(default_factory=list)
    false_pages: int = 0
    weeks: float = 0

    def add(self, other: "Leaks") -> None:
        """Count what the other one counted as well."""
        self.leaks += other.leaks
        self.delays += other.delays
        self.false_pages += other.false_pages
        self.weeks += other.weeks

    @property
    def caught(self) -> int:
        """Leaks found in time."""
        return sum(delay <= LEAK_LIMIT_SECONDS for delay in self.delays)


def foresight(account: Account, start: int, fired: Iterable[Firing], horizon: int, lead: int) -> Foresight:
    """Score one alert on one account; `start` is the Unix time of its first step, `horizon` and `lead` seconds."""
    firing = [span for span in fired if span.start >= start + WARM_UP_DAYS * DAY]
    result = Foresight()
    for span in firing:
        step = (span.start - start) // STEP_SECONDS
        left = (account.truth.dry_after(step) - step) * STEP_SECONDS
        result.notifications += 1
        result.right += left <= TOLERANCE * horizon
    for dry in account.truth.dry:
        cycle = max([0, *(step for step in account.truth.topups if step < dry)])
        if dry * STEP_SECONDS < WARM_UP_DAYS * DAY + TOLERANCE * horizon or _leaked(account, cycle, dry):
            continue
        if (dry - cycle) * STEP_SECONDS < lead + DAY:
            continue
        result.exhaustions += 1
        moment, topup = start + dry * STEP_SECONDS, start + cycle * STEP_SECONDS + _SETTLING
        window = (max(topup, moment - int(TOLERANCE * horizon)), moment - lead)
        if any(span.start <= window[1] and span.end > window[0] for span in fired):
            result.caught += 1
        first = min((max(span.start, topup) for span in fired if topup < span.end and span.start < moment),
                    default=None)
        if first is not None:
            result.leads.append(moment - first)
    return result


def leaks(account: Account, start: int, fired: list[Firing]) -> Leaks:
    """Score a leak alert on one account.

    A leak counts if it could be seen at all: the vendor answered in its first 45 minutes, and the pool did
    not run dry in them. Every notification outside a leak and the hour after it is false.
    """
    result = Leaks(weeks=len(account.seen.up) / STEPS_PER_DAY / DAYS_PER_WEEK)
    for leak in account.plan.leaks:
        if not _visible(account, leak):
            continue
        result.leaks += 1
        begin, end = start + leak.start * STEP_SECONDS, start + leak.end * STEP_SECONDS
        found = [span.start for span in fired if span.end > begin and span.start < end]
        if found:
            result.delays.append(max(0, min(found) - begin))
    for span in fired:
        step = (span.start - start) // STEP_SECONDS
        result.false_pages += not any(
            leak.start <= step < leak.end + _LEAK_AFTERMATH_STEPS for leak in account.plan.leaks
        )
    return result


def _visible(account: Account, leak: Span) -> bool:
    last = leak.start + LEAK_LIMIT_SECONDS // STEP_SECONDS
    blind = any(_overlap(outage, leak.start, last) for outage in account.plan.outages)
    return not blind and account.truth.dry_after(leak.start) > last


def _leaked(account: Account, first: int, last: int) -> bool:
    """Tell whether a leak, which no forecast can foresee, shortened this cycle."""
    return any(_overlap(leak, first, last) for leak in account.plan.leaks)


def _overlap(span: Span, first: int, last: int) -> bool:
    return span.start < last and span.end > first
