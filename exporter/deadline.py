"""Connections that keep one deadline for everything: connecting, handshake, head and body.

A socket's own time-out starts anew with every byte, so a vendor that drips one at a time would hold
a worker for ever. Here each operation on the socket gets only what is left of the call's time.

``urllib3`` builds the connections; the classes below are the ones that it is told to use.
"""

import socket
import ssl
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from exporter.clock import Clock


class Deadline:
    """When the present call must be over, and how many connections were opened under it so far.

    One per account: an account has one call in flight, and its connection outlives the call.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = 0.0
        self.connections_opened = 0

    def start(self, seconds: float) -> None:
        """Begin a call that may take so many seconds."""
        self._at = self._clock.monotonic() + seconds

    def passed(self) -> bool:
        """Tell whether the time is up."""
        return self._at <= self._clock.monotonic()

    def remaining(self) -> float:
        """Return the seconds that are left, more than 0; raise TimeoutError if none are."""
        seconds = self._at - self._clock.monotonic()
        if seconds <= 0:
            raise TimeoutError("the call's time is up")
        return seconds


class _DeadlineSocket(socket.socket):
    """A socket on which every operation ends with the call."""

    deadline: Deadline

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.deadline.remaining())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(self.deadline.remaining())
        super().sendall(*args, **kwargs)


class _DeadlineTLSSocket(ssl.SSLSocket):
    """The same under TLS. Without a deadline yet (in the handshake) the socket's own time-out holds."""

    deadline: Deadline | None = None

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive for another TLS connection within this one: to a vendor behind an https:// proxy."""
        self._limit()
        return super().recv(*args, **kwargs)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._limit()
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self._limit()
        super().sendall(*args, **kwargs)

    def _limit(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.remaining())


class _DeadlineHTTPConnection(HTTPConnection):
    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deadline = deadline

    def _new_conn(self) -> socket.socket:
        return _connect(self, self.deadline)


class _DeadlineHTTPSConnection(HTTPSConnection):
    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deadline = deadline

    def _new_conn(self) -> socket.socket:
        return _connect(self, self.deadline)

    def connect(self) -> None:
        super().connect()
        self._limit(self.sock)

    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        secured = super()._connect_tls_proxy(hostname, sock)
        self._limit(secured)
        return secured

    def _tunnel(self) -> None:
        super()._tunnel()
        # For the handshake with the vendor: the proxy has used up some of the time.
        self.sock.settimeout(self.deadline.remaining())

    def _limit(self, sock: Any) -> None:
        if isinstance(sock, _DeadlineTLSSocket):
            sock.deadline = self.deadline


class DeadlineHTTPPool(HTTPConnectionPool):
    """Connections to one host in the clear."""

    ConnectionCls = cast(Any, _DeadlineHTTPConnection)


class DeadlineHTTPSPool(HTTPSConnectionPool):
    """Connections to one host under TLS."""

    ConnectionCls = cast(Any, _DeadlineHTTPSConnection)

    def _validate_conn(self, conn: Any) -> None:
        """Connect before the request; without urllib3's warning about what the user asked for."""
        if conn.is_closed:
            conn.connect()


def keep_deadline_in_tls(context: ssl.SSLContext) -> None:
    """Let the connections made with this context keep their call's deadline."""
    context.sslsocket_class = _DeadlineTLSSocket


def _connect(connection: HTTPConnection, deadline: Deadline) -> socket.socket:
    """Try each of a host's addresses within the time that is left for all of them."""
    try:
        addresses = socket.getaddrinfo(
            connection._dns_host, connection.port, allowed_gai_family(), socket.SOCK_STREAM
        )
    except (socket.gaierror, UnicodeError) as error:
        raise NameResolutionError(connection.host, connection, cast(socket.gaierror, error)) from error
    deadline.connections_opened += 1
    last_error: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        sock = _DeadlineSocket(family, kind, protocol)
        sock.deadline = deadline
        try:
            for option in connection.socket_options or []:
                sock.setsockopt(*option)
            sock.settimeout(deadline.remaining())
            sock.connect(address)
            sock.settimeout(deadline.remaining())  # for the handshake, which runs below Python
        except TimeoutError as error:
            sock.close()
            raise ConnectTimeoutError(connection, "no connection within the call's time") from error
        except OSError as error:
            sock.close()
            last_error = error
        else:
            return sock
    raise NewConnectionError(connection, "no address accepts a connection") from last_error
