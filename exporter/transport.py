"""One vendor call: total deadline, size cap, no redirects, TLS, proxy.

requests' ``HTTPAdapter`` is driven without a ``Session``: what a session adds is unwanted here
(redirects, whose bodies it reads without limit; cookies; ``~/.netrc``; the environment looked up at
each call).
"""

import functools
import logging
import ssl
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies

import requests
import structlog
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from exporter import __version__
from exporter.clock import Clock
from exporter.deadline import Deadline, DeadlineHTTPPool, DeadlineHTTPSPool, keep_deadline_in_tls
from exporter.model import FetchError, Reason, VendorRequest, VendorResponse
from exporter.secret import Secret
from exporter.wire_errors import chain, translate

MAX_BODY_BYTES: Final = 1024 * 1024
_CHUNK_BYTES: Final = 64 * 1024

_DEFAULT_HEADERS: Final = {
    "User-Agent": f"credits-exporter/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
}


class EnvironmentProxies:
    """The environment's proxy settings; looked up once, since searching it takes as long as a call."""

    def __init__(self) -> None:
        self._any = bool(getproxies().keys() - {"no"})

    def for_url(self, url: str) -> dict[str, str]:
        """Return the proxies by scheme that a URL is to be reached through."""
        return get_environ_proxies(url) if self._any else {}


@dataclass(frozen=True)
class TransportSettings:
    """How one account is reached; without ``proxy_url`` the environment's proxy settings hold."""

    provider: str
    tls: ssl.SSLContext
    server_name: str | None = None
    proxy_url: Secret | None = None
    environment: EnvironmentProxies = field(default_factory=EnvironmentProxies)


class Transport:
    """The calls of one account, one at a time, over a connection that is kept between them."""

    def __init__(self, settings: TransportSettings, clock: Clock) -> None:
        self._provider = settings.provider
        self._clock = clock
        self._deadline = Deadline(clock)
        self._adapter = _Adapter(settings, self._deadline)
        self._proxy_url = settings.proxy_url
        self._environment = settings.environment
        self._proxies: dict[str, dict[str, str]] = {}
        self._prepared: tuple[VendorRequest, requests.PreparedRequest] | None = None
        self._log = structlog.get_logger(__name__)
        self._stdlib_log = logging.getLogger(__name__)

    def make_ready(self, request: VendorRequest) -> None:
        """Do ahead what a request's first call would have to: after a start, all first calls come at once."""
        if request.auth is None:
            prepared = self._prepare(request)
            proxies = self._proxies_for(prepared.url or "")
            self._adapter.get_connection_with_tls_context(prepared, verify=True, proxies=proxies)
            self._adapter.request_url(prepared, proxies)

    def start(self, seconds: float) -> None:
        """Begin a fetch: all calls until the next start share so many seconds."""
        self._deadline.start(seconds)

    def call(self, request: VendorRequest) -> VendorResponse:
        """Send one request and return the whole answer, whatever its status but for redirects.

        Raises FetchError: ``timeout``, ``connection``, ``tls``, ``redirect``, ``too_large``, or
        ``bad_response`` where a head arrived but no body that can be read.
        """
        began = self._clock.monotonic()
        try:
            answer = self._receive(self._send(self._prepare(request)))
        except FetchError as error:
            self._record(began, error.status, 0, error.reason)
            raise
        self._record(began, answer.status, len(answer.body), None)
        return answer

    def close(self) -> None:
        """Close the kept connection."""
        self._adapter.close()

    def _prepare(self, request: VendorRequest) -> requests.PreparedRequest:
        if self._prepared is not None and self._prepared[0] is request and request.auth is None:
            return self._prepared[1]
        prepared = prepare(request)
        self._prepared = request, prepared
        return prepared

    def _send(self, prepared: requests.PreparedRequest) -> requests.Response:
        """Return the head of the answer; its body is still to be read."""
        opened = self._deadline.connections_opened
        try:
            try:
                return self._attempt(prepared)
            except requests.ConnectionError as error:
                # A kept connection that the vendor closed in the meantime: that says nothing of the vendor.
                was_kept = self._deadline.connections_opened == opened
                was_closed = any(isinstance(c, ConnectionResetError | BrokenPipeError) for c in chain(error))
                if not (was_kept and was_closed and prepared.method == "GET"):
                    raise
                return self._attempt(prepared)
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            raise translate(error, self._deadline.passed(), status=None) from None

    def _attempt(self, prepared: requests.PreparedRequest) -> requests.Response:
        remaining = self._deadline.remaining()
        return self._adapter.send(
            prepared,
            stream=True,
            timeout=(remaining, remaining),
            proxies=self._proxies_for(prepared.url or ""),
        )

    def _receive(self, response: requests.Response) -> VendorResponse:
        """Return the whole answer; its connection is kept only if it was read to the end."""
        status = response.status_code
        try:
            if 300 <= status < 400:
                raise FetchError(
                    Reason.REDIRECT,
                    f"the vendor redirects (HTTP {status}), which is not followed",
                    status=status,
                )
            body = _read_body(response)
        except FetchError:
            response.raw.close()
            raise
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            # ValueError: urllib3 passes a negative chunk size on to a read that refuses it.
            response.raw.close()
            raise translate(error, self._deadline.passed(), status=status) from None
        return VendorResponse(status, response.headers, body, self._clock.now())

    def _proxies_for(self, url: str) -> dict[str, str]:
        if self._proxy_url is not None:
            return {"all": self._proxy_url.reveal()}
        host = urlsplit(url).netloc
        if host not in self._proxies:
            self._proxies[host] = self._environment.for_url(url)
        return self._proxies[host]

    def _record(self, began: float, status: int | None, size: int, reason: Reason | None) -> None:
        if not self._stdlib_log.isEnabledFor(logging.DEBUG):
            return  # before a structlog logger is assembled for nothing: this runs at every call
        self._log.debug(
            "vendor_call",
            provider=self._provider,
            status=status,
            duration_seconds=round(self._clock.monotonic() - began, 6),
            bytes=size,
            reason=reason,
        )


