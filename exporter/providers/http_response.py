"""The answer of ``type: http``: what the configuration says of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from exporter.fields import Count, Flag, Number
from exporter.model import DEFAULT_POOL, DEFAULT_UNIT
from exporter.providers.credentials import header_name
from exporter.providers.expressions import Expression, Figure
from exporter.providers.pattern import Pattern
from exporter.providers.settings import Section

Label = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Unit = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]{0,31}$")]

VendorReason = Literal[
    "unauthorized",
    "forbidden",
    "insufficient_credits",
    "rate_limited",
    "timeout",
    "client_error",
    "server_error",
    "bad_response",
]


class ErrorRule(Section):
    """An answer that is an error: by an expression, by status, or by both together."""

    when: Expression | None = None
    status: Count | None = Field(default=None, ge=100, le=599)
    reason: VendorReason

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.when is None and self.status is None:
            raise ValueError("needs when (an expression), status, or both")
        return self


class PoolRule(Section):
    """Where the figures of one pool stand, or with ``each`` those of one pool for every element of a list.

    The balance is ``balance``, or the response header ``header``, or ``total`` less ``used``. Every
    figure is multiplied by ``scale``.
    """

    pool: Label = DEFAULT_POOL
    pool_from: Expression | None = None
    each: Expression | None = None
    balance: Figure | None = None
    header: Annotated[str, AfterValidator(header_name)] | None = None
    total: Figure | None = None
    used: Figure | None = None
    unit: Unit = DEFAULT_UNIT
    unit_from: Expression | None = None
    scale: Number = 1.0
    sources: Mapping[Label, Figure] = Field(default_factory=dict)
    reserved: Figure | None = None
    frozen: Figure | None = None
    used_total: Figure | None = None
    required: Flag = False

    @model_validator(mode="after")
    def _one_way_to_the_balance(self) -> Self:
        if (self.total is None) != (self.used is None):
            raise ValueError("total and used go together: the balance is their difference")
        ways = [self.balance, self.header, self.total]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("needs one of balance, header, or total and used")
        if self.each is not None and self.pool_from is None:
            raise ValueError("each needs pool_from: what the pool of an element is called")
        if self.scale == 0:
            raise ValueError("scale should not be 0")
        return self


class ResetRule(Section):
    """When the daily limit resets: in so many seconds, or at a Unix timestamp, or at an ISO 8601 time."""

    seconds: Figure | None = None
    timestamp: Figure | None = None
    iso8601: Figure | None = None

    @model_validator(mode="after")
    def _one_notation(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("needs one of seconds, timestamp, iso8601")
        return self


class UpstreamTimeRule(Section):
    """The processing time that the vendor reports, in one of two units."""

    seconds: Figure | None = None
    milliseconds: Figure | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("needs one of seconds, milliseconds")
        return self


class HttpResponse(Section):
    """The key ``response`` of an entry."""

    format: Literal["json", "form", "text"] = "json"
    pattern: Pattern | None = None
    success: Expression | None = None
    errors: Sequence[ErrorRule] = ()
    pools: Annotated[Sequence[PoolRule], Field(min_length=1)]
    daily_limit_remaining: Figure | None = None
    daily_limit_reset: ResetRule | None = None
    upstream_ttp: UpstreamTimeRule | None = None

    @model_validator(mode="after")
    def _pattern_is_for_text(self) -> Self:
        if self.pattern is not None and self.format != "text":
            raise ValueError("pattern is searched for in text; say format: text")
        return self

    def reads_body(self) -> bool:
        """Tell whether any expression looks at the body, so that it must be one that can be read."""
        return any(isinstance(part, Expression) or part.expression for _, part in expressions(self))


def expressions(value: Any, key: str = "response") -> Iterator[tuple[str, Expression | Figure]]:
    """Yield every expression of a part of ``response``, with the key under which it stands."""
    match value:
        case Expression() | Figure():
            yield key, value
        case BaseModel():
            for name in type(value).model_fields:
                yield from expressions(getattr(value, name), f"{key}.{name}")
        case Mapping():
            for name, item in value.items():
                yield from expressions(item, f"{key}.{name}")
        case list() | tuple():
            for index, item in enumerate(value):
                yield from expressions(item, f"{key}[{index}]")
