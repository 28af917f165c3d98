"""What a linter of rules would find, found offline; by pint itself too where it is installed."""

import re
import shutil
import subprocess
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import yaml
from promql_parser import (
    AggregateExpr,
    Call,
    MatrixSelector,
    SubqueryExpr,
    VectorSelector,
    parse,
    parse_duration,
)

from alerts.generate import HERE, RULES, alerts, groups
from exporter.metrics import Kind
from tests.alerts.promql import exported, filters, labels, look_back, selectors, walk

_RULES = [rule for group in groups() for rule in group["rules"]]
_ALERTS = [rule for rules in alerts().values() for rule in rules]
EACH_RULE = pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.get("record") or rule["alert"])
EACH_ALERT = pytest.mark.parametrize("rule", _ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")

COUNTER_FUNCTIONS = {"rate", "increase", "irate", "resets"}
# A slope of the balance is blind for a whole window after a top-up; the others are not in every Prometheus.
FORBIDDEN = {
    "predict_linear", "deriv", "holt_winters", "double_exponential_smoothing",
    "info", "first_over_time", "sort_by_label",
}
TEMPLATE_FUNCTIONS = {
    "query", "first", "value", "label", "printf", "urlquery", "humanize", "humanizeDuration", "with", "else", "end",
}


def _scrape_interval() -> timedelta:
    return parse_duration(yaml.safe_load((HERE / "prometheus.yml").read_text())["global"]["scrape_interval"])


@EACH_ALERT
def test_every_alert_has_a_condition(rule: dict[str, Any]) -> None:
    """An expression without comparison fires as soon as there is data; the watchdog alone may."""
    assert filters(parse(rule["expr"])) is (rule["alert"] != "Watchdog")


@EACH_RULE
def test_operations_match_label_sets(rule: dict[str, Any]) -> None:
    """Aggregations name labels that exist, both sides of an operation have the same, joins name a unique side."""
    found = labels(parse(rule["expr"])) or frozenset()
    if "record" in rule:
        assert found == {"job", "provider", "pool"}
    elif rule["alert"] not in {"CreditsExporterDown", "CreditsConfigReloadFailed"}:
        assert "instance" not in found, "two replicas would give two alerts"


@pytest.mark.parametrize(
    "expression",
    [
        "credits_balance < max by (job, provider, pool) (credits_threshold)",
        "sum without (instance) (credits_balance) < 1",
        "max by (job, provider, pool) (credits_provider_up) == 0",
        "provider_pool:credits_balance:min < on (job, provider) group_left credits_runway_threshold_seconds",
        "provider_pool:credits_balance:min and max by (job, provider) (credits_provider_up)",
    ],
)
def test_mismatched_label_sets_are_found(expression: str) -> None:
    """The check above can fail."""
    with pytest.raises(ValueError, match=r"match|aggregate|join"):
        labels(parse(expression))


@EACH_RULE
def test_windows_hold_enough_samples(rule: dict[str, Any]) -> None:
    """A rate needs four scrapes to survive two lost ones, every other window and subquery several too."""
    for node in walk(parse(rule["expr"])):
        if isinstance(node, MatrixSelector):
            assert node.range >= 5 * _scrape_interval(), node.prettify()
        if isinstance(node, SubqueryExpr):
            assert node.range >= 5 * node.step, node.prettify()


@EACH_RULE
def test_functions_fit_the_type_of_their_series(rule: dict[str, Any]) -> None:
    """Counters are read through a rate, gauges never are."""
    expression = parse(rule["expr"])
    rated = {
        selector.name
        for node in walk(expression)
        if isinstance(node, Call) and node.func.name in COUNTER_FUNCTIONS
        for selector in selectors(node)
    }
    counters = {selector.name for selector in selectors(expression) if exported().get(selector.name) is Kind.COUNTER}
    assert rated == counters


@EACH_RULE
def test_nothing_fragile_is_used(rule: dict[str, Any]) -> None:
    """No slopes of balances, no functions that come and go between releases, no sampling, no fixed times."""
    for node in walk(parse(rule["expr"])):
        if isinstance(node, Call):
            assert node.func.name not in FORBIDDEN
        if isinstance(node, AggregateExpr):
            assert str(node.op) in {"min", "max", "count"}, "others count two replicas twice, or pick some at random"
        if isinstance(node, VectorSelector | SubqueryExpr):
            assert node.at is None


@EACH_RULE
def test_look_back_fits_the_default_retention(rule: dict[str, Any]) -> None:
    """No rule reads further back than seven days of the fifteen that Prometheus keeps by default."""
    assert look_back(parse(rule["expr"])) <= timedelta(days=7)


@EACH_ALERT
def test_gauges_survive_a_lost_scrape(rule: dict[str, Any]) -> None:
    """A raw gauge is read over a window; `up` alone has a value at every scrape."""
    expression = parse(rule["expr"])
    read = Counter(found.name for found in selectors(expression) if found.name in exported())
    windows = (node for node in walk(expression) if isinstance(node, MatrixSelector))
    assert not read - Counter(window.vector_selector.name for window in windows)


@EACH_ALERT
def test_templates_use_what_exists(rule: dict[str, Any]) -> None:
    """Labels are the expression's own, functions Prometheus', and no label holds a value that changes."""
    assert "{{" not in "".join(rule["labels"].values())
    text = " ".join(rule["annotations"].values())
    optional = {"pool"} if rule["alert"] == "CreditsExhausted" else set()
    assert set(re.findall(r"\$labels\.(\w+)", text)) - optional <= (labels(parse(rule["expr"])) or set())
    for action in re.findall(r"\{\{-?(.*?)-?\}\}", text):
        bare = re.sub(r'"(?:[^"\\]|\\.)*"|\$\w+(?:\.\w+)?', "", action)
        assert set(re.findall(r"[A-Za-z]\w*", bare)) <= TEMPLATE_FUNCTIONS, action


def test_groups_suit_every_prometheus() -> None:
    """Only keys that 2.42 knows; no interval over five minutes, no alert that outlives a top-up by long."""
    for group in groups():
        assert set(group) == {"name", "interval", "rules"}
        assert parse_duration(group["interval"]) <= timedelta(minutes=5)
    known = {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
    for rule in _RULES:
        assert set(rule) <= known
        assert parse_duration(rule.get("keep_firing_for", "1s")) <= timedelta(minutes=15)


def test_recorded_series_are_recorded_in_one_group_before_they_are_used() -> None:
    """Groups run side by side; only within one is the order of evaluation certain."""
    recording = [group for group in groups() if any("record" in rule for rule in group["rules"])]
    assert len(recording) == 1
    seen: set[str] = set()
    for rule in recording[0]["rules"]:
        assert {found.name for found in selectors(parse(rule["expr"]))} <= seen | set(exported())
        seen.add(rule["record"])


def test_pint_agrees() -> None:
    """The linter itself, offline, where it is installed (Python has a package of the same name)."""
    pint = shutil.which("pint")
    version = subprocess.run([pint, "version"], capture_output=True, text=True, check=False) if pint else None
    if version is None or version.returncode != 0:
        pytest.skip("pint is not installed")
    command = [str(pint), "--offline", "lint", "--min-severity=warning", "--fail-on=warning", str(RULES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
