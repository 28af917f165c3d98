"""Simulated accounts as OpenMetrics text, the form that promtool turns into blocks."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench.forecast.account import Account, timestamp

JOB = "credits-exporter"
RUNWAY_THRESHOLDS = {"warning": 7 * 86400, "critical": 86400}  # the exporter's defaults
_SPARSE = 2  # thresholds never change and are read over 15 minutes: every second sample is enough

_HEADERS = {
    "credits_balance": "gauge",
    "credits_consumed": "counter",
    "credits_provider_up": "gauge",
    "credits_runway_threshold_seconds": "gauge",
}


def _labels(account: Account, *extra: tuple[str, str]) -> str:
    pairs = [("job", JOB), ("instance", "exporter:10440"), ("provider", account.name), *extra]
    return "{" + ",".join(f'{name}="{value}"' for name, value in pairs) + "}"


def _series(name: str, labels: str, values: Iterable[float | None], start: int) -> Iterator[str]:
    for step, value in enumerate(values):
        if value is not None:
            yield f"{name}{labels} {value:.10g} {timestamp(start, step)}\n"


def _family(name: str, account: Account, start: int) -> Iterator[str]:
    pool = _labels(account, ("pool", "default"))
    match name:
        case "credits_balance":
            yield from _series(name, pool, account.seen.balance, start)
        case "credits_consumed":
            yield from _series(f"{name}_total", pool, account.seen.consumed, start)
        case "credits_provider_up":
            yield from _series(name, _labels(account), account.seen.up, start)
        case "credits_runway_threshold_seconds":
            for severity, seconds in RUNWAY_THRESHOLDS.items():
                labels = _labels(account, ("severity", severity))
                sampled = (None if step % _SPARSE else seconds for step in range(len(account.seen.up)))
                yield from _series(name, labels, sampled, start)


def write(accounts: list[Account], start: int, path: Path) -> None:
    """Write every sample of every account to `path`; the first one is at the Unix time `start`."""
    with path.open("w", encoding="utf-8") as file:
        for name, kind in _HEADERS.items():
            file.write(f"# TYPE {name} {kind}\n")
            for account in accounts:
                file.writelines(_family(name, account, start))
        file.write("# EOF\n")
