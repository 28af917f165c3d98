"""JMESPath expressions of ``type: http``: checked when the configuration is read, harmless when they run."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

import jmespath
from jmespath.exceptions import JMESPathError, ParseError
from jmespath.functions import Functions
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from exporter.model import FetchError, Reason
from exporter.providers.compiled_text import CompiledText
from exporter.providers.credentials import header_name

_LONGEST_EXPRESSION: Final = 1000

# 'text', "name" and `JSON`, in which a backslash escapes; only the content of the last is captured.
_QUOTED: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`((?:\\.|[^`\\])*)`", re.DOTALL)

_DEEPEST: Final = 100
_MOST_VALUES: Final = 100_000


class Expression(CompiledText):
    """A compiled JMESPath expression."""

    __slots__ = ("_compiled",)

    description = "A JMESPath expression."

    def __init__(self, text: str) -> None:
        """Compile; raise ValueError that says what is wrong, and at which character, counted from 1."""
        super().__init__(text)
        _check_literals(text)
        try:
            self._compiled = jmespath.compile(text)
        except (JMESPathError, IndexError, RecursionError) as error:
            raise ValueError(f"is not a JMESPath expression: {_complaint(text, error)}") from None
        _check_functions(text, self._compiled.parsed)

    @classmethod
    def validate(cls, value: Any) -> Self:
        """Return the compiled expression; raise ValueError for anything but text of a sane length."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str) or not value.strip():
            raise ValueError("should be a JMESPath expression; quote it if YAML takes it for something else")
        if len(value) > _LONGEST_EXPRESSION:
            raise ValueError(f"should be no longer than {_LONGEST_EXPRESSION} characters")
        return cls(str(value))

    def find(self, data: Any) -> Any:
        """Return what the expression finds in a body, None for nothing.

        A function that a missing field gives a null to finds nothing. Raises FetchError (``bad_response``)
        where the answer makes the evaluation itself fail.
        """
        try:
            return self._compiled.search(data)
        except JMESPathError:
            return None
        except Exception:  # noqa: BLE001 - whatever a hostile answer provokes in the library
            raise FetchError(
                Reason.BAD_RESPONSE, "an expression of the configuration fails on the answer"
            ) from None

    def holds(self, data: Any) -> bool:
        """Tell whether what is found counts as true in JMESPath: anything but false, null and empty."""
        found = self.find(data)
        return found is not None and found is not False and found not in ("", [], {})


class Figure:
    """Where a figure stands: what an expression finds in the body, or a header of the answer."""

    __slots__ = ("expression", "header")

    def __init__(self, *, expression: Expression | None = None, header: str | None = None) -> None:
        self.expression = expression
        self.header = header

    def find(self, data: Any, headers: Mapping[str, str]) -> Any:
        """Return what stands there, None for nothing; raises FetchError as :meth:`Expression.find` does."""
        if self.expression is not None:
            return self.expression.find(data)
        return headers.get(self.header or "")

    def as_written(self) -> str | dict[str, str | None]:
        """Return it as the configuration says it."""
        return self.expression.text if self.expression is not None else {"header": self.header}

    def __repr__(self) -> str:
        return f"header {self.header}" if self.expression is None else self.expression.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Figure) and self.as_written() == other.as_written()

    def __hash__(self) -> int:
        return hash((self.expression, self.header))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate from an expression or ``{header: NAME}``."""
        return core_schema.no_info_plain_validator_function(
            _figure, serialization=core_schema.plain_serializer_function_ser_schema(cls.as_written)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe both ways to editors."""
        by_header = {
            "type": "object",
            "properties": {"header": {"type": "string", "minLength": 1}},
            "required": ["header"],
            "additionalProperties": False,
        }
        expression = {"type": "string", "minLength": 1}
        return {
            "description": "A JMESPath expression, or a header of the answer.",
            "anyOf": [expression, by_header],
        }


def check_bounds(data: Any) -> None:
    """Raise FetchError (``bad_response``) for a body so deep or so large that expressions would take long."""
    count, level = 0, [data]
    for _ in range(_DEEPEST):
        count += len(level)
        if count > _MOST_VALUES:
            raise FetchError(Reason.BAD_RESPONSE, f"the answer holds more than {_MOST_VALUES} values")
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise FetchError(Reason.BAD_RESPONSE, f"the answer is nested more than {_DEEPEST} levels deep")


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _figure(value: Any) -> Figure:
    if isinstance(value, Figure):
        return value
    if not isinstance(value, dict):
        return Figure(expression=Expression.validate(value))
    name = value.get("header")
    if set(value) != {"header"} or not isinstance(name, str):
        raise ValueError("should be a JMESPath expression, or {header: NAME}")
    return Figure(header=header_name(name))


def _check_literals(text: str) -> None:
    """Refuse what the library would take for text with a warning; JMESPath has '…' for that."""
    for match in _QUOTED.finditer(text):
        if match[1] is None:
            continue
        try:
            json.loads(match[1].replace("\\`", "`"))
        except ValueError:
            raise ValueError(
                "is not a JMESPath expression: what stands between backticks should be JSON, "
                f"at position {match.start() + 1}; write 'text' for text"
            ) from None


def _complaint(text: str, error: Exception) -> str:
    if not isinstance(error, ParseError) or error.lex_position >= len(text):
        return f"it ends too early, at position {len(text) + 1}"
    # The lexer names a value, the parser a token; neither is shown: it may come from the environment.
    character = text[error.lex_position]
    return f"{character!r} is unexpected at position {error.lex_position + 1}"


def _check_functions(text: str, node: Mapping[str, Any]) -> None:
    """Refuse functions that JMESPath doesn't have, which the library only notices on an answer."""
    if node["type"] == "function_expression":
        name, given = node["value"], len(node["children"])
        place = re.search(rf"\b{re.escape(name)}\s*\(", text)
        position = place.start() + 1 if place else 1
        function = Functions.FUNCTION_TABLE.get(name)
        if function is None:
            raise ValueError(
                f"is not a JMESPath expression: there is no function {name}(), at position {position}"
            )
        signature = function["signature"]
        enough = given >= len(signature) if signature[-1].get("variadic") else given == len(signature)
        if not enough:
            raise ValueError(
                f"is not a JMESPath expression: {name}() doesn't take {given} arguments, "
                f"at position {position}"
            )
    for child in node.get("children", ()):
        if isinstance(child, dict):
            _check_functions(text, child)
