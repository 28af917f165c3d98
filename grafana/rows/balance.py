"""Row 3: how balances and runways got where they are."""

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import common

from exporter import metrics
from grafana import charts, queries, style
from grafana.queries import POOL, PROVIDER
from grafana.style import ORANGE, POOL_LEGEND, RED, UNIT_LEGEND, Frame, query

TITLE = "Balance and runway"
ID = 300
BALANCE_PANEL = ID + 1


def panels() -> list[timeseries.Panel]:
    """Return the charts of the row."""
    return [_balance(), _runway(), _by_source()]


def _balance() -> timeseries.Panel:
    frame = Frame(
        id=BALANCE_PANEL,
        title="Balance",
        description=(
            "What can be spent from the 25 most urgent pools; dashed lines are its thresholds, blue "
            "marks its top-ups. If a line nears a dashed one, plan its top-up now."
        ),
        width=24,
        height=10,
    )
    panel = style.lines(frame, style.COUNT, empty="No balance was read")
    balance = f"min by ({POOL}) ({charts.shown(queries.of_pool(metrics.BALANCE))})"
    panel.with_target(query(charts.with_unit(balance), UNIT_LEGEND))
    for ref, severity in (("B", "warning"), ("C", "critical")):
        threshold = f"max by ({POOL}) ({charts.shown(queries.of_severity(severity))})"
        legend = f"{POOL_LEGEND} {severity} threshold ({{{{unit}}}})"
        panel.with_target(query(charts.with_unit(threshold), legend, ref))
    style.with_currencies(panel)
    style.dashed(panel, "/ warning threshold/", ORANGE)
    return style.dashed(panel, "/ critical threshold/", RED)


def _runway() -> timeseries.Panel:
    frame = Frame(
        id=ID + 2,
        title="Runway",
        description=(
            "How long the 25 most urgent pools last at the faster of the last day's and the last week's "
            "pace, on a logarithmic axis; dashed lines are the configured runway thresholds. A pool "
            "under its dashed line runs out before a top-up arrives: order one now."
        ),
        width=12,
        height=9,
    )
    panel = style.lines(frame, style.SECONDS, empty="Nothing was used")
    panel.scale_distribution(common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10))
    panel.with_target(query(f"min by ({POOL}) ({charts.shown(queries.RUNWAYS)})", POOL_LEGEND))
    thresholds = charts.shown_providers(queries.of_provider(metrics.RUNWAY_THRESHOLD))
    expression = f"max by ({PROVIDER}, severity) ({thresholds})"
    panel.with_target(query(expression, "{{provider}} {{severity}} threshold", "B"))
    style.dashed(panel, "/ warning threshold/", ORANGE)
    return style.dashed(panel, "/ critical threshold/", RED)


def _by_source() -> timeseries.Panel:
    frame = Frame(
        id=ID + 3,
        title="Balance by source",
        description=(
            "The balances of the 25 most urgent pools, split by how they were granted, where the vendor "
            "says so; dashed is what the vendor holds for running jobs or has blocked. Granted credits "
            "often expire: check the vendor's terms when a step down is nobody's use."
        ),
        width=12,
        height=9,
    )
    panel = style.lines(frame, style.COUNT, empty="No vendor split its balance or held credits back")
    sources = charts.shown(queries.of_pool(metrics.BALANCE_BY_SOURCE))
    by_source = charts.with_unit(f"min by ({POOL}, source) ({sources})")
    panel.with_target(query(by_source, f"{POOL_LEGEND} {{{{source}}}} ({{{{unit}}}})"))
    for ref, metric, word in (("B", metrics.RESERVED, "reserved"), ("C", metrics.FROZEN, "frozen")):
        held = charts.shown(queries.of_pool(metric))
        expression = charts.with_unit(f"max by ({POOL}) ({held})")
        panel.with_target(query(expression, f"{POOL_LEGEND} held back: {word} ({{{{unit}}}})", ref))
    return style.dashed(style.with_currencies(panel), "/ held back: /")
