"""The metrics page: what it holds, in which format, and that nothing is rendered twice."""

import gzip
import os
import random
import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter import metrics
from exporter.collector import CreditsCollector
from exporter.exposition import Format, MetricsPage, accepts_gzip, encode, negotiate
from exporter.metrics import Kind, catalogue
from exporter.model import DailyLimit, Pool, Reading, Reason
from exporter.refresh import Refresher, Snapshot
from exporter.self_metrics import SelfMetrics
from tests.scripted import Script, failure, reading
from tests.tools import generations

GOLDEN = Path(__file__).parent / "golden" / "metrics.txt"

RICH = Reading(
    {
        "default": Pool(70.5, "EUR", {"free": 20.5, "bought": 50}, reserved=5, frozen=2, used=929.5),
        'odd "pool"\\\n': Pool(-3),
        "unknown": Pool(None),
    },
    DailyLimit(42, 1_800_086_400),
    upstream_seconds=0.41,
    account_frozen=False,
)


@pytest.fixture
def snapshot(clock):
    """Return a snapshot of three accounts: one that tells all, one that fails, one that hasn't answered."""
    script = Script()
    before = Reading({"default": Pool(100, "EUR")})
    script.answer("rich", before, RICH)
    script.answer("failing", reading(8), failure(Reason.UNAUTHORIZED))
    config = script.config(
        "rich", "failing", "late",
        settings="thresholds: {warning: 100, critical: 10}",
        entry=["topup_url: https://vendor.example/buy?a=1&b=2"],
    )  # fmt: skip
    refresher = Refresher(config, clock, random.Random(1))
    refresher.collect(["rich", "failing"], 5)
    clock.advance(60)
    refresher.collect(["rich", "failing"], 5)
    seen = refresher.peek()
    yield Snapshot(seen.version, seen.views, pending=frozenset({"late"}))
    refresher.close()


def page_of(snapshot: Snapshot) -> str:
    """Return the vendors' part of the page; call durations are the clock's, which stood still."""
    return encode(CreditsCollector(snapshot), Format.TEXT_0_0_4).decode()


def test_the_page_is_the_golden_one(snapshot):
    """Names, labels, help texts and values are an interface: a change of the page is a change for users."""
    page = page_of(snapshot)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(page)
    assert page == GOLDEN.read_text(), "if the change is meant: UPDATE_GOLDEN=1 pytest tests/test_exposition.py"


def test_what_is_not_known_has_no_series(snapshot):
    """A null balance, an account that never answered and a vendor without limits give no series, never 0."""
    page = page_of(snapshot)
    assert 'credits_balance{pool="unknown"' not in page
    assert 'credits_balance{pool="default",provider="late"}' not in page
    assert 'daily_limit_remaining{provider="failing"}' not in page
    assert 'credits_provider_last_success_timestamp_seconds{provider="late"}' not in page


def test_who_is_pending_is_down_by_timeout(snapshot):
    """An account that has not answered by the deadline is down for this scrape."""
    page = page_of(snapshot)
    assert 'credits_provider_up{provider="late"} 0.0' in page
    assert 'credits_provider_error{provider="late",reason="timeout"} 1.0' in page


@pytest.mark.parametrize("page_format", Format)
def test_every_format_parses_to_the_same_samples(snapshot, clock, page_format):
    """Each format's own parser reads the page, with the exporter's part behind the vendors'."""
    page = MetricsPage(SelfMetrics(clock)).render(snapshot, page_format).decode()
    parse = parse_openmetrics if page_format is Format.OPENMETRICS_1_0_0 else parse_text
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(page)
        for sample in family.samples
    }
    assert samples["credits_balance", ("pool", "default"), ("provider", "rich")] == 70.5
    assert samples["credits_balance", ("pool", 'odd "pool"\\\n'), ("provider", "rich")] == -3
    assert samples["credits_exporter_scrapes_total",] == 0
    assert not any(name.endswith("_created") for name, *_ in samples)


def test_every_metric_of_the_catalogue_is_on_the_page_with_its_type_and_labels(snapshot, clock):
    """Nothing is exported that the catalogue doesn't name, and the catalogue names nothing in vain."""
    page = MetricsPage(SelfMetrics(clock)).render(snapshot, Format.TEXT_0_0_4).decode()
    families = {family.name: family for family in parse_text(page)}
    only_after_a_topup = {metrics.LAST_TOPUP.name}
    for metric in catalogue():
        if metric.name in only_after_a_topup:
            continue
        family = families[metric.name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.name]
        assert family.type == metric.kind
        assert family.documentation == metric.help
        for sample in family.samples:
            assert set(sample.labels) == set(metric.labels)
    ours = {name for name in families if not name.startswith(("process_", "python_"))}
    assert ours <= {metric.name.removesuffix("_total") for metric in catalogue()}


