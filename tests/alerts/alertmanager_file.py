"""Read ``alerts/alertmanager.yml`` as Alertmanager does, as far as its inhibition rules and routes need."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).parents[2] / "alerts"
CONFIG = ALERTS / "alertmanager.yml"
TEMPLATES = ALERTS / "templates" / "*.tmpl"
RULES = ALERTS / "credits.rules.yml"

Labels = Mapping[str, str]

_MATCHER = re.compile(r'^(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"$')


@cache
def config() -> dict[str, Any]:
    """Return the parsed configuration."""
    parsed: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return parsed


@cache
def rule_alerts() -> list[tuple[str, str]]:
    """Return name and severity of every alert of the rules file, in its order."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    return [(rule["alert"], rule["labels"]["severity"]) for rule in rules if "alert" in rule]


def routes(route: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the root route and every route below it."""
    route = config()["route"] if route is None else route
    yield route
    for child in route.get("routes", ()):
        yield from routes(child)


def matches(matchers: list[str], labels: Labels) -> bool:
    """Say whether all matchers hold; an absent label is an empty one, expressions match whole values."""
    return all(_holds(matcher, labels) for matcher in matchers)


def _holds(matcher: str, labels: Labels) -> bool:
    parsed = _MATCHER.match(matcher)
    if parsed is None:
        raise ValueError(f'not a matcher of the form name = "value", quotes included: {matcher}')
    name, operator, wanted = parsed.groups()
    value = labels.get(name, "")
    found = re.fullmatch(wanted, value) is not None if "~" in operator else value == wanted
    return found is not operator.startswith("!")


@dataclass(frozen=True)
class InhibitRule:
    """One inhibition rule: a firing source mutes every target that has the same ``equal`` labels."""

    source: list[str]
    target: list[str]
    equal: list[str]

    def mutes(self, target: Labels, source: Labels) -> bool:
        """Say whether this source mutes this target; two alerts that are each both never mute each other."""
        if not (matches(self.source, source) and matches(self.target, target)):
            return False
        if matches(self.source, target) and matches(self.target, source):
            return False
        return all(source.get(name, "") == target.get(name, "") for name in self.equal)


@cache
def inhibit_rules() -> list[InhibitRule]:
    """Return the inhibition rules of the file."""
    return [
        InhibitRule(rule["source_matchers"], rule["target_matchers"], rule["equal"])
        for rule in config()["inhibit_rules"]
    ]


def muted(target: Labels, firing: list[Labels]) -> bool:
    """Say whether any of the firing alerts mutes the target."""
    return any(rule.mutes(target, source) for rule in inhibit_rules() for source in firing)
