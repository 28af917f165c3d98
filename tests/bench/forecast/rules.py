"""The rules under test: the alerts by name and severity, and the recording rules that they stand on."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[3] / "alerts" / "credits.rules.yml"
_RECORDED = re.compile(r"provider_pool:[a-z0-9_]+:[a-z0-9_]+")
_DURATION = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Alert:
    """An alerting rule; times in seconds."""

    name: str
    severity: str
    expr: str
    hold: int
    keep_firing: int = 0


@dataclass(frozen=True)
class Recording:
    """A recording rule."""

    name: str
    expr: str


def seconds(duration: str | int) -> int:
    """Return the seconds of a Prometheus duration such as 1h30m; 0 is 0."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(str(duration)))


def load(path: Path = RULES) -> tuple[list[Alert], list[Recording]]:
    """Return every alerting and every recording rule of the file, in its order."""
    alerts: list[Alert] = []
    recordings: list[Recording] = []
    rules: list[dict[str, Any]] = [
        rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
    ]
    for rule in rules:
        if "record" in rule:
            recordings.append(Recording(rule["record"], rule["expr"]))
        else:
            alerts.append(Alert(
                rule["alert"], rule["labels"]["severity"], rule["expr"],
                seconds(rule.get("for", 0)), seconds(rule.get("keep_firing_for", 0)),
            ))
    return alerts, recordings


def layers(recordings: list[Recording], exprs: list[str]) -> list[list[Recording]]:
    """Return the recordings that `exprs` need, each layer needing only the ones before it."""
    by_name = {rule.name: rule for rule in recordings}
    depth: dict[str, int] = {}

    def visit(expr: str) -> int:
        deepest = 0
        for name in _RECORDED.findall(expr):
            if name not in depth:
                depth[name] = visit(by_name[name].expr)
            deepest = max(deepest, depth[name] + 1)
        return deepest

    for expr in exprs:
        visit(expr)
    count = max(depth.values(), default=-1) + 1
    return [[by_name[name] for name in depth if depth[name] == layer] for layer in range(count)]
