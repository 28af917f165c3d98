"""Texts of a configured request: secret as a whole, because a part of them may be.

What a log must not show is told more finely: words, versions and dates stay readable in it.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from exporter.fields import EnvText, web_url
from exporter.secret import MASK, Secret

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")

# Headers that never hold a credential, so that they may be shown.
HARMLESS_HEADERS: Final = frozenset({"accept", "accept-language", "content-type", "user-agent"})

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

# What stands before a token in the header Authorization.
_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Api-Key|Key|AccessKey|App)\s+", re.IGNORECASE)

_SOUNDS_SECRET: Final = re.compile(r"key|token|secret|pass|pwd|psw|auth|signature", re.IGNORECASE)

# Words, versions and dates: masking them in every line of the log would garble it.
_ORDINARY: Final = re.compile(r"(?:[A-Za-z]+(?:[ _/.+-][A-Za-z]+)*|[vV]?[\d.:-]{1,10})?")
_LONGEST_ORDINARY: Final = 40
_SHORTEST_KEY: Final = 16


class RequestText(Secret):
    """A text of a request; ``parts`` are what the environment or a file gave to it."""

    __slots__ = ("parts",)

    def __init__(self, value: str, parts: tuple[str, ...] = ()) -> None:
        super().__init__(value)
        self.parts = parts

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return the text of a value of the configuration; raise ValueError for what is no single line."""
        match value:
            case RequestText():
                return cls(value.reveal(), value.parts)
            case Secret():
                return cls(value.reveal(), (value.reveal(),))
            case bool():
                return cls("true" if value else "false")
            case int() | float():
                return cls(str(value))
            case str() if not _CONTROL.search(value):
                return cls(str(value), value.parts if isinstance(value, EnvText) else ())
        raise ValueError("should be text of one line; quote it if YAML takes it for something else")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate from text or a number; serialise as the mask."""
        return core_schema.no_info_plain_validator_function(
            cls.of, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe it to editors."""
        return {"type": ["string", "number", "boolean"], "writeOnly": True}


class RequestUrl(RequestText):
    """A URL; shown without what may be secret in it."""

    __slots__ = ()

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return the URL; raise ValueError for anything else."""
        if not isinstance(value, str | Secret):
            raise ValueError("should be a URL such as https://host/path")  # noqa: TRY004 - pydantic's protocol
        url = super().of(value)
        web_url(url.reveal())
        if PLACEHOLDER.search(urlsplit(url.reveal()).netloc):
            raise ValueError("should name the host itself; credentials may stand in the path and the query")
        return url

    def __repr__(self) -> str:
        shown = self.reveal()
        for piece in sorted(self.pieces(), key=len, reverse=True):
            shown = shown.replace(piece, MASK)
        parts = urlsplit(shown)
        query = "&".join(f"{name}={MASK}" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
        return urlunsplit(parts._replace(query=query, fragment=""))

    __str__ = __repr__

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe it to editors."""
        return {"type": "string", "minLength": 1, "writeOnly": True}

    def pieces(self) -> Iterator[str]:
        """Yield what may be secret: what the environment gave, keys in the path, parameters."""
        yield from (part for part in self.parts if part not in {"", "/"})
        parts = urlsplit(self.reveal())
        for segment in parts.path.split("/"):
            is_key = len(segment) >= _SHORTEST_KEY and not _ORDINARY.fullmatch(segment)
            if is_key and any(map(str.isdigit, segment)) and not PLACEHOLDER.search(segment):
                yield segment
        for name, value in parse_qsl(parts.query):
            yield from secret_pieces(name, RequestText(value))


def secret_pieces(name: str, text: RequestText) -> Iterator[str]:
    """Yield what of a text the log must not show; ``name`` is that of its header, parameter or key."""
    rest = text.reveal()
    for part in text.parts:
        yield part
        rest = rest.replace(part, "")
    rest = _SCHEME.sub("", PLACEHOLDER.sub("", f"{rest} ")).strip()
    sounds_secret = bool(_SOUNDS_SECRET.search(name)) and not text.parts
    is_ordinary = len(rest) <= _LONGEST_ORDINARY and _ORDINARY.fullmatch(rest)
    if rest and (sounds_secret or not is_ordinary):
        yield rest
