"""TrueVerify: the credits of its Email Validation API."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, field_validator

from exporter.model import DEFAULT_POOL, Pool, Reading, Reason, VendorRequest, VendorResponse
from exporter.providers.answers import (
    as_object,
    check_status,
    error_body,
    fail,
    first_number,
    json_object,
    number,
    readable_number,
)
from exporter.providers.base import Provider
from exporter.providers.credentials import bearer, header_name, without_white_space
from exporter.providers.settings import BaseUrl, ProviderSettings
from exporter.secret import Secret

_SOURCES: Final = {
    "free_credits": "free",
    "subscription_credits": "subscription",
    "purchased_credits": "purchased",
    "bonus_credits": "bonus",
}

_CODES: Final = {
    "UNAUTHORIZED": (Reason.UNAUTHORIZED, "the vendor refuses the API key"),
    "RATE_LIMIT_EXCEEDED": (Reason.RATE_LIMITED, "the vendor limits the rate of calls"),
    "INSUFFICIENT_CREDITS": (Reason.INSUFFICIENT_CREDITS, "the vendor says that credits are insufficient"),
}


class TrueVerifySettings(ProviderSettings):
    """An API key, sent as a bearer token or, with ``auth_header``, bare in a header of that name.

    ``base_url`` is required: the host in the vendor's examples also serves an unrelated project, and
    a key must not go there unasked.
    """

    base_url: BaseUrl
    api_key: Secret
    auth_header: Annotated[str, AfterValidator(header_name)] | None = None

    @field_validator("api_key")
    @classmethod
    def _api_key_fits_a_header(cls, key: Secret) -> Secret:
        return without_white_space(key)


class TrueVerify(Provider[TrueVerifySettings]):
    """``GET /api/v1/credits/balance`` → one of two documented objects, bare or in an envelope.

    ``{"available_credits": 175, "used_credits": 25, "free_credits": 0, …}`` or ``{"balance": 9850, …}``;
    the envelope is ``{"success": true, "data": {…}, "metadata": {"processing_time_ms": 15}}``.
    """

    type_name = "trueverify"
    settings_model = TrueVerifySettings
    default_refresh_interval = 60.0
    documentation = "https://trueverify.io/docs/credits-billing"

    def __init__(self, settings: TrueVerifySettings) -> None:
        super().__init__(settings)
        credential = (
            {"Authorization": bearer(settings.api_key)}
            if settings.auth_header is None
            else {settings.auth_header: settings.api_key}
        )
        self._request = VendorRequest(self.url("/api/v1/credits/balance"), headers=credential)

    def request(self) -> VendorRequest:
        """Return the request for the balance."""
        return self._request

    def parse(self, response: VendorResponse) -> Reading:
        """Return the one pool; whether its balance includes what is reserved is unknown."""
        _check_for_error(response, error_body(response))
        answer = json_object(response)
        data = as_object(answer["data"]) if answer.get("data") is not None else answer
        sources = {name: number(data.get(key)) for key, name in _SOURCES.items()}
        pool = Pool(
            first_number(data.get("available_credits"), data.get("balance")),
            sources={name: figure for name, figure in sources.items() if figure is not None},
            reserved=number(data.get("reserved_credits")),
            used=number(data.get("used_credits")),
        )
        return Reading({DEFAULT_POOL: pool}, upstream_seconds=_processing_seconds(answer))


def _check_for_error(response: VendorResponse, body: Mapping[str, Any]) -> None:
    """Raise what the body says, also on HTTP 200, else what the status says."""
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else error
    if isinstance(code, str) and code in _CODES:
        fail(response, *_CODES[code])
    check_status(response)
    if body.get("success") is False or error:
        fail(response, Reason.SERVER_ERROR, "the vendor reports an error that its documentation doesn't name")


def _processing_seconds(answer: Mapping[str, Any]) -> float | None:
    metadata = answer.get("metadata")
    milliseconds = readable_number(metadata.get("processing_time_ms")) if isinstance(metadata, dict) else None
    return None if milliseconds is None else milliseconds / 1000
