"""Accepting connections: TLS handshakes with a deadline, and a cap that sheds idle clients first.

asyncio's own accept loop has no cap, logs a traceback for each second without file descriptors, and fixes
one certificate for good. This one asks for the TLS context at every connection.
"""

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, cast

from uvicorn.server import ServerState

from exporter.web.protocol import Connection, Deadlines, Waiting

# Open connections at most, and the descriptors to have for them and for everything else (vendor calls,
# files). Fewer descriptors mean fewer connections, never a process that can't open a file.
MOST_CONNECTIONS: Final = 1024
_DESCRIPTORS: Final = 2 * MOST_CONNECTIONS
_RETRY_SECONDS: Final = 0.1

_log = logging.getLogger(__name__)


class Acceptor:
    """Turns accepted sockets into connections of one server."""

    def __init__(
        self,
        state: ServerState,
        make: Callable[[Callable[[], object]], Connection],
        context: Callable[[], ssl.SSLContext | None],
        deadlines: Deadlines,
    ) -> None:
        self.waiting: Waiting = {}
        self._connections: set[Any] = state.connections
        self._make = make
        self._context = context
        self._deadlines = deadlines
        self._most = connection_cap()
        self._is_failing = False
        self._listeners: Sequence[socket.socket] = ()
        self._opening: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None

    def start(self, listeners: Sequence[socket.socket]) -> None:
        """Accept on every listener from now on."""
        self._listeners = listeners
        self._retry = None
        # A reader and not sock_accept(): cancelling that can lose a connection that was just accepted.
        for listener in listeners:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    async def stop(self) -> None:
        """Accept no more, and give up handshakes that are under way."""
        self._pause()
        if self._retry:
            self._retry.cancel()
        await cancel(list(self._opening))

    def _pause(self) -> None:
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            client, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return  # the client went away while it waited in the backlog
        except OSError as error:  # no descriptors or memory left, now
            if not self._is_failing:
                _log.error("accept_failed", extra={"error": error.strerror})
            self._is_failing = True
            self._shed()
            self._pause()
            self._retry = loop.call_later(_RETRY_SECONDS, self.start, self._listeners)
            return
        self._is_failing = False
        if len(self._connections) + len(self._opening) >= self._most and not self._shed():
            client.close()
            return
        task = loop.create_task(self._open(client))
        self._opening.add(task)
        self.waiting[task] = task.cancel
        task.add_done_callback(partial(self._opened, client))

    async def _open(self, client: socket.socket) -> None:
        context = self._context()
        tls: dict[str, Any] = {}
        if context is not None:
            tls = {
                "ssl": context,
                "ssl_handshake_timeout": self._deadlines.handshake,
                "ssl_shutdown_timeout": 2 * self._deadlines.write,  # the connection's own sweep is first
            }
        make = partial(self._make, partial(self._forget, asyncio.current_task()))
        try:
            await asyncio.get_running_loop().connect_accepted_socket(make, client, **tls)
        except OSError as error:  # ssl.SSLError is one, and so is a handshake that took too long
            reason = getattr(error, "reason", None) or type(error).__name__
            _log.debug("handshake_failed", extra={"reason": reason})

    def _opened(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        self._forget(task)
        if task.cancelled():
            client.close()  # a task that was cancelled before it began has given it to no transport

    def _forget(self, task: asyncio.Task[Any] | None) -> None:
        """Count a connection no longer as opening: it has opened, or failed to."""
        self._opening.discard(cast("asyncio.Task[None]", task))
        self.waiting.pop(task, None)

    def _shed(self) -> bool:
        """Drop whoever has owed us a handshake or a request for longest; return whether there was one."""
        if not self.waiting:
            return False
        self.waiting.pop(next(iter(self.waiting)))()
        return True


def connection_cap() -> int:
    """Return how many connections this process may hold; raises its own soft descriptor limit if it can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _DESCRIPTORS:
        soft = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait a moment for their end; one that resists is left behind."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1)
