"""A call's total time holds through a proxy, over TLS or not, whatever the proxy or the vendor behind it do."""

import ssl
import threading
from collections.abc import Callable

import pytest
import trustme

from exporter.clock import SystemClock
from exporter.model import FetchError, Reading, Reason
from exporter.transport import Transport
from tests.hostile.accounts import VENDORS, account
from tests.hostile.server import Behaviour, ClientGoneError, Connection, HostileServer

LEADMAGIC = next(vendor for vendor in VENDORS if vendor.type == "leadmagic")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SECONDS = 0.6
DRIP = 0.1
LONG_ENOUGH = range(int(5 * SECONDS / DRIP))

Send = Callable[[bytes], object]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority that signed the proxy's certificate and the vendor's."""
    return trustme.CA()


@pytest.fixture(scope="module")
def serving(authority) -> ssl.SSLContext:
    """How the proxy and the vendor serve TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "vendor.example").configure_cert(context)
    return context


@pytest.fixture
def fetch(authority, tmp_path) -> Callable[..., Reading]:
    """Return a function that asks a vendor behind a proxy once."""
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))

    def ask(proxy: HostileServer, scheme: str, seconds: float) -> Reading:
        settings = account(
            LEADMAGIC,
            "https://vendor.example",
            tls_config={"ca_file": str(ca_file)},
            proxy_url=f"{scheme}://127.0.0.1:{proxy.port}",
        )
        transport = Transport(settings.transport, SystemClock())
        transport.start(seconds)
        try:
            return settings.provider.fetch(transport.call)
        finally:
            transport.close()

    return ask


def tunnel(context: ssl.SSLContext, vendor: Callable[[Connection, Send], None]) -> Behaviour:
    """Open the tunnel, and play the vendor at its other end: TLS, a request, and what the vendor sends."""

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(ESTABLISHED)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)

        def exchange(step: Callable[..., object], *arguments: object) -> None:
            while True:
                try:
                    step(*arguments)
                except ssl.SSLWantReadError:
                    connection.send(outgoing.read())
                    incoming.write(received(connection))
                else:
                    connection.send(outgoing.read())
                    return

        exchange(session.do_handshake)
        exchange(session.read, 65536)
        vendor(connection, lambda data: exchange(session.write, data))

    return play


def received(connection: Connection) -> bytes:
    """Return what comes next; a client that hung up ends the behaviour."""
    try:
        data = connection.sock.recv(65536)
    except OSError as error:
        raise ClientGoneError from error
    if not data:
        raise ClientGoneError
    return data


def answers(connection: Connection, send: Send) -> None:
    """Answer as the vendor does."""
    body = LEADMAGIC.answer()
    send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    connection.wait_for_close()


def drips(connection: Connection, send: Send) -> None:
    """Send a head, and a body one byte at a time."""
    send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in LONG_ENOUGH:
        connection.pause(DRIP)
        send(b" ")


def drips_its_own_head(connection: Connection) -> None:
    """Answer the CONNECT one byte at a time."""
    connection.read_request()
    connection.drip(b"HTTP/1.1 200 O" + b"K" * len(LONG_ENOUGH), DRIP)


def drips_a_handshake(connection: Connection) -> None:
    """Open the tunnel; at its other end a handshake comes one byte at a time."""
    connection.read_request()
    connection.send(ESTABLISHED)
    connection.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(len(LONG_ENOUGH)), DRIP)


def opens_late_and_is_silent(connection: Connection) -> None:
    """Open the tunnel when most of the time is over; nobody answers at its other end."""
    connection.read_request()
    connection.pause(SECONDS * 0.8)
    connection.send(ESTABLISHED)
    connection.pause(SECONDS * 0.8)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_vendor_behind_a_proxy_is_reached(scheme, fetch, serving) -> None:
    """The tunnel carries the call; the account's own authorities vouch for the proxy too."""

    def play(connection: Connection) -> None:
        if scheme == "https":
            connection.start_tls(serving)
        tunnel(serving, answers)(connection)

    with HostileServer(play) as proxy:
        assert fetch(proxy, scheme, 10).pools["default"].balance == 12.5


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("case", ["drips", drips_its_own_head, drips_a_handshake, opens_late_and_is_silent])
def test_the_total_time_holds_through_a_proxy(scheme, case, fetch, serving) -> None:
    """The call ends at its own timeout, while the proxy or the vendor are still playing."""
    played_out = threading.Event()

    def play(connection: Connection) -> None:
        if scheme == "https":
            connection.start_tls(serving)
        behaviour = tunnel(serving, drips) if case == "drips" else case
        behaviour(connection)
        played_out.set()

    with HostileServer(play) as proxy:
        with pytest.raises(FetchError) as caught:
            fetch(proxy, scheme, SECONDS)
        assert not played_out.is_set()
    assert caught.value.reason is Reason.TIMEOUT
