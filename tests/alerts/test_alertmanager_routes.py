"""``alerts/alertmanager.yml`` loads on both generations and tells the right people."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.alerts.alertmanager_file import CONFIG, config, matches, routes, rule_alerts
from tests.tools import Tool, generations

AMTOOLS = pytest.mark.parametrize("amtool", generations("amtool"), ids=lambda tool: tool.generation)

PAGER, BUYERS, CHAT, NOBODY, HEARTBEAT = "pager", "buyers", "ops-chat", "nobody", "heartbeat"

RECEIVERS = {
    ("CreditsExhausted", "critical"): [PAGER, BUYERS],
    ("CreditsBalanceLow", "critical"): [PAGER, BUYERS],
    ("CreditsBalanceLow", "warning"): [BUYERS],
    ("CreditsRunwayShort", "critical"): [PAGER, BUYERS],
    ("CreditsRunwayShort", "warning"): [BUYERS],
    ("CreditsForecastShortfall", "warning"): [BUYERS],
    ("CreditsFastBurn", "critical"): [PAGER],
    ("CreditsBurnRateAnomalous", "warning"): [CHAT],
    ("CreditsConsumptionStalled", "info"): [NOBODY],
    ("CreditsAccountFrozen", "critical"): [PAGER],
    ("CreditsBalanceUnknown", "critical"): [PAGER],
    ("CreditsDataStale", "warning"): [CHAT],
    ("CreditsDailyLimitLow", "warning"): [CHAT],
    ("CreditsProviderDown", "warning"): [CHAT],
    ("CreditsProviderUnauthorized", "critical"): [PAGER],
    ("CreditsProviderRateLimited", "warning"): [CHAT],
    ("CreditsProviderSlow", "warning"): [CHAT],
    ("CreditsProviderMissing", "warning"): [CHAT],
    ("CreditsThresholdMissing", "info"): [NOBODY],
    ("CreditsExporterDown", "critical"): [PAGER],
    ("CreditsExporterAbsent", "critical"): [PAGER],
    ("CreditsConfigReloadFailed", "warning"): [CHAT],
    ("Watchdog", "info"): [HEARTBEAT],
    ("SomebodyElsesAlert", "critical"): [PAGER],
    ("SomebodyElsesAlert", "warning"): [CHAT],
    ("AlertWithoutSeverity", ""): [CHAT],
}


@AMTOOLS
def test_loads_without_complaint(amtool: Tool) -> None:
    """Amtool accepts the file and warns of nothing."""
    done = subprocess.run(
        [amtool.require(), "check-config", CONFIG], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert not re.search("warn|deprecat|fail", done.stdout + done.stderr, re.IGNORECASE)


def test_loads_in_utf8_strict_mode() -> None:
    """The matchers mean the same to the parser that will one day be the only one."""
    newer = generations("amtool")[1].require()
    command = [newer, "--enable-feature=utf8-strict-mode", "check-config", CONFIG]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


@AMTOOLS
@pytest.mark.parametrize(("alert", "receivers"), RECEIVERS.items(), ids=" ".join)
def test_reaches(amtool: Tool, alert: tuple[str, str], receivers: list[str]) -> None:
    """Each alert reaches exactly those who can act on it."""
    name, severity = alert
    labels = [f"alertname={name}", "job=credits-exporter", "provider=sms", "pool=default"]
    labels += [f"severity={severity}"] if severity else []
    flags = [f"--config.file={CONFIG}", f"--verify.receivers={','.join(receivers)}"]
    command = [amtool.require(), "config", "routes", "test", *flags, *labels]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, f"goes to {done.stdout.strip()}, not to {','.join(receivers)}"


def test_table_names_every_alert() -> None:
    """The table above has a line for every alert of the rules, and none for an alert that is gone."""
    foreign = {"SomebodyElsesAlert", "AlertWithoutSeverity"}
    assert {alert for alert in RECEIVERS if alert[0] not in foreign} == set(rule_alerts())


@pytest.mark.parametrize(("name", "severity"), [alert for alert in RECEIVERS if alert[1] == "critical"])
def test_critical_alerts_know_no_office_hours(name: str, severity: str) -> None:
    """No route that takes a critical alert has a time interval, nor has any route above it."""
    labels = {"alertname": name, "severity": severity}
    taking = [route for route in routes() if matches(route.get("matchers", []), labels)]
    assert [r for r in taking if r.keys() & {"active_time_intervals", "mute_time_intervals"}] == []


@pytest.mark.parametrize(("name", "severity"), [alert for alert in RECEIVERS if alert[1] == "warning"])
def test_warnings_keep_office_hours(name: str, severity: str) -> None:
    """A warning waits for the morning: the route that takes it is active in office hours only."""
    labels = {"alertname": name, "severity": severity}
    *_, last = [route for route in routes() if matches(route.get("matchers", []), labels)]
    assert last["active_time_intervals"] == ["office-hours"]


def test_heartbeat_repeats_within_minutes() -> None:
    """The heartbeat is sent at least every five minutes, whatever the other routes' repetition."""
    heartbeat = next(route for route in routes() if route["receiver"] == HEARTBEAT)
    assert (heartbeat["group_wait"], heartbeat["group_interval"]) == ("0s", "1m")
    assert heartbeat["repeat_interval"] == "5m"


def test_nobody_is_told_nothing() -> None:
    """The receiver of info alerts has no way to reach anybody."""
    assert {"name": NOBODY} in config()["receivers"]


def test_secrets_stand_in_files() -> None:
    """Every key that holds a secret is the ``_file`` form of it."""
    secret = re.compile(r"(password|secret|token|api_url|(routing|service|api)_key|credentials)(_file)?$")
    keys = {key for key in _keys(config()) if secret.search(key)}
    assert keys
    assert {key for key in keys if not key.endswith("_file")} == set()


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from _keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from _keys(value)
