"""The whole chain with the committed files: vendors, exporter, Prometheus, Alertmanager, webhook.

One story, told once to both generations side by side: an account runs dry and is topped up; another falls far
at once; meanwhile one vendor is out, one refuses the key, and one says that the credits are gone. A minute
stands for 200.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from exporter.demo.accounts import Account
from exporter.demo.pools import Pool
from exporter.demo.scenario import accounts_config
from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator
from exporter.demo.vendors import AgileTelecom, LeadMagic, OceanIo, TrueVerify
from tests.alerts.alertmanager_file import ALERTS, CONFIG, RULES
from tests.e2e import shortened
from tests.e2e.processes import alertmanager, free_port, get, prometheus, running
from tests.e2e.webhook import Webhook, listening
from tests.tools import Tool, generations

FACTOR = 200
STEP_DEADLINE = 25.0
TOPUP_URL = "https://vendor.example/buy?account=7&pack=big"

Name = tuple[str, str]

LOW_WARNING = ("CreditsBalanceLow", "warning")
LOW_CRITICAL = ("CreditsBalanceLow", "critical")
EXHAUSTED = ("CreditsExhausted", "critical")
DOWN = ("CreditsProviderDown", "warning")
UNAUTHORIZED = ("CreditsProviderUnauthorized", "critical")


@dataclass(frozen=True)
class Alert:
    """One alert as a webhook was told of it."""

    name: Name
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str


@dataclass(frozen=True)
class Peer:
    """One generation's Prometheus, and what its Alertmanager told the webhook."""

    prometheus: str
    webhook: Webhook

    def sees(self, query: str, series: int) -> bool:
        """Say whether Prometheus answers a query with so many series."""
        answer = get(f"{self.prometheus}/api/v1/query?query={quote(query)}")
        return answer is not None and len(json.loads(answer)["data"]["result"]) == series

    def told(self, receiver: str, provider: str) -> list[Alert]:
        """Return every alert about a provider that a receiver was told of, in the order told."""
        return [
            alert
            for body in self.webhook.at(f"/{receiver}")
            for alert in _alerts(body)
            if alert.labels.get("provider") == provider
        ]

    def heard(self, receiver: str, provider: str, name: Name, status: str = "firing") -> list[Alert]:
        """Return those of one name, severity and status."""
        return [a for a in self.told(receiver, provider) if (a.name, a.status) == (name, status)]


def _alerts(body: dict[str, Any]) -> list[Alert]:
    return [
        Alert(
            (alert["labels"]["alertname"], alert["labels"]["severity"]),
            alert["status"], alert["labels"], alert["annotations"], alert["startsAt"],
        )
        for alert in body["alerts"]
    ]  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Peer]]:
    """Tell the story; a step that no one hears of in time is passed over, for the tests to say which."""
    folder = tmp_path_factory.mktemp("alerting")
    vendors = Simulator(
        {
            "sms": Account(TrueVerify(), {"default": Pool(1000.0)}),
            "leads": Account(LeadMagic(), {"default": Pool(1000.0)}),
            "mail": Account(LeadMagic(), {"default": Pool(1000.0)}),
            "search": Account(OceanIo(), {"standard": Pool(1000.0)}),
            "texts": Account(AgileTelecom(), {"default": Pool(1000.0)}),
        }
    )
    with ExitStack() as stack:
        server = stack.enter_context(SimulatorServer(vendors))
        exporter = _exporter(stack, vendors.accounts, server.base_url, folder)
        peers = {
            tools[0].generation: _peer(stack, tools, exporter, folder / tools[0].generation)
            for tools in _pairs()
            if all(tool.path for tool in tools)
        }
        _tell(vendors, list(peers.values()))
        yield peers


def _pairs() -> Iterator[tuple[Tool, Tool]]:
    return zip(generations("prometheus"), generations("prometheus-alertmanager"), strict=True)


