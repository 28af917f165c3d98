"""Errors of sockets, TLS and HTTP libraries → :class:`~exporter.model.FetchError`.

Library texts hold URLs, and with them credentials: only OpenSSL's verdict on a certificate, which
holds none, is passed on.
"""

import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine, RemoteDisconnected
from typing import Final

from requests.exceptions import ProxyError as RequestsProxyError
from urllib3.exceptions import (
    DecodeError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
)
from urllib3.exceptions import (
    TimeoutError as PoolTimeoutError,
)

from exporter.model import FetchError, Reason

# First match wins; looked for through the whole chain of an error's causes.
_CONNECTION_DETAILS: Final = (
    (NameResolutionError, "the vendor's host name can't be resolved"),
    (socket.gaierror, "the vendor's host name can't be resolved"),
    (ConnectionRefusedError, "the connection is refused"),
    (RemoteDisconnected, "the vendor closed the connection without an answer"),
    (BadStatusLine, "what came back is not HTTP"),
    (ConnectionResetError, "the vendor reset the connection"),
    (BrokenPipeError, "the vendor closed the connection"),
    (Exception, "the connection failed"),
)


def translate(error: Exception, deadline_passed: bool, status: int | None) -> FetchError:
    """Return what a library's error means; ``status`` is set where the head of an answer had arrived."""
    causes = list(chain(error))
    if deadline_passed or any(_is_timeout(cause) for cause in causes):
        return FetchError(Reason.TIMEOUT, "the call took longer than its timeout", status=status)
    if _holds(causes, ProxyError, RequestsProxyError):
        return FetchError(Reason.CONNECTION, "the proxy can't be reached or refuses the connection")
    if _holds(causes, ssl.SSLError, SSLError):
        return FetchError(Reason.TLS, f"the TLS connection fails: {_tls_detail(causes)}", status=status)
    if status is not None:
        detail = "can't be decompressed" if _holds(causes, DecodeError) else "broke off before its end"
        return FetchError(Reason.BAD_RESPONSE, f"the answer {detail} (HTTP {status})", status=status)
    detail = next(text for kind, text in _CONNECTION_DETAILS if _holds(causes, kind))
    return FetchError(Reason.CONNECTION, detail)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was made from: its causes, contexts, ``reason`` and arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        made_from = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        waiting.extend(item for item in made_from if isinstance(item, BaseException))


def _holds(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _is_timeout(cause: BaseException) -> bool:
    # urllib3 derives its refused connections from its time-outs.
    return isinstance(cause, TimeoutError | PoolTimeoutError) and not isinstance(cause, NewConnectionError)


def _tls_detail(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message)
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
    return "the handshake broke off"
