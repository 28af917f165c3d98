"""Alertmanager's configuration for ``compose.yaml``: the real routes, with every receiver replaced.

Each receiver posts to the inbox under its own name, so that one sees who would hear what; office hours
are left out, or the stack would look dead at night.
"""

from pathlib import Path
from typing import Any

import yaml

INBOX = "http://inbox:8080"
HEADER = "# Written by `python -m grafana` from alerts/alertmanager.yml; change that one.\n"


def render(alertmanager: Path) -> str:
    """Return the configuration made from the given one."""
    real = yaml.safe_load(alertmanager.read_text(encoding="utf-8"))
    document = {
        "route": _at_any_hour(real["route"]),
        "inhibit_rules": real["inhibit_rules"],
        "receivers": [_to_inbox(receiver["name"]) for receiver in real["receivers"]],
    }
    return HEADER + yaml.safe_dump(document, sort_keys=False, width=110)


def _at_any_hour(route: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in route.items() if not key.endswith("_time_intervals")}
    if "routes" in kept:
        kept["routes"] = [_at_any_hour(child) for child in kept["routes"]]
    return kept


def _to_inbox(name: str) -> dict[str, Any]:
    if name == "nobody":
        return {"name": name}
    webhook = {"url": f"{INBOX}/{name}", "send_resolved": name != "heartbeat"}
    return {"name": name, "webhook_configs": [webhook]}
