"""Every expression parses, names only what exists, and keeps the rules of Grafana's dashboard linter."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

from exporter.metrics import Kind, catalogue
from tests.grafana import board

BOARD = board.load()
VIEW = board.View(end=0.0, choice={name: f"the-{name}" for name in ("job", "instance", "provider", "pool")})
RULES = yaml.safe_load(Path("alerts/credits.rules.yml").read_text(encoding="utf-8"))

TARGET_LABELS = {"job", "instance"}
CATALOGUE = {
    name: {*metric.labels, *TARGET_LABELS}
    for metric in catalogue()
    for name in (
        (f"{metric.name}_sum", f"{metric.name}_count") if metric.kind is Kind.SUMMARY else (metric.name,)
    )
}
RECORDED = {
    rule["record"]: {"job", "provider", "pool"}
    for group in RULES["groups"]
    for rule in group["rules"]
    if "record" in rule
}
# What Prometheus says of each target and alert, and what every Python process exports.
OTHERS = {
    "up": TARGET_LABELS,
    "scrape_duration_seconds": TARGET_LABELS,
    "scrape_samples_scraped": TARGET_LABELS,
    "process_resident_memory_bytes": TARGET_LABELS,
    "ALERTS": {"alertname", "alertstate", "severity", "job", "provider", "pool"},
}
KNOWN = CATALOGUE | RECORDED | OTHERS

# Metrics that neither the dashboard nor a rule reads, each with its reason.
NOT_SHOWN = {
    "credits_used": "the vendor's own total, to check an invoice by hand; consumption is what we observed",
}

# Rules of the linter that are not kept, each with its reason.
NO_INSTANCE = dict.fromkeys(RECORDED, "recorded series are the same whichever replica was scraped") | {
    "ALERTS": "an alert is about an account or a job, not about the replica that saw it"
}


def expressions() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every expression with a name and its panel: targets, annotations and variables."""
    for panel, target in board.targets(BOARD):
        yield f"{panel['title']}-{target['refId']}", target["expr"], panel
    for annotation in BOARD["annotations"]["list"]:
        yield annotation["name"], annotation["target"]["expr"], {}
    for variable in BOARD["templating"]["list"][1:]:
        inner = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
        yield f"variable {variable['name']}", inner.rsplit(", ", 1)[0], {}


ALL = list(expressions())
EACH = pytest.mark.parametrize(
    ("expression", "panel"), [(e, panel) for _, e, panel in ALL], ids=[name for name, _, _ in ALL]
)


