"""What people read: every message of ``alerts/alertmanager.yml``, rendered by amtool, against goldens."""

import json
import os
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.alerts.alertmanager_file import TEMPLATES, config, rule_alerts
from tests.tools import Tool, generations

DATA = Path(__file__).parent / "alertmanager_data"
CASES = sorted(path.stem for path in DATA.glob("*.json"))
AMTOOLS = pytest.mark.parametrize("amtool", generations("amtool"), ids=lambda tool: tool.generation)
REGENERATE = "UPDATE_GOLDENS=1 pytest tests/alerts/test_alertmanager_templates.py"

_SENT = {
    "slack": ("ops-chat", "slack_configs", ["color", "title", "title_link", "fallback", "text"]),
    "pagerduty": ("pager", "pagerduty_configs", ["description", "class", "component", "details", "links"]),
    "email.txt": ("buyers", "email_configs", ["headers", "text"]),
    "email.html": ("buyers", "email_configs", ["html"]),
}


def _message(kind: str) -> str:
    """Return the templates that one kind of receiver sends, as one text with a heading before each."""
    name, integration, keys = _SENT[kind]
    receiver = next(receiver for receiver in config()["receivers"] if receiver["name"] == name)
    (sent,) = receiver[integration]
    return "\n".join(text for key in keys for text in _fields(key, sent[key]))


def _fields(key: str, value: Any) -> list[str]:
    if key == "html":
        return [value]
    if key == "links":
        return [f"--- link {link['text']}\n{link['href']}" for link in value]
    if isinstance(value, dict):
        return [f"--- {key} {name}\n{text}" for name, text in value.items()]
    return [f"--- {key}\n{value}"]


def _render(amtool: Tool, text: str, data: Path, kind: str = "text") -> str:
    command = [
        amtool.require(), "template", "render", f"--template.glob={TEMPLATES}", f"--template.data={data}",
        f"--template.type={'html' if kind.endswith('html') else 'text'}", f"--template.text={text}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@AMTOOLS
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", _SENT)
def test_message_is_the_golden_one(amtool: Tool, kind: str, case: str) -> None:
    """Each message reads as the committed one does, on both generations."""
    golden = DATA / f"{case}.{kind}"
    rendered = _render(amtool, _message(kind), DATA / f"{case}.json", kind).rstrip() + "\n"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(rendered)
    assert rendered == golden.read_text(), f"if {golden.name} is meant to change, run: {REGENERATE}"


def test_no_golden_is_left_over() -> None:
    """Every golden belongs to a case."""
    goldens = {path.name.split(".")[0] for path in DATA.iterdir()}
    assert goldens == set(CASES)


@AMTOOLS
def test_every_alert_says_what_to_do_first(amtool: Tool) -> None:
    """Each alert that reaches a person has an action of its own, not the general one."""
    alerts = [alert for alert in rule_alerts() if alert[0] != "Watchdog"]
    text = "\n".join(
        f'{{{{ template "credits.action" (stringSlice "{name}" "{severity}" "sms") }}}}'
        for name, severity in alerts
    )
    actions = _render(amtool, text, DATA / "critical.json").splitlines()
    assert len(actions) == len(alerts)
    assert "Open the runbook." not in actions
    assert actions[alerts.index(("CreditsBalanceLow", "critical"))] == "Top up sms now."
    assert actions[alerts.index(("CreditsBalanceLow", "warning"))] == "Order a top-up of sms."


@AMTOOLS
def test_a_storm_is_cut_between_alerts(amtool: Tool, tmp_path: Path) -> None:
    """Slack gets the first ten of many alerts, whole, and a link to the rest."""
    storm = json.loads((DATA / "critical.json").read_text())
    storm["alerts"] *= 40
    path = tmp_path / "storm.json"
    path.write_text(json.dumps(storm))
    text = _render(amtool, '{{ template "credits.slack.text" . }}', path)
    assert text.count("|Silence>") == 10
    assert "The first 10 of 40: <https://alertmanager.example.com/#/alerts?receiver=pager|see all>" in text


class _Tags(HTMLParser):
    """What a mail program sees of an HTML body."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def _html(case: str) -> _Tags:
    tags = _Tags()
    tags.feed((DATA / f"{case}.email.html").read_text())
    return tags


def test_values_add_no_tag_to_the_mail() -> None:
    """Markup in names and annotations stays text: but for links, a hostile mail has a harmless one's tags."""
    harmless, hostile = _html("critical"), _html("hostile")
    assert [tag for tag in hostile.tags if tag != "a"] == [tag for tag in harmless.tags if tag != "a"]


@pytest.mark.parametrize("case", CASES)
def test_links_lead_to_web_pages(case: str) -> None:
    """No mail has an empty link or one that runs a script."""
    assert [link for link in _html(case).links if not link.startswith("https://")] == []


@pytest.mark.parametrize("kind", _SENT)
def test_no_topup_page_no_link(kind: str) -> None:
    """A provider without top-up page has a message without that link."""
    message = (DATA / f"without_topup_page.{kind}").read_text()
    assert "Top up" not in message.replace("--- link Top up\n\n", "")
    assert "Top up" in (DATA / f"critical.{kind}").read_text()


@pytest.mark.parametrize("case", ["critical", "hostile"])
def test_silence_link_names_the_very_alert(case: str) -> None:
    """The silence form opens with every label of the alert, decoded as a browser decodes a fragment."""
    (alert,) = json.loads((DATA / f"{case}.json").read_text())["alerts"]
    (link,) = [link for link in _html(case).links if "silences" in link]
    expected = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(alert["labels"].items()))
    assert unquote(link) == f"https://alertmanager.example.com/#/silences/new?filter={{{expected}}}"
