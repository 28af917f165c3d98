"""The dashboard over a real Prometheus that scrapes the demo, as after the first minute of the stack."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.grafana import board, server
from tests.tools import generations

BOARD = board.load()
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: credits-exporter
    static_configs: [{{targets: ["{target}"]}}]
"""
MINUTES = 15
SETTLED = 6.0  # more than the 5 s between two points of the view, whose end is rounded down to one
"""Seconds that the last point of a chart may lie in the past."""

SELECTED = "leadmagic"
HAS_NOT = {
    ("Balance by source", "A"): "sources",
    ("Balance by source", "B"): "reserved credits",
    ("Time per vendor call", "B"): "a reported time",
    ("Until the reset", "D"): "a time of the reset",
    ("Until the reset", "E"): "a time of the reset",
}
"""What the vendor of the selected provider does not report."""

# What a system that has just started cannot know yet, and why that leaves no panel empty.
TOO_EARLY = {
    ("Consumption per hour, against last week", "B"): "there is no last week; this week's line is there",
    ("Pools", "I"): "no top-up was seen; the cell says so",
}

ALL_TARGETS = [pytest.param(p, t, id=f"{p['title']}-{t['refId']}") for p, t in board.targets(BOARD)]


@dataclass(frozen=True)
class Live:
    """A Prometheus that has scraped the demo long enough for every rule to have a result."""

    prometheus: server.Prometheus
    end: float

    def view(self, seconds: float, **choice: str) -> board.View:
        """Return what a person sees of the last seconds."""
        return board.View(end=self.end, range=seconds, scrape_interval=1.0, choice=choice)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run the demo and a Prometheus over it, rules evaluated every second."""
    folder = tmp_path_factory.mktemp("live")
    executable = generations("prometheus")[0].require()
    rules = Path("alerts/credits.rules.yml").read_text(encoding="utf-8")
    (folder / "rules.yml").write_text(re.sub(r"(?m)^    interval: .*$", "", rules), encoding="utf-8")
    target = f"127.0.0.1:{server.free_port()}"
    command = [sys.executable, "-m", "exporter", "demo", f"--web.listen-address={target}"]
    with (folder / "demo.log").open("wb") as log:
        demo = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        config = CONFIG.format(rules=folder / "rules.yml", target=target)
        with server.running(executable, folder, config) as prometheus:
            server.wait_until(lambda: _recorded(prometheus), f"a runway and two calls of {SELECTED}")
            yield Live(prometheus, time.time())
    finally:
        demo.terminate()
        demo.wait(timeout=30)


def _recorded(prometheus: server.Prometheus) -> bool:
    """The provider that is selected below was called twice, and the rules had seen it some seconds ago."""
    before = str(time.time() - SETTLED)
    expressions = (
        f'provider_pool:credits_runway_seconds:avg1d{{provider="{SELECTED}"}}',
        f'provider_pool:credits_runway_seconds:avg1w{{provider="{SELECTED}"}}',
        f'increase(credits_provider_fetch_duration_seconds_count{{provider="{SELECTED}"}}[1m]) > 0',
    )
    return all(
        prometheus.series("/api/v1/query", {"query": expression, "time": before})
        for expression in expressions
    )


@pytest.mark.parametrize(("panel", "target"), ALL_TARGETS)
def test_every_query_returns_data_within_the_first_minute(
    live: Live, panel: board.Json, target: board.Json
) -> None:
    """Over the last minutes, every query has an answer, but for what only time can bring."""
    series = live.prometheus.series(*live.view(60.0 * MINUTES).request(panel, target))
    if (panel["title"], target["refId"]) in TOO_EARLY:
        assert not series
    else:
        assert series


@pytest.mark.parametrize(("panel", "target"), ALL_TARGETS)
def test_one_selected_provider_has_the_panel_to_itself(
    live: Live, panel: board.Json, target: board.Json
) -> None:
    """With one provider selected, nothing else is shown; only a chart of something it has not is empty."""
    view = live.view(60.0 * MINUTES, provider=SELECTED)
    series = live.prometheus.series(*view.request(panel, target))
    assert {one["metric"].get("provider", SELECTED) for one in series} <= {SELECTED}
    if (panel["title"], target["refId"]) in TOO_EARLY | HAS_NOT:
        assert not series
    else:
        assert series


@pytest.mark.parametrize(
    ("panel", "target"), [p for p in ALL_TARGETS if p.values[1].get("instant") or "timeFrom" in p.values[0]]
)
def test_numbers_tables_and_daily_bars_are_there_at_once(
    live: Live, panel: board.Json, target: board.Json
) -> None:
    """In the week that the dashboard opens with, whatever is no line has an answer after a minute."""
    if (panel["title"], target["refId"]) not in TOO_EARLY:
        assert live.prometheus.series(*live.view(7 * 86400.0).request(panel, target))
