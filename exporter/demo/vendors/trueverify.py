"""TrueVerify's "Credits & Billing" of its Email Validation API (``/api/v1/credits/balance``)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from exporter.demo.message import Request, Response, json_answer
from exporter.demo.vendors.base import Snapshot


def _error(status: int, code: str, message: str) -> Response:
    return json_answer(status, {"success": False, "error": {"code": code, "message": message}})


_FAILURES = {
    "unauthorized": _error(401, "UNAUTHORIZED", "Missing or invalid API key"),
    "unauthorized_200": _error(200, "UNAUTHORIZED", "Missing or invalid API key"),
    "insufficient_credits": _error(402, "INSUFFICIENT_CREDITS", "Insufficient Credits"),
    "rate_limited": _error(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded"),
    "server_error": _error(500, "INTERNAL_ERROR", "Internal server error"),
}


@dataclass(frozen=True)
class TrueVerify:
    """An account with a Bearer key, or with a bare key in a header of its own (``auth_header``).

    The vendor documents two answers for the same URL, both bare or in an envelope: the ``breakdown``
    by how the credits were granted, and the ``summary``.
    """

    api_key: str = "demo-trueverify-key"
    auth_header: str | None = None
    shape: Literal["breakdown", "summary"] = "breakdown"
    enveloped: bool = True

    type: ClassVar[str] = "trueverify"
    routes: ClassVar[Mapping[str, str]] = MappingProxyType({"/api/v1/credits/balance": "GET"})
    failures: ClassVar[Mapping[str, Response]] = MappingProxyType(_FAILURES)

    def settings(self) -> dict[str, Any]:
        """Return the configuration keys that hold these credentials."""
        settings = {"api_key": self.api_key}
        return settings if self.auth_header is None else {**settings, "auth_header": self.auth_header}

    def refusal(self, request: Request) -> Response | None:
        """Refuse a request whose header doesn't hold the key."""
        if self.auth_header is None:
            accepted = request.headers.get("authorization") == f"Bearer {self.api_key}"
        else:
            accepted = request.headers.get(self.auth_header.lower()) == self.api_key
        return None if accepted else self.failures["unauthorized"]

    def answer(self, path: str, account: Snapshot) -> Response:
        """Return the balance in the account's shape, in whole credits."""
        data = _breakdown(account) if self.shape == "breakdown" else _summary(account)
        if not self.enveloped:
            return json_answer(200, data)
        metadata = {"processing_time_ms": round(account.processing * 1000)}
        return json_answer(200, {"success": True, "data": data, "metadata": metadata})


def _breakdown(account: Snapshot) -> dict[str, int]:
    level = account.pools["default"]
    available = math.floor(level.balance)
    granted = {name: math.floor(level.parts.get(name, 0)) for name in ("free", "subscription", "bonus")}
    return {
        "available_credits": available,
        "used_credits": math.floor(level.used),
        "free_credits": granted["free"],
        "subscription_credits": granted["subscription"],
        "purchased_credits": available - sum(granted.values()),
        "bonus_credits": granted["bonus"],
        "reserved_credits": math.floor(account.reserved),
    }


def _summary(account: Snapshot) -> dict[str, Any]:
    level = account.pools["default"]
    return {"balance": math.floor(level.balance), "used_today": math.floor(level.used), "plan": "starter"}
