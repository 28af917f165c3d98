"""A request as a vendor receives it, and the answer it gives."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """One request.

    ``url`` is the whole URL that the client asked for, because OAuth signs it. Header names are in
    lower case; the values of a repeated header are joined by ``", "``.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path, as sent."""
        return urlsplit(self.url).path

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query's names and values, decoded, in the order sent."""
        return tuple(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    def parameter(self, name: str) -> str | None:
        """Return a query parameter's value; None where it is absent or given more than once."""
        values = [value for key, value in self.query if key == name]
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True)
class Response:
    """One answer; the server adds what the connection needs."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, headers: Mapping[str, str]) -> "Response":
        """Return the same answer with more headers."""
        return replace(self, headers={**self.headers, **headers})


def json_answer(status: int, payload: Any, *, content_type: str = "application/json") -> Response:
    """Return an answer that holds a JSON document."""
    return Response(status, json.dumps(payload).encode(), {"Content-Type": content_type})


def text_answer(status: int, text: str, *, content_type: str = "text/html; charset=utf-8") -> Response:
    """Return an answer that holds a text."""
    return Response(status, text.encode(), {"Content-Type": content_type})
