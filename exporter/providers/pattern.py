"""Regular expressions of ``type: http``: checked when the configuration is read."""

import re
from typing import Any, Final, Self

from exporter.providers.compiled_text import CompiledText

# A repetition of a group that itself repeats, such as (a+)+: what one hostile line can keep busy for hours.
_REPEATED_GROUP: Final = re.compile(r"\)(?:[*+](?!\+)|\{\d*,\d*\})")
_REPETITION: Final = re.compile(r"(?<!\\)(?:[*+|]|\{\d*,\d*\})")


class Pattern(CompiledText):
    """A regular expression with named groups, searched for in an answer of text."""

    __slots__ = ("_compiled",)

    description = "A regular expression with named groups."

    def __init__(self, text: str) -> None:
        """Compile; raise ValueError that says what is wrong with it."""
        super().__init__(text)
        try:
            self._compiled = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            place = getattr(error, "pos", None)
            at = "" if place is None else f" at position {place + 1}"
            raise ValueError(f"is not a regular expression: {getattr(error, 'msg', error)}{at}") from None
        if not self._compiled.groupindex:
            raise ValueError("should have a named group, such as (?P<credits>[0-9.]+)")
        _check_repetitions(text)

    @classmethod
    def validate(cls, value: Any) -> Self:
        """Return the compiled pattern; raise ValueError for anything but text."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("should be a regular expression with named groups")  # noqa: TRY004 - pydantic's protocol
        return cls(str(value))

    def groups(self, text: str) -> dict[str, str | None]:
        """Return what the named groups match; all None where the pattern is not found."""
        match = self._compiled.search(text)
        return match.groupdict() if match else dict.fromkeys(self._compiled.groupindex)


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