def _exporter(stack: ExitStack, accounts: Mapping[str, Account], vendors: str, folder: Path) -> str:
    """Run the exporter over simulated vendors, one of them with a wrong key; return its address."""
    config = yaml.safe_load(accounts_config(accounts, vendors))
    config["global"] |= {
        "thresholds": {"warning": 100, "critical": 50},
        # The exporter's own clock isn't shortened: any fall within a test is one within seconds.
        "runway_thresholds": {"warning": "2ms", "critical": "1ms"},
        "max_staleness": "3s",
    }
    entries = {entry["name"]: entry for entry in config["providers"]}
    entries["sms"]["topup_url"] = TOPUP_URL
    entries["search"]["api_token"] = "revoked-key"
    path = folder / "credits-exporter.yml"
    path.write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        sys.executable, "-m", "exporter", "serve", f"--config.file={path}", f"--web.listen-address={address}",
        "--timeout-offset=50ms", "--config.auto-reload-interval=0s",
    ]  # fmt: skip
    stack.enter_context(running(command, f"http://{address}/-/ready", folder / "exporter.log"))
    return address


def _peer(stack: ExitStack, tools: tuple[Tool, Tool], exporter: str, folder: Path) -> Peer:
    """Run one generation's Prometheus and Alertmanager with the shortened files."""
    folder.mkdir()
    webhook = stack.enter_context(listening())
    routes = folder / "alertmanager.yml"
    routes.write_text(shortened.alertmanager_config(CONFIG, FACTOR, webhook.url, folder))
    manager = stack.enter_context(alertmanager(tools[1].require(), routes, folder))
    rules = folder / "credits.rules.yml"
    rules.write_text(shortened.rules(RULES, FACTOR))
    scraping = folder / "prometheus.yml"
    scraping.write_text(
        shortened.prometheus_config(
            ALERTS / "prometheus.yml", FACTOR, rules, exporter, manager.removeprefix("http://")
        )
    )
    return Peer(stack.enter_context(prometheus(tools[0].require(), scraping, folder)), webhook)


def _tell(vendors: Simulator, peers: list[Peer]) -> None:
    balances = 'provider_pool:credits_balance:min{provider=~"leads|mail|sms|texts"}'
    _until_all(peers, lambda peer: peer.sees(balances, 4))
    vendors.outage("mail")
    vendors.fail("texts", "insufficient_credits")
    vendors.set_balance("leads", "default", 30)
    vendors.set_balance("sms", "default", 80)
    _until_all(peers, lambda peer: peer.heard("buyers", "sms", LOW_WARNING))
    vendors.set_balance("sms", "default", 30)
    _until_all(peers, lambda peer: peer.heard("pager", "sms", LOW_CRITICAL))
    _until_all(peers, lambda peer: peer.heard("buyers", "sms", LOW_CRITICAL))
    vendors.set_balance("sms", "default", 0)
    _until_all(peers, lambda peer: peer.heard("pager", "sms", EXHAUSTED))
    _until_all(peers, lambda peer: peer.heard("ops-chat", "mail", DOWN))
    _until_all(peers, lambda peer: peer.heard("pager", "search", UNAUTHORIZED))
    vendors.top_up("sms", "default", 1000)
    for receiver in ("pager", "buyers"):
        for name in (EXHAUSTED, LOW_CRITICAL):
            _until_all(peers, lambda peer, r=receiver, n=name: peer.heard(r, "sms", n, "resolved"))


def _until_all(peers: list[Peer], heard: Callable[[Peer], object]) -> None:
    end = time.monotonic() + STEP_DEADLINE
    while time.monotonic() < end and not all(heard(peer) for peer in peers):
        time.sleep(0.1)


@pytest.fixture(params=list(_pairs()), ids=lambda tools: tools[0].generation)
def peer(request: pytest.FixtureRequest, story: dict[str, Peer]) -> Peer:
    """One generation's end of the story."""
    tools: tuple[Tool, Tool] = request.param
    for tool in tools:
        tool.require()
    return story[tools[0].generation]


def test_a_low_balance_is_told_to_those_who_can_pay(peer: Peer) -> None:
    """The first that is told of the account is the warning, to the buyers; nobody is paged for it."""
    first = peer.told("buyers", "sms")[0]
    assert (first.name, first.status) == (LOW_WARNING, "firing")
    assert first.annotations["topup_url"] == TOPUP_URL
    assert peer.heard("pager", "sms", LOW_WARNING) == []


