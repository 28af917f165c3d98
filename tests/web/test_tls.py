"""TLS as clients meet it: versions, client certificates, handshakes that never end, files that change."""

import dataclasses
import logging
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from exporter.web import accept
from exporter.web.protocol import Deadlines
from exporter.web.webfile import WebConfigFile
from tests.web.serving import PATIENCE, SHORT, Certificates, get, read_all, read_response, serving, status_of

PATIENT = Deadlines(sweep=0.05)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """A folder with a CA and a server certificate."""
    return Certificates.create(tmp_path)


def _config(certificates: Certificates, *lines: str, rest: str = "") -> WebConfigFile:
    path = certificates.folder / "web.yml"
    keys = ("cert_file: server.crt", "key_file: server.key", *lines)
    path.write_text("tls_server_config:\n" + "".join(f"  {line}\n" for line in keys) + rest)
    return WebConfigFile(path)


def _with_versions(
    certificates: Certificates, low: ssl.TLSVersion, high: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0"
) -> ssl.SSLContext:
    context = certificates.client()
    context.set_ciphers(ciphers)
    context.minimum_version, context.maximum_version = low, high
    return context


def test_pages_are_served_over_tls(certificates: Certificates) -> None:
    """The bound URL says https, and a client that trusts the CA is served; HTTP/1.1 is agreed on."""
    with serving(web_config=_config(certificates)) as running:
        assert running.urls == [f"https://127.0.0.1:{running.port}"]
        context = certificates.client()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with running.connect_tls(context) as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"
            assert connection.version() == "TLSv1.3"
            connection.sendall(get("/metrics"))
            assert read_all(connection).endswith(b"up 1\n")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("lines", "refused", "accepted"),
    [
        ((), ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2),
        (("min_version: TLS13",), ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
        (("max_version: TLS12",), ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2),
    ],
    ids=["default", "min", "max"],
)
def test_the_versions_are_those_that_are_configured(
    certificates: Certificates, lines: tuple[str, ...], refused: ssl.TLSVersion, accepted: ssl.TLSVersion
) -> None:
    """TLS 1.2 is the lowest by default; min_version and max_version narrow it."""
    with serving(web_config=_config(certificates, *lines)) as running:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            running.connect_tls(_with_versions(certificates, refused, refused))
        good = _with_versions(certificates, accepted, accepted)
        assert status_of(running.exchange(get("/metrics"), good)) == 200


