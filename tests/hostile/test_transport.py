"""One vendor call against every row of the hostile table, through the real transport and real sockets."""

import gc
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from exporter.model import FetchError, Reason, VendorRequest, VendorResponse
from exporter.providers.answers import check_status, json_object, retry_after
from exporter.secret import Secret
from exporter.transport import Transport
from tests.hostile import behaviours as does
from tests.hostile import catalogue, tls
from tests.hostile.conftest import StartVendor
from tests.hostile.server import never_accepts, refused, unknown_host

KEY = "canary-key-5f1c"
CALL_SECONDS = 0.3
GRACE_SECONDS = 2.0


def ask(transport: Transport, url: str, seconds: float = CALL_SECONDS) -> VendorResponse:
    """Do what a provider does: call, judge the status, read the JSON object."""
    transport.start(seconds)
    response = transport.call(VendorRequest(url, headers={"X-API-Key": Secret(KEY)}))
    check_status(response)
    json_object(response)
    return response


def failure(transport: Transport, url: str, seconds: float = CALL_SECONDS) -> FetchError:
    """Return the error that a call must end with, well before anybody gives up on it."""
    began = time.monotonic()
    with pytest.raises(FetchError) as caught:
        ask(transport, url, seconds)
    assert time.monotonic() - began < seconds + GRACE_SECONDS
    assert KEY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("row", catalogue.SLOW, ids=lambda row: row.name)
def test_a_slow_vendor_costs_the_call_its_timeout(
    row: catalogue.Row, hostile: StartVendor, transport: Transport
) -> None:
    """However it delays, the call ends as a time-out at its total time and hangs up on the vendor."""
    server = hostile(row.make())
    assert failure(transport, server.url).reason == Reason.TIMEOUT
    wait_until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("row", catalogue.BROKEN, ids=lambda row: row.name)
def test_a_broken_vendor_gets_its_reason(
    row: catalogue.Row, hostile: StartVendor, transport: Transport
) -> None:
    """Whatever is wrong with the connection or the answer, it ends at once as one of the named reasons."""
    assert failure(transport, hostile(row.make()).url, seconds=5).reason in row.reasons


@pytest.mark.parametrize("row", catalogue.HUGE, ids=lambda row: row.name)
def test_a_huge_answer_is_cut_off_cheaply(
    row: catalogue.Row, hostile: StartVendor, transport: Transport
) -> None:
    """The call is given up once the cap is passed, and never needs 5 MB for it."""
    server = hostile(row.make())
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        error = failure(transport, server.url, seconds=10)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert error.reason in row.reasons
    assert peak < 5e6


def test_a_listener_that_never_accepts_is_a_timeout(transport: Transport) -> None:
    """A full backlog neither accepts nor refuses; the call's total time ends it."""
    with never_accepts() as url:
        assert failure(transport, url).reason == Reason.TIMEOUT


@pytest.mark.parametrize(
    ("nobody", "words"), [(refused, "refused"), (unknown_host, "can't be resolved")], ids=["refused", "DNS"]
)
def test_nobody_there_is_a_connection_error(
    transport: Transport, nobody: Callable[..., AbstractContextManager[str]], words: str
) -> None:
    """A closed port and a name that does not resolve are told apart for the reader."""
    with nobody() as url:
        error = failure(transport, url, seconds=10)
    assert error.reason == Reason.CONNECTION
    assert words in error.detail


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("target", ["itself", "another host", "nowhere", "a file"])
def test_a_redirect_is_not_followed(
    status: int, target: str, hostile: StartVendor, transport: Transport
) -> None:
    """Neither the vendor nor the place that it names gets a second request, whatever the redirect."""
    other = hostile(does.answers(200, b'{"credits": 1}'))
    places = {
        "itself": "/again",
        "another host": f"{other.url}/steal",
        "nowhere": "",
        "a file": "file:///etc/passwd",
    }
    vendor = hostile(does.answers(status, b'{"credits": 1}', {"Location": places[target]}))
    assert failure(transport, vendor.url, seconds=5).reason == Reason.REDIRECT
    assert len(vendor.requests) == 1
    assert other.connections == 0


