"""What passes between the rooms: requests, answers, readings, and the errors that replace them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict

from exporter.secret import Secret

DEFAULT_POOL = "default"
DEFAULT_UNIT = "credits"

# An account's series are bounded whatever its vendor answers.
MOST_POOLS = 200


class Reason(StrEnum):
    """Why a call failed; the values of the label ``reason``."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    TLS = "tls"
    REDIRECT = "redirect"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    BAD_RESPONSE = "bad_response"
    TOO_LARGE = "too_large"
    INTERNAL = "internal"


class FetchError(Exception):
    """A call that gave no reading.

    ``detail`` is a fixed sentence of ours for logs and the status page: never text of the vendor
    or of a library, which may hold secrets or personal data. ``retry_after`` is in seconds.
    """

    def __init__(
        self, reason: Reason, detail: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = Reason(reason)
        self.detail = detail
        self.status = status
        self.retry_after = None if retry_after is None else float(retry_after)


def _check_numbers(*values: float | None) -> None:
    """Raise FetchError for what is not finite, and TypeError for what is no number: a page can't show it."""
    for value in values:
        if value is None:
            continue
        if not isinstance(value, int | float):
            raise TypeError("a number should be an int or a float")
        if not math.isfinite(value):
            raise FetchError(Reason.BAD_RESPONSE, "the answer holds a number that is not finite")


def _check_labels(*labels: str) -> None:
    """Raise TypeError or ValueError for what can't be a label: anything but text that UTF-8 can hold."""
    for label in labels:
        if not isinstance(label, str):
            raise TypeError("a label should be text")
        label.encode()


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool of credits at one moment, in the pool's unit. What the vendor didn't say is None.

    ``balance`` can be spent; negative is an overdraft. ``sources`` splits the same balance by how it
    was granted; ``reserved`` and ``frozen`` are never part of a sum.
    """

    balance: float | None = None
    unit: str = DEFAULT_UNIT
    sources: Mapping[str, float] = field(default_factory=dict)
    reserved: float | None = None
    frozen: float | None = None
    used: float | None = None

    def __post_init__(self) -> None:
        _check_numbers(self.balance, self.reserved, self.frozen, self.used, *self.sources.values())
        _check_labels(self.unit, *self.sources)


@dataclass(frozen=True, slots=True)
class DailyLimit:
    """Requests left today, and the Unix timestamp at which the limit resets."""

    remaining: float | None = None
    reset_timestamp: float | None = None

    def __post_init__(self) -> None:
        _check_numbers(self.remaining, self.reset_timestamp)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one successful call told: at least one pool, the rest only where the vendor said it.

    ``upstream_seconds`` is the processing time that the vendor reports.
    """

    pools: Mapping[str, Pool]
    daily_limit: DailyLimit = DailyLimit()
    upstream_seconds: float | None = None
    account_frozen: bool | None = None

    def __post_init__(self) -> None:
        if not self.pools:
            raise FetchError(Reason.BAD_RESPONSE, "the answer holds no balance")
        if len(self.pools) > MOST_POOLS:
            raise FetchError(Reason.BAD_RESPONSE, f"the answer holds more than {MOST_POOLS} pools")
        _check_labels(*self.pools)
        _check_numbers(self.upstream_seconds, self.account_frozen)
        if not all(isinstance(pool, Pool) for pool in self.pools.values()):
            raise TypeError("the pools of a reading should be of the class Pool")
        if not isinstance(self.daily_limit, DailyLimit):
            raise TypeError("the daily limit of a reading should be of the class DailyLimit")


Text = str | Secret


@dataclass(frozen=True)
class VendorRequest:
    """One request to a vendor.

    ``headers`` and ``params`` are encoded by the transport; a value that is a secret is given as
    one, and so is a URL that holds one. ``json`` is the body of a POST. ``auth`` is for schemes that
    sign each call anew; a request without it is prepared once and reused.
    """

    url: Text
    method: str = "GET"
    headers: Mapping[str, Text] = field(default_factory=dict)
    params: Mapping[str, Text] = field(default_factory=dict)
    json: Any = None
    auth: AuthBase | None = None


@dataclass(frozen=True)
class VendorResponse:
    """A whole answer: status, headers (any case), decompressed body, and when it came (Unix time)."""

    status: int
    headers: CaseInsensitiveDict[str]
    body: bytes
    received_at: float
