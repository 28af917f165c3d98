"""What a hostile vendor does with a connection; each function returns a behaviour for ``HostileServer``.

Those that end by themselves close the connection; those that go on for ever end when the client hangs up.
"""

import itertools
import ssl
from collections.abc import Iterable, Mapping

from tests.hostile.server import Behaviour, Connection

DRIP_SECONDS = 0.4
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def silent() -> Behaviour:
    """Accept, read and never answer."""

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.wait_for_close()

    return play


def hangs_up() -> Behaviour:
    """Close politely instead of answering."""

    def play(connection: Connection) -> None:
        connection.read_request()

    return play


def drips_head(pause: float = DRIP_SECONDS) -> Behaviour:
    """Begin a head and go on with one byte at a time for ever, so that no single read ever times out."""

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            connection.drip(b"z", pause)

    return play


def drips_status_line(pause: float = DRIP_SECONDS) -> Behaviour:
    """Drip the very first line for ever."""

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 O")
        while True:
            connection.drip(b"K", pause)

    return play


def drips_body(pause: float = DRIP_SECONDS, *, chunked: bool = False) -> Behaviour:
    """Send a good head and one byte of the body at a time for ever."""

    def play(connection: Connection) -> None:
        connection.read_request()
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000"
        connection.send(OK + framing + b"\r\n\r\n")
        while True:
            connection.pause(pause)
            connection.send(b"1\r\n \r\n" if chunked else b" ")

    return play


def drips_chunk_size(pause: float = DRIP_SECONDS) -> Behaviour:
    """Drip an endless run of leading zeros as the first chunk's size."""

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.drip(b"0", pause)

    return play


def continues_for_ever(pause: float = 0.0) -> Behaviour:
    """Answer ``100 Continue`` again and again, as fast as the client reads or with a pause."""

    def play(connection: Connection) -> None:
        connection.read_request()
        while True:
            connection.pause(pause)
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    return play


def resets(after: bytes = b"") -> Behaviour:
    """Send this much of an answer, then RST."""

    def play(connection: Connection) -> None:
        connection.read_request()
        if after:
            connection.send(after)
            connection.pause(0.02)  # a RST overtakes data that the client has not read yet
        connection.reset()

    return play


def resets_on_accept() -> Behaviour:
    """RST before a request is read."""

    def play(connection: Connection) -> None:
        connection.reset()

    return play


def says(data: bytes) -> Behaviour:
    """Answer each request with exactly these bytes and close."""

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(data)

    return play


def says_each_time(data: bytes) -> Behaviour:
    """Answer each request with exactly these bytes on a kept connection."""

    def play(connection: Connection) -> None:
        while True:
            connection.read_request()
            connection.send(data)

    return play


def says_then_drips(data: bytes, pause: float = DRIP_SECONDS) -> Behaviour:
    """Answer with exactly these bytes and go on with one byte at a time for ever."""

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(data)
        while True:
            connection.drip(b"\x16", pause)

    return play


def response(
    status: int | str, body: bytes = b"", headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()
) -> bytes:
    """Assemble an answer with a true Content-Length, unless ``headers`` has one of its own."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in pairs):
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"HTTP/1.1 {status}" if isinstance(status, str) else f"HTTP/1.1 {status} Status"]
    lines += [f"{name}: {value}" for name, value in pairs]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def answers(
    status: int | str = 200,
    body: bytes = b"",
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    *,
    after: float = 0.0,
) -> Behaviour:
    """Answer every request alike on kept connections, ``after`` seconds later."""
    return scripted([(status, body, headers)], after=after)


Answer = tuple[int | str, bytes, Mapping[str, str] | Iterable[tuple[str, str]]]


def scripted(script: Iterable[Answer], *, after: float = 0.0) -> Behaviour:
    """Give the answers in order, over all connections, and repeat the last one for ever."""
    prepared = [response(*answer) for answer in script]
    turn = itertools.count()

    def play(connection: Connection) -> None:
        while True:
            connection.read_request()
            if after:
                connection.pause(after)
            connection.send(prepared[min(next(turn), len(prepared) - 1)])

    return play


def closes_after_each(body: bytes) -> Behaviour:
    """Answer well and close the connection without having said so."""
    return says(response(200, body, {"Content-Type": "application/json"}))


def drops_second_request(body: bytes) -> Behaviour:
    """Answer the first request of a connection well and reset on its second: the keep-alive race."""
    answer = response(200, body, {"Content-Type": "application/json"})

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(answer)
        connection.read_request()
        connection.reset()

    return play


def endless_body(*, chunked: bool = False, size: int = 2 << 30, head: bytes = OK) -> Behaviour:
    """Stream ``size`` zero bytes, 2 GB unless told otherwise."""
    block = bytes(65536)
    piece = b"10000\r\n" + block + b"\r\n" if chunked else block

    def play(connection: Connection) -> None:
        connection.read_request()
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
        connection.send(head + framing + b"\r\n\r\n")
        for _ in range(size // len(block)):
            connection.send(piece)
        if chunked:
            connection.send(b"0\r\n\r\n")

    return play


def body_until_close(size: int = 2 << 30) -> Behaviour:
    """Stream ``size`` zero bytes with neither a length nor chunks, as HTTP/1.0 did."""
    block = bytes(65536)

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        for _ in range(size // len(block)):
            connection.send(block)

    return play


def compressed(body: bytes, encoding: str) -> Behaviour:
    """Send ``body`` as it is, labelled with that Content-Encoding."""
    return answers(200, body, {"Content-Type": "application/json", "Content-Encoding": encoding})


def many_headers(count: int) -> Behaviour:
    """Send a good JSON answer behind ``count`` headers."""
    return answers(200, b'{"credits": 1}', [(f"X-Header-{number}", "value") for number in range(count)])


def headers_for_ever() -> Behaviour:
    """Send header lines as fast as the client reads, without an end."""
    block = b"".join(b"X-Header-%d: value\r\n" % number for number in range(1000))

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.send(block)

    return play


def header_line_for_ever() -> Behaviour:
    """Send one header whose value does not end."""
    block = b"v" * 65536

    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Huge: ")
        while True:
            connection.send(block)

    return play


def over_tls(context: ssl.SSLContext, behaviour: Behaviour) -> Behaviour:
    """Play ``behaviour`` behind a TLS handshake with this context."""

    def play(connection: Connection) -> None:
        connection.start_tls(context)
        behaviour(connection)

    return play


def handshake_never_finishes() -> Behaviour:
    """Take the client's hello and say nothing."""

    def play(connection: Connection) -> None:
        connection.wait_for_close()

    return play


def handshake_drips(pause: float = DRIP_SECONDS) -> Behaviour:
    """Begin a TLS record and go on with one byte at a time for ever."""

    def play(connection: Connection) -> None:
        connection.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
        while True:
            connection.drip(b"\x00", pause)

    return play


def plain_text_instead_of_tls() -> Behaviour:
    """Answer the client's hello with an HTTP error in clear, as a misconfigured port does."""

    def play(connection: Connection) -> None:
        connection.send(response(400, b"speak HTTP"))

    return play
