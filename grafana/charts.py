"""Expressions of the charts of pools: only the most urgent pools, each with its unit.

Hundreds of lines in one chart help nobody and take seconds to compute. Which pools are shown is decided
once, for the end of the time range (``@ end()``), so that a line does not come and go. A chart of whole days
ends at midnight, before anything that happened today: its ``daily`` expressions look a day ahead of that.
"""

from exporter import metrics
from exporter.metrics import Metric
from grafana.queries import POOL, PROVIDER, RUNWAYS, of_pool

SHOWN = 25


def shown(series: str, *, daily: bool = False) -> str:
    """Keep the series of the pools with the shortest runways; pools that are not used come last."""
    return f"{series} and on ({POOL}) {_most_urgent(daily=daily)}"


def shown_providers(series: str) -> str:
    """Keep the series of the providers of these pools."""
    return f"{series} and on ({PROVIDER}) {_most_urgent(daily=False)}"


def with_unit(series: str, *, daily: bool = False) -> str:
    """Add the label ``unit`` to a series per pool; one unit wins while two replicas disagree."""
    units = f"topk by ({POOL}) (1, {_at_end(of_pool(metrics.POOL_INFO), daily=daily)})"
    return f"{series} * on ({POOL}) group_left (unit) {units}"


def per_day(counter: Metric) -> str:
    """Return a counter's growth within the day that starts at each point, today's so far included.

    The panel's interval must be a day, which makes ``$__rate_interval`` a day too.
    """
    growth = shown(f"increase({of_pool(counter)}[$__rate_interval] offset -1d)", daily=True)
    return with_unit(f"max by ({POOL}) ({growth})", daily=True)


def _most_urgent(*, daily: bool) -> str:
    runways = f"min by ({POOL}) ({_at_end(RUNWAYS, daily=daily)})"
    pools = f"min by ({POOL}) ({_at_end(of_pool(metrics.BALANCE), daily=daily)})"
    return f"bottomk({SHOWN}, {runways} or {pools} * 0 + Inf)"


def _at_end(selector: str, *, daily: bool) -> str:
    return f"last_over_time({selector}[1d] @ end() offset -1d)" if daily else f"{selector} @ end()"
