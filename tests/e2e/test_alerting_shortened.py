"""The transformation that the end-to-end tests put the committed alerting files through."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.alerts.alertmanager_file import CONFIG, RULES
from tests.e2e.shortened import alertmanager_config, duration, expression, rules
from tests.tools import Tool, generations


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10m", "3000ms"), ("1h30m", "27000ms"), ("1w", "3024000ms"), ("0s", "0ms"), ("100ms", "1ms")],
)
def test_divides_durations(text: str, expected: str) -> None:
    """A duration becomes that many milliseconds, never none."""
    assert duration(text, 200) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate(a_total[30m])", "rate(a_total[9000ms])"),
        ("max_over_time(timestamp(a:b:min)[2d:5m])", "max_over_time(timestamp(a:b:min)[864000ms:1500ms])"),
        ("avg_over_time(a[3d] offset 4d) * 259200", "avg_over_time(a[1296000ms] offset 1728000ms) * 259200"),
        ("a:rate30m / a:avg1d_rate30m > 3", "a:rate30m / a:avg1d_rate30m > 3"),
        ('a{provider="5m"}', 'a{provider="5m"}'),
    ],
)
def test_divides_ranges_and_offsets_only(text: str, expected: str) -> None:
    """Names, strings and numbers of an expression stay as they are."""
    assert expression(text, 200) == expected


def test_rules_stay_the_same_but_for_durations() -> None:
    """A factor of one changes the spelling of durations, and with any factor the rules are the same ones."""
    original, shorter = yaml.safe_load(RULES.read_text()), yaml.safe_load(rules(RULES, 200))
    for before, after in zip(original["groups"], shorter["groups"], strict=True):
        for rule, short in zip(before["rules"], after["rules"], strict=True):
            assert rule.keys() == short.keys()
            assert rule.get("labels") == short.get("labels")
            assert short["expr"] == expression(rule["expr"], 200)


@pytest.mark.parametrize("promtool", generations("promtool"), ids=lambda tool: tool.generation)
def test_shortened_rules_load(promtool: Tool, tmp_path: Path) -> None:
    """Prometheus accepts the shortened rules."""
    path = tmp_path / "rules.yml"
    path.write_text(rules(RULES, 200))
    done = subprocess.run(
        [promtool.require(), "check", "rules", path], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("amtool", generations("amtool"), ids=lambda tool: tool.generation)
def test_shortened_routes_load(amtool: Tool, tmp_path: Path) -> None:
    """Alertmanager accepts the shortened configuration."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(alertmanager_config(CONFIG, 200, "http://127.0.0.1:9", tmp_path))
    done = subprocess.run(
        [amtool.require(), "check-config", path], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