def nodes(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every node of a parsed expression with its parent."""
    pending: list[tuple[Any, Any]] = [(node, None)]
    while pending:
        this, parent = pending.pop()
        yield this, parent
        children = [getattr(this, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
        pending += [(child, this) for child in [*children, *getattr(this, "args", [])] if child is not None]


def parsed(expression: str, panel: dict[str, Any]) -> Any:
    """Parse an expression with its variables filled in."""
    return promql.parse(VIEW.expand(expression, panel))


def selectors(tree: Any) -> list[tuple[Any, Any]]:
    """Return every selector of an expression with its parent."""
    return [(node, parent) for node, parent in nodes(tree) if isinstance(node, promql.VectorSelector)]


def matchers(selector: Any) -> dict[str, str]:
    """Return a selector's label matchers as written, by label."""
    operators = {"MatchOp.Equal": "=", "MatchOp.Re": "=~", "MatchOp.NotEqual": "!=", "MatchOp.NotRe": "!~"}
    return {m.name: f'{operators[str(m.op)]}"{m.value}"' for m in selector.matchers.matchers}


def names(selector: Any) -> set[str]:
    """Return the names of the series that a selector can select."""
    if selector.name:
        return {selector.name}
    pattern = next(m.value for m in selector.matchers.matchers if m.name == "__name__")
    return {name for name in KNOWN if re.fullmatch(pattern, name)}


@EACH
def test_expression_names_only_what_exists(expression: str, panel: dict[str, Any]) -> None:
    """Every metric and label is in the catalogue or in the rules."""
    found = selectors(parsed(expression, panel))
    assert found or expression == "vector(0)"
    for selector, _ in found:
        assert names(selector), f"{selector} selects nothing"
        for name in names(selector):
            assert name in KNOWN
            assert set(matchers(selector)) - {"__name__"} <= KNOWN[name]


@EACH
def test_grouping_names_only_labels_that_exist(expression: str, panel: dict[str, Any]) -> None:
    """A label in by, on or group_left belongs to some metric of the expression."""
    labels = set().union(*(KNOWN[name] for s, _ in selectors(parsed(expression, panel)) for name in names(s)))
    for clause in re.findall(r"\b(?:by|on|group_left|group_right|without|ignoring) \(([^)]*)\)", expression):
        assert {label.strip() for label in clause.split(",") if label} <= labels


@EACH
def test_every_selector_follows_the_variables(expression: str, panel: dict[str, Any]) -> None:
    """Raw series are narrowed by job and instance, and by provider and pool where they have them."""
    if VIEW.expand(expression, panel) == expression:
        assert expression == "credits_provider_up", "only the first variable depends on none"
        return
    for selector, _ in selectors(parsed(expression, panel)):
        written = matchers(selector)
        for name in names(selector):
            wanted = KNOWN[name] & {"job", "instance", "provider", "pool"}
            if name in NO_INSTANCE:
                wanted -= {"instance"}
            if not panel:
                wanted &= set(written)
            for label in wanted:
                empty = "|" if name == "ALERTS" and label in ("provider", "pool") else ""
                assert written.get(label) == f'=~"the-{label}{empty}"', f"{selector} and {label}"


@EACH
def test_rates_use_the_rate_interval(expression: str, panel: dict[str, Any]) -> None:
    """Rate and irate look back over $__rate_interval, increase over it or over the whole time range."""
    for function, window in re.findall(r"\b(rate|irate|increase)\([^[]*\[([^\]]*)\]", expression):
        allowed = {"$__rate_interval", "$__range"} if function == "increase" else {"$__rate_interval"}
        assert window in allowed


@EACH
def test_counters_are_aggregated(expression: str, panel: dict[str, Any]) -> None:
    """A counter's bare value means nothing: it is always within rate, irate or increase."""
    tree = parsed(expression, panel)
    counted = re.compile(r"_(total|sum|count|bucket)$")
    for node, parent in nodes(tree):
        if isinstance(node, promql.VectorSelector) and counted.search(node.name or ""):
            assert isinstance(parent, promql.MatrixSelector)
            within = [re.escape(name) for name in ("rate", "irate", "increase")]
            assert re.search(rf"\b({'|'.join(within)})\({re.escape(node.name)}\{{[^}}]*\}}\[", expression)


def test_every_metric_is_shown_or_alerted_on() -> None:
    """Whatever is exported is on the dashboard, in a rule, or on the list of exceptions with a reason."""
    read = {name for _, e, panel in ALL for s, _ in selectors(parsed(e, panel)) for name in names(s)}
    rules = " ".join(rule["expr"] for group in RULES["groups"] for rule in group["rules"])
    read |= set(re.findall(r"[a-zA-Z_:][\w:]*", rules))
    unread = {m.name for m in catalogue() if not read & {m.name, f"{m.name}_sum", f"{m.name}_count"}}
    assert unread == set(NOT_SHOWN)


def test_every_recorded_series_is_read() -> None:
    """No rule records what neither the dashboard nor another rule reads."""
    read = {name for _, e, panel in ALL for s, _ in selectors(parsed(e, panel)) for name in names(s)}
    others = " ".join(rule["expr"] for group in RULES["groups"] for rule in group["rules"])
    assert {name for name in RECORDED if name not in read and name not in others} == set()


def test_variables_are_chained_and_follow_the_time() -> None:
    """Data source first; the others multiple, with All as .+, refreshed when the time range changes."""
    datasource, *labels = BOARD["templating"]["list"]
    assert (datasource["type"], datasource["query"]) == ("datasource", "prometheus")
    assert (datasource["name"], datasource["label"]) == ("datasource", "Data source")
    assert [(v["name"], v["label"]) for v in labels] == [
        ("job", "Job"), ("instance", "Instance"), ("provider", "Provider"), ("pool", "Pool"),
    ]  # fmt: skip
    earlier: list[str] = []
    for variable in labels:
        assert variable["type"] == "query"
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".+")
        assert variable["refresh"] == 2
        assert re.findall(r"\$(\w+)", variable["query"]["query"]) == earlier
        earlier.append(variable["name"])


def test_everything_uses_the_chosen_data_source() -> None:
    """Panels, targets, annotations and variables all ask the data source that the variable names."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    users = [*board.panels(BOARD), *(target for _, target in board.targets(BOARD))]
    users += [*BOARD["annotations"]["list"], *BOARD["templating"]["list"][1:]]
    assert [user for user in users if user["datasource"] != chosen] == []
