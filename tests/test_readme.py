"""The README says what the code does: its tables are compared with the code."""

import argparse
import re
from pathlib import Path

import pytest
import yaml

from exporter.cli import make_parser
from exporter.config import GlobalSettings, parse_config
from exporter.metrics import catalogue
from exporter.model import Reason
from exporter.providers.registry import provider_types
from exporter.providers.settings import ProviderSettings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(*headings: str) -> list[list[str]]:
    """Return the rows of the README's table with these headings, as lists of cells."""
    pattern = r"^\| " + r" \| ".join(map(re.escape, headings)) + r" \|\n\|[-| ]+\|\n((?:\|.*\|\n)+)"
    tables = re.findall(pattern, README, re.MULTILINE)
    assert tables, f"the README has no table with the headings {headings}"
    lines = "".join(tables).splitlines()
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code(cell: str) -> str:
    """Return what a cell holds in backticks."""
    return cell.strip("`")


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    for action in make_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("the command line has no commands")


def test_the_metrics_table_is_the_catalogue():
    """Every metric stands in the table with its type, labels and meaning, and nothing else does."""
    told = {
        code(name): (kind, tuple(code(label) for label in labels.split(", ") if label), meaning)
        for name, kind, labels, meaning in rows("metric", "type", "labels", "meaning")
    }
    assert told == {metric.name: (metric.kind, metric.labels, metric.help) for metric in catalogue()}


def test_the_reasons_are_told():
    """The list of reasons is the label's values."""
    listed = re.search(r"^`reason` is one of (.*?)\.$", README, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`(\w+)`", listed[1]) == [reason.value for reason in Reason]


def test_the_commands_table_is_the_command_line():
    """Every command stands in the table, and no other."""
    assert [code(name).split()[-1] for name, _ in rows("command", "does")] == list(commands())


def test_the_flags_table_is_the_command_line():
    """Every flag stands in the table with the commands that take it and its default."""
    told = {
        code(flag): (set(code(of).split(", ")), code(default)) for flag, of, default, _ in rows("flag", "of", "default", "meaning")
    }
    exist: dict[str, tuple[set[str], str]] = {}
    for command, parser in commands().items():
        for action in parser._actions:
            flag = action.option_strings[-1]
            if flag in {"--help"}:
                continue
            if flag == "--version":
                exist[flag] = ({"all"}, "")
                continue
            default = action.default if action.default not in {None, False} else ""
            shown = {"--web.listen-address": ":10440"}.get(flag, str(default))
            exist.setdefault(flag, (set(), shown))[0].add(command)
    assert told == exist


@pytest.mark.parametrize(
    ("model", "heading"),
    [(GlobalSettings, "### `global`"), (ProviderSettings, "### Each entry of `providers`")],
)
def test_the_configuration_reference_is_complete(model, heading):
    """Every key of the configuration stands in its table, and no key that doesn't exist."""
    section = README.split(heading, 1)[1].split("\n#", 1)[0]
    keys = {
        key for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)
    }
    assert keys == set(model.model_fields)


def test_the_alerts_table_is_the_rules():
    """Every alert stands in the table with its severities, delays and one of its summaries."""
    rules = yaml.safe_load((ROOT / "alerts" / "credits.rules.yml").read_text(encoding="utf-8"))
    exist: dict[str, list[str]] = {}
    summaries: dict[str, set[str]] = {}
    for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
        exist.setdefault(rule["alert"], []).append(f"{rule['labels']['severity']} {rule.get('for', '')}".strip())
        summaries.setdefault(rule["alert"], set()).add(rule["annotations"]["summary"])
    told = rows("alert", "severity, after", "says")
    assert {name.split("`")[1]: when for name, when, _ in told} == {
        name: ", ".join(severities) for name, severities in exist.items()
    }
    for name, _, summary in told:
        assert summary in summaries[name.split("`")[1]]


def yaml_examples() -> list[str]:
    """Return the README's complete configurations: YAML blocks that begin with ``global`` or ``providers``."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.match(r"(#.*\n)*(global|providers):", block)]


@pytest.mark.parametrize("text", yaml_examples())
def test_every_example_configuration_is_valid(text):
    """The examples load, once their secret files and variables exist."""
    text = re.sub(r"(\w+)_file: \S+", r"\1: from-a-file", text)
    environment = dict.fromkeys(re.findall(r"\$\{(\w+)", text), "from-the-environment")
    assert parse_config(text, "README.md", environment, provider_types()).accounts


def test_there_are_examples():
    """The README shows at least a first configuration."""
    assert yaml_examples()


def test_links_within_the_readme_lead_somewhere():
    """Every anchor that is linked is a heading, and every file that is linked exists."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (ROOT / target).exists(), target
