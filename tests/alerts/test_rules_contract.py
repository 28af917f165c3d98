"""The rules name only what exists, and every alert carries what its readers need."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from promql_parser import MatchOp, parse

from alerts.generate import HERE, alerts, groups
from exporter.metrics import catalogue
from exporter.model import Reason
from tests.alerts.promql import exported, labels, selectors, series_labels

SEVERITIES = {
    "CreditsExhausted": ["critical"],
    "CreditsBalanceLow": ["critical", "warning"],
    "CreditsAccountFrozen": ["critical"],
    "CreditsDailyLimitLow": ["warning"],
    "CreditsThresholdMissing": ["info"],
    "CreditsRunwayShort": ["critical", "warning"],
    "CreditsForecastShortfall": ["warning"],
    "CreditsFastBurn": ["critical"],
    "CreditsBurnRateAnomalous": ["warning"],
    "CreditsConsumptionStalled": ["info"],
    "CreditsBalanceUnknown": ["critical"],
    "CreditsDataStale": ["warning"],
    "CreditsProviderDown": ["warning"],
    "CreditsProviderUnauthorized": ["critical"],
    "CreditsProviderRateLimited": ["warning"],
    "CreditsProviderMissing": ["warning"],
    "CreditsProviderSlow": ["warning"],
    "CreditsExporterDown": ["critical"],
    "CreditsExporterAbsent": ["critical"],
    "CreditsConfigReloadFailed": ["warning"],
    "Watchdog": ["info"],
}
RECORDED = [
    "provider_pool:credits_balance:min",
    "provider_pool:credits_consumed:rate30m",
    "provider_pool:credits_consumed:avg1h_rate30m",
    "provider_pool:credits_consumed:avg1d_rate30m",
    "provider_pool:credits_consumed:avg1w_rate30m",
    "provider_pool:credits_runway_seconds:avg1h",
    "provider_pool:credits_runway_seconds:avg1d",
    "provider_pool:credits_runway_seconds:avg1w",
    "provider_pool:credits_consumed:seasonal_next3d",
]
# They concern no vendor, so there is nothing to top up.
WITHOUT_TOPUP = {"CreditsExporterDown", "CreditsExporterAbsent", "CreditsConfigReloadFailed", "Watchdog"}
VALUES = {"reason": {str(reason) for reason in Reason}, "severity": {"warning", "critical"}}

_ALL = [rule for rules in alerts().values() for rule in rules]
_IDS = [f"{rule['alert']}-{rule['labels']['severity']}" for rule in _ALL]
_EVERY_RULE = [rule for group in groups() for rule in group["rules"]]
EACH_ALERT = pytest.mark.parametrize("rule", _ALL, ids=_IDS)
EACH_RULE = pytest.mark.parametrize("rule", _EVERY_RULE, ids=lambda rule: rule.get("record") or rule["alert"])

_QUERY = re.compile(r'printf "((?:[^"\\]|\\.)*)"')


def _queries(rule: dict[str, Any]) -> list[str]:
    """Return the queries that the templates of an alert send, with a value in every place of a label's."""
    texts = [found for text in rule["annotations"].values() for found in _QUERY.findall(text)]
    pool = '{job="x",provider="x",pool="x"}'
    unescaped = [text.replace('\\"', '"').replace("%q", '"x"').replace("%s", pool) for text in texts]
    return [text for text in unescaped if not text.startswith("{")]


def test_names_and_severities_are_the_documented_ones() -> None:
    """Dashboards, routes and silences hang on these names."""
    found = {name: [rule["labels"]["severity"] for rule in rules] for name, rules in alerts().items()}
    assert found == SEVERITIES
    assert [rule["record"] for rule in _EVERY_RULE if "record" in rule] == RECORDED


