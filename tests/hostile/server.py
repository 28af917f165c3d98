"""A vendor that misbehaves on purpose, on raw sockets because HTTP libraries refuse to.

One ``HostileServer`` plays one behaviour (see ``tests.hostile.behaviours``) on a loopback port of its own,
a thread for each connection, and records every connection and request head. Leaving the ``with`` block ends
every thread and closes every socket; a bug in a behaviour is raised there.
"""

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HEAD_LIMIT = 1 << 20
JOIN_SECONDS = 10


class ClientGoneError(Exception):
    """The client hung up, or the server is stopping: the behaviour ends."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived: the whole head, undecoded, and the body that its length promised."""

    head: bytes
    body: bytes

    @property
    def method(self) -> str:
        """The request method."""
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        """The path and query string, as sent."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers in order, names in lower case, repeated ones kept."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key == name.lower()), None)


class Connection:
    """One accepted connection, as a behaviour sees it."""

    def __init__(self, sock: socket.socket, server: "HostileServer") -> None:
        self.sock = sock
        self.server = server
        self._received = b""

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's half of the handshake; a client that refuses it ends the behaviour."""
        try:
            wrapped = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
            self.sock = wrapped  # before the handshake blocks, so that a stopping server can shut it down
            if not self.server.stopping.is_set():
                wrapped.do_handshake()
        except (OSError, ValueError) as error:
            raise ClientGoneError from error

    def read_request(self) -> Request:
        """Read and record the next request of this connection."""
        head = self._read_until(b"\r\n\r\n")
        request = Request(head, b"")
        length = int(request.header("content-length") or 0)
        while len(self._received) < length:
            self._receive()
        request = Request(head, self._received[:length])
        self._received = self._received[length:]
        self.server.record(request)
        return request

    def send(self, data: bytes) -> None:
        """Send all of it, however slowly the client reads."""
        try:
            self.sock.sendall(data)
        except (OSError, ValueError) as error:
            raise ClientGoneError from error

    def drip(self, data: bytes, pause: float) -> None:
        """Send byte by byte with a pause before each."""
        for byte in data:
            self.pause(pause)
            self.send(bytes((byte,)))

    def pause(self, seconds: float) -> None:
        """Wait, unless the server stops first."""
        if self.server.stopping.wait(seconds):
            raise ClientGoneError

    def wait_for_close(self) -> None:
        """Swallow what comes until the client hangs up."""
        while True:
            self._receive()
            self._received = b""

    def reset(self) -> None:
        """Close with a RST: the client loses even what was sent before."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise ClientGoneError

    def _read_until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            if len(self._received) > HEAD_LIMIT:
                raise ClientGoneError
            self._receive()
        head, self._received = self._received.split(mark, 1)
        return head

    def _receive(self) -> None:
        try:
            data = self.sock.recv(65536)
        except (OSError, ValueError) as error:
            raise ClientGoneError from error
        if not data:
            raise ClientGoneError
        self._received += data


Behaviour = Callable[[Connection], None]


class HostileServer:
    """A listener on 127.0.0.1 that plays one behaviour for every connection; a context manager."""

    def __init__(self, behaviour: Behaviour, scheme: str = "http", host: str = "127.0.0.1") -> None:
        self.stopping = threading.Event()
        self._behaviour = behaviour
        self._scheme = scheme
        self._host = host
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._accepted = 0
        self._open: dict[Connection, threading.Thread] = {}
        self._bugs: list[BaseException] = []

    @property
    def url(self) -> str:
        """The base URL of this vendor."""
        return f"{self._scheme}://{self._host}:{self.port}"

    @property
    def port(self) -> int:
        """The listening port."""
        return int(self._listener.getsockname()[1])

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        with self._lock:
            return self._accepted

    @property
    def open_connections(self) -> int:
        """How many connections are being served right now."""
        with self._lock:
            return len(self._open)

    @property
    def requests(self) -> list[Request]:
        """Every complete request so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    def record(self, request: Request) -> None:
        """Keep a request for the test's assertions."""
        with self._lock:
            self._requests.append(request)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="hostile-accept")
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._wake_sender.send(b"x")
        self._acceptor.join(JOIN_SECONDS)
        with self._lock:
            remaining = dict(self._open)
        for connection in remaining:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in remaining.values():
            thread.join(JOIN_SECONDS)
        for sock in (self._listener, self._wake_sender, self._wake_receiver):
            sock.close()
        stuck = [thread for thread in (self._acceptor, *remaining.values()) if thread.is_alive()]
        if error is None and (stuck or self._bugs):
            raise AssertionError(f"hostile server: {stuck} still run, bugs {self._bugs}")

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            while True:
                selector.select()
                if self.stopping.is_set():
                    return
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(sock, self)
                thread = threading.Thread(target=self._serve, args=(connection,), name="hostile-connection")
                with self._lock:
                    self._accepted += 1
                    self._open[connection] = thread
                thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            self._behaviour(connection)
        except ClientGoneError:
            pass
        except BaseException as bug:  # noqa: BLE001 - raised again where the test can see it
            self._bugs.append(bug)
        finally:
            connection.sock.close()
            with self._lock:
                del self._open[connection]


@contextlib.contextmanager
def refused() -> Iterator[str]:
    """Yield the URL of a port that nobody else can take and that refuses every connection."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@contextlib.contextmanager
def never_accepts() -> Iterator[str]:
    """Yield the URL of a listener whose backlog is full: the kernel ignores further connection attempts."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as fillers:
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def unknown_host() -> Iterator[str]:
    """Yield a URL whose host name no resolver knows (RFC 6761)."""
    yield "https://vendor.invalid"
