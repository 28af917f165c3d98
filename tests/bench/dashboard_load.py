"""How long each panel of the dashboard takes: 100 providers of 3 pools each, 7 days, a real Prometheus.

``python -m tests.bench.dashboard_load`` back-fills the history (some minutes, 2 GB for a moment) and asks
every panel what Grafana would ask for the week that the dashboard opens with. The exit status is 1 if the
slowest panel takes longer than 1 second. Beside the time that passed stands the processor time that
Prometheus spent: on a busy machine the first says little.

Whatever is read sample by sample is there once a minute: balances, counters, recorded series (with two weeks
of those that are compared with last week). What never changes is there every four minutes.
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from exporter import metrics
from tests.grafana import board, server
from tests.grafana.history import DAY, HOUR, STEP, Account, History, Pool
from tests.tools import generations

MINUTE = 60
LIMIT = 1.0
MOVING = (
    metrics.BALANCE.name,
    metrics.CONSUMED.name,
    metrics.ADDED.name,
    metrics.TOPUPS.name,
    metrics.UP.name,
    metrics.FAILURES.name,
    f"{metrics.FETCH_DURATION.name}_count",
    f"{metrics.FETCH_DURATION.name}_sum",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "process_resident_memory_bytes",
)
# Recorded series with the days of which a panel reads every sample; of the others it reads the last one.
RECORDED = {
    "credits_consumed:avg1h_rate30m": 14.0,
    "credits_runway_seconds:avg1d": 7.0,
    "credits_runway_seconds:avg1w": 7.0,
    "credits_consumed:avg1d_rate30m": 0.1,
    "credits_consumed:seasonal_next3d": 0.1,
}


def accounts(providers: int, pools: int) -> tuple[Account, ...]:
    """Return accounts that differ in pace; every fifth has sources and a daily limit."""
    units = ("credits", "EUR", "USD")
    return tuple(
        Account(
            f"vendor-{number:03}",
            "http",
            tuple(
                Pool(f"pool-{pool}", units[pool % 3], per_hour=10.0 + number, start=1e6,
                     sources=("granted", "bought") if number % 5 == 0 else ())
                for pool in range(pools)
            ),
            topup_url=f"https://vendor-{number}.example/buy",
            limit=1000.0 if number % 5 == 0 else None,
            reported_time=0.2,
        )
        for number in range(providers)
    )  # fmt: skip


def write_recorded(path: Path, who: tuple[Account, ...], now: int) -> None:
    """Write what the rules would have recorded every minute; only its size matters here."""
    with path.open("w", encoding="ascii") as file:
        for account in who:
            for pool in account.pools:
                labels = f'job="credits-exporter",provider="{account.provider}",pool="{pool.name}"'
                for name, days in RECORDED.items():
                    prefix = f"provider_pool:{name}{{{labels}}} "
                    start = now - int(days * DAY) // MINUTE * MINUTE
                    file.writelines(
                        f"{prefix}{pool.per_hour / HOUR + moment % 977 / 1e6!r} {moment}\n"
                        for moment in range(start, now + 1, MINUTE)
                    )
        file.write("# EOF\n")


def measured(ask: Callable[[], object], clock: Callable[[], float], times: int) -> float:
    """Return the median of the seconds by a clock that an answer takes, after one that warms up."""
    ask()
    taken = []
    for _ in range(times):
        begun = clock()
        ask()
        taken.append(clock() - begun)
    return sorted(taken)[times // 2]


def processor_seconds(prometheus: server.Prometheus) -> float:
    """Return the processor time that Prometheus has spent so far."""
    with urllib.request.urlopen(f"{prometheus.url}/metrics", timeout=30) as page:
        (seconds,) = re.findall(rb"(?m)^process_cpu_seconds_total (\S+)$", page.read())
    return float(seconds)


def main() -> int:
    """Measure and print a table, the slowest panel last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--providers", type=int, default=100)
    parser.add_argument("--pools", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    promtool, prometheus = (generations(name)[0].require() for name in ("promtool", "prometheus"))
    now = int(time.time()) // STEP * STEP
    who = accounts(options.providers, options.pools)
    folder = Path(tempfile.mkdtemp(prefix="dashboard-load-"))
    try:
        raw = History(now - 7 * DAY, now, who, steps=dict.fromkeys(MOVING, MINUTE))
        raw.write(folder / "history.om")
        server.backfill(promtool, folder / "history.om", folder / "data")
        write_recorded(folder / "history.om", who, now)
        server.backfill(promtool, folder / "history.om", folder / "data")
        (folder / "history.om").unlink()
        with server.running(prometheus, folder) as running:
            return report(running, board.View(end=now), options.repeat)
    finally:
        shutil.rmtree(folder)


def report(prometheus: server.Prometheus, view: board.View, times: int) -> int:
    """Ask every panel; a panel takes as long as its queries one after the other."""
    rows = []
    for panel in board.panels(board.load()):
        requests = [view.request(panel, target) for target in panel["targets"]]
        series = sum(len(prometheus.series(*request)) for request in requests)
        ask = partial(_ask_all, prometheus, requests)
        passed = measured(ask, time.perf_counter, times)
        spent = measured(ask, partial(processor_seconds, prometheus), times)
        rows.append((passed, spent, panel["title"], len(requests), series))
    print(f"{'panel':42}{'queries':>9}{'series':>9}{'ms':>9}{'CPU ms':>9}")
    for passed, spent, title, queries, series in sorted(rows):
        print(f"{title:42}{queries:9}{series:9}{passed * 1000:9.0f}{spent * 1000:9.0f}")
    slowest = max(rows)
    print(f"slowest panel: {slowest[2]}, {slowest[0]:.2f} s of at most {LIMIT:.0f} s")
    return int(slowest[0] > LIMIT)


def _ask_all(prometheus: server.Prometheus, requests: list[tuple[str, dict[str, str]]]) -> None:
    for request in requests:
        prometheus.get(*request)


if __name__ == "__main__":
    sys.exit(main())
