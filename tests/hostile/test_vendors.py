"""Every provider type against the hostile table, from the configuration to the page.

Each test has one hostile vendor and an account of every type at it, so that a row costs one scrape.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from exporter.clock import SystemClock
from exporter.collector import CreditsCollector
from exporter.exposition import Format, encode
from exporter.refresh import Refresher
from tests.hostile import behaviours as does
from tests.hostile import catalogue, tls
from tests.hostile.accounts import VENDORS, configure, entry
from tests.hostile.conftest import StartVendor
from tests.hostile.served import Samples, parse
from tests.hostile.server import never_accepts, refused, unknown_host

NAMES = [vendor.name for vendor in VENDORS]
Ask = Callable[..., Samples]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Scrape an account of every type at this URL once; return the page's samples.

    A key of the result is the sample's name, the provider, and the values of the other labels.
    """
    with ExitStack() as stack:

        def scrape(url: str, seconds: float = 15, timeout: str = "10s", **keys: Any) -> Samples:
            config = configure([entry(vendor, url, timeout=timeout, **keys) for vendor in VENDORS])
            refresher = Refresher(config, SystemClock(), random.Random(1))
            stack.callback(refresher.close)
            snapshot = refresher.collect(refresher.names, seconds)
            return parse(encode(CreditsCollector(snapshot), Format.TEXT_0_0_4).decode())

        yield scrape


def reasons(page: Samples) -> dict[str, str]:
    """Return every provider's reason; each must be down, and nothing of a balance be on the page."""
    for name in NAMES:
        assert page["credits_provider_up", name] == 0
        assert page["credits_provider_failures_total", name] == 1
    assert not [key for key in page if key[0].startswith(("credits_balance", "daily_limit", "upstream"))]
    return {key[1]: key[2] for key in page if key[0] == "credits_provider_error"}


def all_for(reason: str) -> dict[str, str]:
    """Return what ``reasons`` gives when every provider fails for the same one."""
    return dict.fromkeys(NAMES, reason)


REPRESENTATIVES = [
    row
    for row in [*catalogue.SLOW, *catalogue.BROKEN, *catalogue.HUGE]
    if row.name
    in {
        "never answers", "drips a header", "drips the body", "floods 100 Continue", "hangs up",
        "resets before the head", "resets after the head", "promises more than it sends", "garbage",
        "5,000 headers", "gzip that is not", "2 GB by length", "2 GB in chunks", "200 MB behind gzip",
    }
]  # fmt: skip


@pytest.mark.parametrize("row", REPRESENTATIVES, ids=lambda row: row.name)
def test_a_misbehaving_vendor_costs_each_type_only_its_reason(
    row: catalogue.Row, hostile: StartVendor, ask: Ask
) -> None:
    """Every type says why it is down, shows no balance, and lets go of the vendor."""
    timeout = "300ms" if row in catalogue.SLOW else "10s"
    page = ask(hostile(row.make()).url, timeout=timeout)
    found = reasons(page)
    assert list(found) == NAMES
    assert set(found.values()) <= row.reasons


def test_rows_are_really_there() -> None:
    """The representatives were all found in the table."""
    assert len(REPRESENTATIVES) == 14


@pytest.mark.parametrize(
    ("nobody", "reason"),
    [(refused, "connection"), (unknown_host, "connection"), (never_accepts, "timeout")],
    ids=["refused", "DNS", "full backlog"],
)
def test_an_unreachable_vendor(nobody: Callable[..., Any], reason: str, ask: Ask) -> None:
    """No type tells an unreachable vendor from another one differently."""
    with nobody() as url:
        timeout = "10s" if reason == "connection" else "300ms"
        assert reasons(ask(url, timeout=timeout)) == all_for(reason)


@pytest.mark.parametrize("defect", ["expired", "self_signed", "wrong_name", "tls_1_0"])
def test_a_bad_certificate(
    defect: str, hostile: StartVendor, certificates: tls.Certificates, ask: Ask
) -> None:
    """No type sends its credentials to a vendor that does not prove who it is."""
    server = hostile(does.over_tls(getattr(certificates, defect), does.answers()), scheme="https")
    page = ask(server.url, tls_config={"ca_file": str(certificates.ca_file)})
    assert reasons(page) == all_for("tls")
    assert server.requests == []


def test_a_redirect_to_another_host_leaks_nothing(hostile: StartVendor, ask: Ask) -> None:
    """One request for each account, and none at the other host, which would see headers and query."""
    thief = hostile(does.answers())
    vendor = hostile(does.answers(302, b"", {"Location": f"{thief.url}/steal"}))
    assert reasons(ask(vendor.url)) == all_for("redirect")
    assert len(vendor.requests) == len(NAMES)
    assert thief.connections == 0


@pytest.mark.parametrize("content", catalogue.ERROR_BODIES.values(), ids=catalogue.ERROR_BODIES)
@pytest.mark.parametrize(("status", "reason"), catalogue.STATUSES.items())
def test_an_error_status_means_the_same_for_every_type(
    status: int, reason: str, content: tuple[bytes, str], hostile: StartVendor, ask: Ask
) -> None:
    """The status names the reason wherever the body does not."""
    body, content_type = content
    server = hostile(does.answers(status, body, {"Content-Type": content_type}))
    assert reasons(ask(server.url)) == all_for(reason)


@pytest.mark.parametrize("body", catalogue.BODIES.values(), ids=catalogue.BODIES)
def test_a_body_without_a_balance_is_a_bad_response(body: bytes, hostile: StartVendor, ask: Ask) -> None:
    """A 200 answer that says nothing of credits is never taken for a number."""
    assert reasons(ask(hostile(does.answers(200, body)).url)) == all_for("bad_response")
