"""The hostile table: every way a vendor can misbehave below its body, and the reasons that may follow.

Each row makes its behaviour afresh. Bodies of a 200 answer, which each provider judges by itself, are in
``BODIES``.
"""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile import behaviours as does
from tests.hostile import bombs
from tests.hostile.server import Behaviour

DRIP = 0.02
DEEP = 100_000


@dataclass(frozen=True)
class Row:
    """One way to misbehave: ``reasons`` are the acceptable ones."""

    name: str
    make: Callable[[], Behaviour]
    reasons: frozenset[str]


def row(name: str, make: Callable[[], Behaviour], *reasons: str) -> Row:
    """Shorten the tables below."""
    return Row(name, make, frozenset(reasons))


SLOW = [
    row("never answers", does.silent, "timeout"),
    row("drips the status line", lambda: does.drips_status_line(DRIP), "timeout"),
    row("drips a header", lambda: does.drips_head(DRIP), "timeout"),
    row("drips the body", lambda: does.drips_body(DRIP), "timeout"),
    row("drips chunks", lambda: does.drips_body(DRIP, chunked=True), "timeout"),
    row("drips a chunk size", lambda: does.drips_chunk_size(DRIP), "timeout"),
    row("drips 100 Continue", lambda: does.continues_for_ever(DRIP), "timeout"),
    row("floods 100 Continue", does.continues_for_ever, "timeout"),
]