def test_a_redirect_with_an_endless_body_ends_at_its_head(hostile: StartVendor, transport: Transport) -> None:
    """The body of a redirect is not read, so it can neither take time nor memory."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /again\r\n"
    server = hostile(does.endless_body(head=head))
    assert failure(transport, server.url, seconds=10).reason == Reason.REDIRECT
    wait_until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("defect", ["expired", "self_signed", "wrong_name", "tls_1_0"])
def test_an_unacceptable_certificate_is_a_tls_error(
    defect: str, hostile: StartVendor, trusting: Transport, certificates: tls.Certificates
) -> None:
    """No request leaves over a connection whose other end is not proved, even with the right authority."""
    context = getattr(certificates, defect)
    server = hostile(does.over_tls(context, does.answers(200, b'{"credits": 1}')), scheme="https")
    assert failure(trusting, server.url, seconds=5).reason == Reason.TLS
    assert server.requests == []


def test_a_good_certificate_is_accepted(
    hostile: StartVendor, trusting: Transport, certificates: tls.Certificates
) -> None:
    """The same transport gets its answer where the certificate is right."""
    server = hostile(does.over_tls(certificates.good, does.answers(200, b'{"credits": 1}')), scheme="https")
    assert ask(trusting, server.url, seconds=5).body == b'{"credits": 1}'


def test_an_unknown_authority_is_a_tls_error(
    hostile: StartVendor, certificates: tls.Certificates, transport: Transport
) -> None:
    """A certificate of an authority that nobody told us of is refused."""
    server = hostile(does.over_tls(certificates.good, does.answers()), scheme="https")
    assert failure(transport, server.url, seconds=5).reason == Reason.TLS


@pytest.mark.parametrize(
    ("behaviour", "reasons"),
    [
        (does.handshake_never_finishes(), {Reason.TIMEOUT}),
        (does.handshake_drips(catalogue.DRIP), {Reason.TIMEOUT}),
        (does.plain_text_instead_of_tls(), {Reason.TLS}),
        (does.resets_on_accept(), {Reason.CONNECTION, Reason.TLS}),
    ],
    ids=["never finishes", "drips", "plain text", "resets"],
)
def test_a_broken_handshake(
    behaviour: does.Behaviour, reasons: set[Reason], hostile: StartVendor, transport: Transport
) -> None:
    """A handshake that goes wrong ends by its own fault or the call's time."""
    seconds = CALL_SECONDS if Reason.TIMEOUT in reasons else 5
    assert failure(transport, hostile(behaviour, scheme="https").url, seconds).reason in reasons


@pytest.mark.parametrize(
    "behaviour",
    [
        does.over_tls,
        does.drips_head,
        does.drips_body,
    ],
    ids=["silent", "head", "body"],
)
def test_the_total_time_holds_under_tls(
    behaviour: Callable[..., does.Behaviour],
    hostile: StartVendor,
    trusting: Transport,
    certificates: tls.Certificates,
) -> None:
    """A drip behind TLS ends at the call's total time too."""
    inner = does.silent() if behaviour is does.over_tls else behaviour(catalogue.DRIP)
    server = hostile(does.over_tls(certificates.good, inner), scheme="https")
    assert failure(trusting, server.url).reason == Reason.TIMEOUT


@pytest.mark.parametrize("body", catalogue.ERROR_BODIES.values(), ids=catalogue.ERROR_BODIES)
@pytest.mark.parametrize(("status", "reason"), catalogue.STATUSES.items())
def test_an_error_status_has_its_reason(
    status: int, reason: str, body: tuple[bytes, str], hostile: StartVendor, transport: Transport
) -> None:
    """The status decides, whatever the vendor put in the body."""
    content, content_type = body
    server = hostile(does.answers(status, content, {"Content-Type": content_type}))
    assert failure(transport, server.url, seconds=5).reason == reason