def test_names_select_samples(snapshot, clock):
    """``name[]`` keeps only the samples of these names, of vendors and exporter alike."""
    names = frozenset({"credits_balance", "credits_exporter_build_info", "nothing"})
    page = MetricsPage(SelfMetrics(clock)).render(snapshot, Format.TEXT_0_0_4, names=names).decode()
    found = {sample.name for family in parse_text(page) for sample in family.samples}
    assert found == {"credits_balance", "credits_exporter_build_info"}


def test_a_compressed_page_is_the_page(snapshot, clock):
    """The parts of a gzip stream add up to the page."""
    page = MetricsPage(SelfMetrics(clock))
    for with_own in (False, True):
        plain = page.render(snapshot, Format.OPENMETRICS_1_0_0, with_own=with_own)
        compressed = page.render(snapshot, Format.OPENMETRICS_1_0_0, with_own=with_own, compressed=True)
        assert len(gzip.decompress(compressed)) == pytest.approx(len(plain), abs=200)
        assert gzip.decompress(compressed).endswith(b"# EOF\n")


def test_an_unchanged_page_is_not_rendered_again(snapshot, clock, monkeypatch):
    """The vendors' part is rendered once a version and format; a pending one is never kept."""
    rendered = []
    collect = CreditsCollector.collect
    monkeypatch.setattr(CreditsCollector, "collect", lambda self: rendered.append(1) or collect(self))
    page = MetricsPage(SelfMetrics(clock))
    settled = Snapshot(snapshot.version, snapshot.views)
    for _ in range(3):
        page.render(settled, Format.TEXT_0_0_4)
    assert len(rendered) == 1
    page.render(settled, Format.OPENMETRICS_1_0_0)
    page.render(Snapshot(snapshot.version + 1, snapshot.views), Format.TEXT_0_0_4)
    assert len(rendered) == 3
    for _ in range(2):
        page.render(snapshot, Format.TEXT_0_0_4)
    assert len(rendered) == 5


@pytest.mark.parametrize("promtool", generations("promtool"), ids=lambda tool: tool.generation)
def test_promtool_has_no_complaint_that_is_not_explained(snapshot, clock, promtool):
    """``promtool check metrics`` finds nothing but what the fixed names make it find."""
    page = MetricsPage(SelfMetrics(clock)).render(snapshot, Format.TEXT_0_0_4)
    result = subprocess.run(
        [promtool.require(), "check", "metrics"], input=page, capture_output=True, check=False, timeout=60
    )
    assert result.stderr.decode().splitlines() == []


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", Format.TEXT_0_0_4),
        ("*/*", Format.TEXT_0_0_4),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", Format.TEXT_0_0_4),
        ("text/plain;version=0.0.4", Format.TEXT_0_0_4),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", Format.TEXT_1_0_0),
        ("application/openmetrics-text", Format.OPENMETRICS_1_0_0),
        ("application/openmetrics-text;version=0.0.1", Format.TEXT_0_0_4),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.5", Format.TEXT_0_0_4),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format.OPENMETRICS_1_0_0),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format.OPENMETRICS_1_0_0,
        ),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;q=0.7,*/*;q=0.1", Format.TEXT_0_0_4),
        ("application/openmetrics-text;q=0", Format.TEXT_0_0_4),
        ("application/openmetrics-text;q=nan,text/plain;version=1.0.0;q=0.1", Format.TEXT_1_0_0),
        ("application/openmetrics-text;version=;q=x;;=,,,;", Format.TEXT_0_0_4),
        ("TEXT/PLAIN;VERSION=1.0.0", Format.TEXT_1_0_0),
    ],
)
def test_the_format_follows_the_q_values(accept, chosen):
    """What the client prefers is served; what it says in garbage is text 0.0.4."""
    assert negotiate(accept) is chosen


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("identity", False),
        ("GZIP", True),
        ("gzip;q=x", False),
        ("br", False),
    ],
)
def test_gzip_is_used_only_where_it_is_accepted(header, accepted):
    """The header's q-value decides."""
    assert accepts_gzip(header) is accepted
