"""Write what follows from ``credits.rules.yml``: the operator's manifest and the expressions in the runbooks.

Run it after every change of the rules: ``python alerts/generate.py``. A test compares the committed files
with a fresh generation.
"""

import re
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
RULES = HERE / "credits.rules.yml"
MANIFEST = HERE / "prometheusrule.yaml"
RUNBOOKS = HERE / "runbooks"

_HEADER = "# Generated from credits.rules.yml by generate.py; edit that file, not this one.\n"
_GENERATED_PART = re.compile(r"^Fires as `.*?(?=^## )", re.DOTALL | re.MULTILINE)

Rule = dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """YAML as a person writes it: no anchors, texts of several lines as blocks, lists indented."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def groups() -> list[dict[str, Any]]:
    """Return the rule groups of ``credits.rules.yml``, anchors resolved."""
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return found


def alerts() -> dict[str, list[Rule]]:
    """Return the alerting rules by name, in the order of the file; a name has one rule per severity."""
    found: dict[str, list[Rule]] = {}
    for group in groups():
        for rule in group["rules"]:
            if "alert" in rule:
                found.setdefault(rule["alert"], []).append(rule)
    return found


def manifest() -> str:
    """Return the PrometheusRule manifest (monitoring.coreos.com/v1) that holds the same groups."""
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "credits-exporter", "labels": {"app.kubernetes.io/name": "credits-exporter"}},
        "spec": {"groups": groups()},
    }
    body = yaml.dump(resource, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return _HEADER + body


def runbook(text: str, rules: list[Rule]) -> str:
    """Return the runbook with the generated part: severity, delay and expression of each rule.

    Raises:
        ValueError: the text has no paragraph that begins with "Fires as `", or several.

    """
    parts = [
        f"Fires as `{rule['labels']['severity']}` {_delay(rule)}:\n\n"
        f"```promql\n{rule['expr'].rstrip()}\n```\n\n"
        for rule in rules
    ]
    result, count = _GENERATED_PART.subn(lambda _: "".join(parts), text)
    if count != 1:
        raise ValueError("a runbook needs one part that begins with 'Fires as `', before a further section")
    return result


def _delay(rule: Rule) -> str:
    return f"after {rule['for']} of" if "for" in rule else "at the first evaluation of"


def main() -> None:
    """Write the manifest and the generated part of every runbook."""
    MANIFEST.write_text(manifest(), encoding="utf-8")
    for name, rules in alerts().items():
        page = RUNBOOKS / f"{name}.md"
        page.write_text(runbook(page.read_text(encoding="utf-8"), rules), encoding="utf-8")


if __name__ == "__main__":
    main()
