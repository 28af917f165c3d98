"""What a person sees, panel by panel: words, units, colours, thresholds, columns, links, legends."""

import itertools
import re
from typing import Any

import pytest
from grafana_foundation_sdk.models import units

from tests.grafana import board

BOARD = board.load()
PANELS = board.panels(BOARD)
EACH = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])

KNOWN_UNITS = {value for name, value in vars(units).items() if isinstance(value, str) and name[0] != "_"}
NAMED_COLOURS = {"green", "orange", "red", "blue"}
DURATIONS = {"s"}

# Panels whose figure is good when high; in all others with red in them, high is bad.
LOW_IS_BAD = {
    "Shortest runway", "Of threshold", "Runway", "Left at the reset", "State", "Providers up and down", "Up",
    "Last reload",
}  # fmt: skip
HIGH_IS_BAD = {
    "Pools under critical", "Firing alerts", "warning", "Providers down", "Oldest data", "Data age", "Failed",
    "Account frozen",
}  # fmt: skip

POOL_COLUMNS = [
    "Provider", "Pool", "Balance", "Unit", "Threshold", "Of threshold", "Burn per day", "Runway",
    "Next 3 days need", "Depletes on", "Last top-up", "Data age", "Top up",
]  # fmt: skip


def by_title(title: str) -> board.Json:
    """Return a panel."""
    return next(panel for panel in PANELS if panel["title"] == title)


def transformation(panel: board.Json, name: str) -> dict[str, Any]:
    """Return the options of a panel's transformation."""
    options: dict[str, Any] = next(t["options"] for t in panel["transformations"] if t["id"] == name)
    return options


def column(panel: board.Json, title: str) -> dict[str, Any]:
    """Return the properties of a table's column."""
    return next(p for matcher, p in board.overrides(panel) if matcher == {"id": "byName", "options": title})


def strings(value: Any) -> list[str]:
    """Return every string within a JSON value."""
    if isinstance(value, dict):
        return [*value, *itertools.chain.from_iterable(map(strings, value.values()))]
    if isinstance(value, list):
        return list(itertools.chain.from_iterable(map(strings, value)))
    return [value] if isinstance(value, str) else []


def test_rows_come_in_the_order_of_the_questions() -> None:
    """The answer comes first; what is only for trouble is collapsed."""
    rows = [(row["title"], row["collapsed"]) for row in BOARD["panels"] if row["type"] == "row"]
    assert rows == [
        ("The answer", False),
        ("Pools", False),
        ("Balance and runway", False),
        ("Consumption", False),
        ("Daily limits", False),
        ("Provider health", True),
        ("Exporter", True),
    ]


def test_ids_are_unique_and_written_down() -> None:
    """No two panels share an id, and none is left to Grafana to choose."""
    ids = [panel.get("id") for panel in [*PANELS, *(p for p in BOARD["panels"] if p["type"] == "row")]]
    assert None not in ids
    assert len(set(ids)) == len(ids)


def test_ids_that_links_hang_on_last() -> None:
    """A viewPanel link in somebody's alert or chat still leads to the same panel."""
    assert {panel["id"]: panel["title"] for panel in PANELS} == {
        101: "Shortest runway",
        102: "Pools under critical",
        103: "Firing alerts",
        104: "Providers down",
        105: "Oldest data",
        106: "Spend per day",
        201: "Pools",
        301: "Balance",
        302: "Runway",
        303: "Balance by source",
        401: "Consumption per hour, against last week",
        402: "Consumption per day",
        403: "Credits added per day",
        404: "Top-ups in the time range",
        501: "Requests left today",
        502: "Until the reset",
        601: "Providers up and down",
        602: "Time per vendor call",
        603: "Failed calls by reason",
        604: "Calls",
        701: "Up",
        702: "Build",
        703: "Last reload",
        704: "Configuration loaded",
        705: "Memory",
        706: "Scrape duration",
        707: "Series",
        708: "Scrapes",
    }


def test_panels_stand_on_the_grid_without_overlap() -> None:
    """Every panel has a place of its own within the 24 columns, and rows leave no gap at their right end."""
    taken: dict[tuple[int, int], str] = {}
    rows = [panel for panel in BOARD["panels"] if panel["type"] == "row"]
    for panel in [*PANELS, *rows]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        ):
            assert cell not in taken, f"{panel['title']} lies on {taken.get(cell)}"
            taken[cell] = panel["title"]
    filled = {y for _, y in taken}
    assert len(taken) == 24 * len(filled)
    assert filled == set(range(len(filled)))


