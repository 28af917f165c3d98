"""A secret as a type: it compares and travels like a value and prints as ``<secret>`` everywhere."""

import base64
import hmac
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

MASK: Final = "<secret>"

# Shorter values occur in ordinary text by chance; masking them would garble every line of a log.
_SHORTEST_REDACTED: Final = 4


class Secret:
    """A credential; only :meth:`reveal` gives its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the request that needs it and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not serialised")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate from a non-empty string; serialise as the mask."""
        from_text = core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(min_length=1, strict=True, pattern=r"^[^\r\n\x00]*$")
        )
        return core_schema.union_schema(
            [core_schema.is_instance_schema(cls), from_text],
            custom_error_type="secret_type",
            custom_error_message="should be a non-empty string of one line",
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: MASK),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe a secret to editors."""
        return {"type": "string", "minLength": 1, "writeOnly": True}


class _NamedSecrets:
    """Marks a field as a mapping of names to secrets: the user names them, and may give ``name_file``."""


NAMED_SECRETS: Final = _NamedSecrets()


class Redactor:
    """Removes known secrets from text that somebody else wrote, such as a traceback."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms = {form for secret in secrets for form in _written_forms(secret.reveal())}
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text with every known secret masked: as it is, URL-encoded or in base64."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, "\0")  # in no secret, while the mask's own letters may be one
        return text.replace("\0", MASK)


def _written_forms(value: str) -> set[str]:
    """Return the ways in which a secret may be written in a request, a log line or a repr."""
    if len(value) < _SHORTEST_REDACTED:
        return set()
    encoded = base64.b64encode(value.encode()).decode()
    return {
        value,
        repr(value)[1:-1],
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        encoded,
        encoded.rstrip("="),
    }
