"""LeadMagic: one pool, of which the vendor may freeze a part."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import field_validator

from exporter.fields import Flag
from exporter.model import (
    DEFAULT_POOL,
    DailyLimit,
    FetchError,
    Pool,
    Reading,
    Reason,
    VendorRequest,
    VendorResponse,
)
from exporter.providers.answers import (
    check_status,
    error_body,
    fail,
    first_number,
    flag,
    json_object,
    number,
    readable_number,
)
from exporter.providers.base import Call, Provider
from exporter.providers.credentials import without_white_space
from exporter.providers.settings import ProviderSettings
from exporter.secret import Secret

_SECONDS_BETWEEN_REFRESHES: Final = 600.0

_CODES: Final = {
    "missing_authentication": (Reason.UNAUTHORIZED, "the vendor misses the API key"),
    "invalid_api_key": (Reason.UNAUTHORIZED, "the vendor refuses the API key"),
    "insufficient_credits": (Reason.INSUFFICIENT_CREDITS, "the vendor says that credits are insufficient"),
    "rate_limit_exceeded": (Reason.RATE_LIMITED, "the vendor limits the rate of calls"),
}


class LeadMagicSettings(ProviderSettings):
    """An API key; ``refresh_when_stale`` asks the vendor to re-read its database now and then."""

    api_key: Secret
    refresh_when_stale: Flag = False

    @field_validator("api_key")
    @classmethod
    def _api_key_fits_a_header(cls, key: Secret) -> Secret:
        return without_white_space(key)


class LeadMagic(Provider[LeadMagicSettings]):
    """``GET /v1/credits`` → ``{"credits": 15432.50}``; the rest of the answer is optional.

    Errors come as ``{"success": false, "errors": [{"code": "invalid_api_key"}]}``, as
    ``{"error": "…"}`` or bare. The page asks to read the balance about every 5 minutes.
    """

    type_name = "leadmagic"
    settings_model = LeadMagicSettings
    default_base_url = "https://api.leadmagic.io"
    default_refresh_interval = 300.0
    documentation = "https://leadmagic.io/docs/v1/reference/check-credits"

    def __init__(self, settings: LeadMagicSettings) -> None:
        super().__init__(settings)
        headers = {"X-API-Key": settings.api_key}
        self._request = VendorRequest(self.url("/v1/credits"), headers=headers)
        self._refresh = VendorRequest(self.url("/v1/credits/refresh"), method="POST", headers=headers)
        self._health = VendorRequest(self.url("/v1/credits/health"), headers=headers)
        self._refresh_is_due = False
        self._refreshed_at: float | None = None

    def request(self) -> VendorRequest:
        """Return the request for the balance."""
        return self._request

    def fetch(self, call: Call) -> Reading:
        """Ask for the balance, after a refresh where the user wants it and the last is 10 minutes old.

        There is no clock here: each answer tells whether the next fetch may begin with a refresh. The
        first one never does, so that nobody who starts a process for each reading asks for one each time.
        """
        if self._refresh_is_due:
            self._refresh_is_due, self._refreshed_at = False, None
            # A balance that may be stale is better than none: whatever is wrong, the next call tells.
            with contextlib.suppress(FetchError):
                call(self._refresh)
        response = call(self._request)
        self._plan_refresh(response.received_at)
        return self.parse(response)

    def accepts_key(self, call: Call) -> bool | None:
        """Tell by the health call's status whether the key is good; its body is undocumented."""
        status = call(self._health).status
        if 200 <= status < 300:
            return True
        return False if status in {401, 403} else None

    def parse(self, response: VendorResponse) -> Reading:
        """Return the one pool: what is available for use, and beside it what is frozen."""
        _check_for_error(response, error_body(response))
        answer = json_object(response)
        balance = first_number(
            answer.get("credits_liquid"), answer.get("credits"), response.headers.get("X-Credits-Remaining")
        )
        return Reading(
            pools={DEFAULT_POOL: Pool(balance, frozen=number(answer.get("credits_frozen")))},
            daily_limit=DailyLimit(readable_number(response.headers.get("X-RateLimit-Remaining-Daily"))),
            account_frozen=flag(answer.get("is_frozen")),
        )

    def _plan_refresh(self, now: float) -> None:
        if self._refreshed_at is None:
            self._refreshed_at = now
        since = now - self._refreshed_at
        self._refresh_is_due = self.settings.refresh_when_stale and since >= _SECONDS_BETWEEN_REFRESHES


def _check_for_error(response: VendorResponse, body: Mapping[str, Any]) -> None:
    """Raise what the body's code says, else what the status says, else what the body at least hints at."""
    for code in _error_codes(body):
        if code in _CODES:
            fail(response, *_CODES[code])
    check_status(response)
    if body.get("success") is False or body.get("error") or body.get("errors"):
        fail(response, Reason.SERVER_ERROR, "the vendor reports an error that its documentation doesn't name")


def _error_codes(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what may be an error's code, in each of the shapes that the vendor uses."""
    errors = body.get("errors")
    envelope = errors if isinstance(errors, list) else []
    candidates = [body.get("code"), body.get("error")]
    candidates += [error.get("code") for error in envelope if isinstance(error, dict)]
    return (candidate for candidate in candidates if isinstance(candidate, str))
