"""Stopping: health stays visible, work in flight finishes, nothing hangs and nothing is traced."""

import dataclasses
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.web.server import Callbacks, Server
from exporter.web.sockets import ListenAddress, open_listeners
from tests.web.serving import PATIENCE, SHORT, Served, get, read_all, read_response, serving, status_of


@contextmanager
def _draining() -> Iterator[tuple[Served, list[bytes]]]:
    """A server that was told to stop while one request is in work."""
    with serving() as running, running.connect() as busy, running.connect() as idle:
        idle.sendall(get("/metrics", close=False))
        read_response(idle)
        busy.sendall(get("/slow", close=False))
        assert running.application.entered.acquire(timeout=PATIENCE)
        running.server.stop()
        assert idle.recv(1) == b""
        late: list[bytes] = []
        yield running, late
        running.application.release.set()
        late.append(read_all(busy))
        assert running.join() == 0


def test_work_in_flight_finishes() -> None:
    """A scrape that was running when the server was told to stop gets its whole response."""
    with _draining() as (_, late):
        pass
    assert late[0].endswith(b"late\n")


def test_health_stays_visible_while_draining() -> None:
    """Until the work is done, readiness answers 503 and liveness 200 on new connections."""
    with _draining() as (running, _):
        ready = running.exchange(get("/-/ready", close=False))
        assert (status_of(ready), ready.endswith(b"draining\n")) == (503, True)
        assert status_of(running.exchange(get("/-/healthy", close=False))) == 200


def test_new_work_is_refused_while_draining() -> None:
    """A new scrape is told to come back, and its connection ends."""
    with _draining() as (running, _):
        response = running.exchange(get("/metrics", close=False)).lower()
    assert status_of(response.upper()) == 503
    assert b"\r\nretry-after: 10\r\n" in response
    assert b"\r\nconnection: close\r\n" in response


def test_a_request_that_comes_with_the_signal_is_answered() -> None:
    """A connection that waits in the backlog when the server is told to stop is not reset."""
    with serving() as running:
        resume = threading.Event()
        loop = running.server._loop
        assert loop
        loop.call_soon_threadsafe(resume.wait)
        with running.connect() as client:
            client.sendall(get("/-/healthy"))
            running.server.stop()
            resume.set()
            assert status_of(read_all(client)) == 200
        assert running.join() == 0


@pytest.mark.parametrize("opening", [get("/metrics", close=False), b"GET / HTTP/1.1\r\n"])
def test_idle_connections_do_not_delay_the_end(opening: bytes) -> None:
    """With nothing in work the server stops at once, whatever clients keep open."""
    with serving() as running, running.connect() as idle:
        idle.sendall(opening)
        if opening.endswith(b"\r\n\r\n"):
            read_response(idle)
        running.server.stop()
        assert read_all(idle) == b""
        assert running.join() == 0


def test_work_that_never_ends_is_abandoned(caplog: pytest.LogCaptureFixture) -> None:
    """After the drain's deadline the server returns, with one line of log and no traceback."""
    deadlines = dataclasses.replace(SHORT, drain=0.1)
    with caplog.at_level(logging.INFO), serving(deadlines=deadlines) as running, running.connect() as stuck:
        stuck.sendall(get("/slow"))
        assert running.application.entered.acquire(timeout=PATIENCE)
        running.server.stop()
        assert running.join() == 0
        assert read_all(stuck) == b""
    assert caplog.messages == ["requests_abandoned"]


def test_a_client_that_never_reads_does_not_outlive_the_drain() -> None:
    """A response that nobody takes is dropped at the drain's deadline."""
    deadlines = dataclasses.replace(SHORT, drain=0.1, write=PATIENCE)
    with serving(deadlines=deadlines) as running, running.connect() as silent:
        silent.sendall(get("/big"))
        silent.recv(1)
        running.server.stop()
        assert running.join() == 0


def test_an_application_that_cannot_start_is_an_exit_status() -> None:
    """When the application's start-up fails the server returns 1 and its sockets are closed."""

    async def broken(scope: object, receive: object, send: object) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no"})  # type: ignore[operator]

    listeners = open_listeners([ListenAddress("127.0.0.1", 0)])
    assert Server(broken, listeners, callbacks=Callbacks()).run() == 1
    assert listeners[0].fileno() == -1


_PROGRAM = """
import logging, os
from exporter.web.server import Callbacks, run
from exporter.web.sockets import open_listeners, parse_listen_address
from tests.web.serving import Application
logging.basicConfig(format="%(levelname)s %(message)s", level="INFO")
application = Application()
reloads = []

def reload():
    print("reload", flush=True)
    reloads.append(1)
    if len(reloads) == 1:
        raise ValueError("a bug")

code = run(
    application.build(),
    open_listeners([parse_listen_address("127.0.0.1:0")]),
    callbacks=Callbacks(
        ready=lambda urls: print(urls[0], flush=True),
        drain=lambda: print("drain", flush=True),
        reload=reload,
    ),
)
print("returned", code, flush=True)
os._exit(code)
"""


@contextmanager
def _process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-W", "default", "-c", _PROGRAM],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def _busy(url: str) -> "subprocess.Popen[bytes]":
    """Start a client of the slow route and return once the server works on it."""
    port = int(url.rpartition(":")[2])
    code = f"""
import socket
c = socket.create_connection(("127.0.0.1", {port}))
c.sendall({get("/slow")!r})
print("sent", flush=True)
c.recv(1)
"""
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert client.stdout
    client.stdout.readline()
    _until_answered(port)
    return client


def _until_answered(port: int) -> None:
    """Wait until the server has read what was sent before: it answers what is sent after."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(get("/-/healthy"))
        assert status_of(read_all(connection)) == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_returns_0(number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end an idle server with status 0, one line of log and no traceback."""
    with _process() as (process, _):
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "drain\nreturned 0\n")
    assert err.splitlines() == ["INFO shutting_down"]


def test_a_second_signal_ends_the_process() -> None:
    """A second signal during the drain exits at once, with the status that shells use."""
    with _process() as (process, url):
        client = _busy(url)
        try:
            process.terminate()
            assert process.stdout
            assert process.stdout.readline() == "drain\n"
            process.terminate()
            out, err = process.communicate(timeout=5)
        finally:
            client.kill()
            client.communicate()
    assert (process.returncode, out) == (128 + signal.SIGTERM, "")
    assert err.splitlines() == ["INFO shutting_down", "WARNING second_signal"]


def test_sighup_reloads_and_serves_on() -> None:
    """SIGHUP calls the reload hook, also after a bug in it, and the server keeps answering."""
    with _process() as (process, url):
        assert process.stdout
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            assert process.stdout.readline() == "reload\n"
        _until_answered(int(url.rpartition(":")[2]))
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert err.splitlines()[0] == "ERROR background_work_failed"
    assert err.splitlines()[-2:] == ["ValueError: a bug", "INFO shutting_down"]
