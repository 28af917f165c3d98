"""The server as a client sees it: over real sockets, with requests that no browser would send."""

import logging
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.web.sockets import ListenAddress
from tests.web.serving import SHORT, Served, get, read_all, serving, status_of


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server with short deadlines, shared by tests that leave it as they found it."""
    with serving(deadlines=SHORT) as running:
        yield running


def test_the_bound_addresses_are_told_once_serving() -> None:
    """Every listener is reported with the port that it got, and answers."""
    both = (ListenAddress("127.0.0.1", 0), ListenAddress("::1", 0))
    with serving(addresses=both) as running:
        first, second = running.urls
        assert first == f"http://127.0.0.1:{running.port}"
        assert second.startswith("http://[::1]:")
        for url, family in ((first, socket.AF_INET), (second, socket.AF_INET6)):
            host, port = ("127.0.0.1", "::1")[family == socket.AF_INET6], int(url.rpartition(":")[2])
            with socket.create_connection((host, port), timeout=10) as connection:
                connection.sendall(get("/metrics"))
                assert status_of(read_all(connection)) == 200


def test_a_response_has_a_date_and_hides_the_server(served: Served) -> None:
    """Headers say when, not with what."""
    head = served.exchange(get("/metrics")).lower()
    assert b"\r\ndate: " in head
    assert b"\r\nserver:" not in head


def test_forwarded_headers_are_not_believed(served: Served) -> None:
    """Anyone can send X-Forwarded-Proto; nothing of the request changes by it."""
    response = served.exchange(get("/metrics/", "X-Forwarded-Proto: https"))
    assert b"https://" not in response


SMUGGLING = {
    "length and chunked": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "different lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "equal lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "list of lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n",
    "signed length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    "hexadecimal length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
    "endless length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "vertical tab": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "two encodings": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "unknown encoding": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "header without colon": b"GET / HTTP/1.1\r\nHost: x\r\nwhat\r\n\r\n",
    "folded first line": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "null byte": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "raw non-ASCII target": "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "no version": b"GET /\r\n\r\n",
    "not HTTP": b"hello\r\n\r\n",
    "TLS to a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "empty line": b"\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_a_request_that_two_parsers_may_read_differently_is_refused(
    served: Served, request_bytes: bytes
) -> None:
    """Ambiguous and malformed requests get 400 and lose the connection; a request behind them is not read."""
    seen = len(served.application.paths)
    response = served.exchange(request_bytes + get("/metrics"))
    assert status_of(response) == 400
    assert response.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in response
    assert len(served.application.paths) == seen


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/metrics", "Content-Length: 5", method="POST") + b"hello",
        get("/metrics", "Content-Length: 5") + b"hello",
        get("/metrics", "Content-Length: 999999999999", method="POST"),
        get("/metrics", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n0\r\n\r\n",
        get("/metrics", "Transfer-Encoding: chunked", method="POST") + b"0\r\n\r\n",
        get("/metrics", "Content-Length: 5", "Expect: 100-continue", method="POST"),
    ],
)
def test_a_body_is_refused_before_it_is_read(served: Served, request_bytes: bytes) -> None:
    """A request with content gets 413 at once, without 100 Continue."""
    response = served.exchange(request_bytes)
    assert status_of(response) == 413
    assert response.count(b"HTTP/1.1 ") == 1


def test_a_refused_client_that_still_sends_sees_an_orderly_end(served: Served) -> None:
    """What is sent after a refusal is read and thrown away: a reset could eat the answer on its way."""
    body = b"x" * 1_000_000
    with served.connect() as connection:
        connection.sendall(get("/metrics", f"Content-Length: {len(body)}", method="POST") + body)
        response = b""
        while data := connection.recv(1 << 16):
            response += data
    assert status_of(response) == 413


def test_an_empty_body_is_no_body(served: Served) -> None:
    """``Content-Length: 0``, as clients send it with POST, is served."""
    assert status_of(served.exchange(get("/metrics", "Content-Length: 0", method="POST"))) == 200


def _head_of(size: int) -> bytes:
    padding = size - len(get("/metrics", "X: "))
    request = get("/metrics", "X: " + "x" * padding)
    assert len(request) == size
    return request


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (_head_of(16 * 1024), 200),
        (_head_of(16 * 1024 + 1), 431),
        (_head_of(200 * 1024), 431),
        (_head_of(10 * 1024 * 1024), 431),
        (b"GET /" + b"x" * 20_000, 431),
        (get("/metrics", *(f"X-{n}: y" for n in range(10_000))), 431),
    ],
    ids=["16 KiB", "a byte more", "200 KiB at once", "10 MiB", "endless target", "10,000 headers"],
)
def test_a_head_is_at_most_16_kib(served: Served, request_bytes: bytes, status: int) -> None:
    """A head of 16 KiB is served; one byte more is refused, however it arrives."""
    with served.connect() as connection:
        with suppress(ConnectionError):  # the server may give up on us; its answer is there all the same
            connection.sendall(request_bytes)
        assert status_of(read_all(connection)) == status


def test_other_versions_of_http_are_told_so(served: Served) -> None:
    """The preface of HTTP/2 without TLS gets 505."""
    assert status_of(served.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == 505


ODD = {
    "percent nonsense": get("/%zz%"),
    "percent null": get("/%00"),
    "percent invalid UTF-8": get("/metrics?name[]=%ff%fe&%"),
    "repeated parameters": get("/metrics?" + "provider=a&" * 500),
    "dots": get("/../../etc/passwd"),
    "double slash": get("//example.com//"),
    "absolute form": get("http://localhost/metrics"),
    "authority form": get("localhost:443", method="CONNECT"),
    "asterisk form": get("*", method="OPTIONS"),
    "websocket": get("/metrics", "Upgrade: websocket", "Connection: Upgrade", close=False),
    "h2c": get("/metrics", "Upgrade: h2c", "Connection: Upgrade", close=False),
    "trace": get("/metrics", method="TRACE"),
    "unknown method": get("/metrics", method="BREW"),
    "bad accept": get("/metrics", "Accept: ;;q=x,*/*;q=9;version=,"),
    "bad accept-encoding": get("/metrics", "Accept-Encoding: gzip;q=nope"),
    "latin-1 header": get("/metrics").replace(b"localhost", b"x\r\nX: \xe9\xff"),
    "folded header": get("/metrics", "X: a\r\n  b"),
    "bare line feeds": get("/metrics").replace(b"\r\n", b"\n"),
    "unknown expectation": get("/metrics", "Expect: miracles"),
    "HTTP/1.0": b"GET /metrics HTTP/1.0\r\n\r\n",
    "HTTP/1.9": b"GET /metrics HTTP/1.9\r\nHost: x\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", ODD.values(), ids=ODD.keys())
def test_odd_requests_are_answered_without_an_error_of_ours(
    served: Served, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Valid but strange requests reach the application or 4xx, never 5xx, and leave no log line."""
    with caplog.at_level(logging.WARNING):
        assert status_of(served.exchange(request_bytes)) < 500
    assert caplog.messages == []


