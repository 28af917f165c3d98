"""What each path answers, and that no request, however odd, is a server error."""

import gzip
import re
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.config import parse_config
from exporter.model import Reason
from exporter.providers.registry import provider_types
from exporter.runtime import Runtime
from exporter.web.app import Readiness, WebOptions, make_app
from exporter.yamlsource import Problem, SourceError
from tests.conftest import FakeClock
from tests.scripted import Script, failure, reading
from tests.web.asgi import call

PATHS = ["/metrics", "/probe?target=a", "/sd", "/config", "/", "/-/healthy", "/-/ready"]


class World:
    """An application over scripted accounts, and the strings that it hangs on."""

    def __init__(self, clock) -> None:
        self.script = Script()
        self.names = ("a", "b")
        self.problems: list[Problem] = []
        self.runtime = Runtime(self._load, clock)
        self.readiness = Readiness()
        self.app = make_app(self.runtime, WebOptions(enable_lifecycle=True), self.readiness)

    def _load(self):
        if self.problems:
            raise SourceError(self.problems)
        return self.script.config(*self.names)

    def get(self, target, **more):
        """Return the answer to one request."""
        return call(self.app, target, **more)


@pytest.fixture
def world(clock):
    """Return a running application without a server."""
    made = World(clock)
    yield made
    made.runtime.close()


@pytest.fixture(scope="module")
def still():
    """Return one application for all tests that change nothing."""
    made = World(FakeClock())
    yield made
    made.runtime.close()


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return the values of a page by metric and provider."""
    return {
        (sample.name, sample.labels.get("provider", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def providers_in(text: str) -> set[str]:
    """Return the providers that a page tells of."""
    return {provider for _, provider in samples(text)} - {""}


def test_metrics_hold_every_provider_and_the_exporters_own(world):
    """Without a selection the whole page is there."""
    answer = world.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert providers_in(answer.text) == {"a", "b"}
    assert samples(answer.text)["credits_exporter_scrapes_total", ""] == 1


@pytest.mark.parametrize(
    ("query", "providers", "calls"),
    [
        ("provider=a", {"a"}, {"a": 1}),
        ("provider=b&provider=a", {"a", "b"}, {"a": 1, "b": 1}),
        ("provider=a&provider=a", {"a"}, {"a": 1}),
        ("other=1", {"a", "b"}, {"a": 1, "b": 1}),
        ("provider=%61", {"a"}, {"a": 1}),
    ],
)
def test_a_selection_asks_and_shows_those_providers_only(world, query, providers, calls):
    """Whoever is not selected is not called."""
    assert providers_in(world.get(f"/metrics?{query}").text) == providers
    assert world.script.calls == calls


@pytest.mark.parametrize(
    "query", ["provider=c", "provider=a&provider=c", "provider=", "provider=A", "provider=%00", "provider=a%20"]
)
def test_an_unknown_provider_is_refused(world, query):
    """A selection that names an unknown provider calls nobody and says which."""
    answer = world.get(f"/metrics?{query}")
    assert (answer.status, answer.text.startswith("unknown provider: ")) == (400, True)
    assert world.script.calls == {}


def test_metric_names_are_selected_too(world):
    """``name[]`` keeps the samples of those names, and both selections go together."""
    answer = world.get("/metrics?name[]=credits_balance&name%5B%5D=credits_provider_up&provider=a")
    assert set(samples(answer.text)) == {("credits_balance", "a"), ("credits_provider_up", "a")}


def test_whoever_wants_the_exporters_own_metrics_only_calls_no_vendor(world):
    """A job for the exporter itself beside jobs of /probe must not ask every account a second time."""
    page = samples(world.get("/metrics?name[]=credits_exporter_scrapes_total&name[]=python_info").text)
    assert {name for name, _ in page} == {"credits_exporter_scrapes_total", "python_info"}
    assert world.script.calls == {}
    world.get("/metrics?name[]=credits_exporter_scrapes_total&name[]=credits_provider_fetch_duration_seconds_sum")
    assert world.script.calls == {"a": 1, "b": 1}


def test_the_page_is_compressed_when_asked(world):
    """Compression is served on request, and holds the same page."""
    answer = world.get("/probe?target=a", headers=[("Accept-Encoding", "gzip")])
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == world.get("/probe?target=a").body


def test_openmetrics_is_served_when_asked(world):
    """The content type is the one that was negotiated, and the page ends as it should."""
    answer = world.get("/metrics", headers=[("Accept", "application/openmetrics-text;version=1.0.0")])
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


def test_a_probe_shows_one_provider_and_nothing_of_the_exporter(world):
    """A target's page holds its own series only: the exporter's own come from /metrics, once."""
    answer = world.get("/probe?target=b")
    assert providers_in(answer.text) == {"b"}
    assert {name for name, provider in samples(answer.text) if not provider} == set()
    assert world.script.calls == {"b": 1}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "give exactly one target parameter: the name of a configured provider\n"),
        ("?target=a&target=b", "give exactly one target parameter: the name of a configured provider\n"),
        ("?target=a&target=a", "give exactly one target parameter: the name of a configured provider\n"),
        ("?target=", "unknown target: '' is not the name of a configured provider\n"),
        ("?target=c", "unknown target: 'c' is not the name of a configured provider\n"),
        (
            "?target=http://169.254.169.254/",
            "unknown target: 'http://169.254.169.254/' is not the name of a configured provider\n",
        ),
        ("?target=x%0D%0Ay%1B", "unknown target: 'x\\r\\ny\\x1b' is not the name of a configured provider\n"),
    ],
)
def test_a_probe_of_anything_but_one_known_name_is_refused(world, query, text):
    """Unknown, missing and repeated targets are the client's error, told in words."""
    answer = world.get(f"/probe{query}")
    assert (answer.status, answer.text) == (400, text)
    assert world.script.calls == {}


