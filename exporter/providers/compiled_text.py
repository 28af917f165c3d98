"""Values of ``type: http`` that are compiled from text when the configuration is read."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class CompiledText(ABC):
    """A text with a meaning: two are equal where their texts are, and it is written out as it was read."""

    __slots__ = ("text",)

    description: ClassVar[str]

    def __init__(self, text: str) -> None:
        """Compile; raise ValueError that says what is wrong with it."""
        self.text = text

    @classmethod
    @abstractmethod
    def validate(cls, value: Any) -> Self:
        """Return a value of the configuration compiled; raise ValueError for what is no such text."""

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate from text; serialise as it was written."""
        return core_schema.no_info_plain_validator_function(
            cls.validate, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the text to editors."""
        return {"type": "string", "minLength": 1, "description": cls.description}