@given(data=st.data())
@settings(max_examples=150, deadline=None, database=None)
def test_no_bytes_give_a_500(served: Served, data: st.DataObject) -> None:
    """Whatever is cut, doubled or overwritten in a request: there is no 5xx but 505, and it ends."""
    request = bytearray(data.draw(st.sampled_from([*SMUGGLING.values(), *ODD.values()])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(request)))
        request[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    with served.connect() as connection:
        connection.sendall(bytes(request))
        connection.shutdown(socket.SHUT_WR)
        response = read_all(connection)
    assert not response or status_of(response) < 500 or status_of(response) == 505


def test_requests_sent_ahead_are_answered_in_order(served: Served) -> None:
    """Pipelined requests share a connection."""
    ahead = get("/metrics", close=False) + get("/-/healthy", close=False) + get("/nowhere")
    response = served.exchange(ahead)
    assert [part[:3] for part in response.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", get("/metrics", "Content-Length: 1")])
def test_garbage_after_a_good_request_leaves_its_response_whole(served: Served, garbage: bytes) -> None:
    """What is wrong with the second request is no reason to damage the first one's response."""
    response = served.exchange(get("/metrics", close=False) + garbage)
    first, second = response.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200")
    assert first.endswith(b"up 1\n")
    assert second[:3] in (b"400", b"413")


def test_bytes_after_the_last_request_do_not_cut_its_response() -> None:
    """A client that promised to close and sends on still gets its response."""
    with serving() as running, running.connect() as connection:
        connection.sendall(get("/slow"))
        assert running.application.entered.acquire(timeout=10)
        connection.sendall(b"and another thing")
        running.application.release.set()
        assert read_all(connection).endswith(b"late\n")


def test_a_client_that_goes_away_costs_nothing(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Clients that reset in the middle of a response leave no log line, and the server serves on."""
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            with served.connect() as connection:
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger {on, 0 s}: close with a reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.sendall(get("/big"))
                connection.recv(100)
        assert status_of(served.exchange(get("/metrics"))) == 200
    assert caplog.messages == []
