"""Row 2: every pool in one line, the most urgent first."""

from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from exporter import metrics
from grafana import queries, style
from grafana.queries import POOL
from grafana.style import GREEN, ORANGE, RED, Frame, set_to
from grafana.tables import Column, Label, Value, table

TITLE = "Pools"
ID = 200
DAY = 86400.0

SAME_TIME_AND_SOURCE = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"
THIS_POOL = (
    "/d/credits?var-provider=${__data.fields.Provider:percentencode}"
    f"&var-pool=${{__data.fields.Pool:percentencode}}&{SAME_TIME_AND_SOURCE}"
)


def panels() -> list[table_builders.Panel]:
    """Return the table."""
    frame = Frame(
        id=ID + 1,
        title="Pools",
        description=(
            "Every pool seen in the last two days; the bar fills as the balance nears twice the first "
            "threshold, and is red below it. Runway and date follow the faster of the last day's and "
            "the last week's pace. Top up from the head of the list: the last column leads to the "
            "vendor."
        ),
        width=24,
        height=11,
    )
    panel = table(frame, _identity(), _columns(), sort=("Of threshold", False), unit=style.COUNT)
    return [panel.no_value("No pool has been read yet")]


def _identity() -> str:
    """Return one series per pool of a provider that is still configured, with unit and top-up link."""
    provider = f"topk by ({queries.PROVIDER}) (1, {queries.of_provider(metrics.PROVIDER_INFO)})"
    unit = f"topk by ({POOL}) (1, {queries.RECENT_POOLS})"
    return (
        f"max by ({POOL}, unit, topup_url) "
        f"({unit} * on ({queries.PROVIDER}) group_left (topup_url) {provider})"
    )


def _data_age() -> str:
    pools = f"max by ({POOL}) ({queries.RECENT_POOLS})"
    return f"({queries.DATA_AGE}) * on ({queries.PROVIDER}) group_right () {pools}"


def _columns() -> list[Column]:
    this_pool = set_to("links", [style.link("Only this pool", THIS_POOL)])
    buy = style.link("Buy credits", "${__value.raw}", blank=True)
    return [
        Label("provider", "Provider", [this_pool]),
        Label("pool", "Pool", [this_pool]),
        Value("B", "Balance", queries.BALANCE, style.COUNT, missing="unknown"),
        Label("unit", "Unit"),
        Value("C", "Threshold", queries.FIRST_THRESHOLD, style.COUNT, missing="none set"),
        _of_threshold(),
        Value("E", "Burn per day", queries.BURN_PER_DAY, style.COUNT),
        Value(
            "F",
            "Runway",
            queries.RUNWAY,
            style.SECONDS,
            missing="not used",
            decimals=1,
            thresholds=style.steps(low_is_bad=True, bounds=[(DAY, ORANGE), (7 * DAY, GREEN)]),
            properties=[_colored_text()],
        ),
        Value("G", "Next 3 days need", queries.NEED_NEXT_3_DAYS, style.COUNT),
        Value("H", "Depletes on", f"(time() + {queries.RUNWAY}) * 1000", style.DATE, missing="not used"),
        Value(
            "I",
            "Last top-up",
            f"max by ({POOL}) ({queries.of_pool(metrics.LAST_TOPUP)}) * 1000",
            style.DATE,
            missing="none seen",
        ),
        Value(
            "J",
            "Data age",
            _data_age(),
            style.SECONDS,
            missing="never read",
            decimals=0,
            thresholds=style.steps(low_is_bad=False, bounds=[(1800, ORANGE), (3600, RED)]),
            properties=[_colored_text()],
        ),
        Label(
            "topup_url",
            "Top up",
            [set_to("links", [buy]), set_to("mappings", [style.shown_as("Buy credits")])],
        ),
    ]


def _of_threshold() -> Value:
    bar = common.TableBarGaugeCellOptions(
        mode=common.BarGaugeDisplayMode.BASIC, value_display_mode=common.BarGaugeValueMode.COLOR
    )
    return Value(
        "D",
        "Of threshold",
        f"{queries.BALANCE} / {queries.FIRST_THRESHOLD}",
        style.RATIO,
        decimals=0,
        thresholds=style.steps(low_is_bad=True, bounds=[(1, GREEN)]),
        properties=[set_to("custom.cellOptions", bar), set_to("min", 0), set_to("max", 2)],
    )


def _colored_text() -> DynamicConfigValue:
    return set_to("custom.cellOptions", common.TableColorTextCellOptions())