def test_cipher_suites_by_their_go_names(certificates: Certificates) -> None:
    """Only the suites of the list are agreed on with TLS 1.2 clients."""
    suite = "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]"
    tls12 = ssl.TLSVersion.TLSv1_2
    with serving(web_config=_config(certificates, suite)) as running:
        with running.connect_tls(_with_versions(certificates, tls12, tls12)) as connection:
            assert (connection.cipher() or ("",))[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
        other = _with_versions(certificates, tls12, tls12, "ECDHE-ECDSA-AES128-GCM-SHA256")
        with pytest.raises(ssl.SSLError):
            running.connect_tls(other)


@pytest.mark.parametrize(
    ("mode", "identity", "is_served"),
    [
        ("NoClientCert", None, True),
        ("VerifyClientCertIfGiven", None, True),
        ("VerifyClientCertIfGiven", "own", True),
        ("VerifyClientCertIfGiven", "foreign", False),
        ("RequireAndVerifyClientCert", None, False),
        ("RequireAndVerifyClientCert", "own", True),
        ("RequireAndVerifyClientCert", "foreign", False),
    ],
)
def test_client_certificates(
    certificates: Certificates, mode: str, identity: str | None, is_served: bool
) -> None:
    """Each policy admits whom Go's policy of that name admits."""
    issuers = {"own": certificates.ca, "foreign": trustme.CA()}
    pair = issuers[identity].issue_cert("client.example") if identity else None
    ca = () if mode == "NoClientCert" else ("client_ca_file: ca.crt",)
    with serving(web_config=_config(certificates, f"client_auth_type: {mode}", *ca)) as running:
        assert _is_served(running.port, certificates.client(pair)) is is_served


def _is_served(port: int, context: ssl.SSLContext) -> bool:
    """Return whether a request is answered; in TLS 1.3 a refusal may come after the handshake."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(get("/metrics"))
            return read_all(connection).startswith(b"HTTP/1.1 200 ")
    except (ssl.SSLError, ConnectionError):
        return False


@pytest.mark.parametrize(
    ("names", "is_served"),
    [
        (("prometheus.example",), True),
        (("other.example", "prometheus.example"), True),
        (("::1",), True),
        (("ops@example.org",), True),
        (("other.example",), False),
        (("sub.prometheus.example",), False),
        (("10.0.0.1",), False),
    ],
)
def test_only_allowed_names_get_in(
    certificates: Certificates, names: tuple[str, ...], is_served: bool
) -> None:
    """With client_allowed_sans one of the certificate's names has to be in the list, letter by letter."""
    allowed = "client_allowed_sans: [prometheus.example, '0:0::1', ops@example.org]"
    verify = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.crt", allowed)
    pair = certificates.ca.issue_cert(*names)
    with serving(web_config=_config(certificates, *verify)) as running:
        assert _is_served(running.port, certificates.client(pair)) is is_served


@pytest.mark.parametrize(
    "opening", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"], ids=["silent", "half", "plain"]
)
def test_a_handshake_that_does_not_finish_is_closed(
    certificates: Certificates, opening: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Silence, half a hello and plain HTTP lose the connection, without a line in the log."""
    with caplog.at_level(logging.INFO), serving(web_config=_config(certificates), deadlines=SHORT) as running:
        assert running.exchange(opening).count(b"HTTP") == 0
    assert caplog.messages == []


def test_a_finished_handshake_without_a_request_is_closed(certificates: Certificates) -> None:
    """After the handshake the deadline for a head begins."""
    with (
        serving(web_config=_config(certificates), deadlines=SHORT) as running,
        running.connect_tls(certificates.client()) as connection,
    ):
        assert read_all(connection) == b""


def test_a_client_that_never_reads_is_closed(certificates: Certificates) -> None:
    """A response over TLS that isn't taken is given up too."""
    with (
        serving(web_config=_config(certificates), deadlines=SHORT) as running,
        running.connect_tls(certificates.client()) as connection,
    ):
        connection.sendall(get("/big"))
        end = time.monotonic() + PATIENCE
        while not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            assert time.monotonic() < end, "not reset"
            time.sleep(0.01)


def test_handshakes_that_never_finish_stall_nobody(certificates: Certificates) -> None:
    """With 300 silent connections to the TLS port, scrapes are answered."""
    with serving(web_config=_config(certificates)) as running, ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(running.connect())
        for _ in range(3):
            assert status_of(running.exchange(get("/metrics"), certificates.client())) == 200


def test_the_oldest_handshake_makes_room(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the cap a newcomer replaces the handshake that has been going on for longest."""
    monkeypatch.setattr(accept, "connection_cap", lambda: 2)
    with serving(web_config=_config(certificates), deadlines=PATIENT) as running, ExitStack() as stack:
        oldest, older = (stack.enter_context(running.connect()) for _ in range(2))
        assert status_of(running.exchange(get("/metrics"), certificates.client())) == 200
        assert oldest.recv(1) == b""
        older.setblocking(False)
        with pytest.raises(BlockingIOError):
            older.recv(1)


def test_refusals_travel_over_tls(certificates: Certificates) -> None:
    """A request that is refused gets its answer on an encrypted connection too."""
    with serving(web_config=_config(certificates), deadlines=SHORT) as running:
        response = running.exchange(get("/metrics", "Content-Length: 1") + b"x", certificates.client())
    assert status_of(response) == 413


def test_a_drain_closes_idle_tls_connections(certificates: Certificates) -> None:
    """An idle keep-alive connection gets a proper goodbye, and the server stops at once."""
    with serving(web_config=_config(certificates)) as running:
        with running.connect_tls(certificates.client()) as idle:
            idle.sendall(get("/metrics", close=False))
            read_response(idle)
            running.server.stop()
            assert idle.recv(1) == b""
        assert running.join() == 0


def test_abandoned_work_over_tls_leaves_no_trace(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    """A request that is cut off by the end of the drain is one line of log, on TLS as on plain HTTP."""
    deadlines = dataclasses.replace(SHORT, drain=0.1)
    with (
        caplog.at_level(logging.INFO),
        serving(web_config=_config(certificates), deadlines=deadlines) as running,
        running.connect_tls(certificates.client()) as stuck,
    ):
        stuck.sendall(get("/slow"))
        assert running.application.entered.acquire(timeout=PATIENCE)
        running.server.stop()
        assert running.join() == 0
    assert caplog.messages == ["requests_abandoned"]


def _serial(port: int, context: ssl.SSLContext) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return str((connection.getpeercert() or {})["serialNumber"])


def test_a_renewed_certificate_is_used_for_new_connections(certificates: Certificates) -> None:
    """After a renewal new connections get the new certificate, without a restart or a signal."""
    with serving(web_config=_config(certificates)) as running:
        client = certificates.client()
        before = _serial(running.port, client)
        certificates.issue()
        end = time.monotonic() + PATIENCE
        while _serial(running.port, client) == before:
            assert time.monotonic() < end, "the old certificate is still in use"
            time.sleep(0.05)
