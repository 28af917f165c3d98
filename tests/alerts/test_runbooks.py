"""One runbook per alert, complete, and true to the rules."""

import re
from pathlib import Path

import pytest
from promql_parser import parse

from alerts.generate import HERE, RUNBOOKS, alerts, runbook
from tests.alerts.promql import selectors, series_labels

SECTIONS = [
    "Meaning", "Impact", "First five minutes", "Is it real?", "Mitigation", "How it resolves", "Tuning",
]
# Series of Prometheus, Alertmanager and every client library that runbooks may name.
FOREIGN = {
    "ALERTS",
    "alertmanager_notifications_failed_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_notifications_errors_total",
}
EACH = pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)

_BLOCK = re.compile(r"^ *```promql\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#]+)")


def test_there_is_one_runbook_per_alert() -> None:
    """No alert without, none without alert."""
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(alerts())


@EACH
def test_runbook_quotes_its_rules(path: Path) -> None:
    """The first section ends with severity, delay and expression of each rule, as they are now."""
    text = path.read_text()
    meaning = text.partition("\n## Meaning\n")[2].partition("\n## ")[0]
    rules = alerts()[path.stem]
    assert [block.rstrip() for block in _BLOCK.findall(meaning)] == [rule["expr"].rstrip() for rule in rules]
    assert runbook(text, rules) == text, "run: python alerts/generate.py"


@EACH
def test_runbook_is_complete(path: Path) -> None:
    """Every section is there, in order, with something to read."""
    title, *sections = re.split(r"^##? ", path.read_text(), flags=re.MULTILINE)[1:]
    assert title.strip() == path.stem
    assert [section.partition("\n")[0] for section in sections] == SECTIONS
    assert all(len(section.partition("\n")[2].split()) >= 5 for section in sections)


@EACH
def test_runbook_queries_can_be_pasted(path: Path) -> None:
    """They parse, name series that exist, and match labels that these have."""
    blocks = _BLOCK.findall(path.read_text())
    assert len(blocks) > len(alerts()[path.stem]), "at least one query of its own"
    known = series_labels()
    for block in blocks:
        for selector in selectors(parse(block)):
            assert selector.name in known or selector.name in FOREIGN, block
            if selector.name in known:
                assert {matcher.name for matcher in selector.matchers.matchers} <= known[selector.name], block


@EACH
def test_runbook_links_lead_somewhere(path: Path) -> None:
    """Runbooks refer to each other, so that none repeats what another says."""
    for target in _LINK.findall(path.read_text()):
        assert (RUNBOOKS / target).is_file(), target


def test_a_runbook_without_its_generated_part_is_refused() -> None:
    """The generator says so instead of writing a runbook without expression."""
    with pytest.raises(ValueError, match="Fires as"):
        runbook("# X\n\n## Meaning\n\nNothing.\n\n## Impact\n", [])


def test_the_generator_writes_beside_the_rules() -> None:
    """Its folder is the one that teams copy."""
    assert HERE / "runbooks" == RUNBOOKS
