"""What a scrape over HTTP gets while vendors misbehave: the whole page, in time, and the truth."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from exporter.providers.leadmagic import LeadMagic
from exporter.web.scrape import scrape_seconds
from tests.hostile import behaviours as does
from tests.hostile import catalogue
from tests.hostile.accounts import VENDORS, account, configure, entry
from tests.hostile.conftest import StartVendor
from tests.hostile.served import exporting
from tests.hostile.server import Behaviour, Connection, never_accepts, refused

NAMES = [vendor.name for vendor in VENDORS]
LEADMAGIC = next(vendor for vendor in VENDORS if vendor.type == "leadmagic")


def good() -> Behaviour:
    """Answer every provider type as it expects, by the path that it asks for."""
    def play(connection: Connection) -> None:
        while True:
            target = connection.read_request().target
            vendor = next(vendor for vendor in VENDORS if target.startswith(vendor.path))
            connection.send(does.response(200, vendor.answer()))

    return play


def held(release: threading.Event, behaviour_body: bytes) -> Behaviour:
    """Answer well, but only once the test says so."""

    def play(connection: Connection) -> None:
        while True:
            connection.read_request()
            while not release.wait(0.01):
                connection.pause(0)
            connection.send(does.response(200, behaviour_body))

    return play


def test_good_vendors_are_shown_beside_every_kind_of_hostile_one(hostile: StartVendor) -> None:
    """The page is whole and in time: every good balance, and every hostile account down with its reason."""
    vendor = hostile(good())
    rows = {row.name: row for row in [*catalogue.SLOW, *catalogue.BROKEN, *catalogue.HUGE]}
    entries = [entry(one, vendor.url) for one in VENDORS]
    for name, row in rows.items():
        timeout = "500ms" if row in catalogue.SLOW else "20s"
        entries.append(entry(LEADMAGIC, hostile(row.make()).url, timeout=timeout) | {"name": name})
    with refused() as closed, never_accepts() as full:
        entries.append(entry(LEADMAGIC, closed) | {"name": "refused"})
        entries.append(entry(LEADMAGIC, full, timeout="500ms") | {"name": "full"})
        with exporting(configure(entries)) as exporter:
            page = exporter.scrape("15")
    assert {name: page["credits_balance", name, one.pool] for name, one in zip(NAMES, VENDORS, strict=True)} == dict.fromkeys(NAMES, 12.5)
    failing = {key[1]: key[2] for key in page if key[0] == "credits_provider_error"}
    assert failing.keys() == rows.keys() | {"refused", "full"}
    assert not {name: failing[name] for name, row in rows.items() if failing[name] not in row.reasons}
    assert (failing["refused"], failing["full"]) == ("connection", "timeout")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 0.5),
        ("10", 9.5),
        ("60", 11.0),
        ("0.4", 0.2),
        (None, 11.0),
        ("", 11.0),
        ("0", 11.0),
        ("-1", 11.0),
        ("-0", 11.0),
        ("abc", 11.0),
        ("1e9", 11.0),
        ("nan", 11.0),
        ("inf", 11.0),
        ("-inf", 11.0),
        ("1e999", 11.0),
        ("10, 5", 11.0),
        ("0x10", 11.0),
    ],
)
def test_the_deadline_comes_from_the_header_or_from_the_accounts(header: str | None, seconds: float) -> None:
    """The scraper's time-out less the offset, never beyond the slowest account; nonsense is no header."""
    accounts = [account(LEADMAGIC, "https://vendor.example", timeout=text) for text in ("2s", "10s")]
    assert scrape_seconds(header, 0.5, accounts) == pytest.approx(seconds)


@pytest.mark.parametrize("header", ["1", None, "0", "-5", "abc", "nan", "1e9"])
def test_a_scrape_ends_whatever_its_deadline_says(header: str | None, hostile: StartVendor) -> None:
    """The page comes, with the hanging account as a time-out and the others as they are."""
    entries = [entry(VENDORS[0], hostile(good()).url), entry(LEADMAGIC, hostile(does.silent()).url, timeout="300ms")]
    with exporting(configure(entries)) as exporter:
        page = exporter.scrape(header)
    assert page["credits_provider_up", "impressionwise"] == 1
    assert page["credits_provider_error", "leadmagic", "timeout"] == 1


def test_a_late_answer_lands_in_the_next_scrape(hostile: StartVendor) -> None:
    """The scrape's deadline passes first: a time-out is shown, no failure is counted, and the answer is kept."""
    release = threading.Event()
    vendor = hostile(held(release, LEADMAGIC.answer()))
    with exporting(configure([entry(LEADMAGIC, vendor.url, timeout="20s")])) as exporter:
        first = exporter.scrape("0.2")
        release.set()
        second = exporter.scrape("20")
    assert first["credits_provider_up", "leadmagic"] == 0
    assert first["credits_provider_error", "leadmagic", "timeout"] == 1
    assert first["credits_provider_failures_total", "leadmagic"] == 0
    assert ("credits_balance", "leadmagic", "default") not in first
    assert second["credits_provider_up", "leadmagic"] == 1
    assert second["credits_balance", "leadmagic", "default"] == 12.5
    assert len(vendor.requests) == 1


