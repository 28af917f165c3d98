"""The hostile vendor itself: what it records, and that nothing of it is left behind."""

import contextlib
import http.client
import socket
import ssl
import threading
import warnings
import zlib
from pathlib import Path

import pytest

from tests.hostile import behaviours as does
from tests.hostile import bombs, catalogue, tls
from tests.hostile.server import HostileServer, never_accepts, refused, unknown_host

ROWS = [*catalogue.SLOW, *catalogue.BROKEN, *catalogue.HUGE]


def connect(server: HostileServer, timeout: float = 5) -> socket.socket:
    """Open a connection to the server."""
    return socket.create_connection(("127.0.0.1", server.port), timeout)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_stop_leaves_nothing_behind(row: catalogue.Row) -> None:
    """Whatever the behaviour and however the client stands, leaving the block ends all its threads."""
    before = threading.active_count()
    with (
        HostileServer(row.make()) as server,
        contextlib.suppress(ConnectionResetError),  # one that resets on accept may be quicker than the connect
        connect(server, timeout=0.05) as client,
        contextlib.suppress(OSError),
    ):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        client.recv(1)
    assert threading.active_count() == before


def test_stop_ends_a_hanging_handshake() -> None:
    """A client that never says hello does not keep a TLS server alive."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with HostileServer(does.over_tls(context, does.silent())) as server, connect(server):
        pass
    assert server.connections <= 1


def test_requests_are_recorded_with_head_and_body() -> None:
    """Assertions can look at the method, the target, every header and the body of each request."""
    with HostileServer(does.answers(200, b"{}")) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        with contextlib.closing(client):
            client.request("GET", "/a?b=c", headers={"X-Key": "one"})
            assert client.getresponse().read() == b"{}"
            client.request("POST", "/post", body=b"hello")
            assert client.getresponse().read() == b"{}"
    first, second = server.requests
    assert (first.method, first.target, first.header("x-key")) == ("GET", "/a?b=c", "one")
    assert (second.method, second.body) == ("POST", b"hello")
    assert server.connections == 1


def test_a_bug_in_a_behaviour_fails_the_test_that_uses_it() -> None:
    """An exception that is not the client's doing is raised when the block ends."""

    def broken(_: object) -> None:
        raise LookupError("bug")

    with (
        pytest.raises(AssertionError, match="LookupError"),
        HostileServer(broken) as server,
        connect(server) as client,
    ):
        client.recv(1)


def test_a_reset_reaches_the_client_as_one() -> None:
    """SO_LINGER 0 makes the close a RST and not a FIN."""
    with HostileServer(does.resets()) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_full_backlog_ignores_connections() -> None:
    """A connection to it neither succeeds nor is refused."""
    with never_accepts() as url, socket.socket() as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.connect(("127.0.0.1", int(url.rpartition(":")[2])))


def test_a_reserved_port_refuses() -> None:
    """The port is bound, so nobody takes it, but it does not listen."""
    with refused() as url, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5)


def test_the_unknown_host_is_unknown() -> None:
    """The name does not resolve."""
    with unknown_host() as url, pytest.raises(socket.gaierror):
        socket.getaddrinfo(url.removeprefix("https://"), 443)


def test_bombs_are_what_they_claim() -> None:
    """The compressed streams are correct and expand to all their zeros."""
    assert zlib.decompress(bombs.gzipped_zeros(8 * bombs.MEBIBYTE), wbits=31) == bytes(8 * bombs.MEBIBYTE)
    assert len(bombs.gzipped_zeros(200 * bombs.MEBIBYTE)) < bombs.MEBIBYTE


def test_tls_1_0_is_really_spoken(tmp_path: Path) -> None:
    """A client that allows it gets through, so a refusal is the client's own decision."""
    certificates = tls.make(tmp_path)
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    with (
        HostileServer(does.over_tls(certificates.tls_1_0, does.answers())) as server,
        connect(server) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as client,
    ):
        assert client.version() == "TLSv1"


@pytest.mark.parametrize("defect", ["expired", "self_signed", "wrong_name"])
def test_certificates_have_the_defect_that_they_are_named_for(tmp_path: Path, defect: str) -> None:
    """A verifying client gives the defect as its reason, and accepts the good certificate."""
    says = {
        "expired": "certificate has expired",
        "self_signed": "self-signed certificate",
        "wrong_name": "IP address mismatch",
    }
    certificates = tls.make(tmp_path)
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    with (
        HostileServer(does.over_tls(certificates.good, does.answers())) as server,
        connect(server) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1"),
    ):
        pass
    with (
        HostileServer(does.over_tls(getattr(certificates, defect), does.answers())) as server,
        connect(server) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match=says[defect]),
    ):
        context.wrap_socket(raw, server_hostname="127.0.0.1")
