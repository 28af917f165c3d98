"""Clients that are slow, silent or many: each loses its connection, none of them stalls anybody."""

import dataclasses
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from exporter.web import accept
from exporter.web.protocol import Deadlines
from tests.web.serving import PATIENCE, SHORT, Served, get, read_all, read_response, serving, status_of

# Sweeps often and gives nobody up within a test's time.
PATIENT = Deadlines(sweep=0.05)


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    """A server whose deadlines are tenths of a second."""
    with serving(deadlines=SHORT) as running:
        yield running


def test_the_deadlines_in_use_are_those_that_are_documented() -> None:
    """Ten seconds for a handshake, a head and a drain; a response may take thirty to be read."""
    assert Deadlines() == Deadlines(handshake=10, head=10, write=30, linger=1, drain=10, sweep=1)


@pytest.mark.parametrize(
    "opening",
    [b"", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", get("/metrics", close=False)],
    ids=["silent", "half a head", "after a response"],
)
def test_a_connection_without_a_complete_head_is_closed(hasty: Served, opening: bytes) -> None:
    """Silence is closed: from the start, within a head, and after a response."""
    with hasty.connect() as connection:
        connection.sendall(opening)
        if opening.endswith(b"\r\n\r\n"):
            assert status_of(read_response(connection)) == 200
        assert connection.recv(1) == b""


def test_a_dripping_head_buys_no_time(hasty: Served) -> None:
    """A client that sends a byte now and then is closed as a silent one is."""
    with hasty.connect() as connection:
        connection.settimeout(0.02)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        end = time.monotonic() + PATIENCE
        while not _was_closed(connection):
            assert time.monotonic() < end, "still open"


def _was_closed(connection: socket.socket) -> bool:
    """Send a byte and return whether the server has ended the connection."""
    try:
        connection.sendall(b"x")
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_request_in_work_has_no_head_deadline() -> None:
    """The deadline for a head doesn't cut a scrape that takes longer."""
    with serving(deadlines=SHORT) as running, running.connect() as connection:
        connection.sendall(get("/slow"))
        assert running.application.entered.acquire(timeout=PATIENCE)
        with running.connect() as silent:
            assert silent.recv(1) == b""  # a deadline has passed since
        running.application.release.set()
        assert read_all(connection).endswith(b"late\n")


@pytest.mark.parametrize("close", [True, False])
def test_a_client_that_never_reads_is_closed(hasty: Served, close: bool) -> None:
    """A response that isn't taken ends in a reset, so it can't hold its memory."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", hasty.port))
        connection.sendall(get("/big", close=close))
        _wait_for_reset(connection)
        assert len(read_all(connection)) < 32 * 1024 * 1024


def _wait_for_reset(connection: socket.socket) -> None:
    """Wait without reading until the peer has reset the connection."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return
        time.sleep(0.01)
    pytest.fail("not reset")


def test_500_idle_and_dripping_connections_stall_nobody() -> None:
    """With 500 connections that owe a request, scrapes are answered; afterwards all 500 get closed."""
    deadlines = dataclasses.replace(SHORT, head=2)
    with serving(deadlines=deadlines) as running, ExitStack() as stack:
        idle = [stack.enter_context(running.connect()) for _ in range(500)]
        for connection in idle[::2]:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nX-Drip: ")
        for _ in range(5):
            assert status_of(running.exchange(get("/metrics"))) == 200
        assert all(connection.recv(1) == b"" for connection in idle)


@contextmanager
def _descriptors_left(count: int) -> Iterator[None]:
    """Leave this process only so many more descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno() + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_full_house_sheds_whoever_has_waited_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the cap a newcomer replaces the oldest idle connection; a request in work is never dropped."""
    monkeypatch.setattr(accept, "connection_cap", lambda: 3)
    with serving(deadlines=PATIENT) as running, ExitStack() as stack:
        busy, oldest, older = (stack.enter_context(running.connect()) for _ in range(3))
        busy.sendall(get("/slow"))
        assert running.application.entered.acquire(timeout=PATIENCE)
        assert status_of(running.exchange(get("/metrics"))) == 200
        assert oldest.recv(1) == b""
        older.sendall(get("/metrics"))
        assert status_of(read_all(older)) == 200
        running.application.release.set()
        assert status_of(read_all(busy)) == 200


def test_a_house_full_of_work_turns_newcomers_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no connection is idle, the newcomer is closed and the work goes on."""
    monkeypatch.setattr(accept, "connection_cap", lambda: 1)
    with serving(deadlines=PATIENT) as running, running.connect() as busy:
        busy.sendall(get("/slow"))
        assert running.application.entered.acquire(timeout=PATIENCE)
        with running.connect() as newcomer:
            assert newcomer.recv(1) == b""
        running.application.release.set()
        assert status_of(read_all(busy)) == 200


def test_running_out_of_descriptors_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """Without descriptors idle clients are shed, one line is logged, and service resumes."""
    with caplog.at_level(logging.WARNING), serving(deadlines=PATIENT) as running, ExitStack() as stack:
        idle = [running.connect() for _ in range(5)]
        for connection in idle:
            stack.callback(connection.close)
        assert status_of(running.exchange(get("/metrics"))) == 200
        waiting = [socket.socket() for _ in range(3)]
        for connection in waiting:
            stack.callback(connection.close)
            connection.settimeout(PATIENCE)
        with _descriptors_left(0):
            for connection in waiting:
                connection.connect(("127.0.0.1", running.port))
            assert idle[0].recv(1) == b""
        assert status_of(running.exchange(get("/metrics"))) == 200
    assert caplog.messages == ["accept_failed"]


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "cap"),
    [(1024, 4096, 2048, 1024), (1024, 1024, 1024, 512), (256, 1024, 1024, 512), (4096, 4096, 4096, 1024)],
)
def test_the_cap_leaves_descriptors_for_the_rest(
    soft: int, hard: int, raised: int, cap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The soft limit is raised as far as needed and allowed; half of it may be connections."""
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    assert accept.connection_cap() == cap
    assert limits[-1] == (raised, hard)
