"""The dashboard over twelve days that a real Prometheus holds, so that weeks are compared with weeks."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.metrics import Kind, catalogue
from tests.grafana import board, server
from tests.grafana.history import DAY, STEP, Account, History, Pool
from tests.tools import Tool, generations

BOARD = board.load()
RULES = Path("alerts/credits.rules.yml")

ACCOUNTS = (
    Account("sms", "agiletelecom", (Pool(unit="EUR", topup=2_000.0),), topup_url="https://sms.example/buy"),
    Account(
        "leads",
        "oceanio",
        (
            Pool("standard", sources=("one_time", "recurrent"), reserved=25.0, frozen=5.0),
            Pool("email", per_hour=5.0),
            Pool("phone", unit="USD", per_hour=200.0, start=120_000.0),
        ),
        topup_url="https://leads.example/buy",
        limit=1000.0,
        reported_time=0.2,
        account_frozen=False,
    ),
    # Idle, below its critical threshold, its vendor down for the last hour.
    Account("mail", "http", (Pool(per_hour=0.0, start=900.0, topup=0.0),), fails=lambda t: t >= NOW - 3600),
)
NOW = int(time.time()) // STEP * STEP

HEALTHY = board.View(end=NOW, choice={"provider": "leads"})
EVERYTHING = board.View(end=NOW)

# Where the chosen provider's silence is the good case, and the value that says so.
NOTHING_WRONG = {
    ("Pools under critical", "A"): 0.0,
    ("Firing alerts", "A"): 0.0,
    ("Firing alerts", "B"): 0.0,
    ("Providers down", "A"): 0.0,
}


@dataclass(frozen=True)
class Past:
    """A Prometheus that holds the history."""

    prometheus: server.Prometheus

    def series(self, view: board.View, panel: board.Json, target: board.Json) -> list[server.Series]:
        """Ask what Grafana would ask."""
        return self.prometheus.series(*view.request(panel, target))

    def value(self, view: board.View, title: str, ref: str = "A") -> float:
        """Return the only value of an instant target."""
        panel, target = target_of(title, ref)
        (only,) = self.series(view, panel, target)
        return float(only["value"][1])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the history and what the recording rules make of it."""
    promtool, prometheus = (generations(name)[0].require() for name in ("promtool", "prometheus"))
    folder = tmp_path_factory.mktemp("history")
    past = History(NOW - 12 * DAY, NOW, ACCOUNTS, instances=("exporter-0:10440", "exporter-1:10440"))
    past.write(folder / "history.om")
    server.backfill(promtool, folder / "history.om", folder / "data")
    server.backfill_rules(
        promtool, prometheus, RULES, folder, window=(NOW - 12 * DAY, NOW), interval=STEP
    )
    return folder


@pytest.fixture(scope="module", params=generations("prometheus"), ids=lambda tool: tool.generation)
def past(request: pytest.FixtureRequest, data: Path) -> Iterator[Past]:
    """Run each generation of Prometheus over the history, the oldest first: it can't read newer files."""
    tool: Tool = request.param
    with server.running(tool.require(), data) as prometheus:
        yield Past(prometheus)


def target_of(title: str, ref: str) -> tuple[board.Json, board.Json]:
    """Return a panel and its target."""
    return next(
        (panel, target)
        for panel, target in board.targets(BOARD)
        if (panel["title"], target["refId"]) == (title, ref)
    )


ALL_TARGETS = [pytest.param(p, t, id=f"{p['title']}-{t['refId']}") for p, t in board.targets(BOARD)]


def test_the_history_shows_every_metric_of_the_catalogue(past: Past) -> None:
    """No expression passes because the history lacks what it would trip over."""
    names = set(past.prometheus.get("/api/v1/label/__name__/values", {}))
    suffixes = {Kind.SUMMARY: "_count"}
    missing = {m.name for m in catalogue() if m.name + suffixes.get(m.kind, "") not in names}
    assert not missing


@pytest.mark.parametrize(("panel", "target"), ALL_TARGETS)
def test_every_query_returns_data(past: Past, panel: board.Json, target: board.Json) -> None:
    """With everything selected, every query of every panel has an answer, and each line a name of its own."""
    series = past.series(EVERYTHING, panel, target)
    assert series
    if target.get("format") != "table":
        legends = [board.legend(target, one["metric"]) for one in series]
        assert len(set(legends)) == len(legends)
        assert all(legends) or panel["options"].get("textMode") == "value"


@pytest.mark.parametrize(("panel", "target"), ALL_TARGETS)
def test_one_selected_provider_has_the_panel_to_itself(
    past: Past, panel: board.Json, target: board.Json
) -> None:
    """With one healthy provider selected, every query answers about it alone, or says that all is well."""
    series = past.series(HEALTHY, panel, target)
    assert series
    assert {one["metric"].get("provider", "leads") for one in series} == {"leads"}
    good = NOTHING_WRONG.get((panel["title"], target["refId"]))
    if good is not None:
        assert [float(one["value"][1]) for one in series] == [good]