def test_a_scrape_ends_before_prometheus_gives_up(world):
    """A vendor that hangs is shown as known so far, half a second before the scraper's time-out."""
    release = threading.Event()
    world.script.answer("a", lambda: release.wait(20) and reading(1))
    try:
        answer = world.get("/metrics", headers=[("X-Prometheus-Scrape-Timeout-Seconds", "0.6")])
    finally:
        release.set()
    assert samples(answer.text)["credits_provider_up", "a"] == 0
    assert samples(answer.text)["credits_provider_up", "b"] == 1


@pytest.mark.parametrize("host", ["exporter:10440", "10.0.0.1", "[::1]:10440", "credits.example.com:443"])
def test_service_discovery_names_a_target_group_for_every_provider(world, host):
    """Each group leads back to this exporter, to /probe with the provider's name."""
    answer = world.get("/sd", headers=[("Host", host)])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == [
        {
            "targets": [host],
            "labels": {"__metrics_path__": "/probe", "__param_target": name, "provider_type": "scripted"},
        }
        for name in ("a", "b")
    ]
    assert world.script.calls == {}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Host", "")],
        [("Host", "a b")],
        [("Host", "x/../y")],
        [("Host", "[::1")],
        [("Host", "a,b")],
        [("Host", "user@host")],
        [("Host", b"\xff")],
        [("Host", "x" * 300)],
        [("Host", "h:123456")],
    ],
)
def test_service_discovery_needs_an_address_to_name(still, headers):
    """A Host that Prometheus could not scrape is the client's error."""
    assert still.get("/sd", headers=headers).status == 400


def test_the_configuration_is_shown_without_secrets(clock):
    """/config is the running configuration in YAML, defaults resolved, every secret masked."""
    text = "providers: [{type: leadmagic, api_key: s3cret}, {type: impressionwise, code: BBF, password: s3cret}]"
    runtime = Runtime(lambda: parse_config(text, "x.yml", {}, provider_types()), clock)
    answer = call(make_app(runtime, WebOptions(), Readiness()), "/config")
    runtime.close()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "s3cret" not in answer.text
    assert answer.text.count("<secret>") == 2
    assert "max_staleness: 1h" in answer.text


