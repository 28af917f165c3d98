"""The rules, their unit tests, the manifest and the example configuration, by promtool old and new."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.generate import HERE, MANIFEST, RULES, alerts, groups, manifest
from tests.tools import Tool, generations

UNIT_TESTS = sorted((HERE / "tests").glob("*.yml"))
PROMTOOLS = pytest.mark.parametrize("promtool", generations("promtool"), ids=lambda tool: tool.generation)


def _run(promtool: Tool, *arguments: str | Path) -> None:
    """Run promtool; whatever it says becomes the failure."""
    command = [promtool.require(), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@PROMTOOLS
def test_rules_load_without_complaint(promtool: Tool) -> None:
    """Every lint of promtool is on, and fatal."""
    _run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES)


@PROMTOOLS
@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_unit_tests_pass(promtool: Tool, path: Path) -> None:
    """What each family promises holds on both generations."""
    _run(promtool, "test", "rules", path)


def test_manifest_is_fresh() -> None:
    """The committed PrometheusRule is what the generator writes from the rules as they are."""
    assert MANIFEST.read_text() == manifest(), "run: python alerts/generate.py"


@PROMTOOLS
def test_manifest_holds_the_same_rules(promtool: Tool, tmp_path: Path) -> None:
    """The operator hands `spec` to Prometheus, so that must be the rules file, and load as one."""
    spec = yaml.safe_load(MANIFEST.read_text())["spec"]
    assert spec == {"groups": groups()}
    extracted = tmp_path / "spec.yml"
    extracted.write_text(yaml.safe_dump(spec))
    _run(promtool, "check", "rules", "--lint=all", "--lint-fatal", extracted)


@PROMTOOLS
@pytest.mark.parametrize("way", ["static", "service discovery"])
def test_example_configuration_is_valid(promtool: Tool, way: str, tmp_path: Path) -> None:
    """Both ways to scrape that the example shows are accepted, with the rules that it loads."""
    text = (HERE / "prometheus.yml").read_text()
    if way == "service discovery":
        head, static, rest = text.partition("    static_configs:\n      - targets: [localhost:10440]\n")
        assert static
        text = head + rest.replace("\n  #   ", "\n    ")
        assert "http_sd_configs" in yaml.safe_load(text)["scrape_configs"][0]
    config = tmp_path / "prometheus.yml"
    config.write_text(text)
    (tmp_path / RULES.name).write_text(RULES.read_text())
    _run(promtool, "check", "config", config)


def _unit_test_groups() -> list[dict[str, Any]]:
    return [group for path in UNIT_TESTS for group in yaml.safe_load(path.read_text())["tests"]]


@pytest.mark.parametrize("name", alerts())
def test_every_alert_fires_and_does_not_fire_in_a_unit_test(name: str) -> None:
    """Each severity fires once with all its labels and annotations, and the alert is seen not to fire."""
    cases = [
        case
        for group in _unit_test_groups()
        for case in group.get("alert_rule_test", ())
        if case["alertname"] == name
    ]
    fired = {alert["exp_labels"]["severity"] for case in cases for alert in case["exp_alerts"]}
    assert fired == {rule["labels"]["severity"] for rule in alerts()[name]}
    if name != "Watchdog":
        assert any(not case["exp_alerts"] for case in cases)


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_unit_tests_fix_the_order_of_the_groups(path: Path) -> None:
    """Without an order promtool evaluates groups at random, and an alert may see its series one step late."""
    assert yaml.safe_load(path.read_text())["group_eval_order"] == [group["name"] for group in groups()]