def test_the_critical_alert_mutes_its_warning(peer: Peer) -> None:
    """Of an account that falls far at once, pager and buyers hear critical, and nobody the warning."""
    assert peer.heard("pager", "leads", LOW_CRITICAL)
    assert peer.heard("buyers", "leads", LOW_CRITICAL)
    warning = 'ALERTS{alertname="CreditsBalanceLow",severity="warning",provider="leads",alertstate="firing"}'
    assert peer.sees(f"last_over_time({warning}[5m])", 1)
    assert peer.heard("buyers", "leads", LOW_WARNING) == []


def test_alerts_come_in_the_order_of_the_fall(peer: Peer) -> None:
    """Warning, critical, exhausted."""
    began = [
        peer.heard(receiver, "sms", name)[0].starts_at
        for receiver, name in [("buyers", LOW_WARNING), ("pager", LOW_CRITICAL), ("pager", EXHAUSTED)]
    ]
    assert began == sorted(began)


@pytest.mark.parametrize("receiver", ["pager", "buyers"])
@pytest.mark.parametrize("name", [LOW_CRITICAL, EXHAUSTED], ids=" ".join)
def test_a_top_up_resolves(peer: Peer, receiver: str, name: Name) -> None:
    """Whoever was told hears that it is over, and nothing of it afterwards."""
    told = [alert for alert in peer.told(receiver, "sms") if alert.name == name]
    assert [alert.status for alert in told][-1:] == ["resolved"]


def test_an_outage_is_an_outage(peer: Peer) -> None:
    """A vendor that doesn't answer is down, with name and reason; its balance is neither low nor gone."""
    down = peer.heard("ops-chat", "mail", DOWN)
    assert "mail" in down[0].annotations["description"]
    assert "connection" in down[0].annotations["description"]
    everything = [alert.name[0] for receiver in ("pager", "buyers") for alert in peer.told(receiver, "mail")]
    assert {"CreditsBalanceLow", "CreditsExhausted"}.isdisjoint(everything)


def test_a_wrong_key_is_named(peer: Peer) -> None:
    """A vendor that refuses the key pages, and says whose key to replace."""
    (alert,) = {a.labels["provider"]: a for a in peer.heard("pager", "search", UNAUTHORIZED)}.values()
    assert "search" in alert.annotations["description"]
    page = next(p for p in peer.webhook.at("/pager/pagerduty") if "search" in p["payload"]["summary"])
    assert page["payload"]["summary"].startswith("Replace the credentials of search")


def test_refusals_after_the_last_credit_are_no_outage(peer: Peer) -> None:
    """A vendor that answers that nothing is left is exhausted; that its calls fail is no news."""
    assert peer.heard("pager", "texts", EXHAUSTED)
    assert peer.heard("ops-chat", "texts", DOWN) == []


def test_the_page_says_what_to_do_and_where(peer: Peer) -> None:
    """PagerDuty gets the action first and every link."""
    pages = [page for page in peer.webhook.at("/pager/pagerduty") if page["event_action"] == "trigger"]
    page = next(page for page in pages if "CreditsBalanceLow: sms" in page["payload"]["summary"])
    assert page["payload"]["summary"].startswith("Top up sms/default now.")
    assert "30 left, below the critical threshold of 50" in page["payload"]["custom_details"]["firing"]
    links = {link["text"]: link["href"] for link in page["links"]}
    assert links["Top up"] == TOPUP_URL
    assert links.keys() == {"Top up", "Runbook", "Dashboard", "Silence"}


def test_the_chat_says_what_to_do_and_where(peer: Peer) -> None:
    """Slack gets the action first, in bold, and the top-up page."""
    messages = [message["attachments"][0] for message in peer.webhook.at("/buyers/slack")]
    attachment = next(message for message in messages if "sms" in message["title"])
    assert attachment["title"] == "[WARNING] CreditsBalanceLow: sms/default"
    assert attachment["text"].startswith("*Order a top-up of sms/default.*")
    assert f"<{TOPUP_URL.replace('&', '&amp;')}|Top up>" in attachment["text"]


def test_the_heart_beats(peer: Peer) -> None:
    """The heartbeat comes again and again, and alone."""
    beats = [_alerts(body) for body in peer.webhook.at("/heartbeat")]
    assert len(beats) >= 3
    assert {alert.name for beat in beats for alert in beat} == {("Watchdog", "info")}