def prepare(request: VendorRequest) -> requests.PreparedRequest:
    """Encode a request: the one place where its secrets are revealed."""
    headers = _DEFAULT_HEADERS | {name: _revealed(value) for name, value in request.headers.items()}
    return requests.Request(
        request.method,
        _revealed(request.url),
        # http.client sends text as Latin-1; whatever that can't hold goes out as UTF-8.
        headers={name: value if value.isascii() else value.encode() for name, value in headers.items()},
        # requests would write a space as +, which only form decoding understands.
        params=urlencode(_revealed(dict(request.params)), quote_via=quote),
        json=_revealed(request.json),
        auth=request.auth,
    ).prepare()


def _revealed(value: Any) -> Any:
    match value:
        case Secret():
            return value.reveal()
        case dict():
            return {name: _revealed(item) for name, item in value.items()}
        case list():
            return [_revealed(item) for item in value]
        case _:
            return value


def _read_body(response: requests.Response) -> bytes:
    """Return the decompressed body, never holding more than the cap of it."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read(_CHUNK_BYTES, decode_content=True):
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise FetchError(
                Reason.TOO_LARGE,
                f"the answer is larger than {MAX_BODY_BYTES // 1024} KiB",
                status=response.status_code,
            )
        chunks.append(chunk)
    return b"".join(chunks)


class _Adapter(HTTPAdapter):
    """Connections with a deadline, and the account's own TLS context instead of requests' settings."""

    def __init__(self, settings: TransportSettings, deadline: Deadline) -> None:
        self._pool_classes: dict[str, Any] = {
            "http": functools.partial(DeadlineHTTPPool, deadline=deadline),
            "https": functools.partial(DeadlineHTTPSPool, deadline=deadline),
        }
        keep_deadline_in_tls(settings.tls)
        self._tls = {"ssl_context": settings.tls, "server_hostname": settings.server_name}
        self._pools: dict[str, Any] = {}
        self._targets: dict[str, str] = {}
        super().__init__(pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        context = self._tls["ssl_context"]
        manager = super().proxy_manager_for(proxy, proxy_ssl_context=context, **self._tls, **kwargs)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager

    # An account has a few URLs, which never change, and one proxy for each: looked up once.

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        url = str(request.url)
        if url not in self._pools:
            self._pools[url] = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return self._pools[url]

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        url = str(request.url)
        if url not in self._targets:
            self._targets[url] = super().request_url(request, proxies)
        return self._targets[url]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Leave out what nobody reads, such as cookies."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw, response.request, response.url = resp, req, str(req.url)
        return response

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Name the host only: requests would add TLS settings of its own, and load authorities anew."""
        parts = urlsplit(str(request.url))
        return {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port}, {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the connection alone: the TLS context says what is verified."""
