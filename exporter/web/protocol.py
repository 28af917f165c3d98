"""One client connection: strict request heads, no bodies, and deadlines that no client can outlive.

uvicorn's own protocol limits none of this: it re-arms its keep-alive timer at every byte, waits for ever for
a first request and for a client that doesn't read, and lets a complete head of any size through. What is
refused here never reaches the application, so no such request can become a 500.
"""

import ipaddress
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

MAX_HEAD: Final = 16 * 1024

_REASONS: Final = {
    400: "the request is not valid HTTP/1.1",
    413: "this server takes no request bodies",
    431: f"the request head is larger than {MAX_HEAD // 1024} KiB",
    505: "this server speaks HTTP/1.0 and HTTP/1.1",
}
_ANY_LENGTH: Final = re.compile(rb"(?im)^content-length:")
_LIST_OF_LENGTHS: Final = re.compile(rb"(?im)^content-length:[^\r\n]*,")


@dataclass(frozen=True)
class Deadlines:
    """How long a client may take, in seconds; tests shorten them."""

    handshake: float = 10  # TLS, from the accepted connection
    head: float = 10  # a complete request head, from opening or from the previous response
    write: float = 30  # taking what was sent; also the end of a TLS connection
    linger: float = 1  # reading on after a refusal, so that a reset doesn't eat the answer
    drain: float = 10  # requests in flight when the server is told to stop
    sweep: float = 1  # how often deadlines are looked at


# Who owes us a handshake or a request, longest first, and how to be rid of them at no loss.
Waiting = dict[object, Callable[[], object]]


class RefusedError(Exception):
    """A request that is answered with an error status and the end of the connection."""

    def __init__(self, status: int) -> None:
        super().__init__(_REASONS[status])
        self.status = status

    def response(self) -> bytes:
        """Return the whole response as it goes on the wire."""
        body = f"{self}\n".encode()
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


class StrictConnection(h11.Connection):
    """h11's parser, less what only an attacker or a broken proxy sends."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    def next_event(self) -> Any:
        """Return h11's next event. Raises :class:`RefusedError`."""
        received = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            # h11's text quotes the request, credentials included; the status is all that is kept.
            raise RefusedError(431 if error.error_status_hint == 431 else 400) from None
        if isinstance(event, h11.Request):
            _check(event, received[: len(received) - len(self.trailing_data[0])])
        return event


def _check(request: h11.Request, head: bytes) -> None:
    """Refuse what h11 lets pass: https://www.rfc-editor.org/rfc/rfc9112#section-6.3 and our limits."""
    if len(head) > MAX_HEAD:
        raise RefusedError(431)
    if not request.http_version.startswith(b"1."):
        raise RefusedError(505)
    headers = dict(request.headers)
    has_length = b"content-length" in headers
    if b"transfer-encoding" in headers:
        old = request.http_version == b"1.0"
        raise RefusedError(400 if has_length or old else 413)
    if has_length:
        # h11 folds equal lengths into one; a proxy in front may have counted them differently.
        if len(_ANY_LENGTH.findall(head)) > 1 or _LIST_OF_LENGTHS.search(head):
            raise RefusedError(400)
        if int(headers[b"content-length"]):
            raise RefusedError(413)


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 protocol with strict heads and deadlines; :meth:`sweep` enforces them."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        app_state: dict[str, Any],
        *,
        opened: Callable[[], object],
        waiting: Waiting,
        deadlines: Deadlines,
        allowed_names: frozenset[str],
    ) -> None:
        super().__init__(config, state, app_state)
        self.conn = StrictConnection()
        self._opened = opened
        self._waiting = waiting
        self._deadlines = deadlines
        self._allowed_names = allowed_names
        self._refused = False
        self._close_at: float | None = None
        self._stuck_since: float | None = None

    @property
    def has_answered(self) -> bool:
        """Whether a request came in: its response may still be on its way."""
        return self.cycle is not None

    def connection_made(self, transport: Any) -> None:
        """Start to wait for the first request, unless the client's certificate is for somebody else."""
        super().connection_made(transport)
        self._opened()
        self._wait(self._deadlines.head)
        if self._allowed_names and not self._allowed_names & _names(transport.get_extra_info("peercert")):
            self._refused = True
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request in flight, if there is one."""
        self._waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, or throw away what follows a refused request."""
        if not self._refused:
            super().data_received(data)

    def handle_events(self) -> None:
        """Handle what was parsed; a complete head ends the wait for one."""
        before = self.cycle
        try:
            super().handle_events()
        except RefusedError as refused:
            self._refuse(refused)
        if self.cycle is not before:
            self._close_at = None
            self._waiting.pop(self, None)

    def on_response_complete(self) -> None:
        """Start to wait for the next request."""
        self._wait(self._deadlines.head)
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Leave idle connections to :meth:`sweep`, which sees dripping ones too."""

    def sweep(self, now: float) -> None:
        """Close or abort the connection if a deadline has passed; ``now`` is the loop's time."""
        closing = self.transport.is_closing()
        if not closing and self.transport.get_write_buffer_size() == 0:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since >= self._deadlines.write:
            self.reset()
            return
        if not closing and self._close_at is not None and now >= self._close_at:
            self.transport.close()

    def drain(self) -> None:
        """Close as soon as nothing is lost by it: now, or after the response in flight."""
        if self.cycle is None:
            self.transport.abort()
        elif not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif not self.transport.is_closing():
            self.transport.close()

    def reset(self) -> None:
        """End the connection and what the kernel still holds for a client that doesn't read."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _should_upgrade(self) -> bool:
        return False  # nothing to upgrade to; uvicorn would log two warnings for each attempt

    def _refuse(self, refused: RefusedError) -> None:
        self._refused = True
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # bytes after the last request: its response still goes out whole
            return
        self.transport.write(refused.response())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._wait(self._deadlines.linger)

    def _wait(self, seconds: float) -> None:
        self._close_at = self.loop.time() + seconds
        self._waiting.pop(self, None)
        self._waiting[self] = self.transport.abort


def _names(certificate: dict[str, Any] | None) -> set[str]:
    """Return the subject alternative names of a verified client certificate, as Go writes them."""
    names = (certificate or {}).get("subjectAltName", ())
    return {canonical_name(value) if kind == "IP Address" else value for kind, value in names}


def canonical_name(text: str) -> str:
    """Return an IP address in its one spelling (OpenSSL has ``0:0:0:0:0:0:0:1``), other names as they are."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text
