"""Ocean.io: several pools, each split by how it was granted, and a daily limit of requests."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import field_validator

from exporter.model import DailyLimit, FetchError, Pool, Reading, Reason, VendorRequest, VendorResponse
from exporter.providers.answers import check_status, error_body, fail, json_object, number
from exporter.providers.base import Provider
from exporter.providers.credentials import without_white_space
from exporter.providers.settings import ProviderSettings
from exporter.secret import Secret

_POOLS: Final = {
    "credits": "standard",
    "emailCredits": "email",
    "phoneCredits": "phone",
    "previewCredits": "preview",
}
_SOURCES: Final = {"oneTime": "one_time", "recurrent": "recurrent"}

# What may become a label; anything else in the answer, such as an e-mail address, must not.
_POOL_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class OceanIoSettings(ProviderSettings):
    """A token, sent either as a header or in the query: the vendor refuses a request with both."""

    api_token: Secret
    token_in: Literal["header", "query"] = "header"  # noqa: S105 - a place

    @field_validator("api_token")
    @classmethod
    def _api_token_fits_a_header(cls, token: Secret) -> Secret:
        return without_white_space(token)


class OceanIo(Provider[OceanIoSettings]):
    """``GET /v2/credits/balance`` → pools of ``{"oneTime": 100, "recurrent": 100}`` and a daily limit.

    Every key of the answer is optional. A self-serve account has 1,000 requests a day, of which this
    is one although it costs no credits; hence the long default interval.
    """

    type_name = "oceanio"
    settings_model = OceanIoSettings
    default_base_url = "https://api.ocean.io"
    default_refresh_interval = 900.0
    documentation = "https://docs.ocean.io/other/getCreditBalance"

    def __init__(self, settings: OceanIoSettings) -> None:
        super().__init__(settings)
        in_header = settings.token_in == "header"  # noqa: S105 - a place
        self._request = VendorRequest(
            self.url("/v2/credits/balance"),
            headers={"x-api-token": settings.api_token} if in_header else {},
            params={} if in_header else {"apiToken": settings.api_token},
        )

    def request(self) -> VendorRequest:
        """Return the request for the balance."""
        return self._request

    def parse(self, response: VendorResponse) -> Reading:
        """Return every pool that the answer holds, and the daily limit where it has one."""
        _check_for_error(response)
        check_status(response)
        answer = json_object(response)
        pools = list(_pools(answer))
        if len(dict(pools)) < len(pools):
            raise FetchError(Reason.BAD_RESPONSE, "the answer holds two pools that would have the same name")
        seconds_to_reset = number(answer.get("dailyLimitRateSecondsToReset"))
        return Reading(
            pools=dict(pools),
            daily_limit=DailyLimit(
                remaining=number(answer.get("dailyLimitRateLeft")),
                reset_timestamp=None if seconds_to_reset is None else response.received_at + seconds_to_reset,
            ),
        )


def _check_for_error(response: VendorResponse) -> None:
    """Raise what ``detail`` says: 403 is this vendor's answer to a wrong token, and 402 has several texts."""
    detail = error_body(response).get("detail")
    if not isinstance(detail, str) or response.status >= 500:
        return
    text = detail.lower()
    if text.startswith("conflicting api tokens"):
        fail(response, Reason.CLIENT_ERROR, "the vendor received two tokens; something on the way adds one")
    if "api token" in text:
        fail(response, Reason.UNAUTHORIZED, "the vendor doesn't accept the token")
    if text.startswith("insufficient") or "verifications are already in progress" in text:
        fail(response, Reason.INSUFFICIENT_CREDITS, "the vendor says that credits are insufficient")


def _pools(answer: Mapping[str, Any]) -> Iterator[tuple[str, Pool]]:
    for key, value in answer.items():
        if not isinstance(value, dict):
            if key in _POOLS and value is not None:
                raise FetchError(Reason.BAD_RESPONSE, "the answer holds a pool that is not an object")
            continue
        figures = {source: number(value.get(name)) for name, source in _SOURCES.items()}
        sources = {source: figure for source, figure in figures.items() if figure is not None}
        if sources and _POOL_KEY.fullmatch(key):
            yield _label(key), Pool(sum(sources.values()), sources=sources)


def _label(key: str) -> str:
    """Return the pool's label: ``fooBarCredits`` is ``foo_bar``."""
    words = _WORD_START.sub("_", key.removesuffix("Credits") or key)
    return _POOLS.get(key, words.lower())
