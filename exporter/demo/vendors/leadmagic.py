"""LeadMagic's "Check Credits" (``/v1/credits``), its refresh and its health check."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from exporter.demo.message import Request, Response, json_answer
from exporter.demo.vendors.base import Snapshot

_BALANCE = "/v1/credits"
_REFRESH = "/v1/credits/refresh"
_HEALTH = "/v1/credits/health"


def _problem(status: int, code: str, title: str) -> Response:
    """Return an error in the envelope that the vendor uses for its problem documents (RFC 9457)."""
    payload = {"success": False, "errors": [{"status": status, "code": code, "title": title}]}
    return json_answer(status, payload, content_type="application/problem+json")


_FAILURES = {
    "missing_authentication": _problem(401, "missing_authentication", "API key is required"),
    "unauthorized": _problem(401, "invalid_api_key", "Invalid API key"),
    "unauthorized_flat": json_answer(401, {"error": "invalid_api_key", "message": "Invalid API key"}),
    "unauthorized_bare": Response(401),
    "insufficient_credits": _problem(402, "insufficient_credits", "Insufficient credits"),
    "rate_limited": _problem(429, "rate_limit_exceeded", "Rate limit exceeded"),
    "rate_limited_flat": json_answer(429, {"error": "rate_limit_exceeded", "message": "Rate limit exceeded"}),
    "server_error": _problem(500, "internal_server_error", "Internal server error"),
    "bad_gateway": Response(502),
    "unavailable": Response(503),
}


@dataclass(frozen=True)
class LeadMagic:
    """An account with a key in the header ``X-API-Key``."""

    api_key: str = "demo-leadmagic-key"

    type: ClassVar[str] = "leadmagic"
    routes: ClassVar[Mapping[str, str]] = MappingProxyType(
        {_BALANCE: "GET", _REFRESH: "POST", _HEALTH: "GET"}
    )
    failures: ClassVar[Mapping[str, Response]] = MappingProxyType(_FAILURES)

    def settings(self) -> dict[str, Any]:
        """Return the configuration keys that hold these credentials."""
        return {"api_key": self.api_key}

    def refusal(self, request: Request) -> Response | None:
        """Refuse a request without the key, or with another one."""
        key = request.headers.get("x-api-key")
        if not key:
            return self.failures["missing_authentication"]
        return None if key == self.api_key else self.failures["unauthorized"]

    def answer(self, path: str, account: Snapshot) -> Response:
        """Return the balance as a recorded real answer shows it; every answer tells the credits in a header.

        What refresh and health answer is not documented: they say no more than that they worked.
        """
        total = round(account.pools["default"].balance, 2)
        liquid = round(total - account.frozen, 2)
        if path == _BALANCE:
            response = json_answer(200, _balance(total, liquid, round(account.frozen, 2)))
        else:
            response = json_answer(200, {"success": True})
        headers = {"X-Credits-Remaining": f"{liquid:.2f}"}
        if account.allowance.left_today is not None:
            headers["X-RateLimit-Remaining-Daily"] = str(account.allowance.left_today)
        return response.with_headers(headers)


def _balance(total: float, liquid: float, frozen: float) -> dict[str, Any]:
    is_frozen = frozen > 0
    return {
        "credits": total,
        "is_frozen": is_frozen,
        "credits_frozen": frozen,
        "credits_liquid": liquid,
        "credit_freeze_message": "Some of your credits are frozen" if is_frozen else None,
        "credit_freeze_plan_hint": None,
    }