@EACH
def test_description_is_short_and_ends_with_what_to_do(panel: board.Json) -> None:
    """Every panel says in one to three sentences what it shows and, last, what to do."""
    sentences = re.findall(r"[^.]+\.(?= |$)", panel["description"])
    assert "".join(sentences) == panel["description"], "full sentences"
    assert 2 <= len(sentences) <= 3
    verbs = (
        "top", "open", "look", "find", "plan", "order", "check", "rotate", "compare", "size", "ask", "raise",
        "spread", "slow", "follow", "read", "reload", "finish", "run", "restart", "see",
    )  # fmt: skip
    assert re.search(rf"\b({'|'.join(verbs)})\b", sentences[-1], re.IGNORECASE), sentences[-1]


@EACH
def test_no_panel_is_ever_empty(panel: board.Json) -> None:
    """A panel that can be without series says in words why, unless its queries always return a number."""
    expressions = [target["expr"] for target in panel["targets"]]
    assert panel["fieldConfig"]["defaults"].get("noValue") or all("vector(0)" in e for e in expressions)


@EACH
def test_units_resolve(panel: board.Json) -> None:
    """Every number has a unit that Grafana knows, or a currency of ours."""
    used = [panel["fieldConfig"]["defaults"]["unit"]]
    used += [properties["unit"] for _, properties in board.overrides(panel) if "unit" in properties]
    assert {unit for unit in used if unit not in KNOWN_UNITS} <= {"currency:CN¥ "}


def test_durations_and_ratios_have_their_units() -> None:
    """Runways and ages are durations, shares are ratios, dates are dates."""
    for title in ("Shortest runway", "Oldest data", "Runway", "Time per vendor call", "Scrape duration"):
        assert by_title(title)["fieldConfig"]["defaults"]["unit"] in DURATIONS
    pools, calls = by_title("Pools"), by_title("Calls")
    assert {column(pools, title)["unit"] for title in ("Runway", "Data age")} <= DURATIONS
    assert {column(pools, title)["unit"] for title in ("Depletes on", "Last top-up")} == {"dateTimeAsIso"}
    assert column(pools, "Of threshold")["unit"] == column(calls, "Failed")["unit"] == "percentunit"


@pytest.mark.parametrize(
    "title",
    ["Spend per day", "Balance", "Balance by source", "Consumption per hour, against last week",
     "Consumption per day", "Credits added per day"],
)  # fmt: skip
def test_money_is_shown_in_its_currency(title: str) -> None:
    """A series whose legend says EUR is shown in euros, and only that one."""
    panel = by_title(title)
    assert all("{{unit}}" in target["legendFormat"] for target in panel["targets"])
    rules = [(m["options"], p["unit"]) for m, p in board.overrides(panel) if "unit" in p]
    for code, unit in {"EUR": "currencyEUR", "USD": "currencyUSD", "CNY": "currency:CN¥ "}.items():
        for name in (code, f"sms / default ({code})"):
            assert [u for regexp, u in rules if re.search(regexp.strip("/"), name)] == [unit]
    assert not [u for regexp, u in rules if re.search(regexp.strip("/"), "sms / default (credits)")]


@EACH
def test_thresholds_have_the_right_direction(panel: board.Json) -> None:
    """Where low is bad the base is red and what follows gets better; where high is bad it turns round."""
    configs = [(panel["title"], panel["fieldConfig"]["defaults"].get("thresholds"))]
    configs += [(m["options"], p["thresholds"]) for m, p in board.overrides(panel) if "thresholds" in p]
    for title, config in configs:
        if config is None or len(config["steps"]) < 2:
            continue
        colours = [step["color"] for step in config["steps"]]
        bounds = [step["value"] for step in config["steps"]]
        assert bounds[0] is None
        assert bounds[1:] == sorted(bounds[1:])
        badness = [("green", "orange", "red").index(colour) for colour in colours]
        if title in LOW_IS_BAD:
            assert badness == sorted(badness, reverse=True)
            assert colours[0] == "red"
        else:
            assert title in HIGH_IS_BAD
            assert badness == sorted(badness)
            assert colours[0] == "green"


@EACH
def test_colours_are_the_accessible_ones(panel: board.Json) -> None:
    """Only Grafana's named colours, which follow the theme, and its palette by name; words beside them."""
    config = panel["fieldConfig"]
    fixed = re.findall(r'"(?:color|fixedColor)": "([^"]+)"', str(config).replace("'", '"'))
    assert set(fixed) <= NAMED_COLOURS
    assert not [text for text in strings(config) if re.fullmatch(r"#[0-9a-fA-F]{3,8}|rgba?\(.*", text)]
    if panel["type"] == "timeseries":
        assert config["defaults"]["color"]["mode"] == "palette-classic-by-name"
    for mapping in config["defaults"].get("mappings", []):
        assert all(result["text"] for result in mapping["options"].values())