@pytest.mark.parametrize("value", catalogue.RETRY_AFTER)
def test_any_retry_after_is_harmless(value: str, hostile: StartVendor, transport: Transport) -> None:
    """A Retry-After is a number of seconds above or equal to zero, or it is nothing."""
    server = hostile(does.answers(429, b"", {"Retry-After": value.encode().decode("latin-1")}))
    error = failure(transport, server.url, seconds=5)
    assert error.reason == Reason.RATE_LIMITED
    assert error.retry_after is None or 0 <= error.retry_after < float("inf")


def test_a_retry_after_date_is_counted_from_the_answer() -> None:
    """A date means the seconds from the moment of the answer until then."""
    headers = {"Retry-After": "Thu, 01 Jan 1970 00:02:00 GMT"}
    assert retry_after(VendorResponse(429, headers, b"", received_at=30.0)) == 90.0  # type: ignore[arg-type]


def test_a_connection_that_the_vendor_closes_unannounced_is_replaced(
    hostile: StartVendor, transport: Transport
) -> None:
    """A kept connection that turns out to be closed costs a new connection and not a failure."""
    server = hostile(does.closes_after_each(b'{"credits": 1}'))
    for _ in range(5):
        assert ask(transport, server.url, seconds=5).status == 200
    assert len(server.requests) == 5


def test_a_kept_connection_that_resets_is_tried_once_more(hostile: StartVendor, transport: Transport) -> None:
    """The race between the vendor's close and the next request is retried once, on a new connection."""
    server = hostile(does.drops_second_request(b'{"credits": 1}'))
    for _ in range(3):
        assert ask(transport, server.url, seconds=5).status == 200
    assert server.connections == 3


def test_a_fresh_connection_that_resets_is_not_retried(hostile: StartVendor, transport: Transport) -> None:
    """A vendor that resets at once gets one call and not two."""
    server = hostile(does.resets())
    failure(transport, server.url, seconds=5)
    assert len(server.requests) == 1


def test_a_good_connection_is_kept(hostile: StartVendor, transport: Transport) -> None:
    """Calls that are answered well share one connection."""
    server = hostile(does.answers(200, b'{"credits": 1}'))
    for _ in range(5):
        ask(transport, server.url, seconds=5)
    assert server.connections == 1


def test_a_failed_answer_does_not_leak_into_the_next(hostile: StartVendor, transport: Transport) -> None:
    """Bytes left over from an answer that was given up never become the next answer's head."""
    stuffed = does.response(200, b'{"credits": 1}') + does.response(200, b'{"credits": 666}')
    server = hostile(does.says_each_time(stuffed))
    for _ in range(3):
        assert ask(transport, server.url, seconds=5).body == b'{"credits": 1}'


@pytest.mark.parametrize(
    "answer",
    [
        does.response(200, b'{"credits": 1}', {"X-Folded": "one\r\n two"}),
        b'HTTP/1.0 200 OK\r\n\r\n{"credits": 1}',
        b'HTTP/1.1 200\r\nContent-Length: 14\r\n\r\n{"credits": 1}',
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5 + does.response(200, b'{"credits": 1}'),
        does.response(200, b'\xef\xbb\xbf{"credits": 1}'),
        does.response(200, '{"credits": 1}'.encode("utf-16")),
        does.OK + b'Transfer-Encoding: chunked\r\n\r\ne;name=value\r\n{"credits": 1}\r\n0\r\nX-T: a\r\n\r\n',
    ],
    ids=["header folding", "HTTP/1.0", "no phrase", "100 Continue", "BOM", "UTF-16", "chunk extension"],
)
def test_odd_but_legal_answers_are_read(answer: bytes, hostile: StartVendor, transport: Transport) -> None:
    """What HTTP and JSON allow, however rare, is understood."""
    ask(transport, hostile(does.says(answer)).url, seconds=5)


def test_calls_leave_no_thread_behind(hostile: StartVendor, transport: Transport) -> None:
    """The transport has no threads of its own, so a time-out can't leave one."""
    server = hostile(does.drips_head(catalogue.DRIP))
    failure(transport, server.url)
    wait_until(lambda: server.open_connections == 0)
    assert {thread.name for thread in threading.enumerate()} <= {"MainThread", "hostile-accept"}


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Poll until it holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.002)
