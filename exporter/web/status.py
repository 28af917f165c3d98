"""What the status page shows: every provider and pool, worst first, with what is wrong and what mends it.

Pure: from what is known to frozen view models. How they look is in :mod:`exporter.web.page`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final

from exporter.config import Account
from exporter.consumption import Consumption
from exporter.fields import format_duration
from exporter.model import Pool, Reading, Reason
from exporter.providers.settings import RunwayThresholds, Thresholds
from exporter.refresh import AccountView, Snapshot
from exporter.web.remedies import remedy
from exporter.web.words import amount, clock, span

_ENOUGH_HISTORY: Final = 3600.0


class Level(StrEnum):
    """How much a state matters to somebody who is on call."""

    CRITICAL = "critical"
    WARNING = "warning"
    WAITING = "waiting"
    HEALTHY = "healthy"


class State(Enum):
    """How a pool or a provider is, the worst first."""

    EXHAUSTED = "Exhausted"
    FROZEN = "Frozen"
    REFUSED = "Refused"
    CRITICAL = "Critical"
    UNKNOWN = "Unknown"
    FAILING = "Failing"
    LOW = "Low"
    WAITING = "Not asked yet"
    HEALTHY = "Healthy"

    @property
    def level(self) -> Level:
        """Return how much it matters."""
        return _LEVELS.get(self, Level.CRITICAL)


_LEVELS: Final = {
    State.FAILING: Level.WARNING,
    State.LOW: Level.WARNING,
    State.WAITING: Level.WAITING,
    State.HEALTHY: Level.HEALTHY,
}
_RANKS: Final = {state: rank for rank, state in enumerate(State)}
_BY_REASON: Final = {
    Reason.INSUFFICIENT_CREDITS: State.EXHAUSTED,
    Reason.UNAUTHORIZED: State.REFUSED,
    Reason.FORBIDDEN: State.REFUSED,
}


@dataclass(frozen=True)
class Runway:
    """How long a balance lasts at the present pace, what that rests on, and the threshold it is below."""

    verdict: str
    basis: str = ""
    judgement: str = ""
    state: State = State.HEALTHY


@dataclass(frozen=True)
class PoolStatus:
    """One pool; ``balance`` is None where it is not known, and is in ``unit`` like the thresholds."""

    name: str
    state: State
    balance: float | None
    unit: str
    thresholds: Thresholds
    runway: Runway
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Trouble:
    """Something wrong with an account: what, its ``label`` in the metrics, and what to do about it.

    ``consequence`` is what it means for the balances shown.
    """

    state: State
    label: str
    detail: str
    consequence: str
    remedy: str


@dataclass(frozen=True)
class ProviderStatus:
    """One account; times are Unix timestamps, ``state`` is the worst of what is said here."""

    name: str
    type: str
    state: State
    pools: Sequence[PoolStatus]
    troubles: Sequence[Trouble]
    notes: Sequence[str]
    last_success: float | None
    next_call: float
    topup_url: str | None
    documentation: str | None


@dataclass(frozen=True)
class Status:
    """The whole page at one moment. ``problems`` kept a changed configuration from being loaded."""

    now: float
    providers: Sequence[ProviderStatus]
    problems: Sequence[str] = ()
    counts: Mapping[Level, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = Counter(provider.state.level for provider in self.providers)
        object.__setattr__(self, "counts", {level: counts[level] for level in Level})


def status_of(snapshot: Snapshot, now: float, problems: Sequence[object] = ()) -> Status:
    """Return what to show of a snapshot at a Unix timestamp: the worst first, else as configured."""
    providers = sorted((_provider(view, now) for view in snapshot.views), key=_rank)
    return Status(now, tuple(providers), tuple(map(str, problems)))


def _rank(status: ProviderStatus | PoolStatus) -> int:
    return _RANKS[status.state]


def _provider(view: AccountView, now: float) -> ProviderStatus:
    account = view.account
    pools = sorted(_pools(view), key=_rank)
    troubles = tuple(_troubles(view, now))
    waiting = [State.WAITING] if view.up is None else []
    states = [*(pool.state for pool in pools), *(trouble.state for trouble in troubles), *waiting]
    return ProviderStatus(
        name=account.name,
        type=account.settings.type,
        state=min(states, key=_RANKS.__getitem__, default=State.HEALTHY),
        pools=tuple(pools),
        troubles=troubles,
        notes=tuple(_daily_limit(view.reading, now)),
        last_success=view.last_success,
        next_call=view.next_fetch,
        topup_url=account.settings.topup_url,
        documentation=account.provider.documentation or None,
    )


def _troubles(view: AccountView, now: float) -> Iterator[Trouble]:
    account, failure = view.account, view.failure
    if failure is not None:
        otherwise = State.UNKNOWN if view.reading is None else State.FAILING
        status = f", HTTP {failure.status}" if failure.status and "HTTP" not in failure.detail else ""
        yield Trouble(
            _BY_REASON.get(failure.reason, otherwise),
            f"{failure.reason}{status}",
            f"{failure.detail[:1].upper()}{failure.detail[1:]}.",
            _consequence(view, now),
            remedy(account, failure.reason),
        )
    if view.reading is not None and view.reading.account_frozen:
        yield Trouble(
            State.FROZEN, "", "The vendor has frozen the account.", "",
            "Ask the vendor why; payment and terms of use are the usual reasons.",
        )  # fmt: skip


def _consequence(view: AccountView, now: float) -> str:
    if view.last_success is None:
        return "There was no answer since the exporter started, so the balance is not known."
    if view.reading is None:
        return (
            f"The last balance is of {clock(view.last_success, now)}: older than "
            f"{format_duration(view.account.max_staleness)}, so it is no longer shown."
        )
    until = view.last_success + view.account.max_staleness
    return f"The balance is of {clock(view.last_success, now)} and is shown until {clock(until, now)}."


def _pools(view: AccountView) -> Iterator[PoolStatus]:
    """Yield the pools of the reading; without one those that were seen before, as unknown."""
    pools = view.reading.pools if view.reading else {name: Pool() for name in view.consumption}
    for name, pool in pools.items():
        thresholds = view.account.thresholds_of(name)
        runway = _runway(pool.balance, view.consumption.get(name), view)
        yield PoolStatus(
            name=name,
            state=min(_state(pool.balance, thresholds), runway.state, key=_RANKS.__getitem__),
            balance=pool.balance,
            unit=pool.unit,
            thresholds=thresholds,
            runway=runway,
            notes=tuple(_notes(pool)),
        )


def _state(balance: float | None, thresholds: Thresholds) -> State:
    if balance is None:
        return State.UNKNOWN
    if balance <= 0:
        return State.EXHAUSTED
    if thresholds.critical is not None and balance < thresholds.critical:
        return State.CRITICAL
    if thresholds.warning is not None and balance < thresholds.warning:
        return State.LOW
    return State.HEALTHY


def _notes(pool: Pool) -> Iterator[str]:
    if pool.reserved:
        yield f"and {amount(pool.reserved)} reserved for running jobs"
    if pool.frozen:
        yield f"and {amount(pool.frozen)} frozen by the vendor"


def _daily_limit(reading: Reading | None, now: float) -> Iterator[str]:
    if reading is None or reading.daily_limit.remaining is None:
        return
    reset = reading.daily_limit.reset_timestamp
    until = f" until {clock(reset, now)}" if reset is not None else ""
    yield f"{amount(reading.daily_limit.remaining)} requests left today{until}"


def _runway(balance: float | None, consumption: Consumption | None, view: AccountView) -> Runway:
    """Tell how long a balance lasts at the recent pace, and whether that is long enough."""
    if balance is None or consumption is None or consumption.recent_since is None:
        return Runway("not known")
    if balance <= 0:
        return Runway("none left")
    history = (view.last_success or 0.0) - consumption.recent_since
    needed = _needed_history(view.account)
    if history < needed:
        seen = f"{span(max(history, 0.0))} seen, {span(needed)} needed"
        return Runway("not enough history yet", seen)
    if consumption.recent <= 0:
        return Runway("no end in sight", f"nothing consumed in the last {span(history)}")
    seconds = balance / (consumption.recent / history)
    state, judgement = _judged(seconds, view.account.runway_thresholds)
    return Runway(f"{span(seconds)} left", f"at the pace of the last {span(history)}", judgement, state)


def _needed_history(account: Account) -> float:
    """Return the shortest past that allows a forecast: an hour, or what is critical if that is shorter."""
    limits = account.runway_thresholds
    return min([_ENOUGH_HISTORY, *filter(None, (limits.critical, limits.warning))])


def _judged(seconds: float, limits: RunwayThresholds) -> tuple[State, str]:
    if limits.critical is not None and seconds < limits.critical:
        return State.CRITICAL, f"critical below {span(limits.critical)}"
    if limits.warning is not None and seconds < limits.warning:
        return State.LOW, f"warning below {span(limits.warning)}"
    return State.HEALTHY, ""
