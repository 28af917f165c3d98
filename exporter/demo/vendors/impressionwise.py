"""Impressionwise's "Service Credits Balance API" (``creditscheck.aspx``)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from exporter.demo.message import Request, Response, text_answer
from exporter.demo.vendors.base import Snapshot

# The page names neither status nor content type of an error; an .aspx page answers 200 and HTML.
_FAILURES = {
    "unauthorized": text_answer(200, "WRONG_CREDENTIALS"),
    # The two below are documented for the sibling APIs.
    "wrong_password": text_answer(200, "result=WRONG_PSW"),
    "retry": text_answer(200, "result=RETRY"),
}


@dataclass(frozen=True)
class Impressionwise:
    """Credentials in the query: ``CODE`` with ``PSW`` (in the page's URLs) or ``PWD`` (in its table)."""

    code: str = "BBF"
    password: str = "demo&pass%word"  # noqa: S105  what it guards is simulated; the signs need encoding

    type: ClassVar[str] = "impressionwise"
    routes: ClassVar[Mapping[str, str]] = MappingProxyType({"/creditscheck.aspx": "GET"})
    failures: ClassVar[Mapping[str, Response]] = MappingProxyType(_FAILURES)

    def settings(self) -> dict[str, Any]:
        """Return the configuration keys that hold these credentials."""
        return {"code": self.code, "password": self.password}

    def refusal(self, request: Request) -> Response | None:
        """Refuse another code or password, and a password given under both names."""
        sent = [value for name, value in request.query if name in {"PSW", "PWD"}]
        if request.parameter("CODE") == self.code and sent == [self.password]:
            return None
        return self.failures["unauthorized"]

    def answer(self, path: str, account: Snapshot) -> Response:
        """Return code, whole credits and seconds of processing, form-encoded."""
        credits_left = math.floor(account.pools["default"].balance)
        return text_answer(200, f"CODE={self.code}&CREDITS={credits_left}&TTP={account.processing:.2f}")