def test_thresholds_are_dashed_series_of_their_own() -> None:
    """Many pools in one chart have many thresholds: they are drawn, not taken from one row of a query."""
    for title in ("Balance", "Runway"):
        panel = by_title(title)
        dashed = {m["options"]: p for m, p in board.overrides(panel) if "custom.lineStyle" in p}
        assert dashed["/ warning threshold/"]["color"]["fixedColor"] == "orange"
        assert dashed["/ critical threshold/"]["color"]["fixedColor"] == "red"
    assert not [t for p in PANELS for t in p.get("transformations", []) if t["id"] == "configFromData"]


def test_runway_has_a_logarithmic_axis() -> None:
    """Hours and months are seen in one chart."""
    custom = by_title("Runway")["fieldConfig"]["defaults"]["custom"]
    assert custom["scaleDistribution"] == {"type": "log", "log": 10}


def test_the_table_of_pools_has_its_columns_in_order() -> None:
    """Every column of the table has a name and a place."""
    organize = transformation(by_title("Pools"), "organize")
    ordered = sorted(organize["indexByName"], key=organize["indexByName"].__getitem__)
    assert [organize["renameByName"][name] for name in ordered] == POOL_COLUMNS


@pytest.mark.parametrize("panel", [p for p in PANELS if p["type"] == "table"], ids=lambda p: p["title"])
def test_tables_name_every_column(panel: board.Json) -> None:
    """Every query of a table is one named column or hidden, and what is styled or sorted exists."""
    organize = transformation(panel, "organize")
    values = {f"Value #{target['refId']}" for target in panel["targets"]}
    titles = set(organize["renameByName"].values())
    assert values <= set(organize["renameByName"]) | set(organize["excludeByName"])
    assert set(organize["indexByName"]) == set(organize["renameByName"])
    assert {"Time", "job"} <= set(organize["excludeByName"])
    assert {matcher["options"] for matcher, _ in board.overrides(panel)} == titles
    assert {sort["displayName"] for sort in panel["options"]["sortBy"]} <= titles
    assert [t["id"] for t in panel["transformations"]] == ["merge", "organize"]
    assert all(target["format"] == "table" and target["instant"] for target in panel["targets"])


def test_the_share_of_the_threshold_is_a_bar() -> None:
    """The bar is red under the threshold, green above, and full at twice the threshold."""
    bar = column(by_title("Pools"), "Of threshold")
    assert bar["custom.cellOptions"]["type"] == "gauge"
    assert (bar["min"], bar["max"]) == (0, 2)
    steps = [(step["value"], step["color"]) for step in bar["thresholds"]["steps"]]
    assert steps == [(None, "red"), (1, "green")]


def test_links_contain_the_right_variables() -> None:
    """A row of the table leads to its own pool in the same data source and time, and to the vendor's page."""
    pools = by_title("Pools")
    titles = set(transformation(pools, "organize")["renameByName"].values())
    for title in ("Provider", "Pool"):
        (link,) = column(pools, title)["links"]
        assert link["url"].startswith("/d/credits?")
        assert "var-provider=${__data.fields.Provider:percentencode}" in link["url"]
        assert "var-pool=${__data.fields.Pool:percentencode}" in link["url"]
        assert {"${datasource:queryparam}", "${job:queryparam}", "${__url_time_range}"} <= set(
            re.findall(r"\$\{[^}]*\}", link["url"])
        )
        assert set(re.findall(r"__data\.fields\.(\w+)", link["url"])) <= titles
    (buy,) = column(pools, "Top up")["links"]
    assert (buy["url"], buy["targetBlank"]) == ("${__value.raw}", True)


def test_the_dashboard_links_runbooks_and_alerts() -> None:
    """What to do and what fires are one click away."""
    links = {link["title"]: link["url"] for link in BOARD["links"]}
    assert links == {"Runbooks": "https://runbooks.example.com/", "Alerts": "/alerting/list?search=Credits"}


@EACH
def test_legends_name_provider_and_pool(panel: board.Json) -> None:
    """Every line is called by its provider, and by its pool where it has one."""
    for target in panel["targets"]:
        if target.get("format") == "table" or panel["id"] // 100 == 7:
            continue
        if target["expr"].startswith(("count(", "sum by (unit)")):
            assert target["legendFormat"]
        elif re.search(r"^(topk\(1, .*)?\w+ by \(job, provider(, (severity|reason))?\)", target["expr"]):
            assert target["legendFormat"].startswith("{{provider}}")
        else:
            assert target["legendFormat"].startswith("{{provider}} / {{pool}}")