def test_health_and_readiness_never_call_a_vendor(world):
    """Both answer from memory; only readiness ends with the drain."""
    assert [world.get(path).status for path in ("/-/healthy", "/-/ready")] == [200, 200]
    world.readiness.drain()
    assert [world.get(path).status for path in ("/-/healthy", "/-/ready")] == [200, 503]
    assert world.script.calls == {}


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_reload_runs_the_new_configuration(world, method):
    """After a reload the new accounts are there, and the removed one is not."""
    world.get("/metrics")
    world.names = ("b", "c")
    answer = world.get("/-/reload", method=method)
    assert (answer.status, answer.text) == (200, "The configuration was reloaded.\n")
    assert providers_in(world.get("/metrics").text) == {"b", "c"}
    assert world.script.calls == {"a": 1, "b": 1, "c": 1}


def test_a_bad_configuration_is_refused_and_changes_nothing(world, log_events):
    """500 names every problem; the old accounts stay, the metric and the status page tell."""
    world.problems = [Problem("x.yml", 3, "providers", "is wrong"), Problem("x.yml", 4, "global", "too")]
    answer = world.get("/-/reload", method="POST")
    assert (answer.status, answer.text) == (
        500, "The old configuration is kept:\nx.yml:3: providers: is wrong\nx.yml:4: global: too\n",
    )  # fmt: skip
    page = world.get("/metrics").text
    assert providers_in(page) == {"a", "b"}
    assert samples(page)["credits_exporter_config_last_reload_successful", ""] == 0
    assert "x.yml:3: providers: is wrong" in world.get("/").text
    assert [event["problem"] for event in log_events if event["event"] == "config_reload_failed"] == [
        "x.yml:3: providers: is wrong", "x.yml:4: global: too",
    ]  # fmt: skip
    world.problems = []
    assert world.get("/-/reload", method="POST").status == 200
    assert samples(world.get("/metrics").text)["credits_exporter_config_last_reload_successful", ""] == 1
    assert "x.yml:3" not in world.get("/").text


def test_a_reload_must_be_enabled(world):
    """Without --web.enable-lifecycle a reload is forbidden, and says by which flag it isn't."""
    app = make_app(world.runtime, WebOptions(), Readiness())
    answer = call(app, "/-/reload", "POST")
    assert (answer.status, answer.text) == (403, "Lifecycle API is not enabled: --web.enable-lifecycle\n")
    assert call(app, "/-/reload").status == 405


