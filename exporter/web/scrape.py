"""From an HTTP request to what a scrape asks for: which providers, until when, in which format."""

import math
from collections.abc import Iterable
from typing import Final

from starlette.requests import Request

from exporter.config import Account
from exporter.exposition import accepts_gzip, negotiate
from exporter.runtime import PageRequest

TIMEOUT_HEADER: Final = "X-Prometheus-Scrape-Timeout-Seconds"

# Beyond its timeout a call has settled; this is for what comes after.
_SETTLING_SECONDS: Final = 1.0


class BadRequestError(Exception):
    """A request that can't be answered; the text is for whoever sent it."""


def scrape_seconds(header: str | None, offset: float, accounts: Iterable[Account]) -> float:
    """Return how long a scrape may take: the scraper's time-out less the offset, or our own limit.

    Our own limit is when the slowest of the accounts has timed out by itself. A header that is no
    positive number is as good as none. A time-out not longer than the offset is cut in half.
    """
    own_limit = max((account.timeout for account in accounts), default=0.0) + _SETTLING_SECONDS
    try:
        timeout = float(header or "")
    except ValueError:
        return own_limit
    if not math.isfinite(timeout) or timeout <= 0:
        return own_limit
    return min(own_limit, timeout - offset if timeout > 2 * offset else timeout / 2)


def page_request(
    request: Request,
    providers: tuple[str, ...],
    accounts: Iterable[Account],
    offset: float,
    *,
    with_own: bool,
) -> PageRequest:
    """Return what a scrape of these providers asks for."""
    headers = request.headers
    return PageRequest(
        providers=providers,
        seconds=scrape_seconds(headers.get(TIMEOUT_HEADER), offset, accounts),
        page_format=negotiate(",".join(headers.getlist("Accept"))),
        compressed=accepts_gzip(",".join(headers.getlist("Accept-Encoding"))),
        names=frozenset(request.query_params.getlist("name[]")),
        with_own=with_own,
    )


def selected_providers(request: Request, configured: tuple[str, ...]) -> tuple[str, ...]:
    """Return the providers that ``provider`` names, or all; raise BadRequestError for unknown ones."""
    wanted = request.query_params.getlist("provider")
    unknown = sorted(set(wanted) - set(configured))
    if unknown:
        raise BadRequestError(f"unknown provider: {', '.join(map(repr, unknown))}")
    return tuple(name for name in configured if name in wanted) if wanted else configured


def probe_target(request: Request, configured: tuple[str, ...]) -> str:
    """Return the provider that ``target`` names; raise BadRequestError unless there is exactly one."""
    targets = request.query_params.getlist("target")
    if len(targets) != 1:
        raise BadRequestError("give exactly one target parameter: the name of a configured provider")
    if targets[0] not in configured:
        raise BadRequestError(f"unknown target: {targets[0]!r} is not the name of a configured provider")
    return targets[0]
