"""How panels look: units, colours, thresholds, links; and the frame that every panel has."""

from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.builders import stat as stat_builders
from grafana_foundation_sdk.builders import timeseries as timeseries_builders
from grafana_foundation_sdk.models import common, dashboard, units
from grafana_foundation_sdk.models import prometheus as prometheus_models

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

# Grafana's named colours follow the theme, which keeps their contrast on light and dark alike.
GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"

COUNT = units.Short
SECONDS = units.Seconds
RATIO = units.PercentUnit
DATE = units.DatetimeISO

CURRENCIES = {
    "EUR": units.Euro,
    "USD": units.Dollars,
    "GBP": units.Pounds,
    "JPY": units.Yen,
    "CHF": units.SwissFranc,
    "INR": units.IndianRupee,
    # Grafana has no unit of its own for the yuan; its custom currency unit puts the symbol in front.
    "CNY": "currency:CN¥ ",
}
"""Grafana's unit of each currency; any other one is shown as a plain number with its code in the legend."""

POINTS = 200
"""Points of a line: one an hour over a week, one in five minutes over a day."""

DAY_INTERVAL = "1d"
FAILURES_INTERVAL = "20m"
"""Long enough that each failed call is in one bar, not in several that overlap."""

POOL_LEGEND = "{{provider}} / {{pool}}"
UNIT_LEGEND = "{{provider}} / {{pool}} ({{unit}})"


@dataclass(frozen=True)
class Frame:
    """What every panel has: an id that lasts (alerts link to it), a title, a description and a size."""

    id: int
    title: str
    description: str
    width: int
    height: int


class _Panel(Protocol):
    """The part that all panel builders share."""

    def id(self, id_val: int) -> Self: ...
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: common.DataSourceRef) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...


class _Overridable(Protocol):
    """A panel builder whose fields take overrides."""

    def override_by_regexp(self, regexp: str, properties: list[dashboard.DynamicConfigValue]) -> Self: ...


P = TypeVar("P", bound=_Panel)
O = TypeVar("O", bound=_Overridable)  # noqa: E741 - a panel that takes Overrides


def framed(panel: P, frame: Frame) -> P:
    """Give a panel its id, words and size."""
    panel.id(frame.id).title(frame.title).description(frame.description)
    return panel.datasource(DATASOURCE).span(frame.width).height(frame.height)


def query(expression: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Build a range query."""
    return _query(expression, ref).range().legend_format(legend)


def instant(expression: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Build an instant query."""
    return _query(expression, ref).instant().legend_format(legend)


def _query(expression: str, ref: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().datasource(DATASOURCE).expr(expression).ref_id(ref)
    return query.editor_mode(prometheus_models.QueryEditorMode.CODE)


def steps(*, low_is_bad: bool, bounds: list[tuple[float, str]]) -> dashboard_builders.ThresholdsConfig:
    """Build thresholds: below the first bound is red where low is bad, green where high is bad."""
    base = dashboard.Threshold(value=None, color=RED if low_is_bad else GREEN)
    rest = [dashboard.Threshold(value=value, color=color) for value, color in bounds]
    config = dashboard_builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE)
    return config.steps([base, *rest])


def text(values: dict[str, tuple[str, str]]) -> dashboard.ValueMapping:
    """Map values to a word and a colour, so that colour alone never carries the meaning."""
    results = {
        value: dashboard.ValueMappingResult(text=word, color=color, index=index)
        for index, (value, (word, color)) in enumerate(values.items())
    }
    return dashboard.ValueMap(options=results)


def shown_as(word: str) -> dashboard.ValueMapping:
    """Show a web address as a word; its link keeps the address."""
    result = dashboard.ValueMappingResult(text=word, index=0)
    options = dashboard.DashboardRegexMapOptions(pattern="^https?://.*$", result=result)
    return dashboard.RegexMap(options=options)


def with_currencies(panel: O) -> O:
    """Show series whose legend names a currency in that currency's unit."""
    for code, unit in CURRENCIES.items():
        panel.override_by_regexp(rf"/\b{code}\b/", [set_to("unit", unit)])
    return panel


def dashed(panel: O, regexp: str, color: str | None = None) -> O:
    """Draw the series that match as thin dashed lines, in one colour if given."""
    properties = [
        set_to("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
        set_to("custom.lineWidth", 1),
        set_to("custom.fillOpacity", 0),
    ]
    if color is not None:
        properties.append(set_to("color", {"mode": "fixed", "fixedColor": color}))
    return panel.override_by_regexp(regexp, properties)


def set_to(option: str, value: object) -> dashboard.DynamicConfigValue:
    """Build one property of an override."""
    return dashboard.DynamicConfigValue(id_val=option, value=value)


def link(title: str, url: str, *, blank: bool = False) -> dict[str, object]:
    """Build a link on a value, as an override holds it."""
    return {"title": title, "url": url, "targetBlank": blank}


def stat(frame: Frame, unit: str, *, name: bool = False) -> stat_builders.Panel:
    """Build a panel of one number (or one per series), with the series' name if asked."""
    panel = framed(stat_builders.Panel(), frame).unit(unit)
    panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel.color_mode(common.BigValueColorMode.VALUE).graph_mode(common.BigValueGraphMode.NONE)
    shown = common.BigValueTextMode.VALUE_AND_NAME if name else common.BigValueTextMode.VALUE
    return panel.text_mode(shown)


def lines(frame: Frame, unit: str, *, empty: str) -> timeseries_builders.Panel:
    """Build a chart of lines.

    Colours go by the series' name, so a pool looks the same in every chart. The number of points is
    bounded, or weeks would take long. Grafana asks for moments
    that are multiples of the distance between two points, so a series younger than that has no point yet:
    ``empty`` says why else there may be none.
    """
    panel = framed(timeseries_builders.Panel(), frame).unit(unit).max_data_points(POINTS)
    panel.no_value(f"{empty}, or too recently for this time range")
    panel.color_scheme(
        dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
    )
    panel.legend(
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "min", "max"])
    )
    panel.tooltip(
        common_builders.VizTooltipOptions()
        .mode(common.TooltipDisplayMode.MULTI)
        .sort(common.SortOrder.DESCENDING)
    )
    panel.line_width(2).fill_opacity(0).show_points(common.VisibilityMode.NEVER)
    return panel.span_nulls(False)


def bars(frame: Frame, unit: str, *, interval: str, empty: str) -> timeseries_builders.Panel:
    """Build a chart of bars, one per interval."""
    panel = lines(frame, unit, empty=empty).interval(interval)
    panel.draw_style(common.GraphDrawStyle.BARS).bar_alignment(common.BarAlignment.AFTER)
    return panel.fill_opacity(60).line_width(1)
