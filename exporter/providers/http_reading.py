"""From an answer to a reading, as the key ``response`` of a ``type: http`` entry says."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from exporter.model import MOST_POOLS, DailyLimit, FetchError, Pool, Reading, Reason, VendorResponse
from exporter.providers.answers import check_status, fail, parse_json, readable_number
from exporter.providers.expressions import Expression, Figure, check_bounds
from exporter.providers.http_response import HttpResponse, PoolRule, ResetRule, UpstreamTimeRule, expressions

_BYTE_ORDER_MARK: Final = "\ufeff"
_MOST_FIELDS: Final = 1000
_LONGEST_LABEL: Final = 100

# A search may take time quadratic in the length of the text, and nothing else runs meanwhile.
_LONGEST_SEARCHED: Final = 8 * 1024

Redact = Callable[[str], str]


@dataclass(frozen=True)
class Finding:
    """What one expression yields: where it stands, as it is written, and the value; for people.

    ``is_number`` tells whether only a number is of use there.
    """

    key: str
    expression: str
    value: Any
    is_number: bool = False


@dataclass(frozen=True)
class _Scope:
    """What expressions look at: the body or an element of it, and the headers of the answer."""

    data: Any
    headers: Mapping[str, str]

    def number(self, figure: Figure | None, scale: float = 1.0) -> float | None:
        """Return a figure; None where it is not said, not found, or not a finite number."""
        found = None if figure is None else readable_number(figure.find(self.data, self.headers))
        scaled = None if found is None else found * scale
        return scaled if scaled is not None and math.isfinite(scaled) else None

    def text(self, expression: Expression | None) -> str | None:
        """Return a short text; a whole number may stand for one. None for anything else."""
        found = None if expression is None else expression.find(self.data)
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if not isinstance(found, str):
            return None
        found = found.strip()
        return found if found.isprintable() and 0 < len(found) <= _LONGEST_LABEL else None


class AnswerReader:
    """Reads answers by one set of rules. ``redact`` keeps secrets that a vendor repeats out of labels."""

    def __init__(self, rules: HttpResponse, redact: Redact) -> None:
        self._rules = rules
        self._redact = redact
        self._reads_body = rules.reads_body()

    def read(self, response: VendorResponse) -> Reading:
        """Return the reading; raise FetchError for what the rules, the status or the body make an error."""
        scope = self._scope(response)
        self._check_for_error(scope, response)
        rules = self._rules
        return Reading(
            pools=self._pools(scope),
            daily_limit=DailyLimit(
                remaining=scope.number(rules.daily_limit_remaining),
                reset_timestamp=_reset_timestamp(rules.daily_limit_reset, scope, response.received_at),
            ),
            upstream_seconds=_upstream_seconds(rules.upstream_ttp, scope),
        )

    def body(self, response: VendorResponse) -> Any:
        """Return the body as expressions see it; raise FetchError for one that can't be read."""
        return _parsed(self._rules, response)

    def explain(self, response: VendorResponse) -> Iterator[Finding]:
        """Yield what each expression finds, whatever the answer's status; within lists for every element.

        Raises FetchError where the body is unreadable.
        """
        rules, body = self._rules, self._scope(response)
        for key, part in expressions(rules.model_copy(update={"pools": ()})):
            yield _finding(key, part, body)
        for index, rule in enumerate(rules.pools):
            prefix = f"response.pools[{index}]"
            if rule.header is not None:
                yield _finding(f"{prefix}.header", Figure(header=rule.header), body)
            if rule.each is not None:
                yield _finding(f"{prefix}.each", rule.each, body)
            parts = list(expressions(rule.model_copy(update={"each": None}), prefix))
            for element, scope in enumerate(_scopes(rule, body)):
                mark = "" if rule.each is None else f" of element {element}"
                for key, part in parts:
                    yield _finding(f"{key}{mark}", part, scope)

    def _scope(self, response: VendorResponse) -> _Scope:
        """Return what expressions look at; the page of an error status needn't be of the usual format."""
        if not self._reads_body:
            return _Scope(None, response.headers)
        try:
            data = _parsed(self._rules, response)
        except FetchError:
            if 200 <= response.status < 300:
                raise
            data = None
        return _Scope(data, response.headers)

    def _check_for_error(self, scope: _Scope, response: VendorResponse) -> None:
        for index, rule in enumerate(self._rules.errors):
            applies = rule.status is None or rule.status == response.status
            if applies and (rule.when is None or rule.when.holds(scope.data)):
                detail = f"the answer is what response.errors[{index}] describes (HTTP {response.status})"
                fail(response, Reason(rule.reason), detail)
        check_status(response)
        success = self._rules.success
        if success is None:
            return
        verdict = success.find(scope.data)
        if verdict is None:
            fail(response, Reason.BAD_RESPONSE, "the answer doesn't say what response.success asks for")
        if verdict is not True:
            fail(response, Reason.SERVER_ERROR, "response.success is not true of the answer")

    def _pools(self, body: _Scope) -> dict[str, Pool]:
        """Return the pools that have a balance: of several rules for one pool, the first that finds it."""
        pools: dict[str, Pool] = {}
        for index, rule in enumerate(self._rules.pools):
            found = self._pools_of(rule, f"response.pools[{index}]", body)
            pools |= {name: pool for name, pool in found.items() if name not in pools}
        return pools

    def _pools_of(self, rule: PoolRule, key: str, body: _Scope) -> dict[str, Pool]:
        pools: dict[str, Pool] = {}
        missing = not (scopes := _scopes(rule, body))
        for scope in scopes:
            name = rule.pool if rule.pool_from is None else scope.text(rule.pool_from)
            pool = _pool(rule, scope)
            if name is None or pool is None:
                missing = True
                continue
            label = self._redact(name)
            if label in pools:
                raise FetchError(Reason.BAD_RESPONSE, f"{key} finds two pools of one name")
            pools[label] = pool
        if missing and rule.required:
            raise FetchError(Reason.BAD_RESPONSE, f"{key} is required, but the answer doesn't hold it")
        return pools


