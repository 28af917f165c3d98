"""The catalogue of metrics: every name, type, label and help text; nothing else names a metric.

The names are an interface: dashboards, alert rules and users' queries hang on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The exposition types that this exporter uses."""

    GAUGE = "gauge"
    COUNTER = "counter"
    SUMMARY = "summary"


class Group(StrEnum):
    """Where a metric's value comes from; the headings of the metrics reference."""

    VENDOR = "From the vendors"
    OBSERVED = "Observed between two readings"
    CONFIGURATION = "From the configuration"
    PROVIDER = "About each provider"
    EXPORTER = "About the exporter"


@dataclass(frozen=True, eq=False)
class Metric:
    """One metric family as users see it; a counter's name ends in ``_total``."""

    name: str
    kind: Kind
    group: Group
    labels: tuple[str, ...]
    help: str


_PROVIDER = ("provider",)
_POOL = ("provider", "pool")
_AGE = "May be as old as the provider's refresh interval."

BALANCE = Metric(
    "credits_balance", Kind.GAUGE, Group.VENDOR, _POOL,
    f"What can be spent from this pool, in the pool's unit. {_AGE}",
)
BALANCE_BY_SOURCE = Metric(
    "credits_balance_by_source", Kind.GAUGE, Group.VENDOR, ("provider", "pool", "source"),
    f"The same balance split by how it was granted. {_AGE}",
)
RESERVED = Metric(
    "credits_reserved", Kind.GAUGE, Group.VENDOR, _POOL,
    f"Credits held for running jobs. {_AGE}",
)
FROZEN = Metric(
    "credits_frozen", Kind.GAUGE, Group.VENDOR, _POOL,
    f"Credits blocked by the vendor. {_AGE}",
)
USED = Metric(
    "credits_used", Kind.GAUGE, Group.VENDOR, _POOL,
    f"The vendor's own figure of what was consumed so far. {_AGE}",
)
POOL_INFO = Metric(
    "credits_pool_info", Kind.GAUGE, Group.VENDOR, ("provider", "pool", "unit"),
    "Always 1; the unit is credits or an ISO 4217 currency code.",
)
ACCOUNT_FROZEN = Metric(
    "credits_account_frozen", Kind.GAUGE, Group.VENDOR, _PROVIDER,
    f"1 if the vendor froze the account, 0 if it says that it did not. {_AGE}",
)
DAILY_LIMIT_REMAINING = Metric(
    "daily_limit_remaining", Kind.GAUGE, Group.VENDOR, _PROVIDER,
    f"Requests left today. {_AGE}",
)
DAILY_LIMIT_RESET = Metric(
    "daily_limit_reset_timestamp_seconds", Kind.GAUGE, Group.VENDOR, _PROVIDER,
    "When the daily limit resets, as a Unix timestamp.",
)
UPSTREAM_TTP = Metric(
    "upstream_ttp_seconds", Kind.GAUGE, Group.VENDOR, _PROVIDER,
    f"Processing time of the balance request as the vendor reports it. {_AGE}",
)
CONSUMED = Metric(
    "credits_consumed_total", Kind.COUNTER, Group.OBSERVED, _POOL,
    "Credits consumed, from falls of the balance between two readings.",
)
ADDED = Metric(
    "credits_added_total", Kind.COUNTER, Group.OBSERVED, _POOL,
    "Credits added, from confirmed rises of the balance between two readings.",
)
TOPUPS = Metric(
    "credits_topups_total", Kind.COUNTER, Group.OBSERVED, _POOL,
    "Top-ups seen: confirmed rises of the balance.",
)
LAST_TOPUP = Metric(
    "credits_last_topup_timestamp_seconds", Kind.GAUGE, Group.OBSERVED, _POOL,
    "When the last top-up was first seen, as a Unix timestamp; only after one was seen.",
)
THRESHOLD = Metric(
    "credits_threshold", Kind.GAUGE, Group.CONFIGURATION, ("provider", "pool", "severity"),
    "Configured balance below which the pool is low, for every pool seen.",
)
RUNWAY_THRESHOLD = Metric(
    "credits_runway_threshold_seconds", Kind.GAUGE, Group.CONFIGURATION, ("provider", "severity"),
    "Configured time to exhaustion below which a pool is running short: how long a top-up takes.",
)
REFRESH_INTERVAL = Metric(
    "credits_provider_refresh_interval_seconds", Kind.GAUGE, Group.CONFIGURATION, _PROVIDER,
    "Configured lowest time between two calls of this account.",
)
PROVIDER_INFO = Metric(
    "credits_provider_info", Kind.GAUGE, Group.CONFIGURATION, ("provider", "provider_type", "topup_url"),
    "Always 1; the provider's type and where its credits are bought.",
)
UP = Metric(
    "credits_provider_up", Kind.GAUGE, Group.PROVIDER, _PROVIDER,
    "1 if the most recent call succeeded, else 0.",
)
ERROR = Metric(
    "credits_provider_error", Kind.GAUGE, Group.PROVIDER, ("provider", "reason"),
    "Always 1, only while the provider fails: why.",
)
FAILURES = Metric(
    "credits_provider_failures_total", Kind.COUNTER, Group.PROVIDER, _PROVIDER,
    "Failed calls.",
)
ERRORS = Metric(
    "credits_provider_errors_total", Kind.COUNTER, Group.PROVIDER, ("provider", "reason"),
    "Failed calls by reason, from a reason's first occurrence.",
)
FETCH_DURATION = Metric(
    "credits_provider_fetch_duration_seconds", Kind.SUMMARY, Group.PROVIDER, _PROVIDER,
    "How long the vendor calls took, failed ones included.",
)
LAST_SUCCESS = Metric(
    "credits_provider_last_success_timestamp_seconds", Kind.GAUGE, Group.PROVIDER, _PROVIDER,
    "When the last successful call ended, as a Unix timestamp; only after one.",
)
NEXT_FETCH = Metric(
    "credits_provider_next_fetch_timestamp_seconds", Kind.GAUGE, Group.PROVIDER, _PROVIDER,
    "Earliest next call, back-off included, as a Unix timestamp.",
)
BUILD_INFO = Metric(
    "credits_exporter_build_info", Kind.GAUGE, Group.EXPORTER, ("version", "python_version"),
    "Always 1; versions of the exporter and of Python.",
)
RELOAD_SUCCESSFUL = Metric(
    "credits_exporter_config_last_reload_successful", Kind.GAUGE, Group.EXPORTER, (),
    "1 if the last attempt to load the configuration succeeded, else 0.",
)
RELOAD_TIMESTAMP = Metric(
    "credits_exporter_config_last_reload_success_timestamp_seconds", Kind.GAUGE, Group.EXPORTER, (),
    "When the configuration was last loaded successfully, as a Unix timestamp.",
)
SCRAPES = Metric(
    "credits_exporter_scrapes_total", Kind.COUNTER, Group.EXPORTER, (),
    "Scrapes begun.",
)
SCRAPES_IN_FLIGHT = Metric(
    "credits_exporter_scrapes_in_flight", Kind.GAUGE, Group.EXPORTER, (),
    "Scrapes being answered right now, this one included.",
)


def catalogue() -> Iterator[Metric]:
    """Every metric of this module, in the order of the reference."""
    return (value for value in globals().values() if isinstance(value, Metric))
