"""What every request passes before it reaches the application: draining, configured headers, the limit.

Each class is plain ASGI middleware. Starlette runs synchronous routes in anyio's thread pool; the server
gives that pool at least as many threads as ``max_requests`` admits, so an admitted scrape never queues.
Health routes are exempt from the limit and belong on the event loop (``async def``): a full pool can't
make the exporter look dead.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH_PATHS: Final = frozenset({"/-/healthy", "/-/ready"})

_log = logging.getLogger(__name__)


class RequestLimit:
    """At most ``max_requests`` requests at a time; the next one is told to come back. 0 is no limit."""

    def __init__(self, app: ASGIApp, max_requests: int) -> None:
        self._app = app
        self._max_requests = max_requests
        self._in_flight = 0
        self._was_full = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS or not self._max_requests:
            await self._app(scope, receive, send)
        elif self._in_flight >= self._max_requests:
            self._tell_once()
            text = f"Limit of concurrent requests reached ({self._max_requests}), try again later.\n"
            await PlainTextResponse(text, 503, {"Retry-After": "1"})(scope, receive, send)
        else:
            self._in_flight += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._in_flight -= 1
                self._was_full = self._was_full and self._in_flight > 0

    def _tell_once(self) -> None:
        """Log the first refusal of a rush; the rest would only be more of the same."""
        if not self._was_full:
            self._was_full = True
            _log.warning("too_many_requests", extra={"max_requests": self._max_requests})


class DrainGate:
    """While draining, only health is answered, and every response ends its connection.

    It also gives up quietly on what is still running when the server cancels it at the end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not self.is_draining:
            await self._run(scope, receive, send)
            return

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        if scope["path"] in HEALTH_PATHS:
            await self._run(scope, receive, send_last)
        else:
            response = PlainTextResponse("The exporter is shutting down.\n", 503, {"Retry-After": "10"})
            await response(scope, receive, send_last)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self.is_draining:
                raise


class ConfiguredHeaders:
    """Adds the headers of ``http_server_config`` to every response, in place of the application's own."""

    def __init__(self, app: ASGIApp, headers: Callable[[], Mapping[str, str]]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        configured = [(name.lower().encode(), value.encode()) for name, value in self._headers().items()]
        if scope["type"] != "http" or not configured:
            await self._app(scope, receive, send)
            return
        names = {name for name, _ in configured}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own: list[Any] = [pair for pair in message.get("headers", []) if pair[0].lower() not in names]
                message = {**message, "headers": own + configured}
            await send(message)

        await self._app(scope, receive, send_with_headers)
