"""Reading answers: JSON, numbers and statuses, with one treatment of everything unreadable."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, NoReturn

from exporter.model import FetchError, Reason, VendorResponse

_NUMBER: Final = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][+-]?\d{1,3})?|[+-]?\.\d+", re.ASCII)

_STATUS_REASONS: Final = {
    401: (Reason.UNAUTHORIZED, "the vendor refuses the credentials (HTTP 401)"),
    402: (Reason.INSUFFICIENT_CREDITS, "the vendor says that credits are insufficient (HTTP 402)"),
    403: (Reason.FORBIDDEN, "the vendor forbids this call (HTTP 403)"),
    429: (Reason.RATE_LIMITED, "the vendor limits the rate of calls (HTTP 429)"),
}


def number(value: Any) -> float | None:
    """Return a vendor's number as a float, None for null; text may have thousands separators.

    Raises FetchError (``bad_response``) for booleans, other text, other types, NaN and infinities.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return _finite(float(text.replace(",", "")))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return _finite(float(value))
        except OverflowError:
            pass
    raise FetchError(Reason.BAD_RESPONSE, "the answer holds something else where a number should be")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise FetchError(Reason.BAD_RESPONSE, "the answer holds a number that is not finite")
    return value


def first_number(*values: Any) -> float:
    """Return the first figure that isn't null: the balance of a vendor that may give it under several keys.

    Raises FetchError (``bad_response``) where all are null, or that one is not a number.
    """
    for value in values:
        figure = number(value)
        if figure is not None:
            return figure
    raise FetchError(Reason.BAD_RESPONSE, "the answer holds no balance")


def flag(value: Any) -> bool | None:
    """Return a vendor's true or false, None for null; raise FetchError (``bad_response``) for all else."""
    if value is None or isinstance(value, bool):
        return value
    raise FetchError(Reason.BAD_RESPONSE, "the answer holds something else where true or false should be")


def readable_number(value: Any) -> float | None:
    """Return a number, or None for anything unreadable: for figures that are not worth a reading."""
    try:
        return number(value)
    except FetchError:
        return None


def parse_json(response: VendorResponse) -> Any:
    """Return the JSON body; UTF-8 with or without a byte-order mark, UTF-16 and UTF-32.

    Raises FetchError (``bad_response``) for anything else, NaN and Infinity included.
    """
    try:
        return json.loads(response.body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise FetchError(
            Reason.BAD_RESPONSE, f"the answer is not JSON (HTTP {response.status})", status=response.status
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def json_object(response: VendorResponse) -> Mapping[str, Any]:
    """Return the JSON body, which must be an object; raise FetchError (``bad_response``) if not."""
    return as_object(parse_json(response))


def as_object(value: Any) -> Mapping[str, Any]:
    """Return a value that must be a JSON object; raise FetchError (``bad_response``) if not."""
    if not isinstance(value, dict):
        raise FetchError(Reason.BAD_RESPONSE, "the answer holds something else where an object should be")
    return value


def error_body(response: VendorResponse) -> Mapping[str, Any]:
    """Return the JSON object of an answer that may be an error page of any kind, else an empty one."""
    try:
        return json_object(response)
    except FetchError:
        return {}


def check_status(response: VendorResponse) -> None:
    """Raise the FetchError that an HTTP status other than 2xx stands for."""
    if not 200 <= response.status < 300:
        raise status_error(response)


def status_error(response: VendorResponse) -> FetchError:
    """Return the error for an answer's status, with its ``Retry-After`` if it has one."""
    status = response.status
    default = (
        (Reason.SERVER_ERROR, f"the vendor's server fails (HTTP {status})")
        if status >= 500
        else (Reason.CLIENT_ERROR, f"the vendor refuses the request (HTTP {status})")
    )
    reason, detail = _STATUS_REASONS.get(status, default)
    return FetchError(reason, detail, status=status, retry_after=retry_after(response))


def fail(response: VendorResponse, reason: Reason, detail: str) -> NoReturn:
    """Raise a FetchError for what an answer's body says; ``detail`` is our sentence, not the vendor's."""
    raise FetchError(reason, detail, status=response.status, retry_after=retry_after(response))


def retry_after(response: VendorResponse) -> float | None:
    """Return ``Retry-After`` in seconds from the answer, given as seconds or as a date; None if unusable."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,12}", text, re.ASCII):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        # A date without a zone is in UTC (RFC 9110, 5.6.7), not in this machine's.
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - response.received_at
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return seconds if seconds > 0 else None
