"""Agile Telecom: the credit for SMS, in euros."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, field_validator, model_validator
from requests.auth import AuthBase
from requests_oauthlib import OAuth1

from exporter.model import DEFAULT_POOL, Pool, Reading, Reason, Text, VendorRequest, VendorResponse
from exporter.providers.answers import (
    check_status,
    error_body,
    fail,
    first_number,
    json_object,
    readable_number,
)
from exporter.providers.base import Provider
from exporter.providers.credentials import basic, without_colon, without_white_space
from exporter.providers.settings import ProviderSettings, Section
from exporter.secret import Secret

_CHOICES: Final = "api_key, or username and password, or oauth1"

_CODES: Final[Mapping[float, tuple[Reason, str]]] = {
    1: (Reason.UNAUTHORIZED, "the vendor refuses the credentials (code 1)"),
    2: (Reason.INSUFFICIENT_CREDITS, "the vendor says that credit is insufficient (code 2)"),
    8: (Reason.SERVER_ERROR, "the vendor's server fails (code 8)"),
    9: (Reason.TIMEOUT, "the vendor's server ran into a time-out of its own (code 9)"),
    11: (Reason.UNAUTHORIZED, "the vendor doesn't know the user (code 11)"),
    100: (Reason.FORBIDDEN, "the vendor doesn't allow calls from this IP address (code 100)"),
}
_TELLING_STATUSES: Final = frozenset({401, 402, 403, 429})


class OAuth1Settings(Section):
    """An OAuth 1.0a consumer and the access token that it was given (RFC 5849)."""

    consumer_key: Secret
    consumer_secret: Secret
    token: Secret
    token_secret: Secret


class AgileTelecomSettings(ProviderSettings):
    """One of the vendor's three kinds of credentials.

    The vendor calls the third "OAuth 1.1", which no standard describes; OAuth 1.0a is what is meant
    by the libraries made for it.
    """

    api_key: Secret | None = None
    username: Annotated[str, Field(min_length=1), AfterValidator(without_colon)] | None = None
    password: Secret | None = None
    oauth1: OAuth1Settings | None = None

    @field_validator("api_key")
    @classmethod
    def _api_key_fits_a_header(cls, key: Secret | None) -> Secret | None:
        return key and without_white_space(key)

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> Self:
        kinds = {
            "api_key": self.api_key is not None,
            "username and password": self.username is not None or self.password is not None,
            "oauth1": self.oauth1 is not None,
        }
        given = [name for name, is_given in kinds.items() if is_given]
        if not given:
            raise ValueError(f"needs credentials: {_CHOICES}")
        if len(given) > 1:
            raise ValueError(f"takes one kind of credentials ({_CHOICES}), but has {', '.join(given)}")
        if (self.username is None) != (self.password is None):
            missing = "username" if self.username is None else "password"
            raise ValueError(f"username and password go together; {missing} is missing")
        return self


class AgileTelecom(Provider[AgileTelecomSettings]):
    """``GET /services/sms/credit`` → ``{"credit": 10.324}``.

    Errors are ``{"status": "error", "message": "…", "code": 9}``, under 5XX on the page of this call
    and under 401, 403 and 429 on another one.
    """

    type_name = "agiletelecom"
    settings_model = AgileTelecomSettings
    default_base_url = "https://secure.agiletelecom.com"
    default_refresh_interval = 60.0
    documentation = "https://agiletelecom.com/documentation/credit-check"

    def __init__(self, settings: AgileTelecomSettings) -> None:
        super().__init__(settings)
        self._request = VendorRequest(
            self.url("/services/sms/credit"), headers=_headers(settings), auth=_signature(settings)
        )

    def request(self) -> VendorRequest:
        """Return the request for the balance."""
        return self._request

    def parse(self, response: VendorResponse) -> Reading:
        """Return the one pool, in euros; the code in an error's body says more than its status."""
        _check_for_error(response, error_body(response))
        check_status(response)
        answer = json_object(response)
        data = answer.get("data")
        nested = data.get("credit") if isinstance(data, dict) else None
        return Reading({DEFAULT_POOL: Pool(first_number(answer.get("credit"), nested), unit="EUR")})


def _headers(settings: AgileTelecomSettings) -> Mapping[str, Text]:
    if settings.api_key is not None:
        return {"X-Api-Key": settings.api_key}
    if settings.username is not None and settings.password is not None:
        return {"Authorization": basic(settings.username, settings.password)}
    return {}


def _signature(settings: AgileTelecomSettings) -> AuthBase | None:
    if settings.oauth1 is None:
        return None
    keys = settings.oauth1
    return OAuth1(
        keys.consumer_key.reveal(),
        keys.consumer_secret.reveal(),
        keys.token.reveal(),
        keys.token_secret.reveal(),
    )


def _check_for_error(response: VendorResponse, body: Mapping[str, Any]) -> None:
    """Raise what the body's code says; of undocumented codes a status that is telling says more."""
    code = readable_number(body.get("code"))
    is_error = response.status >= 400 or body.get("status") in ("error", "fail")
    if not is_error and (code is None or "credit" in body or "data" in body):
        return
    if code is not None and code in _CODES:
        fail(response, *_CODES[code])
    if response.status in _TELLING_STATUSES:
        check_status(response)
    if code is not None or response.status < 400:
        fail(response, Reason.SERVER_ERROR, "the vendor reports an error that its documentation doesn't name")
