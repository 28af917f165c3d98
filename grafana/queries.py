"""Every expression that more than one panel needs, and the selectors that all of them are made of.

Metrics are named by the exporter's catalogue, recorded series by the rules in ``alerts/credits.rules.yml``.
Two replicas of the exporter see the same account, so raw series are always aggregated over instances:
``min`` for what is left, ``max`` for what was configured or counted.
"""

from exporter import metrics
from exporter.metrics import Metric

RUNBOOKS = "https://runbooks.example.com/"
"""The same placeholder as in the alert rules, so that one ``sed`` replaces both."""

_TARGET = 'job=~"$job", instance=~"$instance"'
_RECORDED = 'job=~"$job", provider=~"$provider", pool=~"$pool"'
POOL = "job, provider, pool"
PROVIDER = "job, provider"


def of_pool(metric: Metric) -> str:
    """Select a metric that has a provider and a pool."""
    return f'{metric.name}{{{_TARGET}, provider=~"$provider", pool=~"$pool"}}'


def of_provider(metric: Metric, suffix: str = "") -> str:
    """Select a metric that has a provider; ``suffix`` is ``_sum`` or ``_count`` of a summary."""
    return f'{metric.name}{suffix}{{{_TARGET}, provider=~"$provider"}}'


def of_exporter(name: str) -> str:
    """Select a series of the exporter's own process or of its scrape."""
    return f"{name}{{{_TARGET}}}"


def of_own_target(name: str) -> str:
    """Select what every job has (``up``, ``process_…``), but only of jobs that are exporters."""
    own = of_exporter(metrics.BUILD_INFO.name)
    return f"{of_exporter(name)} and on (job) last_over_time({own}[1d])"


def recorded(name: str) -> str:
    """Select a recorded series; the rules have aggregated instances away."""
    return f"provider_pool:{name}{{{_RECORDED}}}"


def lowest(metric: Metric) -> str:
    """Return what is left of each pool as the replica sees it that sees less."""
    return f"min by ({POOL}) ({of_pool(metric)})"


def per_provider(metric: Metric, aggregation: str = "max") -> str:
    """Return one series per provider, whatever the number of replicas."""
    return f"{aggregation} by ({PROVIDER}) ({of_provider(metric)})"


def of_severity(severity: str) -> str:
    """Select the thresholds of one severity."""
    return of_pool(metrics.THRESHOLD).replace("}", f', severity="{severity}"}}')


def threshold(severity: str) -> str:
    """Return each pool's configured threshold of one severity."""
    return f"max by ({POOL}) ({of_severity(severity)})"


RECENT_POOLS = f"last_over_time({of_pool(metrics.POOL_INFO)}[2d])"
"""The pools seen within two days, so that a pool whose balance is unknown stays in sight."""


BALANCE = lowest(metrics.BALANCE)

FIRST_THRESHOLD = f"max by ({POOL}) ({of_pool(metrics.THRESHOLD)})"
"""The highest of a pool's thresholds, which is the one crossed first."""

BURN_PER_DAY = f"{recorded('credits_consumed:avg1d_rate30m')} * 86400"

RUNWAYS = f'{{__name__=~"provider_pool:credits_runway_seconds:(avg1d|avg1w)", {_RECORDED}}}'
"""The runways at the pace of the last day and of the last week."""

RUNWAY = f"min by ({POOL}) ({RUNWAYS})"
"""The shorter of the two: a quiet Sunday hides nothing."""

NEED_NEXT_3_DAYS = (
    f"{recorded('credits_consumed:seasonal_next3d')} or {recorded('credits_consumed:avg1d_rate30m')} * 259200"
)
"""What last week's same days used; for a pool younger than that, three days at the pace of the last."""

DATA_AGE = f"time() - {per_provider(metrics.LAST_SUCCESS)}"

FIRING = (
    'ALERTS{{alertstate="firing", alertname=~"Credits.+", severity="{severity}", '
    'job=~"$job", provider=~"$provider|", pool=~"$pool|"}}'
)
"""Alerts about the exporter or a whole provider have no pool: an empty label matches as well."""


def count(expression: str) -> str:
    """Count series, where none is the good case and must read 0."""
    return f"count({expression}) or vector(0)"


def in_range(metric: Metric) -> str:
    """Return a pool counter's growth within the dashboard's time range."""
    return f"max by ({POOL}) (increase({of_pool(metric)}[$__range]))"
