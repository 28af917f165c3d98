"""Ocean.io's "Get credit balance" (``/v2/credits/balance``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from exporter.demo.message import Request, Response, json_answer
from exporter.demo.vendors.base import Snapshot


def _detail(status: int, text: str) -> Response:
    return json_answer(status, {"detail": text})


def _in_progress(kind: str) -> Response:
    return _detail(
        402,
        f"Some {kind} verifications are already in progress and might use all your remaining {kind} credits. "
        "Please try again later.",
    )


_FAILURES = {
    "conflict": _detail(400, "Conflicting API tokens provided in query parameters and headers"),
    "insufficient_credits": _detail(402, "Insufficient email credits"),
    "insufficient_phone_credits": _detail(402, "Insufficient phone credits"),
    "insufficient_standard_credits": _detail(402, "Insufficient standard credits"),
    "email_in_progress": _in_progress("email"),
    "phone_in_progress": _in_progress("phone"),
    "missing_token": _detail(403, "API token should be provided in headers or query parameters"),
    "unauthorized": _detail(403, "Current API token is not registered in our database"),
    "unauthorized_401": _detail(401, "Current API token is not registered in our database"),
    "not_found": Response(404),
    "invalid_request": json_answer(
        422,
        {"detail": [{"loc": ["query", "apiToken"], "msg": "str type expected", "type": "type_error.str"}]},
    ),
    # The rate-limiting page names the status and the header, not the body.
    "rate_limited": Response(429),
    "server_error": Response(500, b"Internal Server Error", {"Content-Type": "text/plain; charset=utf-8"}),
}


@dataclass(frozen=True)
class OceanIo:
    """An account whose token comes in the header ``x-api-token`` or as the parameter ``apiToken``."""

    api_token: str = "demo-oceanio-token"  # noqa: S105  what it guards is simulated

    type: ClassVar[str] = "oceanio"
    routes: ClassVar[Mapping[str, str]] = MappingProxyType({"/v2/credits/balance": "GET"})
    failures: ClassVar[Mapping[str, Response]] = MappingProxyType(_FAILURES)

    def settings(self) -> dict[str, Any]:
        """Return the configuration keys that hold these credentials."""
        return {"api_token": self.api_token}

    def refusal(self, request: Request) -> Response | None:
        """Refuse two tokens, none, and one that is not the account's."""
        header = request.headers.get("x-api-token")
        parameters = [value for name, value in request.query if name == "apiToken"]
        if header is not None and parameters:
            return self.failures["conflict"]
        tokens = parameters if header is None else [header]
        if not any(tokens):
            return self.failures["missing_token"]
        return None if tokens == [self.api_token] else self.failures["unauthorized"]

    def answer(self, path: str, account: Snapshot) -> Response:
        """Return each pool by how it was granted, and the daily limit where the account has one."""
        payload: dict[str, Any] = {
            _key(name): {
                "oneTime": round(sum(level.parts.values()), 1),
                "recurrent": round(level.rest, 1),
            }
            for name, level in account.pools.items()
        }
        if account.allowance.left_today is not None:
            payload["dailyLimitRateLeft"] = account.allowance.left_today
            payload["dailyLimitRateSecondsToReset"] = account.allowance.seconds_to_reset
        return json_answer(200, payload)


def _key(pool: str) -> str:
    return "credits" if pool == "standard" else f"{pool}Credits"
