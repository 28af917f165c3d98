"""Row 4: what is used, against last week, and what was bought."""

from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.builders import timeseries

from exporter import metrics
from grafana import charts, queries, style
from grafana.queries import POOL
from grafana.style import POOL_LEGEND, UNIT_LEGEND, Frame, query
from grafana.tables import Column, Label, Value, table

TITLE = "Consumption"
ID = 400


def panels() -> list[timeseries.Panel | table_builders.Panel]:
    """Return the charts of the row and the table of top-ups."""
    return [_per_hour(), _per_day(), _added_per_day(), _topups()]


def _per_hour() -> timeseries.Panel:
    frame = Frame(
        id=ID + 1,
        title="Consumption per hour, against last week",
        description=(
            "The pace of the last hour of the 25 most urgent pools; dashed is the same time last week. "
            "If a line leaves its dashed one far below, look for a leaked key or a loop, and rotate the "
            "key if nobody knows the traffic."
        ),
        width=24,
        height=9,
    )
    panel = style.lines(frame, style.COUNT, empty="The rules recorded nothing")
    per_second = queries.recorded("credits_consumed:avg1h_rate30m")
    for ref, series, legend in (
        ("A", per_second, UNIT_LEGEND),
        ("B", f"{per_second} offset 1w", f"{POOL_LEGEND} last week ({{{{unit}}}})"),
    ):
        expression = charts.with_unit(f"({charts.shown(series)}) * 3600")
        panel.with_target(query(expression, legend, ref))
    return style.dashed(style.with_currencies(panel), "/ last week/")


def _per_day() -> timeseries.Panel:
    frame = Frame(
        id=ID + 2,
        title="Consumption per day",
        description=(
            "What the 25 most urgent pools used on each of the last 7 days, today's bar so far. Compare "
            "a day with its neighbours, and size the next top-up by the highest."
        ),
        width=8,
        height=9,
    )
    return _per_day_bars(frame, metrics.CONSUMED)


def _added_per_day() -> timeseries.Panel:
    frame = Frame(
        id=ID + 3,
        title="Credits added per day",
        description=(
            "What was added to the 25 most urgent pools on each of the last 7 days, today's bar so far. "
            "A top-up that you paid for and that is not here has not arrived: ask the vendor."
        ),
        width=8,
        height=9,
    )
    return _per_day_bars(frame, metrics.ADDED)


def _per_day_bars(frame: Frame, metric: metrics.Metric) -> timeseries.Panel:
    panel = style.bars(frame, style.COUNT, interval=style.DAY_INTERVAL, empty="No pool was read")
    panel.time_from("7d").min(0)
    panel.with_target(query(charts.per_day(metric), UNIT_LEGEND))
    return style.with_currencies(panel)


def _topups() -> table_builders.Panel:
    frame = Frame(
        id=ID + 4,
        title="Top-ups in the time range",
        description=(
            "How often and by how much each pool was topped up within the dashboard's time range. Many "
            "small top-ups cost more attention than one large one: raise the amount, or ask for "
            "automatic ones."
        ),
        width=8,
        height=9,
    )
    unit = f"max by ({POOL}, unit) (topk by ({POOL}) (1, {queries.of_pool(metrics.POOL_INFO)}))"
    columns: list[Column] = [
        Label("provider", "Provider"),
        Label("pool", "Pool"),
        Value("B", "Top-ups", queries.in_range(metrics.TOPUPS), style.COUNT, decimals=0),
        Value("C", "Added", queries.in_range(metrics.ADDED), style.COUNT),
        Label("unit", "Unit"),
    ]
    panel = table(frame, unit, columns, sort=("Added", True), unit=style.COUNT)
    return panel.no_value("No pool has been read yet")
