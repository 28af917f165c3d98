"""Agile Telecom's "Credit Check" (``/services/sms/credit``), in euros."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from exporter.demo.message import Request, Response, json_answer
from exporter.demo.vendors.base import Snapshot
from exporter.demo.vendors.oauth1 import OAuth1Keys, OAuth1Verifier


def _error(status: int, code: int, message: str) -> Response:
    return json_answer(status, {"status": "error", "message": message, "code": code})


# The page documents its codes under 5XX; the variants with a 4XX status are from another page of the vendor.
_FAILURES = {
    "unauthorized": _error(500, 1, "Wrong credentials"),
    "insufficient_credits": _error(500, 2, "Insufficient credit"),
    "server_error": _error(500, 8, "Server error"),
    "timeout": _error(503, 9, "Number check service unavailable"),
    "forbidden": _error(500, 100, "Source IP is not allowed"),
    "unauthorized_401": _error(401, 1, "Wrong credentials"),
    "unauthorized_code_11": _error(401, 11, "Wrong credentials"),
    "forbidden_403": _error(403, 100, "Source IP is not allowed"),
    "rate_limited": json_answer(429, {"status": "error", "message": "Too many requests"}),
}


@dataclass(frozen=True)
class AgileTelecom:
    """An account that takes any one of three: an API key, Basic, an OAuth 1.0a signature."""

    api_key: str = "demo-agiletelecom-key"
    username: str = "demo"
    password: str = "demo-agiletelecom-password"  # noqa: S105  what it guards is simulated
    oauth1: OAuth1Keys = field(default_factory=OAuth1Keys)
    _verifier: OAuth1Verifier = field(init=False, repr=False, compare=False)

    type: ClassVar[str] = "agiletelecom"
    routes: ClassVar[Mapping[str, str]] = MappingProxyType({"/services/sms/credit": "GET"})
    failures: ClassVar[Mapping[str, Response]] = MappingProxyType(_FAILURES)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_verifier", OAuth1Verifier(self.oauth1))

    def settings(self) -> dict[str, Any]:
        """Return the configuration keys that hold the first of these credentials."""
        return {"api_key": self.api_key}

    def refusal(self, request: Request) -> Response | None:
        """Refuse wrong credentials, and a key beside an Authorization header: the page says "choose one"."""
        key = request.headers.get("x-api-key")
        authorization = request.headers.get("authorization")
        if authorization is None:
            accepted = key == self.api_key
        else:
            accepted = key is None and self._authorized(authorization, request)
        return None if accepted else self.failures["unauthorized"]

    def _authorized(self, authorization: str, request: Request) -> bool:
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() == "basic":
            return rest.strip() == base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return scheme.lower() == "oauth" and self._verifier.accepts(request)

    def answer(self, path: str, account: Snapshot) -> Response:
        """Return the credit in euros."""
        return json_answer(200, {"credit": round(account.pools["default"].balance, 3)})
