"""Readings → metric families. What is not known has no series; nothing is ever made up."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.core import Metric as Family

from exporter import metrics
from exporter.metrics import Group, Kind, Metric
from exporter.model import Pool, Reason
from exporter.refresh import AccountView, Snapshot

_FAMILIES = {
    Kind.GAUGE: GaugeMetricFamily,
    Kind.COUNTER: CounterMetricFamily,
    Kind.SUMMARY: SummaryMetricFamily,
}


class CreditsCollector:
    """Collects one snapshot: made anew for each scrape, since ``collect()`` takes no arguments."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Family]:
        """Return the empty families, so that registering this collector asks no vendor."""
        return _empty_families().values()

    def collect(self) -> Iterator[Family]:
        """Yield every family that has samples, in the order of the catalogue."""
        families = _empty_families()
        for view in self._snapshot.views:
            _add_account(families, view, pending=view.account.name in self._snapshot.pending)
        return (family for family in families.values() if family.samples)


def empty_family(metric: Metric) -> Family:
    """Return the library's family for a metric of the catalogue, without samples."""
    family: Family = _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)
    return family


def _empty_families() -> dict[Metric, Family]:
    catalogue = metrics.catalogue()
    return {metric: empty_family(metric) for metric in catalogue if metric.group is not Group.EXPORTER}


Families = dict[Metric, Family]


def _add(families: Families, metric: Metric, labels: tuple[str, ...], value: float | None) -> None:
    """Add a sample; None is no sample."""
    if value is not None:
        families[metric].add_metric(labels, value)  # type: ignore[attr-defined]


def _add_account(families: Families, view: AccountView, *, pending: bool) -> None:
    name = view.account.name
    _add_configuration(families, view)
    _add_health(families, view, pending=pending)
    if view.reading is not None:
        for pool_name, pool in view.reading.pools.items():
            _add_pool(families, (name, pool_name), pool)
        frozen = view.reading.account_frozen
        _add(families, metrics.ACCOUNT_FROZEN, (name,), None if frozen is None else float(frozen))
        _add(families, metrics.DAILY_LIMIT_REMAINING, (name,), view.reading.daily_limit.remaining)
        _add(families, metrics.DAILY_LIMIT_RESET, (name,), view.reading.daily_limit.reset_timestamp)
        _add(families, metrics.UPSTREAM_TTP, (name,), view.reading.upstream_seconds)
    for pool_name, seen in view.consumption.items():
        labels = (name, pool_name)
        _add(families, metrics.CONSUMED, labels, seen.consumed)
        _add(families, metrics.ADDED, labels, seen.added)
        _add(families, metrics.TOPUPS, labels, seen.topups)
        _add(families, metrics.LAST_TOPUP, labels, seen.last_topup)
        thresholds = view.account.thresholds_of(pool_name)
        _add(families, metrics.THRESHOLD, (*labels, "warning"), thresholds.warning)
        _add(families, metrics.THRESHOLD, (*labels, "critical"), thresholds.critical)


def _add_pool(families: Families, labels: tuple[str, str], pool: Pool) -> None:
    _add(families, metrics.BALANCE, labels, pool.balance)
    _add(families, metrics.RESERVED, labels, pool.reserved)
    _add(families, metrics.FROZEN, labels, pool.frozen)
    _add(families, metrics.USED, labels, pool.used)
    _add(families, metrics.POOL_INFO, (*labels, pool.unit), 1)
    for source, amount in pool.sources.items():
        _add(families, metrics.BALANCE_BY_SOURCE, (*labels, source), amount)


def _add_configuration(families: Families, view: AccountView) -> None:
    account = view.account
    info = (account.name, account.settings.type, account.settings.topup_url or "")
    _add(families, metrics.PROVIDER_INFO, info, 1)
    _add(families, metrics.REFRESH_INTERVAL, (account.name,), account.refresh_interval)
    runway = account.runway_thresholds
    _add(families, metrics.RUNWAY_THRESHOLD, (account.name, "warning"), runway.warning)
    _add(families, metrics.RUNWAY_THRESHOLD, (account.name, "critical"), runway.critical)


def _add_health(families: Families, view: AccountView, *, pending: bool) -> None:
    name = (view.account.name,)
    # Who has not answered by the scrape's deadline is down for this scrape, whatever was before.
    up = False if pending else view.up
    reason = Reason.TIMEOUT if pending else view.failure.reason if view.failure else None
    _add(families, metrics.UP, name, None if up is None else float(up))
    if reason is not None:
        _add(families, metrics.ERROR, (*name, reason), 1)
    _add(families, metrics.FAILURES, name, sum(view.failures.values()))
    for failure, count in view.failures.items():
        _add(families, metrics.ERRORS, (*name, failure), count)
    duration = families[metrics.FETCH_DURATION]
    duration.add_metric(name, count_value=view.calls, sum_value=view.call_seconds)  # type: ignore[attr-defined]
    _add(families, metrics.LAST_SUCCESS, name, view.last_success)
    _add(families, metrics.NEXT_FETCH, name, view.next_fetch)
