"""The kinds of values that configuration files hold: durations, URLs, text from the environment."""

import re
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_UNIT_SECONDS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_AMOUNT: Final = r"\d+(\.\d+)?"
_DURATION_PATTERN: Final = "".join(f"({_AMOUNT}{unit})?" for unit in _UNIT_SECONDS)
_DURATION: Final = re.compile(_DURATION_PATTERN, re.ASCII)
_LOOPBACK: Final = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.ASCII)


class EnvText(str):
    """Text that holds something from the environment: it may stand for a number, and may be secret.

    ``parts`` are the values that came from there.
    """

    __slots__ = ("parts",)

    parts: tuple[str, ...]

    def __new__(cls, text: str, parts: tuple[str, ...] = ()) -> Self:
        """Return the text with what the environment gave to it."""
        self = super().__new__(cls, text)
        self.parts = parts
        return self


def parse_duration(text: str) -> float:
    """Return ``500ms``, ``15s``, ``5m``, ``1h``, ``7d`` or a run of them (``1h30m``) in seconds.

    Raises ValueError for anything else.
    """
    match = _DURATION.fullmatch(text)
    if not text or not match:
        raise ValueError("should be a duration such as 500ms, 15s, 5m, 1h or 7d")
    parts = re.finditer(rf"(?P<amount>{_AMOUNT})(?P<unit>ms|[dhms])", text, re.ASCII)
    return sum(float(part["amount"]) * _UNIT_SECONDS[part["unit"]] for part in parts)


def format_duration(seconds: float) -> str:
    """Return seconds as a duration that :func:`parse_duration` reads: ``90`` is ``1m30s``."""
    rest = round(seconds * 1000)
    text = ""
    for unit, size in _UNIT_SECONDS.items():
        amount, rest = divmod(rest, round(size * 1000))
        text += f"{amount}{unit}" if amount else ""
    return text or "0s"


def _duration(value: Any) -> float:
    if not isinstance(value, str):
        raise ValueError("should be a duration such as 500ms, 15s, 5m, 1h or 7d")  # noqa: TRY004 - pydantic's protocol
    return parse_duration(value)


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("should be longer than 0s")
    return seconds


def _from_env(value: Any) -> Any:
    """Let text from the environment stand for a number or a boolean; written text does not."""
    if isinstance(value, EnvText):
        lowered = value.strip().lower()
        return {"true": True, "false": False}.get(lowered, _as_number(lowered))
    return value


def _as_number(text: str) -> int | float | str:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


_DURATION_SCHEMA: Final = WithJsonSchema(
    {
        "type": "string",
        "minLength": 1,
        "pattern": rf"^({_DURATION_PATTERN}|.*\$\{{.*)$",
        "examples": ["15s", "5m", "7d"],
    }
)

_AS_WRITTEN: Final = PlainSerializer(format_duration, return_type=str, when_used="json")

Duration = Annotated[float, BeforeValidator(_duration), _AS_WRITTEN, _DURATION_SCHEMA]
PositiveDuration = Annotated[
    float, BeforeValidator(_duration), AfterValidator(_positive), _AS_WRITTEN, _DURATION_SCHEMA
]
Number = Annotated[float, BeforeValidator(_from_env)]
Count = Annotated[int, BeforeValidator(_from_env)]
Flag = Annotated[bool, BeforeValidator(_from_env)]


def web_url(value: str) -> str:
    """Return an http or https URL that names a host and holds no credentials; raise ValueError if not."""
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("should be a URL such as https://host/path") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid:
        raise ValueError("should be a URL such as https://host/path")
    if "@" in parts.netloc:
        raise ValueError("should hold no credentials; give them under their own keys")
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ValueError("should hold no white space or control characters")
    return value


def is_plain_http_to_others(url: str) -> bool:
    """Tell whether a URL would send credentials in the clear beyond this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname or "")
