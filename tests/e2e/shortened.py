"""The committed alerting files, made to run within a test: shorter durations and other addresses, no more.

A factor of 200 makes three seconds of ten minutes. What is rewritten:

- rules: ``for``, ``keep_firing_for`` and the groups' ``interval``; in expressions and in the queries of
  annotations, ranges (``[30m]``, ``[2d:5m]``) and offsets. Plain numbers stay, also those that stand for
  seconds: the exporter's own clock runs as ever.
- Prometheus: intervals; ``scrape_timeout`` goes, and then is the scrape interval; targets and Alertmanager.
- Alertmanager: waits and repetitions. Office hours go, since tests also run at night. Every receiver gets a
  webhook at ``URL/its-name``; Slack and PagerDuty keep their templates and post to ``URL/its-name/slack`` and
  ``URL/its-name/pagerduty``; e-mail goes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = r"(?:\d+(?:ms|[smhdw]))+"
_PART = re.compile(r"(\d+)(ms|[smhdw])")
_IN_EXPRESSION = re.compile(rf"(?<=\[){_DURATION}(?::{_DURATION})?(?=\])|(?<=offset ){_DURATION}")
_DURATION_KEYS = {
    "for", "keep_firing_for", "interval", "scrape_interval", "evaluation_interval",
    "group_wait", "group_interval", "repeat_interval", "resolve_timeout",
}  # fmt: skip


def duration(text: str, factor: int) -> str:
    """Return a duration, e.g. ``1h30m``, divided by the factor, in milliseconds; only 0 becomes 0."""
    whole = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return f"{max(whole // factor, 1 if whole else 0)}ms"


def expression(text: str, factor: int) -> str:
    """Return PromQL, or a template that holds some, with every range and offset divided by the factor."""
    def divided(found: re.Match[str]) -> str:
        return ":".join(duration(part, factor) for part in found[0].split(":"))

    return _IN_EXPRESSION.sub(divided, text)


def shortened(node: Any, factor: int) -> Any:
    """Return a parsed file with all its durations divided by the factor."""
    if isinstance(node, list):
        return [shortened(value, factor) for value in node]
    if isinstance(node, Mapping):
        return {
            key: duration(value, factor) if key in _DURATION_KEYS else shortened(value, factor)
            for key, value in node.items()
        }
    return expression(node, factor) if isinstance(node, str) else node


def rules(path: Path, factor: int) -> str:
    """Return a rules file, shortened."""
    return yaml.safe_dump(shortened(yaml.safe_load(path.read_text()), factor), sort_keys=False)


def alertmanager_config(path: Path, factor: int, url: str, folder: Path) -> str:
    """Return an Alertmanager configuration, shortened, that tells one URL; its secret goes to the folder."""
    content = shortened(yaml.safe_load(path.read_text()), factor)
    key = folder / "routing-key"
    key.write_text("key of the test\n")
    content["global"] = {}
    content["templates"] = [str(path.parent / pattern) for pattern in content["templates"]]
    del content["time_intervals"]
    _without_intervals(content["route"])
    content["receivers"] = [_receiver(old, f"{url}/{old['name']}", key) for old in content["receivers"]]
    return yaml.safe_dump(content, sort_keys=False)


def _without_intervals(route: dict[str, Any]) -> None:
    route.pop("active_time_intervals", None)
    route.pop("mute_time_intervals", None)
    for child in route.get("routes", ()):
        _without_intervals(child)


def _receiver(receiver: dict[str, Any], url: str, key: Path) -> dict[str, Any]:
    new: dict[str, Any] = {"name": receiver["name"], "webhook_configs": [{"url": url}]}
    if "slack_configs" in receiver:
        new["slack_configs"] = [{**sent, "api_url": f"{url}/slack"} for sent in receiver["slack_configs"]]
    if "pagerduty_configs" in receiver:
        new["pagerduty_configs"] = [
            {**sent, "url": f"{url}/pagerduty", "routing_key_file": str(key)}
            for sent in receiver["pagerduty_configs"]
        ]
    return new


def prometheus_config(path: Path, factor: int, rules_file: Path, exporter: str, alertmanager: str) -> str:
    """Return a Prometheus configuration, shortened, with one target and one Alertmanager (each host:port)."""
    content = shortened(yaml.safe_load(path.read_text()), factor)
    content["rule_files"] = [str(rules_file)]
    content["global"].pop("scrape_timeout", None)
    content["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    (job,) = [job for job in content["scrape_configs"] if job["job_name"] == "credits-exporter"]
    job.pop("scrape_timeout", None)
    job["static_configs"] = [{"targets": [exporter]}]
    content["scrape_configs"] = [job]
    return yaml.safe_dump(content, sort_keys=False)
