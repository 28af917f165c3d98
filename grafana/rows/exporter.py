"""Row 7, collapsed: the exporter itself."""

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import common, units

from exporter import metrics
from grafana import queries, style
from grafana.style import GREEN, RED, Frame, instant, query

TITLE = "Exporter"
ID = 700
GONE = "No exporter was scraped"


def panels() -> list[stat.Panel | timeseries.Panel]:
    """Return the row's panels."""
    return [
        _up(),
        _build(),
        _reload(),
        _reload_age(),
        _memory(),
        _scrape_duration(),
        _series(),
        _scrapes(),
    ]


def _stat_frame(number: int, title: str, description: str) -> Frame:
    return Frame(id=ID + number, title=title, description=description, width=6, height=5)


def _chart_frame(number: int, title: str, description: str) -> Frame:
    return Frame(id=ID + number, title=title, description=description, width=12, height=8)


def _up() -> stat.Panel:
    frame = _stat_frame(
        1,
        "Up",
        "Whether Prometheus could scrape each exporter. If one is down, nobody watches its balances: "
        "look at its process and its log.",
    )
    panel = style.stat(frame, style.COUNT, name=True).no_value(GONE)
    panel.mappings([style.text({"1": ("up", GREEN), "0": ("down", RED)})])
    panel.thresholds(style.steps(low_is_bad=True, bounds=[(1, GREEN)]))
    return panel.with_target(instant(queries.of_own_target("up"), "{{instance}}"))


def _build() -> stat.Panel:
    frame = _stat_frame(
        2,
        "Build",
        "The version of each exporter and of its Python. If replicas differ for longer than a roll-out "
        "takes, finish the roll-out.",
    )
    panel = style.stat(frame, style.COUNT).no_value(GONE).text_mode(common.BigValueTextMode.NAME)
    panel.color_mode(common.BigValueColorMode.NONE)
    info = f"max by (version, python_version) ({queries.of_exporter(metrics.BUILD_INFO.name)})"
    return panel.with_target(instant(info, "{{version}}, Python {{python_version}}"))


def _reload() -> stat.Panel:
    frame = _stat_frame(
        3,
        "Last reload",
        "Whether the configuration was valid when it was last loaded. If it failed, the old one still "
        "runs: run credits-exporter check, which names the line.",
    )
    panel = style.stat(frame, style.COUNT, name=True).no_value(GONE)
    panel.mappings([style.text({"1": ("succeeded", GREEN), "0": ("failed", RED)})])
    panel.thresholds(style.steps(low_is_bad=True, bounds=[(1, GREEN)]))
    return panel.with_target(instant(queries.of_exporter(metrics.RELOAD_SUCCESSFUL.name), "{{instance}}"))


def _reload_age() -> stat.Panel:
    frame = _stat_frame(
        4,
        "Configuration loaded",
        "How long ago the running configuration was loaded. If you changed it since, reload the exporter.",
    )
    panel = style.stat(frame, style.SECONDS, name=True).decimals(1).no_value(GONE)
    panel.color_mode(common.BigValueColorMode.NONE)
    age = f"time() - {queries.of_exporter(metrics.RELOAD_TIMESTAMP.name)}"
    return panel.with_target(instant(age, "{{instance}}"))


def _memory() -> timeseries.Panel:
    frame = _chart_frame(
        5,
        "Memory",
        "The resident memory of each exporter. If it keeps growing, restart it and report the version "
        "and the number of providers.",
    )
    panel = style.lines(frame, units.BytesIEC, empty=GONE).min(0)
    return panel.with_target(query(queries.of_own_target("process_resident_memory_bytes"), "{{instance}}"))


def _scrape_duration() -> timeseries.Panel:
    frame = _chart_frame(
        6,
        "Scrape duration",
        "How long each scrape took, calls of providers that were due included. If it nears the scrape "
        "timeout, find the slow vendor in the row above and lower its timeout.",
    )
    panel = style.lines(frame, style.SECONDS, empty=GONE).min(0)
    return panel.with_target(query(queries.of_own_target("scrape_duration_seconds"), "{{instance}}"))


def _series() -> timeseries.Panel:
    frame = _chart_frame(
        7,
        "Series",
        "How many series each scrape returned. A fall means that a provider or a pool has gone: compare "
        "the table of pools with the configuration.",
    )
    panel = style.lines(frame, style.COUNT, empty=GONE).min(0)
    return panel.with_target(query(queries.of_own_target("scrape_samples_scraped"), "{{instance}}"))


def _scrapes() -> timeseries.Panel:
    frame = _chart_frame(
        8,
        "Scrapes",
        "Scrapes per second, and how many are being answered at once (on the right). If many are in "
        "flight, scrapers wait for slow vendors: see the scrape duration.",
    )
    panel = style.lines(frame, units.RequestsPerSecond, empty=GONE).min(0)
    rate = f"rate({queries.of_exporter(metrics.SCRAPES.name)}[$__rate_interval])"
    panel.with_target(query(rate, "{{instance}}"))
    in_flight = queries.of_exporter(metrics.SCRAPES_IN_FLIGHT.name)
    panel.with_target(query(in_flight, "{{instance}} in flight", "B"))
    right = [style.set_to("unit", style.COUNT), style.set_to("custom.axisPlacement", "right")]
    return style.dashed(panel.override_by_regexp("/ in flight$/", right), "/ in flight$/")