def _finding(key: str, part: Expression | Figure, scope: _Scope) -> Finding:
    if isinstance(part, Expression):
        return Finding(key, part.text, part.find(scope.data))
    return Finding(
        key, repr(part), part.find(scope.data, scope.headers), is_number=not key.endswith("iso8601")
    )


def _scopes(rule: PoolRule, body: _Scope) -> list[_Scope]:
    if rule.each is None:
        return [body]
    elements = rule.each.find(body.data)
    if not isinstance(elements, list):
        return []
    if len(elements) > MOST_POOLS:
        raise FetchError(Reason.BAD_RESPONSE, f"the answer holds more than {MOST_POOLS} pools")
    return [_Scope(element, body.headers) for element in elements]


def _pool(rule: PoolRule, scope: _Scope) -> Pool | None:
    balance = _balance(rule, scope)
    if balance is None:
        return None
    sources = {name: scope.number(figure, rule.scale) for name, figure in rule.sources.items()}
    return Pool(
        balance,
        unit=_unit(rule, scope),
        sources={name: value for name, value in sources.items() if value is not None},
        reserved=scope.number(rule.reserved, rule.scale),
        frozen=scope.number(rule.frozen, rule.scale),
        used=scope.number(rule.used_total, rule.scale),
    )


def _balance(rule: PoolRule, scope: _Scope) -> float | None:
    if rule.header is not None:
        return scope.number(Figure(header=rule.header), rule.scale)
    if rule.total is None:
        return scope.number(rule.balance, rule.scale)
    total, used = scope.number(rule.total, rule.scale), scope.number(rule.used, rule.scale)
    return None if total is None or used is None else total - used


def _unit(rule: PoolRule, scope: _Scope) -> str:
    """Return the unit; a currency's code in capitals, however the vendor writes it."""
    found = scope.text(rule.unit_from) or rule.unit
    return found.upper() if len(found) == 3 and found.isalpha() else found


def _reset_timestamp(rule: ResetRule | None, scope: _Scope, received_at: float) -> float | None:
    if rule is None:
        return None
    if rule.iso8601 is not None:
        return _iso_timestamp(rule.iso8601.find(scope.data, scope.headers))
    seconds = scope.number(rule.seconds)
    return scope.number(rule.timestamp) if seconds is None else received_at + seconds


def _iso_timestamp(value: Any) -> float | None:
    """Return an ISO 8601 time as a Unix timestamp; one without a zone is in UTC."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        return None


def _upstream_seconds(rule: UpstreamTimeRule | None, scope: _Scope) -> float | None:
    if rule is None:
        return None
    return scope.number(rule.seconds) if rule.seconds is not None else scope.number(rule.milliseconds, 0.001)


def _parsed(rules: HttpResponse, response: VendorResponse) -> Any:
    if rules.format == "json":
        # No body at all says as little as null does: the balance may stand in a header.
        data = parse_json(response) if response.body.strip() else None
        check_bounds(data)
        return data
    text = response.body.decode(errors="replace").strip().removeprefix(_BYTE_ORDER_MARK).strip()
    if rules.format == "form":
        return _form_fields(text)
    if rules.pattern is None:
        return {"text": text}
    if len(text) > _LONGEST_SEARCHED:
        detail = f"the answer is longer than {_LONGEST_SEARCHED // 1024} KiB, too long for a pattern"
        raise FetchError(Reason.BAD_RESPONSE, detail)
    return {"text": text, **rules.pattern.groups(text)}


def _form_fields(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise FetchError(Reason.BAD_RESPONSE, f"the answer holds more than {_MOST_FIELDS} fields") from None
    return {name.strip().lower(): value.strip() for name, value in pairs}
