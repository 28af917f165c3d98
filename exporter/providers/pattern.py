"""Regular expressions of ``type: http``: checked when the configuration is read."""

import re
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

# A repetition of a group that itself repeats, such as (a+)+: what one hostile line can keep busy for hours.
_REPEATED_GROUP: Final = re.compile(r"\)(?:[*+](?!\+)|\{\d*,\d*\})")
_REPETITION: Final = re.compile(r"(?<!\\)(?:[*+|]|\{\d*,\d*\})")


class Pattern:
    """A regular expression with named groups, searched for in an answer of text."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Compile; raise ValueError that says what is wrong with it."""
        self.text = text
        try:
            self._compiled = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            place = getattr(error, "pos", None)
            at = "" if place is None else f" at position {place + 1}"
            raise ValueError(f"is not a regular expression: {getattr(error, 'msg', error)}{at}") from None
        if not self._compiled.groupindex:
            raise ValueError("should have a named group, such as (?P<credits>[0-9.]+)")
        _check_repetitions(text)

    def groups(self, text: str) -> dict[str, str | None]:
        """Return what the named groups match; all None where the pattern is not found."""
        match = self._compiled.search(text)
        return match.groupdict() if match else dict.fromkeys(self._compiled.groupindex)

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate from text; serialise as it was written."""
        return core_schema.no_info_plain_validator_function(
            _pattern, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe a pattern to editors."""
        return {"type": "string", "minLength": 1, "description": "A regular expression with named groups."}


def _pattern(value: Any) -> Pattern:
    if isinstance(value, Pattern):
        return value
    if not isinstance(value, str):
        raise ValueError("should be a regular expression with named groups")  # noqa: TRY004 - pydantic's protocol
    return Pattern(str(value))


def _check_repetitions(text: str) -> None:
    """Refuse patterns whose search may take exponential time: it would stop the whole exporter."""
    for match in _REPEATED_GROUP.finditer(text):
        group = text[_opening(text, match.start()) : match.start()]
        if _REPETITION.search(group):
            raise ValueError(
                "repeats a group that itself holds a repetition or a choice, which a long answer can make "
                f"take for ever, at position {match.start() + 2}"
            )


def _opening(text: str, closing: int) -> int:
    """Return where the group begins that ends there; quoted brackets only make it look longer."""
    depth = 0
    for position in range(closing, -1, -1):
        depth += {")": 1, "(": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return 0
