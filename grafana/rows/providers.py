"""Row 6, collapsed: whether the vendors answer, how fast, and why not."""

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import statetimeline, timeseries
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.models import common

from exporter import metrics
from grafana import queries, style
from grafana.queries import PROVIDER
from grafana.style import GREEN, ORANGE, RED, Frame, framed, query, set_to
from grafana.tables import Column, Hidden, Label, Value, table

TITLE = "Provider health"
ID = 600



def panels() -> list[statetimeline.Panel | timeseries.Panel | table_builders.Panel]:
    """Return the row's panels."""
    return [_timeline(), _latency(), _errors(), _calls()]


def _timeline() -> statetimeline.Panel:
    frame = Frame(
        id=ID + 1,
        title="Providers up and down",
        description=(
            "Whether each provider's most recent call succeeded. For a red stretch, look at the errors "
            "below and follow the remedy on the exporter's status page."
        ),
        width=24,
        height=8,
    )
    panel = framed(statetimeline.Panel(), frame).unit(style.COUNT).max_data_points(style.POINTS)
    panel.mappings([style.text({"1": ("up", GREEN), "0": ("down", RED)})])
    panel.thresholds(style.steps(low_is_bad=True, bounds=[(1, GREEN)]))
    panel.show_value(common.VisibilityMode.NEVER).merge_values(True).line_width(0).fill_opacity(80)
    panel.legend(
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    panel.no_value("No vendor was called, or too recently for this time range")
    return panel.with_target(query(queries.per_provider(metrics.UP), "{{provider}}"))


def _latency() -> timeseries.Panel:
    frame = Frame(
        id=ID + 2,
        title="Time per vendor call",
        description=(
            "How long our calls took on average, the way there and back included; dashed is the "
            "processing time that the vendor itself reports. If only our line rose, look at the network "
            "in between; if both did, ask the vendor."
        ),
        width=12,
        height=9,
    )
    panel = style.lines(frame, style.SECONDS, empty="No vendor was called").min(0)
    total, calls = (
        f"sum by ({PROVIDER}) (rate({queries.of_provider(metrics.FETCH_DURATION, suffix)}[$__rate_interval]))"
        for suffix in ("_sum", "_count")
    )
    # Providers are asked less often than scraped: no calls, no point, and the line goes on at the next.
    panel.with_target(query(f"{total} / ({calls} > 0)", "{{provider}} measured"))
    reported = queries.per_provider(metrics.UPSTREAM_TTP)
    panel.with_target(query(reported, "{{provider}} reported by the vendor", "B"))
    return style.dashed(panel, "/ reported by the vendor$/").span_nulls(True)


def _errors() -> timeseries.Panel:
    frame = Frame(
        id=ID + 3,
        title="Failed calls by reason",
        description=(
            "Vendor calls that failed, by provider and reason. unauthorized and forbidden want a new "
            "key, rate_limited a longer refresh_interval; for the others read the exporter's log."
        ),
        width=12,
        height=9,
    )
    errors = queries.of_provider(metrics.ERRORS)
    none = 'label_replace(vector(0), "reason", "no failed calls", "", "")'
    expression = f"sum by ({PROVIDER}, reason) (increase({errors}[$__rate_interval])) or on () {none}"
    interval = style.FAILURES_INTERVAL
    panel = style.bars(frame, style.COUNT, interval=interval, empty="No vendor was called")
    return panel.min(0).with_target(query(expression, "{{provider}} {{reason}}"))


def _calls() -> table_builders.Panel:
    frame = Frame(
        id=ID + 4,
        title="Calls",
        description=(
            "Each provider's present error, its share of failed calls in the dashboard's time range, "
            "and when it is asked next, back-off included. After you fixed a key, reload the exporter: "
            "that clears the back-off."
        ),
        width=24,
        height=9,
    )
    info = f"topk by ({PROVIDER}) (1, {queries.of_provider(metrics.PROVIDER_INFO)})"
    identity = f"max by ({PROVIDER}, provider_type) ({info})"
    panel = table(frame, identity, _call_columns(), sort=("Failed", True), unit=style.COUNT)
    return panel.no_value("No provider is configured")


def _call_columns() -> list[Column]:
    colored = set_to("custom.cellOptions", common.TableColorTextCellOptions())
    up_or_down = style.text({"1": ("up", GREEN), "0": ("down", RED)})
    frozen = style.text({"0": ("no", GREEN), "1": ("frozen", RED)})
    low_is_bad = style.steps(low_is_bad=True, bounds=[(1, GREEN)])
    high_is_bad = style.steps(low_is_bad=False, bounds=[(1, RED)])
    last_success = queries.per_provider(metrics.LAST_SUCCESS)
    next_call = queries.per_provider(metrics.NEXT_FETCH, "min")
    return [
        Label("provider", "Provider"),
        Label("provider_type", "Type"),
        Value(
            "B",
            "State",
            queries.per_provider(metrics.UP),
            style.COUNT,
            thresholds=low_is_bad,
            properties=[colored, set_to("mappings", [up_or_down])],
        ),
        Label("reason", "Error"),
        Hidden("C", _current_error()),
        Value(
            "D",
            "Failed",
            _failed_share(),
            style.RATIO,
            decimals=1,
            thresholds=style.steps(low_is_bad=False, bounds=[(0.01, ORANGE), (0.5, RED)]),
            properties=[colored],
        ),
        Value(
            "E",
            "Account frozen",
            queries.per_provider(metrics.ACCOUNT_FROZEN),
            style.COUNT,
            missing="not said",
            thresholds=high_is_bad,
            properties=[colored, set_to("mappings", [frozen])],
        ),
        Value("F", "Last success", f"{last_success} * 1000", style.DATE, missing="never"),
        Value("G", "Next call", f"{next_call} * 1000", style.DATE),
        Value("H", "Refresh interval", queries.per_provider(metrics.REFRESH_INTERVAL), style.SECONDS),
    ]


def _failed_share() -> str:
    failed = f"increase({queries.of_provider(metrics.FAILURES)}[$__range])"
    made = f"increase({queries.of_provider(metrics.FETCH_DURATION, '_count')}[$__range])"
    return f"sum by ({PROVIDER}) ({failed}) / (sum by ({PROVIDER}) ({made}) > 0)"


def _current_error() -> str:
    """Return each provider's present reason as a label, ``none`` while all is well."""
    error = f"topk by ({PROVIDER}) (1, {queries.of_provider(metrics.ERROR)})"
    none = f'label_replace({queries.per_provider(metrics.UP)}, "reason", "none", "", "")'
    return f"max by ({PROVIDER}, reason) ({error} or on ({PROVIDER}) {none})"