@pytest.mark.parametrize("target", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"])
def test_other_methods_are_not_allowed(still, target, method):
    """405 says which methods there are."""
    answer = still.get(target, method=method)
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_reload_is_a_post(still, method):
    """GET must not reload: links are followed by crawlers."""
    answer = still.get("/-/reload", method=method)
    assert (answer.status, set(answer.headers["Allow"].split(", "))) == (405, {"POST", "PUT"})


@pytest.mark.parametrize("target", PATHS)
def test_head_answers_as_get_does(still, target):
    """Status and headers of HEAD are those of GET; the server leaves out the body."""
    get, head = still.get(target), still.get(target, method="HEAD")
    assert head.status == get.status == 200
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


@pytest.mark.parametrize(
    "target",
    ["/metrics/", "/probe/", "/nothing", "/favicon.ico", "//metrics", "/-/", "/..%2f", "/metrics%00", "/%ff", "*"],
)
def test_unknown_paths_are_not_found(still, target):
    """There is no redirect and no page for what there isn't."""
    assert still.get(target).status == 404


def test_the_status_page_is_html_with_security_headers(world):
    """The page may run nothing, load nothing, be framed by nobody and be kept nowhere."""
    answer = world.get("/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.script.calls == {}


@pytest.mark.parametrize("target", [*PATHS, "/nothing", "/metrics?provider=<script>", "/probe?target=<script>"])
def test_no_answer_is_taken_for_another_type(still, target):
    """Browsers must not sniff HTML from what echoes a request."""
    assert still.get(target).headers["X-Content-Type-Options"] == "nosniff"


def test_the_telemetry_path_can_be_the_root(world):
    """Then the metrics stand where the status page was."""
    app = make_app(world.runtime, WebOptions(telemetry_path="/"), Readiness())
    assert providers_in(call(app, "/").text) == {"a", "b"}
    assert call(app, "/metrics").status == 404


def test_a_failing_vendor_is_not_a_failing_page(world):
    """All vendors down is still 200, with the reasons."""
    world.script.answer("a", failure(Reason.UNAUTHORIZED))
    world.script.answer("b", RuntimeError("a bug"))
    answer = world.get("/metrics")
    assert answer.status == 200
    assert 'credits_provider_error{provider="a",reason="unauthorized"} 1.0' in answer.text
    assert 'credits_provider_error{provider="b",reason="internal"} 1.0' in answer.text


HOSTILE_QUERIES = [
    b"?", b"?&&&&", b"?=&=", b"?%", b"?%zz=%zz", b"?%ff%fe=%80", b"?target", b"?target=%", b"?target=%ff",
    b"?name[]=", b"?name[]=%00&name[]=\x00", b"?name[]=" + b"x" * 8000, b"?" + b"name[]=x&" * 900,
    b"?" + b"provider=a&" * 900, b"?provider[]=a", b"?provider=a;provider=b", b"?provider=../../etc/passwd",
    b"?provider={{7*7}}", b"?provider=a%2500", b"?target=\xc3\x28", b"?target=" + b"%F0%9F%92%A9" * 500,
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE_QUERIES)
@pytest.mark.parametrize("path", [b"/metrics", b"/probe", b"/sd", b"/config", b"/", b"/-/ready", b"/x"])
def test_hostile_queries_are_never_a_server_error(still, path, query):
    """Whatever stands in a query, the answer is a page or a client error."""
    assert still.get(path + query).status in {200, 400, 404}


HOSTILE_HEADERS = [
    ("Accept", ""), ("Accept", ","), ("Accept", ";;;"), ("Accept", "text/plain;version=;q="),
    ("Accept", "text/plain;version=1.0.0.0.0"), ("Accept", "application/openmetrics-text;version=x"),
    ("Accept", "*/*;q=nan"), ("Accept", "text/plain;q=1e999"), ("Accept", "a" * 8000), ("Accept", b"\xff\xfe"),
    ("Accept", 'text/plain;escaping="'), ("Accept-Encoding", "gzip;q="), ("Accept-Encoding", ";q=1,,gzip"),
    ("Accept-Encoding", b"\x80"), ("X-Prometheus-Scrape-Timeout-Seconds", ""),
    ("X-Prometheus-Scrape-Timeout-Seconds", "nan"), ("X-Prometheus-Scrape-Timeout-Seconds", "-1"),
    ("X-Prometheus-Scrape-Timeout-Seconds", "inf"), ("X-Prometheus-Scrape-Timeout-Seconds", "1e308"),
    ("X-Prometheus-Scrape-Timeout-Seconds", "0x10"), ("X-Prometheus-Scrape-Timeout-Seconds", b"\xd9\xa3"),
    ("X-Prometheus-Scrape-Timeout-Seconds", "9" * 5000), ("Cookie", "\x01"), ("Range", "bytes=0-1"),
]  # fmt: skip


@pytest.mark.parametrize("header", HOSTILE_HEADERS)
def test_hostile_headers_are_never_an_error(still, header):
    """A header that makes no sense is as good as none."""
    assert still.get("/metrics", headers=[("Host", "x"), header]).status == 200


@given(query=st.binary(max_size=200), path=st.sampled_from(["/metrics", "/probe", "/sd", "/", "/config"]))
@settings(max_examples=60, deadline=None)
def test_no_query_is_a_server_error(still, path, query):
    """Any bytes at all are answered by a page or a client error."""
    answer = still.get(path.encode() + b"?" + re.sub(rb"[\s#]", b"", query))
    assert answer.status in {200, 400}