def test_fifty_scrapes_at_once_make_one_call_for_each_account(hostile: StartVendor) -> None:
    """All of them wait for the same calls and show the same balances."""
    vendor = hostile(good())
    slow = hostile(does.answers(200, LEADMAGIC.answer(), after=0.3))
    entries = [entry(one, slow.url if one is LEADMAGIC else vendor.url) for one in VENDORS]
    with exporting(configure(entries)) as exporter, ThreadPoolExecutor(50) as clients:
        pages = list(clients.map(lambda _: exporter.scrape("20"), range(50)))
    assert len(vendor.requests) + len(slow.requests) == len(VENDORS)
    for page in pages:
        assert [page["credits_provider_up", name] for name in NAMES] == [1] * len(NAMES)


def test_other_scrapes_do_not_wait_for_a_hanging_vendor(hostile: StartVendor) -> None:
    """A scrape of one account is answered while another scrape waits for a vendor that hangs."""
    entries = [entry(VENDORS[0], hostile(good()).url), entry(LEADMAGIC, hostile(does.silent()).url, timeout="2s")]
    with exporting(configure(entries)) as exporter, ThreadPoolExecutor(1) as other:
        waiting = other.submit(exporter.scrape, "20")
        page = exporter.scrape("20", path="/probe?target=impressionwise")
        assert not waiting.done()
        assert page["credits_provider_up", "impressionwise"] == 1
        assert exporter.get("/-/healthy").status_code == 200
        assert waiting.result()["credits_provider_error", "leadmagic", "timeout"] == 1


def test_workers_are_released_at_the_call_s_own_timeout(hostile: StartVendor) -> None:
    """One worker for four hanging accounts: each gets its turn, and all end as time-outs."""
    entries = [
        entry(LEADMAGIC, hostile(does.drips_head(catalogue.DRIP)).url, timeout="200ms") | {"name": f"drip-{number}"}
        for number in range(4)
    ]
    with exporting(configure(entries, max_concurrency=1)) as exporter:
        page = exporter.scrape("20")
    assert sorted(key[1] for key in page if key[0] == "credits_provider_error" and key[2] == "timeout") == [
        f"drip-{number}" for number in range(4)
    ]


def test_a_bug_in_a_provider_costs_only_its_own_series(
    hostile: StartVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is internal, the log has one traceback however many scrapes there are, the rest is shown."""

    def broken(self: LeadMagic, response: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(LeadMagic, "parse", broken)
    vendor = hostile(good())
    entries = [entry(one, vendor.url, refresh_interval="0s") for one in VENDORS]
    with exporting(configure(entries)) as exporter:
        for _ in range(3):
            page = exporter.scrape("20")
        log = exporter.log.getvalue()
    assert {key[1]: key[2] for key in page if key[0] == "credits_provider_error"} == {"leadmagic": "internal"}
    assert log.count("Traceback") == log.count("provider_bug") == 1
    assert [page["credits_provider_up", name] for name in NAMES if name != "leadmagic"] == [1] * (len(NAMES) - 1)


def test_a_failure_is_logged_once_and_backs_off_visibly(hostile: StartVendor) -> None:
    """Scrapes during the back-off call nobody and log nothing; the page says when the next call may come."""
    vendor = hostile(does.answers(401, b""))
    began = time.time()
    with exporting(configure([entry(LEADMAGIC, vendor.url, refresh_interval="30s")])) as exporter:
        pages = [exporter.scrape("20") for _ in range(5)]
        log = exporter.log.getvalue()
    assert len(vendor.requests) == 1
    assert log.count("provider_failing") == 1
    next_fetch = {page["credits_provider_next_fetch_timestamp_seconds", "leadmagic"] for page in pages}
    assert len(next_fetch) == 1
    assert next_fetch.pop() > began + 60


@pytest.mark.parametrize(
    ("value", "shortest", "longest"),
    [("120", 120, 121), ("7", 30, 31), ("1e99", 28, 31), ("99999999", 3600, 3601), ("-5", 28, 31), ("soon", 28, 31)],
)
def test_retry_after_is_seen_in_the_next_fetch(
    value: str, shortest: float, longest: float, hostile: StartVendor
) -> None:
    """It is honoured up to an hour, never below the interval, and ignored where it is no number."""
    vendor = hostile(does.answers(429, b"", {"Retry-After": value}))
    with exporting(configure([entry(LEADMAGIC, vendor.url, refresh_interval="30s")])) as exporter:
        began = time.time()
        page = exporter.scrape("20")
        ended = time.time()
    next_fetch = page["credits_provider_next_fetch_timestamp_seconds", "leadmagic"]
    assert began + shortest <= next_fetch <= ended + longest