BROKEN = [
    row("hangs up", does.hangs_up, "connection"),
    row("resets on accept", does.resets_on_accept, "connection"),
    row("resets before the head", does.resets, "connection"),
    row(
        "resets in the head",
        lambda: does.resets(b"HTTP/1.1 200 OK\r\nContent-"),
        "connection",
        "bad_response",
    ),
    row(
        "resets after the head",
        lambda: does.resets(does.OK + b"Content-Length: 100\r\n\r\n"),
        "connection",
        "bad_response",
    ),
    row(
        "promises more than it sends",
        lambda: does.says(does.response(200, b'{"credits": 1}', {"Content-Length": "1000"})),
        "connection",
        "bad_response",
    ),
    row("garbage", lambda: does.says(bytes(range(256)) * 8), "connection", "bad_response"),
    row("garbage line", lambda: does.says(b"220 smtp.example ESMTP ready\r\n"), "connection", "bad_response"),
    row("empty line first", lambda: does.says(b"\r\n\r\n"), "connection", "bad_response"),
    row("status not a number", lambda: does.says(b"HTTP/1.1 abc OK\r\n\r\n"), "connection", "bad_response"),
    row("status 0", lambda: does.says(b"HTTP/1.1 0 None\r\n\r\n"), "connection", "bad_response"),
    row("status 999", lambda: does.answers(999, b"{}"), "connection", "bad_response", "server_error"),
    row("HTTP/9.9", lambda: does.says(b"HTTP/9.9 200 OK\r\n\r\n"), "connection", "bad_response"),
    row(
        "chunk size is text",
        lambda: does.says(does.OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        "connection",
        "bad_response",
    ),
    row(
        "chunk size is negative",
        lambda: does.says(does.OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n"),
        "connection",
        "bad_response",
    ),
    row(
        "chunks end early",
        lambda: does.says(does.OK + b'Transfer-Encoding: chunked\r\n\r\n20\r\n{"credits"'),
        "connection",
        "bad_response",
    ),
    row(
        "chunk line for ever",
        lambda: does.says(does.OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000),
        "connection",
        "bad_response",
    ),
    row(
        "length is text",
        lambda: does.says(does.OK + b"Content-Length: many\r\n\r\n<html>"),
        "connection",
        "bad_response",
    ),
    row(
        "lengths that differ",
        lambda: does.says(does.OK + b"Content-Length: 2\r\nContent-Length: 14\r\n\r\n" + b'{"credits": 1}'),
        "connection",
        "bad_response",
    ),
    row("5,000 headers", lambda: does.many_headers(5000), "connection", "bad_response", "too_large"),
    row("headers for ever", does.headers_for_ever, "connection", "bad_response", "too_large", "timeout"),
    row("a header for ever", does.header_line_for_ever, "connection", "bad_response", "too_large", "timeout"),
    row("gzip that is not", lambda: does.compressed(b'{"credits": 1}', "gzip"), "bad_response", "connection"),
    row("deflate that is not", lambda: does.compressed(b"\xff" * 9, "deflate"), "bad_response", "connection"),
    row(
        "gzip cut short",
        lambda: does.compressed(gzip.compress(bytes(99_999))[:40], "gzip"),
        "bad_response",
        "connection",
    ),
    row("brotli not asked for", lambda: does.compressed(b"\x0b\x02\x80{}\x03", "br"), "bad_response"),
    row("an unknown encoding", lambda: does.compressed(b"\x00\x01", "vendor-own"), "bad_response"),
]

BOMB = 200 * bombs.MEBIBYTE

HUGE = [
    row("2 GB by length", does.endless_body, "too_large"),
    row("2 GB in chunks", lambda: does.endless_body(chunked=True), "too_large"),
    row("2 GB until it closes", does.body_until_close, "too_large"),
    row("200 MB behind gzip", lambda: does.compressed(bombs.gzipped_zeros(BOMB), "gzip"), "too_large"),
    row("200 MB behind deflate", lambda: does.compressed(bombs.deflated_zeros(BOMB), "deflate"), "too_large"),
    row(
        "200 MB behind zlib",
        lambda: does.compressed(b"\x78\x01" + bombs.deflated_zeros(BOMB), "deflate"),
        "too_large",
    ),
    row(
        "200 MB behind two gzips",
        lambda: does.compressed(gzip.compress(bombs.gzipped_zeros(BOMB), 1), "gzip, gzip"),
        "too_large",
        "bad_response",
    ),
    row(
        "gzip in gzip in gzip…",
        lambda: does.compressed(b"\x00" * 100, ", ".join(["gzip"] * 50)),
        "bad_response",
        "connection",
        "too_large",
    ),
]

STATUSES = {
    401: "unauthorized",
    402: "insufficient_credits",
    403: "forbidden",
    404: "client_error",
    422: "client_error",
    429: "rate_limited",
    500: "server_error",
    501: "server_error",
    502: "server_error",
    503: "server_error",
    504: "server_error",
}

ERROR_BODIES = {
    "html": (b"<!DOCTYPE html><html><body><h1>Error</h1></body></html>", "text/html; charset=utf-8"),
    "empty": (b"", "application/json"),
    "json": (b'{"detail": "something went wrong"}', "application/json"),
    "html as json": (b"<html>", "application/json"),
    "null": (b"null", "application/json"),
    "binary": (bytes(range(256)), "application/octet-stream"),
}

RETRY_AFTER = [
    "120", "0", "-5", "1e99", "1e5", "nan", "inf", "soon", "", " 60 ", "60, 120", "9" * 5000, "٣٠",
    "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 99999 23:59:59 GMT",
    "Wed, 21 Oct 2026 07:28:00 +9999", "Mon, 99 Foo 2026 99:99:99 GMT", "2026-01-01T00:00:00Z",
]  # fmt: skip

BODIES: dict[str, bytes] = {
    "html": b"<!DOCTYPE html><html><body>Welcome</body></html>",
    "empty": b"",
    "white space": b" \r\n\t ",
    "null": b"null",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "an empty string": b'""',
    "true": b"true",
    "a bare number": b"42",
    "NaN": b"NaN",
    "1e999": b"1e999",
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a list of nulls": json.dumps([None] * 1000).encode(),
    "cut short": b'{"credits": 1, "credit": 1, "balan',
    "binary": bytes(range(256)) * 4,
    "UTF-16 of nothing useful": '{"message": "hello"}'.encode("utf-16"),
    "lone surrogate": b'{"message": "\\ud800"}',
    "an integer of 5,000 digits": b"9" * 5000,
    "two documents": b"{}{}",
    "zero bytes": bytes(1000),
}
