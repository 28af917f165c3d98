"""What an expression reads, and which labels its result carries: as much PromQL as the rules' checks need."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorMatchCardinality,
    VectorSelector,
)

from alerts.generate import groups
from exporter.metrics import Kind, catalogue

COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
TARGET = frozenset({"job", "instance"})


@cache
def exported() -> dict[str, Kind]:
    """Return every series name that the catalogue yields, with the type that decides which functions fit."""
    series: dict[str, Kind] = {}
    for metric in catalogue():
        if metric.kind is Kind.SUMMARY:
            series |= {f"{metric.name}_sum": Kind.COUNTER, f"{metric.name}_count": Kind.COUNTER}
        else:
            series[metric.name] = metric.kind
    return series


@cache
def series_labels() -> dict[str, frozenset[str]]:
    """Return the labels of every series that a rule may read: exported, recorded, and ``up``."""
    found = {"up": TARGET}
    for metric in catalogue():
        suffixes = ("_sum", "_count") if metric.kind is Kind.SUMMARY else ("",)
        found |= {f"{metric.name}{suffix}": TARGET | frozenset(metric.labels) for suffix in suffixes}
    for group in groups():
        recorded = (rule["record"] for rule in group["rules"] if "record" in rule)
        found |= {name: frozenset({"job", "provider", "pool"}) for name in recorded}
    return found


def children(node: Expr) -> list[Expr]:
    """Return the expressions directly inside one."""
    match node:
        case BinaryExpr():
            return [node.lhs, node.rhs]
        case Call():
            return list(node.args)
        case MatrixSelector():
            return [node.vector_selector]
        case AggregateExpr() | ParenExpr() | SubqueryExpr() | UnaryExpr():
            return [node.expr]
    return []


def walk(node: Expr) -> Iterator[Expr]:
    """Yield an expression and everything inside it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def selectors(node: Expr) -> list[VectorSelector]:
    """Return every selector of an expression."""
    return [found for found in walk(node) if isinstance(found, VectorSelector)]


def filters(node: Expr) -> bool:
    """Say whether an expression can be empty by its values: the mark of an alert's condition."""
    match node:
        case ParenExpr() | AggregateExpr():
            return filters(node.expr)
        case BinaryExpr(op=op):
            if str(op) in COMPARISONS:
                return not (node.modifier and node.modifier.return_bool)
            if str(op) == "or":
                return filters(node.lhs) and filters(node.rhs)
            return filters(node.lhs) or (str(op) == "and" and filters(node.rhs))
    return False


def look_back(node: Expr) -> timedelta:
    """Return how far before its evaluation an expression reads, recorded series taken as they are."""
    own = timedelta()
    if isinstance(node, MatrixSelector | SubqueryExpr):
        own += node.range
    if isinstance(node, VectorSelector | SubqueryExpr) and node.offset:
        own += node.offset
    return own + max((look_back(child) for child in children(node)), default=timedelta())


def labels(node: Expr) -> frozenset[str] | None:
    """Return the labels of an expression's result; None for a scalar.

    Raises:
        ValueError: two sides of an operation can never match, or only by luck.

    """
    match node:
        case VectorSelector():
            return series_labels()[node.name]
        case Call() if node.func.name in {"vector", "absent"}:
            return frozenset(matcher.name for found in selectors(node) for matcher in found.matchers.matchers)
        case AggregateExpr():
            return _aggregated(node)
        case BinaryExpr():
            return _combined(node)
    inner = [found for found in map(labels, children(node)) if found is not None]
    return inner[0] if inner else None


def _aggregated(node: AggregateExpr) -> frozenset[str]:
    inner = labels(node.expr)
    if node.modifier is None or node.modifier.type is not AggModifierType.By:
        raise ValueError(f"aggregate `by` named labels, so that new ones change nothing: {node.prettify()}")
    by = frozenset(node.modifier.labels)
    if inner is None or not by <= inner:
        raise ValueError(f"what is aggregated has no labels {sorted(by - (inner or by))}: {node.prettify()}")
    return by


def _combined(node: BinaryExpr) -> frozenset[str] | None:
    left, right = labels(node.lhs), labels(node.rhs)
    if left is None or right is None:
        return right if left is None else left
    matching = node.modifier.matching if node.modifier else None
    if matching is None:
        if left != right:
            raise ValueError(f"{sorted(left)} never match {sorted(right)}: {node.prettify()}")
        return left
    on = frozenset(matching.labels)
    if matching.type is not LabelModifierType.Include or not on <= left & right:
        raise ValueError(f"match `on` labels that both sides have: {node.prettify()}")
    if str(node.op) in {"and", "unless", "or"}:
        return left if str(node.op) != "or" else left & right
    one = right if node.modifier.card == VectorMatchCardinality.ManyToOne else left
    if one != on:
        raise ValueError(f"the one side of a join must have the labels {sorted(on)} alone: {node.prettify()}")
    return left | right
