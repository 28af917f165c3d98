"""The request of ``type: http``: what the configuration says of it, and the request that it makes.

``{name}`` in any text stands for the credential of that name.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic.functional_serializers import PlainSerializer
from pydantic.functional_validators import PlainValidator
from pydantic.json_schema import WithJsonSchema

from exporter.fields import EnvText
from exporter.model import Text, VendorRequest
from exporter.providers.credentials import basic, header_name
from exporter.providers.request_text import (
    HARMLESS_HEADERS,
    PLACEHOLDER,
    RequestText,
    RequestUrl,
    secret_pieces,
)
from exporter.providers.settings import Section
from exporter.secret import MASK, Secret


def _json_body(value: Any) -> Any:
    match value:
        case dict():
            return {str(name): _json_body(item) for name, item in value.items()}
        case list():
            return [_json_body(item) for item in value]
        case str() | Secret():
            # An empty text is fine in a body, and of several lines is a GraphQL query.
            return RequestText(str(value), value.parts if isinstance(value, EnvText) else ())
        case int() | float() | None:
            return value
    raise ValueError("should hold what JSON can say")


def _json_root(value: Any) -> Any:
    if not isinstance(value, dict | list):
        raise ValueError("should be a mapping of keys or a list")  # noqa: TRY004 - pydantic's protocol
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("should hold what JSON can say; quote dates") from None
    return _json_body(value)


def _masked(value: Any) -> Any:
    match value:
        case dict():
            return {name: _masked(item) for name, item in value.items()}
        case list():
            return [_masked(item) for item in value]
        case Secret():
            return MASK
        case _:
            return value


JsonBody = Annotated[
    Any,
    PlainValidator(_json_root),
    PlainSerializer(_masked),
    WithJsonSchema({"type": ["object", "array"], "description": "The JSON body of a POST."}),
]
HeaderName = Annotated[str, AfterValidator(header_name)]


class BasicAuth(Section):
    """User name and password for HTTP Basic; with some vendors a key is one of them, and the other empty."""

    username: RequestText
    password: RequestText = RequestText("")

    @model_validator(mode="after")
    def _username_can_be_sent(self) -> Self:
        if ":" in self.username.reveal():
            raise ValueError("username should hold no colon: HTTP Basic can't send it")
        return self


class HttpRequest(Section):
    """The key ``request`` of an entry."""

    url: RequestUrl
    method: Literal["GET", "POST"] = "GET"
    headers: Mapping[HeaderName, RequestText] = Field(default_factory=dict)
    params: Mapping[str, RequestText] = Field(default_factory=dict)
    body: JsonBody = Field(default=None, alias="json")
    basic_auth: BasicAuth | None = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.body and self.method == "GET":
            raise ValueError("json is the body of a POST; say method: POST")
        names = [name.lower() for name in self.headers]
        if len(set(names)) < len(names):
            raise ValueError("headers names one header twice")
        if self.basic_auth is not None and "authorization" in names:
            raise ValueError("basic_auth makes the header Authorization; give one of the two")
        return self

    def address(self, base_url: str | None) -> str:
        """Return the URL, with ``base_url``, where it is given, in the place of scheme and host."""
        if base_url is None:
            return self.url.reveal()
        parts = urlsplit(self.url.reveal())
        return base_url + urlunsplit(("", "", parts.path, parts.query, ""))

    def placeholders(self) -> set[str]:
        """Return what stands in braces and so may be the name of a credential."""
        texts = [self.url, *self.headers.values(), *self.params.values(), *_texts(self.body)]
        if self.basic_auth:
            texts += [self.basic_auth.username, self.basic_auth.password]
        return {name for text in texts for name in PLACEHOLDER.findall(text.reveal())}

    def secrets(self) -> Iterator[Secret]:
        """Yield what is secret in the texts: what came from outside, and what doesn't look like a word."""
        named = [*self.headers.items(), *self.params.items(), *_named_texts("", self.body)]
        if self.basic_auth:
            named += [("username", self.basic_auth.username), ("password", self.basic_auth.password)]
        for piece in self.url.pieces():
            yield Secret(piece)
        for name, text in named:
            if name.lower() not in HARMLESS_HEADERS:
                yield from map(Secret, secret_pieces(name, text))


def build(request: HttpRequest, credentials: Mapping[str, str], base_url: str | None) -> VendorRequest:
    """Return the request as it is sent, with the credentials in their places."""

    def filled(text: Secret) -> Secret:
        return Secret(_fill(text.reveal(), credentials))

    def header(name: str, text: Secret) -> Text:
        value = filled(text)
        return value.reveal() if name.lower() in HARMLESS_HEADERS else value

    headers = {name: header(name, text) for name, text in request.headers.items()}
    if request.basic_auth is not None:
        username, password = request.basic_auth.username, request.basic_auth.password
        headers["Authorization"] = basic(filled(username).reveal(), filled(password))
    address = RequestUrl(request.address(base_url), request.url.parts)
    encoded = {name: quote(value, safe="") for name, value in credentials.items()}
    url = RequestUrl(_fill(address.reveal(), encoded), (*address.parts, *encoded.values()))
    return VendorRequest(
        url,
        request.method,
        headers=headers,
        params={name: filled(text) for name, text in request.params.items()},
        json=_mapped(request.body, filled) if request.method == "POST" else None,
    )


def _fill(text: str, credentials: Mapping[str, str]) -> str:
    """Put credentials in the place of their names; other braces are left alone, as in a GraphQL query."""
    return PLACEHOLDER.sub(lambda match: credentials.get(match[1], match[0]), text)


def _mapped(value: Any, change: Callable[[Secret], Secret]) -> Any:
    match value:
        case dict():
            return {name: _mapped(item, change) for name, item in value.items()}
        case list():
            return [_mapped(item, change) for item in value]
        case Secret():
            return change(value)
        case _:
            return value


def _named_texts(name: str, value: Any) -> Iterator[tuple[str, RequestText]]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _named_texts(key, item)
        case list():
            for item in value:
                yield from _named_texts(name, item)
        case RequestText():
            yield name, value


def _texts(value: Any) -> Iterator[RequestText]:
    return (text for _, text in _named_texts("", value))
