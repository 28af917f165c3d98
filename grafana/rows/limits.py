"""Row 5: limits that a vendor resets every day."""

from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import common

from exporter import metrics
from grafana import queries, style
from grafana.queries import PROVIDER
from grafana.style import GREEN, Frame, query, set_to
from grafana.tables import Column, Label, Value, table

TITLE = "Daily limits"
ID = 500
NONE = "No vendor reported a daily limit"


def panels() -> list[timeseries.Panel | table_builders.Panel]:
    """Return the chart and the table."""
    return [_left(), _until_reset()]


def _left() -> timeseries.Panel:
    frame = Frame(
        id=ID + 1,
        title="Requests left today",
        description=(
            "What is left of each provider's daily limit; it jumps up at the reset. If a line reaches 0 "
            "before its jump, spread the work over the day or ask for a higher limit."
        ),
        width=12,
        height=8,
    )
    panel = style.lines(frame, style.COUNT, empty=NONE).min(0)
    return panel.with_target(query(_remaining(), "{{provider}}"))


def _until_reset() -> table_builders.Panel:
    frame = Frame(
        id=ID + 2,
        title="Until the reset",
        description=(
            "What will be left at the reset if the pace of the last hour goes on; red is less than "
            "nothing. If it is red, slow down whatever can wait until the reset."
        ),
        width=12,
        height=8,
    )
    projected = f"{_remaining()} - ({_used_in_last_hour()}) / 3600 * {_time_to_reset()}"
    colored = set_to("custom.cellOptions", common.TableColorTextCellOptions())
    columns: list[Column] = [
        Label("provider", "Provider"),
        Value("B", "Left", _remaining(), style.COUNT),
        Value("C", "Used in the last hour", _used_in_last_hour(), style.COUNT),
        Value("D", "Resets in", _time_to_reset(), style.SECONDS, missing="not said", decimals=1),
        Value(
            "E",
            "Left at the reset",
            projected,
            style.COUNT,
            thresholds=style.steps(low_is_bad=True, bounds=[(0, GREEN)]),
            properties=[colored],
        ),
    ]
    panel = table(frame, _remaining(), columns, sort=("Left at the reset", False), unit=style.COUNT)
    return panel.no_value(NONE)


def _remaining() -> str:
    return queries.per_provider(metrics.DAILY_LIMIT_REMAINING, "min")


def _used_in_last_hour() -> str:
    """Return what has gone since the hour's highest value: the reset is a jump up, no consumption."""
    highest = f"max_over_time({queries.of_provider(metrics.DAILY_LIMIT_REMAINING)}[1h])"
    return f"max by ({PROVIDER}) ({highest}) - {_remaining()}"


def _time_to_reset() -> str:
    return f"clamp_min({queries.per_provider(metrics.DAILY_LIMIT_RESET)} - time(), 0)"
