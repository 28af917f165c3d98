import contextlib
import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from requests_oauthlib import OAuth1

from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator

LEADMAGIC = {"X-API-Key": "demo-leadmagic-key"}


@pytest.fixture
def server(simulator: Simulator) -> Iterator[SimulatorServer]:
    """Serve the simulator on a free port."""
    with SimulatorServer(simulator) as server:
        yield server


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Yield an HTTP client that heeds nothing of the environment."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/impressionwise/creditscheck.aspx", {"params": {"CODE": "BBF", "PSW": "demo&pass%word"}}),
        ("/agiletelecom/services/sms/credit", {"headers": {"X-Api-Key": "demo-agiletelecom-key"}}),
        ("/agiletelecom/services/sms/credit", {"auth": ("demo", "demo-agiletelecom-password")}),
        (
            "/agiletelecom/services/sms/credit",
            {"auth": OAuth1("demo-consumer", "demo-consumer-secret", "demo-token", "demo-token-secret")},
        ),
        ("/oceanio/v2/credits/balance", {"headers": {"X-Api-Token": "demo-oceanio-token"}}),
        ("/oceanio/v2/credits/balance", {"params": {"apiToken": "demo-oceanio-token"}}),
        ("/leadmagic/v1/credits", {"headers": LEADMAGIC}),
        ("/trueverify/api/v1/credits/balance", {"headers": {"Authorization": "Bearer demo-trueverify-key"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_every_vendor_answers_over_a_socket(
    server: SimulatorServer, session: requests.Session, path: str, options: dict[str, object]
) -> None:
    """An ordinary HTTP client with the right credentials, in each documented way, gets a balance."""
    response = session.get(server.base_url + path, timeout=10, **options)  # type: ignore[arg-type]
    assert response.status_code == 200
    assert "credit" in response.text.lower()


def test_a_connection_is_kept_for_many_requests(server: SimulatorServer, session: requests.Session) -> None:
    """Answers with and without a body, and bodies sent, leave the connection usable."""
    host = server.base_url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.connect()
    first = connection.sock.getsockname()
    for method, path, status in [
        ("GET", "/leadmagic/v1/credits", 200),
        ("POST", "/leadmagic/v1/credits/refresh", 200),
        ("HEAD", "/leadmagic/v1/credits", 405),
        ("GET", "/nobody", 404),
        ("GET", "/leadmagic/v1/credits", 200),
    ]:
        connection.request(method, path, body=b"{}" if method == "POST" else None, headers=LEADMAGIC)
        response = connection.getresponse()
        response.read()
        assert (response.status, connection.sock.getsockname()) == (status, first)
    connection.close()
    assert [request.body for request in server.simulator.received("leadmagic")] == [b"", b"{}", b"", b""]


def test_an_outage_closes_the_connection_without_an_answer(
    server: SimulatorServer, session: requests.Session
) -> None:
    """The client sees a connection error, and answers again after the outage."""
    server.simulator.outage("leadmagic")
    with pytest.raises(requests.ConnectionError):
        session.get(f"{server.base_url}/leadmagic/v1/credits", timeout=10, headers=LEADMAGIC)
    server.simulator.outage("leadmagic", out=False)
    assert session.get(f"{server.base_url}/leadmagic/v1/credits", timeout=10, headers=LEADMAGIC).ok


def test_a_slow_vendor_doesnt_hold_up_the_others(server: SimulatorServer, session: requests.Session) -> None:
    """While one account takes its time, another one on the same server answers at once."""
    server.simulator.latency("leadmagic", 60)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(
            requests.get, f"{server.base_url}/leadmagic/v1/credits", timeout=10, headers=LEADMAGIC
        )
        headers = {"Authorization": "Bearer demo-trueverify-key"}
        fast = session.get(
            f"{server.base_url}/trueverify/api/v1/credits/balance", timeout=10, headers=headers
        )
        assert fast.ok
        assert not slow.done()
        server.stop()
        assert isinstance(slow.exception(timeout=10), requests.ConnectionError)


@pytest.mark.parametrize("nonsense", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00", b""])
def test_what_isnt_http_is_hung_up_on(
    server: SimulatorServer, session: requests.Session, nonsense: bytes
) -> None:
    """A client that doesn't speak HTTP, or goes away, is closed, and the next one is served."""
    host, port = server.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(nonsense)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert session.get(f"{server.base_url}/leadmagic/v1/credits", timeout=10, headers=LEADMAGIC).ok


def test_stopping_closes_idle_connections_and_frees_the_port(simulator: Simulator) -> None:
    """After stop nothing answers, kept connections included, and the port can be bound again."""
    server = SimulatorServer(simulator).start()
    host, port = server.base_url.removeprefix("http://").split(":")
    with requests.Session() as session:
        session.get(f"{server.base_url}/leadmagic/v1/credits", timeout=10, headers=LEADMAGIC)
        with socket.create_connection((host, int(port)), timeout=10) as fresh:
            server.stop()
            with contextlib.suppress(ConnectionResetError):
                assert fresh.recv(100) == b""
        with pytest.raises(requests.ConnectionError):
            session.get(f"{server.base_url}/leadmagic/v1/credits", timeout=10, headers=LEADMAGIC)
    with SimulatorServer(simulator, port=int(port)) as again:
        assert again.base_url == server.base_url


def test_a_busy_port_is_an_error_at_once(server: SimulatorServer, simulator: Simulator) -> None:
    """The constructor raises, before any thread is started."""
    with pytest.raises(OSError, match="in use"):
        SimulatorServer(simulator, port=int(server.base_url.rsplit(":", 1)[1]))


def test_it_can_listen_on_ipv6(simulator: Simulator, session: requests.Session) -> None:
    """The base URL has the address in brackets, and the account answers there."""
    try:
        server = SimulatorServer(simulator, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        assert server.base_url.startswith("http://[::1]:")
        assert session.get(f"{server.base_url}/leadmagic/v1/credits", timeout=10, headers=LEADMAGIC).ok
