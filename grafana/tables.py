"""Tables: one instant query per column, merged on the labels that the queries share."""

from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.models import dashboard, prometheus

from grafana.style import Frame, framed, instant, set_to


@dataclass(frozen=True)
class Label:
    """A column that shows a label of the queries."""

    label: str
    title: str
    properties: list[dashboard.DynamicConfigValue] = field(default_factory=list)


@dataclass(frozen=True)
class Value:
    """A column that shows the value of a query of its own; ``missing`` is what an empty cell says."""

    ref: str
    title: str
    expression: str
    unit: str
    missing: str = "—"
    decimals: int | None = None
    thresholds: dashboard_builders.ThresholdsConfig | None = None
    properties: list[dashboard.DynamicConfigValue] = field(default_factory=list)


@dataclass(frozen=True)
class Hidden:
    """A query that only brings labels for other columns."""

    ref: str
    expression: str


Column = Label | Value | Hidden


def table(
    frame: Frame, identity: str, columns: list[Column], *, sort: tuple[str, bool], unit: str
) -> table_builders.Panel:
    """Build a table whose columns stand in the order given.

    ``identity`` returns one series per row; its value is hidden. ``sort`` is a column's title and
    whether its largest value comes first.
    """
    panel = framed(table_builders.Panel(), frame).unit(unit)
    for column in [Hidden("A", identity), *columns]:
        if not isinstance(column, Label):
            target = instant(column.expression, ref=column.ref)
            panel.with_target(target.format(prometheus.PromQueryFormat.TABLE))
        if not isinstance(column, Hidden):
            panel.override_by_name(column.title, _properties(column))
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=_organize(columns)))
    title, descending = sort
    panel.sort_by([common_builders.TableSortByFieldState().display_name(title).desc(descending)])
    return panel.filterable(True)


def _organize(columns: list[Column]) -> dict[str, object]:
    hidden = ["Time", "job", _value("A")]
    hidden += [_value(column.ref) for column in columns if isinstance(column, Hidden)]
    shown = [column for column in columns if not isinstance(column, Hidden)]
    names = [column.label if isinstance(column, Label) else _value(column.ref) for column in shown]
    return {
        "excludeByName": dict.fromkeys(hidden, True),
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": {name: column.title for name, column in zip(names, shown, strict=True)},
    }


def _value(ref: str) -> str:
    """Return the name that Grafana gives to a query's value where there are several queries."""
    return f"Value #{ref}"


def _properties(column: Label | Value) -> list[dashboard.DynamicConfigValue]:
    if isinstance(column, Label):
        return column.properties
    properties = [set_to("unit", column.unit), set_to("noValue", column.missing)]
    if column.decimals is not None:
        properties.append(set_to("decimals", column.decimals))
    if column.thresholds is not None:
        properties.append(set_to("thresholds", column.thresholds.build()))
    return properties + column.properties
