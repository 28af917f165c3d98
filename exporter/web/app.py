"""The routes: what each path answers. Scrapes run in the thread pool, health on the event loop itself."""

import json
import re
from dataclasses import dataclass, field
from typing import Final

import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.runtime import PageRequest, Runtime
from exporter.web.page import CONTENT_SECURITY_POLICY, render
from exporter.web.scrape import BadRequestError, page_request, probe_target, selected_providers
from exporter.web.status import status_of

PROBE_PATH: Final = "/probe"
# Where the metrics can't be put.
TAKEN_PATHS: Final = frozenset({PROBE_PATH, "/sd", "/config", "/-/healthy", "/-/ready", "/-/reload"})

_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:\d{1,5})?", re.ASCII)

_PAGE_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class WebOptions:
    """What the command line says about the pages; ``timeout_offset`` is in seconds."""

    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    timeout_offset: float = 0.5


@dataclass
class Readiness:
    """Whether new scrapes should come here; turned off when the server begins to drain."""

    is_draining: bool = field(default=False)

    def drain(self) -> None:
        """Stop being ready."""
        self.is_draining = True


def make_app(runtime: Runtime, options: WebOptions, readiness: Readiness) -> Starlette:
    """Return the application over a running exporter."""
    pages = _Pages(runtime, options, readiness)
    routes = [
        Route(options.telemetry_path, pages.metrics),
        Route(PROBE_PATH, pages.probe),
        Route("/sd", pages.service_discovery),
        Route("/config", pages.config),
        Route("/-/healthy", pages.healthy),
        Route("/-/ready", pages.ready),
        Route("/-/reload", pages.reload, methods=["POST", "PUT"]),
    ]
    if options.telemetry_path != "/":
        routes.append(Route("/", pages.status))
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_NoSniffing)],
        exception_handlers={BadRequestError: _bad_request, HTTPException: _http_error},
    )
    app.router.redirect_slashes = False
    return app


class _NoSniffing:
    """Keeps browsers from taking plain text, which may echo a request, for a page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            await send(message)

        await self._app(scope, receive, send_marked)


class _Pages:
    """One method a path; those that are not ``async`` run in the thread pool."""

    def __init__(self, runtime: Runtime, options: WebOptions, readiness: Readiness) -> None:
        self._runtime = runtime
        self._options = options
        self._readiness = readiness

    def metrics(self, request: Request) -> Response:
        configured = tuple(self._runtime.config.accounts)
        return self._scrape(request, selected_providers(request, configured), with_own=True)

    def probe(self, request: Request) -> Response:
        target = probe_target(request, tuple(self._runtime.config.accounts))
        return self._scrape(request, (target,), with_own=False)

    def _scrape(self, request: Request, providers: tuple[str, ...], *, with_own: bool) -> Response:
        accounts = self._runtime.config.accounts
        wanted = page_request(
            request,
            providers,
            [accounts[name] for name in providers if name in accounts],
            self._options.timeout_offset,
            with_own=with_own,
        )
        return _page(self._runtime.scrape(wanted), wanted)

    async def service_discovery(self, request: Request) -> Response:
        host = request.headers.get("Host", "")
        if not _HOST.fullmatch(host):
            raise BadRequestError("the Host header names no address that Prometheus could scrape")
        groups = [
            {
                "targets": [host],
                "labels": {
                    "__metrics_path__": PROBE_PATH,
                    "__param_target": name,
                    "provider_type": account.settings.type,
                },
            }
            for name, account in self._runtime.config.accounts.items()
        ]
        return Response(json.dumps(groups), media_type="application/json")

    async def config(self, request: Request) -> Response:
        text = yaml.safe_dump(self._runtime.config.as_shown(), sort_keys=False, allow_unicode=True)
        return PlainTextResponse(text)

    async def healthy(self, request: Request) -> Response:
        return PlainTextResponse("credits-exporter is healthy.\n")

    async def ready(self, request: Request) -> Response:
        if self._readiness.is_draining:
            return PlainTextResponse("credits-exporter is shutting down.\n", status_code=503)
        return PlainTextResponse("credits-exporter is ready.\n")

    def reload(self, request: Request) -> Response:
        if not self._options.enable_lifecycle:
            return PlainTextResponse(
                "Lifecycle API is not enabled: --web.enable-lifecycle\n", status_code=403
            )
        problems = self._runtime.reload()
        if problems:
            text = "The old configuration is kept:\n" + "".join(f"{problem}\n" for problem in problems)
            return PlainTextResponse(text, status_code=500)
        return PlainTextResponse("The configuration was reloaded.\n")

    def status(self, request: Request) -> Response:
        runtime = self._runtime
        status = status_of(runtime.peek(), runtime.clock.now(), runtime.problems)
        return HTMLResponse(render(status, self._options.telemetry_path), headers=_PAGE_HEADERS)


def _page(body: bytes, wanted: PageRequest) -> Response:
    headers = {"Vary": "Accept, Accept-Encoding"}
    if wanted.compressed:
        headers["Content-Encoding"] = "gzip"
    # Not media_type: Starlette would add a second charset to it.
    headers["Content-Type"] = wanted.page_format.value
    return Response(body, headers=headers)


async def _bad_request(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", status_code=400)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    return PlainTextResponse(f"{error.detail}\n", status_code=error.status_code, headers=error.headers)
