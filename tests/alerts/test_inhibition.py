"""Which alert mutes which: the matrix by an evaluator of our own, cases also by a real Alertmanager."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.alerts.alertmanager_file import Labels, config, muted, rule_alerts
from tests.e2e.processes import alertmanager, eventually, get_json, post_json
from tests.tools import Tool, generations

Name = tuple[str, str]

WARNINGS = {alert for alert in rule_alerts() if alert[1] == "warning"}
INFOS = {("CreditsConsumptionStalled", "info"), ("CreditsThresholdMissing", "info")}
FORECASTS = {
    ("CreditsRunwayShort", "critical"),
    ("CreditsRunwayShort", "warning"),
    ("CreditsForecastShortfall", "warning"),
    ("CreditsFastBurn", "critical"),
    ("CreditsBurnRateAnomalous", "warning"),
    ("CreditsConsumptionStalled", "info"),
}
REFUSALS = {
    ("CreditsProviderDown", "warning"),
    ("CreditsProviderUnauthorized", "critical"),
    ("CreditsProviderRateLimited", "warning"),
    ("CreditsProviderSlow", "warning"),
}
EXPORTER_DEPENDANTS = WARNINGS | INFOS | {("CreditsBalanceUnknown", "critical")}

# Every alert that mutes, and all that it mutes when job, provider and pool are the same.
MATRIX: dict[Name, set[Name]] = {
    ("CreditsExhausted", "critical"): FORECASTS | REFUSALS,
    ("CreditsBalanceLow", "critical"): {("CreditsBalanceLow", "warning")},
    ("CreditsRunwayShort", "critical"): {("CreditsRunwayShort", "warning")},
    ("CreditsProviderDown", "warning"): {
        ("CreditsDataStale", "warning"),
        ("CreditsBalanceLow", "warning"),
        *(forecast for forecast in FORECASTS if forecast[1] != "critical"),
    },
    ("CreditsProviderUnauthorized", "critical"): {("CreditsProviderDown", "warning")},
    ("CreditsExporterDown", "critical"): EXPORTER_DEPENDANTS,
    ("CreditsExporterAbsent", "critical"): EXPORTER_DEPENDANTS,
}


def _alert(name: str, severity: str, provider: str = "sms", pool: str = "default", job: str = "a") -> Labels:
    labels = {"alertname": name, "severity": severity, "provider": provider, "pool": pool, "job": job}
    return {key: value for key, value in labels.items() if value}


@dataclass(frozen=True)
class Case:
    """Alerts that fire together: those that are heard, and those that are muted."""

    name: str
    heard: list[Labels]
    muted: list[Labels] = field(default_factory=list)


CASES = [
    Case(
        "a critical alert mutes its own warning",
        [_alert("CreditsBalanceLow", "critical")],
        [_alert("CreditsBalanceLow", "warning")],
    ),
    Case(
        "but not the warning of another pool, provider or alert",
        [
            _alert("CreditsBalanceLow", "critical"),
            _alert("CreditsBalanceLow", "warning", pool="other"),
            _alert("CreditsBalanceLow", "warning", provider="mail"),
            _alert("CreditsRunwayShort", "warning"),
        ],
    ),
    Case(
        "an empty pool mutes its forecasts, not its balance",
        [_alert("CreditsExhausted", "critical"), _alert("CreditsBalanceLow", "critical")],
        [_alert("CreditsRunwayShort", "critical"), _alert("CreditsForecastShortfall", "warning")],
    ),
    Case(
        "an empty pool leaves the forecasts of other pools alone",
        [_alert("CreditsExhausted", "critical"), _alert("CreditsRunwayShort", "critical", pool="other")],
    ),
    Case(
        "an account that is empty as a whole mutes the forecasts of all its pools",
        [_alert("CreditsExhausted", "critical", pool="")],
        [_alert("CreditsRunwayShort", "critical"), _alert("CreditsFastBurn", "critical", pool="other")],
    ),
    Case(
        "refused calls after the last credit are no outage and no wrong key",
        [_alert("CreditsExhausted", "critical")],
        [
            _alert("CreditsProviderDown", "warning", pool=""),
            _alert("CreditsProviderUnauthorized", "critical", pool=""),
        ],
    ),
    Case(
        "a refused key explains that the provider is down, which still mutes what it makes old",
        [_alert("CreditsProviderUnauthorized", "critical", pool="")],
        [_alert("CreditsProviderDown", "warning", pool=""), _alert("CreditsDataStale", "warning", pool="")],
    ),
    Case(
        "another provider's outage is one",
        [_alert("CreditsExhausted", "critical"), _alert("CreditsProviderDown", "warning", "mail", "")],
    ),
    Case(
        "an outage mutes what it makes old, and no critical alert",
        [
            _alert("CreditsProviderDown", "warning", pool=""),
            _alert("CreditsBalanceLow", "critical"),
            _alert("CreditsRunwayShort", "critical"),
            _alert("CreditsBalanceUnknown", "critical"),
        ],
        [_alert("CreditsDataStale", "warning", pool=""), _alert("CreditsForecastShortfall", "warning")],
    ),
    Case(
        "an outage that an empty account explains still mutes what it makes old",
        [_alert("CreditsExhausted", "critical")],
        [_alert("CreditsProviderDown", "warning", pool=""), _alert("CreditsDataStale", "warning", pool="")],
    ),
    Case(
        "a dead exporter mutes what its silence causes, and nothing that a replica still reads",
        [_alert("CreditsExporterDown", "critical", "", ""), _alert("CreditsExhausted", "critical")],
        [
            _alert("CreditsBalanceUnknown", "critical"),
            _alert("CreditsProviderMissing", "warning", pool=""),
            _alert("CreditsDataStale", "warning", pool=""),
            _alert("CreditsConfigReloadFailed", "warning", "", ""),
        ],
    ),
    Case(
        "the heartbeat is never muted",
        [_alert("CreditsExporterAbsent", "critical", "", ""), _alert("Watchdog", "info", "", "")],
    ),
]


@pytest.mark.parametrize("source", rule_alerts(), ids=" ".join)
def test_mutes_exactly(source: Name) -> None:
    """Each alert mutes what the matrix says, of all the alerts there are, and nothing else."""
    others = [alert for alert in rule_alerts() if alert != source]
    mutes = {target for target in others if muted(_alert(*target), [_alert(*source)])}
    assert mutes == MATRIX.get(source, set())


@pytest.mark.parametrize("source", MATRIX, ids=" ".join)
def test_another_job_is_never_muted(source: Name) -> None:
    """Two exporters may know different accounts by the same names."""
    elsewhere = [target for target in rule_alerts() if muted(_alert(*target, job="b"), [_alert(*source)])]
    assert elsewhere == []


def test_nothing_mutes_an_empty_pool() -> None:
    """Whatever else fires, that an account ran dry is heard."""
    everything = [_alert(*alert) for alert in rule_alerts()]
    assert not muted(_alert("CreditsExhausted", "critical"), everything)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hears_and_mutes(case: Case) -> None:
    """Of alerts that fire together, the right ones are heard."""
    firing = [*case.heard, *case.muted]
    assert [alert for alert in firing if muted(alert, firing)] == case.muted


@pytest.mark.parametrize("tool", generations("prometheus-alertmanager"), ids=lambda tool: tool.generation)
def test_alertmanager_agrees(tool: Tool, tmp_path: Path) -> None:
    """A real Alertmanager with these inhibition rules hears and mutes the same alerts; one job per case."""
    path = tmp_path / "alertmanager.yml"
    silent = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    path.write_text(yaml.safe_dump({**silent, "inhibit_rules": config()["inhibit_rules"]}))
    with alertmanager(tool.require(), path, tmp_path) as url:
        cases = [(case, f"case-{number}") for number, case in enumerate(CASES)]
        firing = [{**alert, "job": job} for case, job in cases for alert in [*case.heard, *case.muted]]
        post_json(f"{url}/api/v2/alerts", [{"labels": labels} for labels in firing])
        expected = {frozenset({**alert, "job": job}.items()) for case, job in cases for alert in case.muted}
        assert len(get_json(f"{url}/api/v2/alerts")) == len(firing)
        # An alert reaches the inhibitor a moment after the API.
        eventually(lambda: len(_inhibited(url)) >= len(expected), f"{len(expected)} muted", deadline=10)
        assert _inhibited(url) == expected


def _inhibited(url: str) -> set[frozenset[tuple[str, str]]]:
    answers = get_json(f"{url}/api/v2/alerts")
    return {frozenset(answer["labels"].items()) for answer in answers if answer["status"]["inhibitedBy"]}
