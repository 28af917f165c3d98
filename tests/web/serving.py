"""A server in a thread, an application with every kind of route, and clients that behave badly."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from exporter.web.protocol import Deadlines
from exporter.web.server import Callbacks, Server
from exporter.web.sockets import ListenAddress, open_listeners
from exporter.web.webfile import WebConfigFile

PATIENCE = 20.0  # seconds until a test gives up; nothing should take that long
SHORT = Deadlines(handshake=0.3, head=0.3, write=0.5, linger=1, drain=5, sweep=0.05)
BIG = 32 * 1024 * 1024  # more than any socket buffer takes


@dataclass
class Application:
    """Counts what reaches it; ``/slow`` waits for ``release`` in the thread pool."""

    release: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    paths: list[str] = field(default_factory=list)
    is_ready: bool = True

    def build(self) -> Starlette:
        """Return the ASGI application."""
        methods = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/metrics", self.metrics, methods=methods),
                Route("/slow", self.slow),
                Route("/big", self.big),
                Route("/-/healthy", self.healthy),
                Route("/-/ready", self.ready),
            ]
        )

    def metrics(self, request: Request) -> PlainTextResponse:
        """Answer at once, from the thread pool."""
        self.paths.append(request.url.path)
        return PlainTextResponse("up 1\n")

    def slow(self, request: Request) -> PlainTextResponse:
        """Answer when the test says so."""
        self.paths.append(request.url.path)
        self.entered.release()
        self.release.wait(PATIENCE)
        return PlainTextResponse("late\n")

    def big(self, request: Request) -> PlainTextResponse:
        """Answer with more than a socket buffers."""
        return PlainTextResponse("x" * BIG)

    async def healthy(self, request: Request) -> PlainTextResponse:
        """Answer on the event loop."""
        return PlainTextResponse("healthy\n")

    async def ready(self, request: Request) -> PlainTextResponse:
        """Answer what the drain callback decided."""
        return PlainTextResponse("ready\n" if self.is_ready else "draining\n", 200 if self.is_ready else 503)


@dataclass
class Served:
    """A running server and how to reach it."""

    server: Server
    thread: threading.Thread
    application: Application
    urls: list[str]
    status: list[int]

    @property
    def port(self) -> int:
        """The port of the first listener."""
        return urlsplit(self.urls[0]).port or 0

    def connect(self) -> socket.socket:
        """Return a plain connection with a bounded wait."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def exchange(self, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
        """Send bytes and return everything that comes back until the server closes."""
        with self.connect_tls(context) if context else self.connect() as connection:
            connection.sendall(request)
            return read_all(connection)

    def connect_tls(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Return a connection after the handshake."""
        with self.connect() as plain:
            return context.wrap_socket(plain, server_hostname="localhost")

    def join(self) -> int:
        """Wait for the server to stop by itself and return its exit status."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the server didn't stop"
        return self.status[0]


def get(path: str, *headers: str, method: str = "GET", close: bool = True) -> bytes:
    """Return a request as it goes on the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()


def read_all(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes or resets the connection."""
    received = b""
    with suppress(ConnectionError, ssl.SSLEOFError):
        while data := connection.recv(1 << 20):
            received += data
    return received


def read_response(connection: socket.socket) -> bytes:
    """Return one response with a Content-Length from a connection that stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(1 << 16)
        assert data, f"closed after {received!r}"
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def status_of(response: bytes) -> int:
    """Return the status code of a raw response."""
    assert response.startswith(b"HTTP/1.1 "), response[:200]
    return int(response[9:12])


@contextmanager
def serving(
    *,
    web_config: WebConfigFile | None = None,
    max_requests: int = 40,
    deadlines: Deadlines | None = None,
    addresses: tuple[ListenAddress, ...] = (ListenAddress("127.0.0.1", 0),),
) -> Iterator[Served]:
    """Run a server in a thread until the block ends."""
    application = Application()
    started = threading.Event()
    urls: list[str] = []
    status: list[int] = []

    def ready(bound: list[str]) -> None:
        urls.extend(bound)
        started.set()

    def drain() -> None:
        application.is_ready = False

    server = Server(
        application.build(),
        open_listeners(addresses),
        web_config=web_config,
        max_requests=max_requests,
        callbacks=Callbacks(ready=ready, drain=drain),
        deadlines=deadlines,
    )
    thread = threading.Thread(target=lambda: status.append(server.run()), name="server")
    thread.start()
    try:
        assert started.wait(PATIENCE), "the server didn't start"
        yield Served(server, thread, application, urls, status)
    finally:
        application.release.set()
        if thread.is_alive():
            server.stop()
        thread.join(PATIENCE)
    assert status == [0]


@dataclass(frozen=True)
class Certificates:
    """A test CA, a server pair signed by it as files, and clients that trust it."""

    ca: trustme.CA
    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "Certificates":
        """Write server.crt, server.key and ca.crt into the folder."""
        certificates = cls(trustme.CA(), folder)
        certificates.issue()
        certificates.ca.cert_pem.write_to_path(folder / "ca.crt")
        return certificates

    def issue(self) -> None:
        """Write a new server certificate and its key."""
        self.write(self.ca.issue_cert("localhost"), "server")

    def write(self, pair: trustme.LeafCert, name: str) -> None:
        """Write NAME.crt and NAME.key."""
        (self.folder / f"{name}.crt").write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
        pair.private_key_pem.write_to_path(self.folder / f"{name}.key")

    def client(self, identity: trustme.LeafCert | None = None) -> ssl.SSLContext:
        """Return a client context that trusts the CA and may have a certificate."""
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        if identity is not None:
            identity.configure_cert(context)
        return context