@EACH_RULE
def test_every_selector_names_what_exists(rule: dict[str, Any]) -> None:
    """Metrics are of the catalogue or recorded, labels are theirs, and fixed values can occur."""
    known = series_labels()
    for text in [rule["expr"], *(_queries(rule) if "alert" in rule else ())]:
        for selector in selectors(parse(text)):
            assert selector.name in known, text
            for matcher in selector.matchers.matchers:
                assert matcher.name in known[selector.name], f"{selector.name} has no label {matcher.name}"
                wanted = matcher.value.split("|") if matcher.op == MatchOp.Re else [matcher.value]
                if matcher.name in VALUES and wanted != ["x"]:
                    assert set(wanted) <= VALUES[matcher.name], text


def test_every_alert_template_query_is_checked() -> None:
    """Each lookup of a template is found by the check above: as many queries as pipes into `query`."""
    for rule in _ALL:
        pipes = sum(text.count("| query") for text in rule["annotations"].values())
        assert len(_queries(rule)) == pipes, rule["alert"]


@EACH_ALERT
def test_every_alert_has_what_its_readers_need(rule: dict[str, Any]) -> None:
    """Severity alone is a label; summary, description and links are annotations."""
    name = rule["alert"]
    assert set(rule["labels"]) == {"severity"}
    links = {"runbook_url", "dashboard_url"} | (set() if name in WITHOUT_TOPUP else {"topup_url"})
    assert set(rule["annotations"]) == {"summary", "description"} | links
    assert rule["annotations"]["runbook_url"] == f"https://runbooks.example.com/{name}.md"


@EACH_ALERT
def test_summaries_are_fixed_sentences_and_descriptions_name_the_subject(rule: dict[str, Any]) -> None:
    """A summary groups notifications, so it holds no template; the description names what is concerned."""
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert re.fullmatch(r"[A-Z][^{}]*\.", summary)
    assert description.endswith((".", "{{ end }}"))
    subject = {"provider", "pool"} & (labels(parse(rule["expr"])) or frozenset())
    assert all(f"$labels.{label}" in description for label in subject)


@EACH_ALERT
def test_dashboard_links_select_the_subject(rule: dict[str, Any]) -> None:
    """The dashboard opens on the provider and pool of the alert, whatever characters their names hold."""
    url = rule["annotations"]["dashboard_url"]
    assert urlsplit(url)[:3] == ("https", "grafana.example.com", "/d/credits")
    assert ("var-provider={{ $labels.provider | urlquery }}" in url) is (rule["alert"] not in WITHOUT_TOPUP)
    pool = "pool" in (labels(parse(rule["expr"])) or ()) or rule["alert"] == "CreditsExhausted"
    assert ("&var-pool={{ . | urlquery }}" in url) is pool


def test_the_placeholders_are_the_ones_that_the_head_of_the_file_names() -> None:
    """One command each replaces the runbooks' address, Grafana's address and the name of the scrape job."""
    text = (HERE / "credits.rules.yml").read_text()
    head, _, body = text.partition("\ngroups:\n")
    addresses = {"https://runbooks.example.com/", "https://grafana.example.com/"}
    assert set(re.findall(r"https://[a-z.]+/", body)) == addresses
    for placeholder in (*addresses, 'job="credits-exporter"'):
        assert f"sed -i 's#{placeholder}#" in head


def test_only_the_exporter_group_names_the_scrape_job_and_it_is_the_example_s() -> None:
    """Every other rule works under any job name."""
    found = {
        (group["name"], matcher.value)
        for group in groups()
        for rule in group["rules"]
        for selector in selectors(parse(rule["expr"]))
        for matcher in selector.matchers.matchers
        if matcher.name == "job"
    }
    job = yaml.safe_load((HERE / "prometheus.yml").read_text())["scrape_configs"][0]["job_name"]
    assert found == {("credits-exporter", job)}


def test_the_catalogue_yields_every_series_once() -> None:
    """The two views of the catalogue that these checks use agree."""
    assert set(exported()) <= set(series_labels())
    assert len(exported()) >= len(list(catalogue()))