def test_two_replicas_are_one_account(past: Past) -> None:
    """Every row of the table of pools is one pool, although two exporters showed it."""
    panel, target = target_of("Pools", "B")
    pools = [(s["metric"]["provider"], s["metric"]["pool"]) for s in past.series(EVERYTHING, panel, target)]
    assert sorted(pools) == sorted((a.provider, pool.name) for a in ACCOUNTS for pool in a.pools)


def test_charts_show_the_most_urgent_pools(past: Past) -> None:
    """Where there are too many pools for a chart, those with the shortest runways stay; idle ones go first."""
    panel, target = target_of("Balance", "A")
    shown = {}
    for limit in (2, 25):
        few = target | {"expr": target["expr"].replace("bottomk(25,", f"bottomk({limit},")}
        shown[limit] = {board.legend(target, s["metric"]) for s in past.series(EVERYTHING, panel, few)}
    assert shown[2] == {"sms / default (EUR)", "leads / phone (USD)"}
    assert shown[25] > shown[2] | {"mail / default (credits)"}


def test_last_week_is_drawn_beside_this_one(past: Past) -> None:
    """The dashed line is the consumption of a week before: with the same use, the same curve."""
    panel, this = target_of("Consumption per hour, against last week", "A")
    _, week_before = target_of("Consumption per hour, against last week", "B")
    view = board.View(end=NOW, choice={"provider": "sms"})
    (this_week,) = past.series(view, panel, this)
    (last_week,) = past.series(view, panel, week_before)
    values = dict(this_week["values"])
    common = [
        (float(values[moment]), float(value)) for moment, value in last_week["values"] if moment in values
    ]
    # Of the 12 days only 5 have a week before them, and in their first hour the rate is not settled.
    assert len(common) > 100
    assert all(now == pytest.approx(before, rel=0.05, abs=0.5) for now, before in common[3:])


def test_the_numbers_of_the_first_row_are_right(past: Past) -> None:
    """The first row counts the pool that is low and the provider that is down, and names the worst."""
    assert past.value(EVERYTHING, "Pools under critical") == 1
    assert past.value(EVERYTHING, "Providers down") == 1
    assert past.value(EVERYTHING, "Oldest data") == pytest.approx(3600, abs=STEP)
    panel, target = target_of("Shortest runway", "A")
    (shortest,) = past.series(EVERYTHING, panel, target)
    assert board.legend(target, shortest["metric"]) == "sms / default"
    left_of_sms = 20_000 + 2 * 2_000 - 40 * 24 * 12
    assert float(shortest["value"][1]) == pytest.approx(left_of_sms / 40 * 3600, rel=0.15)


def test_spend_is_summed_by_unit(past: Past) -> None:
    """Euros, dollars and credits are never added up."""
    panel, target = target_of("Spend per day", "A")
    spend = {s["metric"]["unit"]: float(s["value"][1]) for s in past.series(EVERYTHING, panel, target)}
    assert spend == {
        "EUR": pytest.approx(24 * 40.0, rel=0.05),
        "USD": pytest.approx(24 * 200.0, rel=0.05),
        "credits": pytest.approx(24 * 45.0, rel=0.05),
    }


def test_daily_bars_stand_on_their_own_day(past: Past) -> None:
    """A bar is what was used within the day that it starts, and today has one already."""
    panel, target = target_of("Consumption per day", "A")
    (sms,) = past.series(board.View(end=NOW, choice={"provider": "sms"}), panel, target)
    *whole_days, today = sms["values"]
    assert today[0] == NOW // DAY * DAY
    assert [float(value) for _, value in whole_days] == [pytest.approx(24 * 40.0, rel=0.05)] * 7
    assert float(today[1]) <= 24 * 40.0


def test_annotations_stand_at_the_time_of_the_topup(past: Past) -> None:
    """The annotation's value is the top-up's time in milliseconds, one per pool and top-up."""
    (annotation,) = BOARD["annotations"]["list"]
    view = board.View(end=NOW, choice={"provider": "sms"})
    path, request = view.request({"interval": "5m"}, annotation["target"])
    (sms,) = past.prometheus.series(path, request)
    seen = {int(float(value)) for _, value in sms["values"]}
    first = NOW - 12 * DAY
    assert seen == {(first + n * 5 * DAY) * 1000 for n in (1, 2)}


def test_variables_offer_what_is_there(past: Past) -> None:
    """Each variable lists its values, narrowed by the ones before it."""
    offered = {}
    for variable in BOARD["templating"]["list"][1:]:
        inner = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
        selector, label = inner.rsplit(", ", 1)
        matcher = HEALTHY.expand(selector, {})
        window = {"start": str(NOW - 7 * DAY), "end": str(NOW)}
        offered[label] = past.prometheus.get(f"/api/v1/label/{label}/values", {"match[]": matcher, **window})
    assert offered == {
        "job": ["credits-exporter"],
        "instance": ["exporter-0:10440", "exporter-1:10440"],
        "provider": ["leads", "mail", "sms"],
        "pool": ["email", "phone", "standard"],
    }
