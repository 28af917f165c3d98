"""Row 1, the answer first: what is about to run out, and whether the figures can be believed."""

from grafana_foundation_sdk.builders import stat

from exporter import metrics
from grafana import charts, queries, style
from grafana.style import GREEN, ORANGE, POOL_LEGEND, RED, Frame, instant

TITLE = "The answer"
ID = 100
DAY = 86400.0

ALERTS_PAGE = "/alerting/list?search=Credits"


def panels() -> list[stat.Panel]:
    """Return the six numbers."""
    return [
        _shortest_runway(),
        _under_critical(),
        _firing(),
        _providers_down(),
        _oldest_data(),
        _spend(),
    ]


def _frame(number: int, title: str, description: str) -> Frame:
    return Frame(id=ID + number, title=title, description=description, width=4, height=5)


def _shortest_runway() -> stat.Panel:
    frame = _frame(
        1,
        "Shortest runway",
        "How long the pool that runs out first will last, at the faster of the last day's and the last "
        "week's pace. Red is under 1 day, orange under 7 days. Top that pool up before the time is "
        "shorter than a top-up takes you.",
    )
    panel = style.stat(frame, style.SECONDS, name=True).decimals(1).no_value("Nothing is used")
    panel.thresholds(style.steps(low_is_bad=True, bounds=[(DAY, ORANGE), (7 * DAY, GREEN)]))
    return panel.with_target(instant(f"bottomk(1, {queries.RUNWAY})", POOL_LEGEND))


def _under_critical() -> stat.Panel:
    frame = _frame(
        2,
        "Pools under critical",
        "Pools whose balance is below their critical threshold. If it is not 0, top up the pools at the "
        "head of the table below.",
    )
    under = f"{queries.BALANCE} < {queries.threshold('critical')}"
    panel = style.stat(frame, style.COUNT)
    panel.thresholds(style.steps(low_is_bad=False, bounds=[(1, RED)]))
    return panel.with_target(instant(queries.count(under), "under critical"))


def _firing() -> stat.Panel:
    frame = _frame(
        3,
        "Firing alerts",
        "Alerts about credits that fire now, silenced ones included. Open the list of alerts and follow "
        "the runbook that each one links.",
    )
    panel = style.stat(frame, style.COUNT, name=True)
    panel.thresholds(style.steps(low_is_bad=False, bounds=[(1, RED)]))
    warning = style.steps(low_is_bad=False, bounds=[(1, ORANGE)])
    panel.override_by_name("warning", [style.set_to("thresholds", warning.build())])
    for ref, severity in (("A", "critical"), ("B", "warning")):
        firing = queries.FIRING.format(severity=severity)
        panel.with_target(instant(queries.count(firing), severity, ref))
    return panel.override_by_regexp(
        "/critical|warning/", [style.set_to("links", [style.link("List of alerts", ALERTS_PAGE)])]
    )


def _providers_down() -> stat.Panel:
    frame = _frame(
        4,
        "Providers down",
        "Providers whose last call failed: their balances are the last good ones, until these are too "
        "old. If it is not 0, open the row Provider health for the reason.",
    )
    panel = style.stat(frame, style.COUNT)
    panel.thresholds(style.steps(low_is_bad=False, bounds=[(1, RED)]))
    return panel.with_target(instant(queries.count(f"{queries.per_provider(metrics.UP)} == 0"), "down"))


def _oldest_data() -> stat.Panel:
    frame = _frame(
        5,
        "Oldest data",
        "The age of the provider figures that were read longest ago. Orange is 30 minutes, twice the "
        "longest default refresh interval; red is 1 hour, when the last balance is dropped by default. "
        "If it keeps growing, look that provider up in the row Provider health.",
    )
    panel = style.stat(frame, style.SECONDS, name=True).decimals(1).no_value("Nothing read yet")
    panel.thresholds(style.steps(low_is_bad=False, bounds=[(1800, ORANGE), (3600, RED)]))
    return panel.with_target(instant(f"topk(1, {queries.DATA_AGE})", "{{provider}}"))


def _spend() -> stat.Panel:
    frame = _frame(
        6,
        "Spend per day",
        "What all pools use per day at the pace of the last day, one figure per unit. If it is far from "
        "what you budgeted, find the pool in the row Consumption.",
    )
    panel = style.stat(frame, style.COUNT, name=True).no_value("No recorded series: load the rules")
    panel.thresholds(style.steps(low_is_bad=False, bounds=[]))
    spend = f"sum by (unit) ({charts.with_unit(queries.BURN_PER_DAY)})"
    return style.with_currencies(panel).with_target(instant(spend, "{{unit}}"))
