"""What ``try`` shows: requests, answers and expressions, with secrets and personal data masked."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from exporter.commands.masking import Masker
from exporter.model import FetchError, Pool, Reading, Text, VendorRequest, VendorResponse
from exporter.providers.answers import readable_number
from exporter.providers.base import Provider
from exporter.providers.http import DescribedProvider
from exporter.providers.http_reading import Finding
from exporter.secret import MASK, Secret

_SCHEME: Final = re.compile(r"(Bearer|Basic|Token|ApiKey|AccessKey|Key) ")
_TELLING_HEADER: Final = re.compile(
    r"^content-type$|^retry-after$|limit|remaining|credit|balance|quota", re.IGNORECASE
)
_FORM: Final = re.compile(r"[\w.-]+=[^\n]*")
_MOST_LINES: Final = 200
_LONGEST_VALUE: Final = 300


@dataclass(frozen=True)
class Exchange:
    """What was sent, what came (None where there was no answer), and what it meant."""

    calls: tuple[tuple[VendorRequest, VendorResponse | None], ...]
    outcome: Reading | FetchError


def report(provider: Provider[Any], exchange: Exchange) -> Iterator[str]:
    """Yield the lines to show."""
    masker = Masker(provider.secrets())
    for request, answer in exchange.calls:
        yield from _request_lines(request)
        if answer is not None:
            yield from _answer_lines(provider, answer, masker)
            if isinstance(provider, DescribedProvider):
                yield from _expression_lines(provider, answer, masker)
    yield from _outcome_lines(exchange.outcome, masker)


def _request_lines(request: VendorRequest) -> Iterator[str]:
    yield "REQUEST"
    query = "&".join(f"{name}={_masked(value)}" for name, value in request.params.items())
    url = str(request.url)
    yield f"  {request.method} {url}{('&' if '?' in url else '?') if query else ''}{query}"
    for name, value in request.headers.items():
        yield f"  {name}: {_masked(value)}"
    if request.auth is not None:
        yield f"  signed by {type(request.auth).__name__}"
    if request.json is not None:
        yield from _indented(_as_json(_without_secrets(request.json)))
    yield ""


def _masked(value: Text) -> str:
    """Return a text of a request; of a secret only the word that says what kind it is."""
    if not isinstance(value, Secret):
        return value
    scheme = _SCHEME.match(value.reveal())
    return f"{scheme[0]}{MASK}" if scheme else MASK


def _without_secrets(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_secrets(item) for name, item in value.items()}
        case list():
            return [_without_secrets(item) for item in value]
        case Secret():
            return MASK
        case _:
            return value


def _answer_lines(provider: Provider[Any], answer: VendorResponse, masker: Masker) -> Iterator[str]:
    yield "ANSWER"
    yield f"  HTTP {answer.status}, {len(answer.body)} bytes"
    for name, value in answer.headers.items():
        if _TELLING_HEADER.search(name):
            yield f"  {name}: {masker.text(value)}"
    body = _body(provider, answer)
    shown = masker.text(body) if isinstance(body, str) else _as_json(masker.value(body))
    yield from _indented(shown)
    yield ""


def _body(provider: Provider[Any], answer: VendorResponse) -> Any:
    """Return the body as the expressions see it, else as what it looks like, else as text."""
    try:
        if isinstance(provider, DescribedProvider):
            return provider.body(answer)
        return json.loads(answer.body)
    except (FetchError, ValueError, RecursionError):
        text = answer.body.decode(errors="replace").strip()
        return dict(parse_qsl(text, keep_blank_values=True)) if _FORM.fullmatch(text) else text


def _expression_lines(
    provider: DescribedProvider[Any], answer: VendorResponse, masker: Masker
) -> Iterator[str]:
    yield "EXPRESSIONS"
    try:
        findings: list[Finding] = list(provider.explain(answer))
    except FetchError as error:
        yield f"  none can be evaluated: {error.detail}"
        findings = []
    width = max((len(finding.key) for finding in findings), default=0)
    for finding in findings:
        yield f"  {finding.key:<{width}}  {masker.text(finding.expression)}  ->  {_yielded(finding, masker)}"
    yield ""


def _yielded(finding: Finding, masker: Masker) -> str:
    if finding.value is None:
        return "nothing"
    # What is found under data.email is masked as an e-mail, whatever it looks like.
    words = re.findall(r"\w+", finding.expression)
    shown = json.dumps(masker.value(finding.value, words[-1] if words else ""), ensure_ascii=False)
    if len(shown) > _LONGEST_VALUE:
        shown = f"{shown[:_LONGEST_VALUE]}…"
    if finding.is_number and readable_number(finding.value) is None:
        return f"{shown} (not a number: no series)"
    return shown


def _outcome_lines(outcome: Reading | FetchError, masker: Masker) -> Iterator[str]:
    if isinstance(outcome, FetchError):
        yield "ERROR"
        yield f"  {outcome.reason}: {outcome.detail}"
        if outcome.retry_after is not None:
            yield f"  the vendor asks to wait for {outcome.retry_after:g} s"
    else:
        yield "READING"
        for name, pool in outcome.pools.items():
            yield f"  pool {masker.text(name)}: {', '.join(_figures(pool))}"
        limit = outcome.daily_limit
        for what, value in (
            ("daily limit remaining", limit.remaining),
            ("daily limit resets", _time(limit.reset_timestamp)),
            ("upstream processing seconds", outcome.upstream_seconds),
            ("account frozen", outcome.account_frozen),
        ):
            if value is not None:
                yield f"  {what}: {value:.12g}" if isinstance(value, float) else f"  {what}: {value}"


def _figures(pool: Pool) -> Iterator[str]:
    if pool.balance is not None:
        yield f"balance {pool.balance:.12g} {pool.unit}"
    figures: Mapping[str, float | None] = {
        "reserved": pool.reserved,
        "frozen": pool.frozen,
        "used": pool.used,
        **{f"source {name}": value for name, value in pool.sources.items()},
    }
    for name, value in figures.items():
        if value is not None:
            yield f"{name} {value:.12g}"


def _time(timestamp: float | None) -> str | None:
    if timestamp is None:
        return None
    try:
        return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"timestamp {timestamp:.12g}"


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _indented(text: str) -> Iterator[str]:
    lines = text.splitlines()
    for line in lines[:_MOST_LINES]:
        yield f"  {line}"
    if len(lines) > _MOST_LINES:
        yield f"  … {len(lines) - _MOST_LINES} more lines"
