"""The past of a few accounts as OpenMetrics text: what an exporter would have shown, scrape by scrape.

Everything is a plain function of time, so the same moment always shows the same figures: use follows the
clock, a pool is topped up every few days, one provider fails now and then.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from exporter import metrics
from exporter.metrics import Metric

HOUR = 3600
DAY = 24 * HOUR
STEP = 240
"""Seconds between two samples; Prometheus takes a series for gone after 300."""

Value = Callable[[int], float | None]


@dataclass(frozen=True)
class Pool:
    """One pool: its use per hour, and how often and by how much it is topped up."""

    name: str = "default"
    unit: str = "credits"
    per_hour: float = 40.0
    start: float = 20_000.0
    topup: float = 8_000.0
    every: int = 5 * DAY
    thresholds: tuple[float, float] = (5_000.0, 1_000.0)
    sources: tuple[str, ...] = ()
    reserved: float | None = None
    frozen: float | None = None


@dataclass(frozen=True)
class Account:
    """One provider; ``fails`` says at which times its calls fail, ``limit`` is a daily limit."""

    provider: str
    type: str
    pools: tuple[Pool, ...] = field(default_factory=lambda: (Pool(),))
    topup_url: str = ""
    limit: float | None = None
    reported_time: float | None = None
    account_frozen: bool | None = None
    fails: Callable[[int], bool] = lambda _: False


@dataclass(frozen=True)
class History:
    """The window of time, in Unix seconds, the replicas that saw it, and the names sampled more often."""

    start: int
    end: int
    accounts: tuple[Account, ...]
    instances: tuple[str, ...] = ("exporter-0:10440",)
    steps: Mapping[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write every sample, series by series."""
        with path.open("w", encoding="ascii") as file:
            for instance in self.instances:
                target = f'job="credits-exporter",instance="{instance}"'
                for account in self.accounts:
                    self._account(file, account, target)
                for name, labels, value in _exporter(self.start):
                    self._series(file, name, f"{target}{labels}", value)
            file.write("# EOF\n")

    def _account(self, file: IO[str], account: Account, target: str) -> None:
        of_provider = f'{target},provider="{account.provider}"'
        for metric, labels, value in _provider(account, self.start):
            self._series(file, metric, of_provider + labels, value)
        for pool in account.pools:
            of_pool = f'{of_provider},pool="{pool.name}"'
            for pool_metric, labels, value in _pool(pool, self.start):
                self._series(file, pool_metric.name, of_pool + labels, value)

    def _series(self, file: IO[str], name: str, labels: str, value: Value) -> None:
        prefix = f"{name}{{{labels}}} "
        file.writelines(
            f"{prefix}{sample!r} {moment}\n"
            for moment in range(self.start, self.end + 1, self.steps.get(name, STEP))
            if (sample := value(moment)) is not None
        )


def consumed(pool: Pool, age: float) -> float:
    """Return what the pool used in its first ``age`` seconds: more by day than by night, never negative."""
    return pool.per_hour / HOUR * (age - 0.8 * DAY / math.tau * math.sin(math.tau * age / DAY))


def _pool(pool: Pool, start: int) -> Iterator[tuple[Metric, str, Value]]:
    def topups(moment: int) -> int:
        return (moment - start) // pool.every

    def balance(moment: int) -> float:
        return pool.start + topups(moment) * pool.topup - consumed(pool, moment - start)

    def last_topup(moment: int) -> float | None:
        return start + topups(moment) * pool.every if topups(moment) else None

    yield metrics.BALANCE, "", balance
    yield metrics.CONSUMED, "", lambda moment: consumed(pool, moment - start)
    yield metrics.USED, "", lambda moment: consumed(pool, moment - start)
    yield metrics.ADDED, "", lambda moment: topups(moment) * pool.topup
    yield metrics.TOPUPS, "", topups
    yield metrics.LAST_TOPUP, "", last_topup
    yield metrics.POOL_INFO, f',unit="{pool.unit}"', _always(1)
    for severity, threshold in zip(("warning", "critical"), pool.thresholds, strict=False):
        yield metrics.THRESHOLD, f',severity="{severity}"', _always(threshold)
    for source in pool.sources:
        share = f',source="{source}"'
        yield metrics.BALANCE_BY_SOURCE, share, lambda moment: balance(moment) / len(pool.sources)
    if pool.reserved is not None:
        yield metrics.RESERVED, "", _always(pool.reserved)
    if pool.frozen is not None:
        yield metrics.FROZEN, "", _always(pool.frozen)


def _provider(account: Account, start: int) -> Iterator[tuple[str, str, Value]]:
    def calls(moment: int) -> int:
        return (moment - start) // STEP + 1

    def failures(moment: int) -> int:
        return (moment - start) // (2 * DAY)

    info = f',provider_type="{account.type}"'
    if account.topup_url:
        info += f',topup_url="{account.topup_url}"'
    yield metrics.PROVIDER_INFO.name, info, _always(1)
    yield metrics.UP.name, "", lambda moment: 0 if account.fails(moment) else 1
    yield metrics.ERROR.name, ',reason="timeout"', lambda moment: 1 if account.fails(moment) else None
    yield metrics.FAILURES.name, "", failures
    yield metrics.ERRORS.name, ',reason="timeout"', lambda moment: failures(moment) or None
    yield f"{metrics.FETCH_DURATION.name}_count", "", calls
    yield f"{metrics.FETCH_DURATION.name}_sum", "", lambda moment: 0.3 * calls(moment)
    yield metrics.LAST_SUCCESS.name, "", lambda moment: moment - (HOUR if account.fails(moment) else 1)
    yield metrics.NEXT_FETCH.name, "", lambda moment: moment + 60
    yield metrics.REFRESH_INTERVAL.name, "", _always(60)
    for severity, seconds in (("warning", 7 * DAY), ("critical", DAY)):
        yield metrics.RUNWAY_THRESHOLD.name, f',severity="{severity}"', _always(seconds)
    if account.limit is not None:
        limit = account.limit
        yield metrics.DAILY_LIMIT_REMAINING.name, "", lambda moment: limit * (1 - moment % DAY / DAY * 0.7)
        yield metrics.DAILY_LIMIT_RESET.name, "", lambda moment: (moment // DAY + 1) * DAY
    if account.reported_time is not None:
        yield metrics.UPSTREAM_TTP.name, "", _always(account.reported_time)
    if account.account_frozen is not None:
        yield metrics.ACCOUNT_FROZEN.name, "", _always(int(account.account_frozen))


def _exporter(start: int) -> Iterator[tuple[str, str, Value]]:
    yield "up", "", _always(1)
    yield "scrape_duration_seconds", "", _always(0.05)
    yield "scrape_samples_scraped", "", _always(180)
    yield "process_resident_memory_bytes", "", _always(60e6)
    yield metrics.BUILD_INFO.name, ',version="1.0.0",python_version="3.11.2"', _always(1)
    yield metrics.RELOAD_SUCCESSFUL.name, "", _always(1)
    yield metrics.RELOAD_TIMESTAMP.name, "", _always(start)
    yield metrics.SCRAPES.name, "", lambda moment: (moment - start) / STEP
    yield metrics.SCRAPES_IN_FLIGHT.name, "", _always(1)


def _always(value: float) -> Value:
    return lambda _: value
