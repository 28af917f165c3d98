"""The JSON Schema of the configuration file, for editors: made from the models that validate it."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from exporter.config import GlobalSettings
from exporter.providers.base import Provider
from exporter.providers.registry import ProviderTypes

Schema = dict[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = "#/$defs/{model}"

# Text with ${NAME} may stand for anything that is written as one value.
_FROM_ENVIRONMENT: Final[Schema] = {"type": "string", "pattern": r"\$\{"}

# Bounds that stand outside a validator keep the library's own names.
_BOUNDS: Final = {"ge": "minimum", "le": "maximum"}


def configuration_schema(types: ProviderTypes) -> Schema:
    """Return the schema of a whole file, with every provider type that can be used."""
    classes = dict(_usable(types))
    models = {name: provider.settings_model for name, provider in classes.items()}
    distinct: list[type[BaseModel]] = [GlobalSettings, *dict.fromkeys(models.values())]
    named, schema = models_json_schema([(model, "validation") for model in distinct], ref_template=_REFERENCE)
    definitions = {name: _readable(definition) for name, definition in schema["$defs"].items()}
    entries = []
    for name, provider in classes.items():
        key = named[(models[name], "validation")]["$ref"].rpartition("/")[2]
        definitions[f"type-{name}"] = _entry(name, provider, definitions[key])
        entries.append(
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/type-{name}"},
            }
        )
    used = {named[(model, "validation")]["$ref"].rpartition("/")[2] for model in models.values()}
    return {
        "$schema": _DIALECT,
        "title": "Configuration of credits-exporter",
        "type": "object",
        "properties": {
            "global": {"anyOf": [named[(GlobalSettings, "validation")], {"type": "null"}]},
            "providers": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/provider"}},
        },
        "required": ["providers"],
        "additionalProperties": False,
        "$defs": {
            "provider": {
                "type": "object",
                "properties": {"type": {"enum": list(classes)}},
                "required": ["type"],
                "allOf": entries,
            },
            **{name: definition for name, definition in definitions.items() if name not in used},
        },
    }


def _usable(types: ProviderTypes) -> Iterator[tuple[str, type[Provider[Any]]]]:
    for name in types:
        try:
            yield name, types.get(name)
        except LookupError:
            continue  # an installed distribution that is broken says so where its type is used


def _entry(name: str, provider: type[Provider[Any]], settings: Schema) -> Schema:
    """Return the schema of an entry of one type, with what the file may leave out."""
    optional = {"name"} if provider.default_base_url is None else {"name", "base_url"}
    told = inspect.cleandoc(provider.settings_model.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    return settings | {
        "description": f"{told} {provider.documentation}".strip(),
        "properties": settings["properties"] | {"type": {"const": name}},
        "required": [key for key in settings["required"] if key not in optional],
    }


def _readable(schema: Any) -> Any:
    """Return a part of pydantic's schema as the file may be written, without what is only noise."""
    if isinstance(schema, list):
        return [_readable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    properties = schema.get("properties")
    kept = {key: value for key, value in schema.items() if key not in {"title", "default", "properties"}}
    result: Schema = {_BOUNDS.get(key, key): _readable(value) for key, value in kept.items()}
    if properties is not None:
        result["properties"] = {name: _readable(item) for name, item in properties.items()}
        _allow_files(result)
    if "description" in result:
        result["description"] = inspect.cleandoc(result["description"])
    return _from_environment_too(result)


def _from_environment_too(schema: Schema) -> Schema:
    """Let text with ``${NAME}`` stand where a number, a word of a list or a certain form is asked for."""
    is_scalar = schema.get("type") in ("integer", "number", "boolean")
    is_form = schema.get("type") == "string" and ("enum" in schema or "pattern" in schema)
    if not (is_scalar or is_form) or r"\$\{" in schema.get("pattern", ""):
        return schema
    return {"anyOf": [schema, _FROM_ENVIRONMENT]}


def _allow_files(schema: Schema) -> None:
    """Add ``x_file`` beside every secret ``x``; where one of the two is required, either will do."""
    properties, required = schema["properties"], schema.get("required", [])
    rules: list[Schema] = []
    for name in [name for name, item in properties.items() if _is_secret(item)]:
        file = f"{name}_file"
        properties[file] = {"type": "string", "minLength": 1, "description": f"The file that holds {name}."}
        if name in required:
            rules.append({"oneOf": [{"required": [name]}, {"required": [file]}]})
        else:
            rules.append({"not": {"required": [name, file]}})
    if rules:
        schema["required"] = [name for name in required if not _is_secret(properties[name])]
        schema["allOf"] = rules


def _is_secret(schema: Schema) -> bool:
    return bool(schema.get("writeOnly")) or any(map(_is_secret, schema.get("anyOf", ())))
