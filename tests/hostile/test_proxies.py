"""Vendors behind a proxy: which one is used, what it sees, and that a hostile one costs no more."""

import base64

import pytest

from exporter.clock import SystemClock
from exporter.model import FetchError, Reading, Reason
from exporter.transport import Transport
from tests.hostile import behaviours as does
from tests.hostile import catalogue
from tests.hostile.accounts import VENDORS, account
from tests.hostile.conftest import StartVendor
from tests.hostile.server import refused

LEADMAGIC = next(vendor for vendor in VENDORS if vendor.type == "leadmagic")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies of the machine that runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def fetch(url: str, seconds: float = 5, **keys: object) -> Reading:
    """Ask an account at this URL once."""
    configured = account(LEADMAGIC, url, allow_http=True, **keys)
    transport = Transport(configured.transport, SystemClock())
    transport.start(seconds)
    try:
        reading: Reading = configured.provider.fetch(transport.call)
        return reading
    finally:
        transport.close()


def test_the_environment_s_proxy_is_used(hostile: StartVendor, environment: pytest.MonkeyPatch) -> None:
    """The proxy gets the whole URL, and its answer is the vendor's."""
    proxy = hostile(does.answers(200, LEADMAGIC.answer()))
    environment.setenv("http_proxy", proxy.url)
    assert fetch("http://vendor.example").pools["default"].balance == 12.5
    assert [request.target for request in proxy.requests] == ["http://vendor.example/v1/credits"]


@pytest.mark.parametrize("exception", ["127.0.0.1", "*", "other.example,127.0.0.1"])
def test_no_proxy_is_respected(
    exception: str, hostile: StartVendor, environment: pytest.MonkeyPatch
) -> None:
    """A host that the environment excepts is called directly."""
    vendor = hostile(does.answers(200, LEADMAGIC.answer()))
    with refused() as proxy:
        environment.setenv("http_proxy", proxy)
        environment.setenv("no_proxy", exception)
        assert fetch(vendor.url).pools
    assert len(vendor.requests) == 1


def test_an_entry_s_proxy_comes_before_the_environment_s(
    hostile: StartVendor, environment: pytest.MonkeyPatch
) -> None:
    """The entry's own proxy is used, with its credentials, whatever the environment says."""
    proxy = hostile(does.answers(200, LEADMAGIC.answer()))
    with refused() as other:
        environment.setenv("http_proxy", other)
        environment.setenv("no_proxy", "*")
        assert fetch("http://vendor.example", proxy_url=f"http://user:pass@127.0.0.1:{proxy.port}").pools
    credentials = base64.b64encode(b"user:pass").decode()
    assert proxy.requests[0].header("Proxy-Authorization") == f"Basic {credentials}"


def test_the_credentials_for_a_vendor_stay_inside_the_tunnel(hostile: StartVendor) -> None:
    """What a proxy sees of a call over TLS is the vendor's host name."""
    proxy = hostile(does.answers(502))
    with pytest.raises(FetchError):
        fetch("https://vendor.example", proxy_url=proxy.url)
    assert [request.target for request in proxy.requests] == ["vendor.example:443"]
    assert b"canary" not in proxy.requests[0].head


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("behaviour", "reasons"),
    [
        (does.silent(), {Reason.TIMEOUT}),
        (does.drips_status_line(catalogue.DRIP), {Reason.TIMEOUT}),
        (does.drips_head(catalogue.DRIP), {Reason.TIMEOUT}),
        (does.hangs_up(), {Reason.CONNECTION}),
        (does.resets(), {Reason.CONNECTION}),
        (does.says(b"garbage\r\n\r\n"), {Reason.CONNECTION, Reason.BAD_RESPONSE}),
        (does.answers(407), {Reason.CONNECTION, Reason.CLIENT_ERROR}),
        (does.answers(302, b"", {"Location": "http://elsewhere.example/"}), {Reason.CONNECTION, Reason.REDIRECT}),
        (does.headers_for_ever(), {Reason.CONNECTION, Reason.TIMEOUT}),
        (does.says_then_drips(ESTABLISHED, catalogue.DRIP), {Reason.TIMEOUT, Reason.TLS, Reason.BAD_RESPONSE}),
    ],
    ids=[
        "silent", "drips status line", "drips head", "hangs up", "resets", "garbage", "407", "redirects",
        "headers for ever", "drips after CONNECT",
    ],
)  # fmt: skip
def test_a_hostile_proxy_is_as_harmless_as_a_hostile_vendor(
    scheme: str, behaviour: does.Behaviour, reasons: set[Reason], hostile: StartVendor
) -> None:
    """The call ends within its total time as one of the named reasons."""
    proxy = hostile(behaviour)
    seconds = 0.5 if Reason.TIMEOUT in reasons else 5
    with pytest.raises(FetchError) as caught:
        fetch(f"{scheme}://vendor.example", seconds=seconds, proxy_url=proxy.url)
    assert caught.value.reason in reasons


def test_an_unreachable_proxy_is_named(hostile: StartVendor) -> None:
    """The detail tells the proxy from the vendor."""
    with refused() as proxy, pytest.raises(FetchError, match="proxy") as caught:
        fetch("https://vendor.example", proxy_url=proxy)
    assert caught.value.reason == Reason.CONNECTION
