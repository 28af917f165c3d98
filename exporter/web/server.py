"""The server: accepts connections, runs an ASGI application, drains and stops.

uvicorn parses HTTP and runs the application; what happens around it is here, because an exporter needs what
uvicorn's own server lacks: a cap on connections that sheds idle ones first, a deadline for TLS handshakes,
certificates that change while it runs, and a drain that still answers health checks.

On SIGTERM or SIGINT: ``on_drain`` is called (readiness turns 503), idle connections are closed, requests in
flight have ten seconds. Until they are done new connections are accepted for health checks only, so that
Kubernetes sees 503 and not a refused connection; with nothing in flight the server stops at once. A second
signal ends the process.
"""

import asyncio
import logging
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final, NoReturn, cast

import anyio.to_thread
from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from exporter.web import sockets
from exporter.web.accept import Acceptor, cancel
from exporter.web.auth import BasicAuth
from exporter.web.limits import ConfiguredHeaders, DrainGate, RequestLimit
from exporter.web.protocol import Connection, Deadlines
from exporter.web.webconfig import WebConfig
from exporter.web.webfile import WebConfigFile

DEFAULT_MAX_REQUESTS: Final = 40
_WATCH_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 0.05  # for requests that came with the signal and are still to be read
_TURNS_TO_CLOSE: Final = 5  # of the event loop, from abort() to connection_lost() through TLS

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Callbacks:
    """What the server tells its owner. All but ``reload`` run on the event loop and must be quick."""

    ready: Callable[[list[str]], None] = lambda urls: None  # the bound URLs, once connections are accepted
    drain: Callable[[], None] = lambda: None  # readiness turns 503, vendor calls are abandoned
    reload: Callable[[], None] = lambda: None  # SIGHUP; runs in a thread, one at a time


class Server:
    """Serves one application on listening sockets until it is told to stop; used once."""

    def __init__(
        self,
        app: ASGIApp,
        listeners: Sequence[socket.socket],
        *,
        web_config: WebConfigFile | None = None,
        max_requests: int = DEFAULT_MAX_REQUESTS,
        callbacks: Callbacks | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._listeners = listeners
        self._web_config = web_config
        self._max_requests = max_requests
        self._callbacks = callbacks or Callbacks()
        self._deadlines = deadlines or Deadlines()
        limited = RequestLimit(app, max_requests)
        protected = BasicAuth(limited, lambda: self._settings().users)
        self._gate = DrainGate(ConfiguredHeaders(protected, lambda: self._settings().headers))
        self._config = Config(
            self._gate,
            interface="asgi3",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()
        self._state = ServerState()
        self._lifespan = LifespanOn(self._config)
        self._acceptor = Acceptor(self._state, self._connection, self._context, self._deadlines)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    def run(self) -> int:
        """Serve until stopped and return the exit status: 0, or 1 if the application's start failed.

        Handles signals when called in the main thread. A handler that doesn't return in time is abandoned
        with its thread: end the process by :func:`os._exit` to leave it behind.
        """
        # Not asyncio.run: it waits for executor threads, and one that hangs is why we may be stopping.
        self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(self._serve(self._loop))
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            sockets.close_all(self._listeners)

    def stop(self) -> None:
        """Begin to drain, as SIGTERM does; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> int:
        if threading.current_thread() is threading.main_thread():
            self._handle_signals(loop)
        pool = anyio.to_thread.current_default_thread_limiter()
        pool.total_tokens = max(pool.total_tokens, self._max_requests)
        self._set_date()
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            return 1
        background = [
            loop.create_task(work())
            for work in (self._sweep_connections, self._watch_web_config, self._reload_on_signal)
        ]
        self._acceptor.start(self._listeners)
        tls = self._context() is not None
        self._callbacks.ready([sockets.url(listener, tls=tls) for listener in self._listeners])
        await self._stop.wait()
        await self._drain()
        await cancel(background)
        await self._lifespan.shutdown()
        return 0

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_on_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    def _stop_on_signal(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            _log.warning("second_signal", extra={"signal": number.name})
            _exit(128 + number)
        _log.info("shutting_down", extra={"signal": number.name})
        self._stop.set()

    async def _drain(self) -> None:
        self._gate.is_draining = True
        self._callbacks.drain()
        await asyncio.sleep(_GRACE_SECONDS)
        for connection in self._connections():
            connection.drain()
        end = time.monotonic() + self._deadlines.drain
        while any(connection.has_answered for connection in self._connections()):
            if time.monotonic() >= end:
                _log.warning("requests_abandoned", extra={"requests": len(self._state.tasks)})
                break
            await asyncio.sleep(0.02)
        await self._acceptor.stop()
        for connection in self._connections():
            connection.reset()
        # Lost connections are reported to their requests before these are cancelled: then nobody writes.
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)
        await cancel(list(self._state.tasks))

    async def _sweep_connections(self) -> None:
        while True:
            await asyncio.sleep(self._deadlines.sweep)
            self._set_date()
            now = asyncio.get_running_loop().time()
            for connection in self._connections():
                connection.sweep(now)

    async def _watch_web_config(self) -> None:
        while self._web_config is not None:
            await asyncio.sleep(_WATCH_SECONDS)
            await _in_thread(self._web_config.refresh)

    async def _reload_on_signal(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            await _in_thread(self._callbacks.reload)

    def _connection(self, opened: Callable[[], object]) -> Connection:
        settings = self._settings()
        return Connection(
            self._config,
            self._state,
            self._lifespan.state,
            opened=opened,
            waiting=self._acceptor.waiting,
            deadlines=self._deadlines,
            allowed_names=settings.tls.client_allowed_sans if settings.tls else frozenset(),
        )

    def _connections(self) -> list[Connection]:
        return list(cast("set[Connection]", self._state.connections))

    def _settings(self) -> WebConfig:
        return self._web_config.current if self._web_config else WebConfig()

    def _context(self) -> ssl.SSLContext | None:
        return self._settings().context

    def _set_date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]


def run(
    app: ASGIApp,
    listeners: Sequence[socket.socket],
    *,
    web_config: WebConfigFile | None = None,
    max_requests: int = DEFAULT_MAX_REQUESTS,
    callbacks: Callbacks | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT and return the exit status; see :class:`Server`."""
    return Server(app, listeners, web_config=web_config, max_requests=max_requests, callbacks=callbacks).run()


async def _in_thread(work: Callable[[], None]) -> None:
    """Run blocking work, so that a file system that hangs stalls no request; a bug in it ends nothing."""
    try:
        await asyncio.get_running_loop().run_in_executor(None, work)
    except Exception:  # noqa: BLE001 - what is wrong with a file is the work's own to report
        _log.exception("background_work_failed")


def _exit(status: int) -> NoReturn:
    logging.shutdown()
    os._exit(status)
