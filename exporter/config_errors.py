"""What the schema's verdicts mean in words that say what would be right; never with the value itself."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_MESSAGES: Final = {
    "missing": "is required",
    "string_type": "should be text; quote it if it looks like something else",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "finite_number": "should be a finite number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "model_type": "should be a mapping of keys",
    "model_attributes_type": "should be a mapping of keys",
    "dict_type": "should be a mapping of keys",
    "mapping_type": "should be a mapping of keys",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "string_too_short": "should not be empty",
    "too_short": "should not be empty",
    "string_pattern_mismatch": "holds characters that are not allowed here",
}


def explain(error: ErrorDetails, known_keys: Iterable[str]) -> str:
    """Return one of pydantic's errors in our words; ``known_keys`` are those of the mapping it is in."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"is not a known key{suggestion(str(error['loc'][-1]), known_keys)}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        return f"should be {error['ctx']['expected']}"
    return _MESSAGES.get(kind, error["msg"].removeprefix("Input "))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return what was probably meant, as the end of a sentence, or else all that is known."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known)}" if known else ""


def known_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that the mapping around a path may hold, as far as the model tells."""
    for part in path[:-1]:
        if isinstance(part, int):
            continue  # within a list of the model that was just found
        info = _field(model, part)
        if info is None:
            return []
        candidates = (info.annotation, *get_args(info.annotation))
        nested = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return [info.alias or name for name, info in model.model_fields.items()]


def _field(model: type[BaseModel], key: str) -> FieldInfo | None:
    return next((info for name, info in model.model_fields.items() if key == (info.alias or name)), None)
