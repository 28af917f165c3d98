"""The committed dashboard as tests read it: panels, targets, and expressions expanded as Grafana would."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATH = Path("grafana/dashboards/credits.json")
SCRAPE_INTERVAL = 15.0
ALL = ".+"

# Grafana rounds the interval between two points to one of these (seconds): it takes the first whose bound,
# half-way to the next, is not reached.
_ROUND = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

Json = dict[str, Any]


def load() -> Json:
    """Return the committed dashboard."""
    document: Json = json.loads(PATH.read_text(encoding="utf-8"))
    return document


def panels(board: Json) -> list[Json]:
    """Return every panel that is not a row, those within collapsed rows included."""
    found = []
    for panel in board["panels"]:
        found += panel.get("panels", []) if panel["type"] == "row" else [panel]
    return found


def targets(board: Json) -> Iterator[tuple[Json, Json]]:
    """Yield every panel with each of its targets."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel, target


def overrides(panel: Json) -> list[tuple[Json, dict[str, Any]]]:
    """Return a panel's overrides as (matcher, {property: value})."""
    return [
        (override["matcher"], {p["id"]: p["value"] for p in override["properties"]})
        for override in panel["fieldConfig"]["overrides"]
    ]


def seconds(duration: str) -> float:
    """Return a Grafana duration such as ``7d`` in seconds."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


@dataclass(frozen=True)
class View:
    """What a person looks at: a time range ending at ``end``, and a choice of each variable."""

    end: float
    range: float = 7 * 86400.0
    scrape_interval: float = SCRAPE_INTERVAL
    choice: dict[str, str] = field(default_factory=dict)

    def span(self, panel: Json) -> float:
        """Return the length of the panel's time range."""
        return seconds(panel["timeFrom"]) if "timeFrom" in panel else self.range

    def interval(self, panel: Json) -> float:
        """Return the seconds between two points."""
        wanted = self.span(panel) / panel.get("maxDataPoints", 1000)
        pairs = itertools.pairwise(_ROUND)
        rounded = next((low for low, high in pairs if wanted < (low + high) / 2), _ROUND[-1])
        least = seconds(panel["interval"]) if "interval" in panel else self.scrape_interval
        return max(rounded, least)

    def expand(self, expression: str, panel: Json) -> str:
        """Put the variables in, Grafana's own and the dashboard's."""
        interval = self.interval(panel)
        values = {
            "__rate_interval": f"{max(interval + self.scrape_interval, 4 * self.scrape_interval):.0f}s",
            "__interval": f"{interval:.0f}s",
            "__range": f"{self.span(panel):.0f}s",
        }
        for name in ("job", "instance", "provider", "pool"):
            values[name] = self.choice.get(name, ALL)
        expanded = re.sub(r"\$(\w+)", lambda match: values[match[1]], expression)
        assert "$" not in expanded, expanded
        return expanded

    def request(self, panel: Json, target: Json) -> tuple[str, dict[str, str]]:
        """Return the API's path and parameters for a target; ranges are aligned as Grafana aligns them."""
        query = self.expand(target["expr"], panel)
        if target.get("instant"):
            return "/api/v1/query", {"query": query, "time": str(self.end)}
        step = self.interval(panel)
        start, end = ((moment // step) * step for moment in (self.end - self.span(panel), self.end))
        window = {"start": str(start), "end": str(end), "step": str(step)}
        return "/api/v1/query_range", {"query": query, **window}


def legend(target: Json, labels: dict[str, str]) -> str:
    """Render a target's legend for one series."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), target["legendFormat"]).strip()
