"""``vendors`` and ``schema``: what the configuration can say."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from exporter.commands.common import EXIT_OK
from exporter.fields import format_duration
from exporter.providers.base import Provider
from exporter.providers.registry import ProviderTypes, provider_types
from exporter.providers.settings import ProviderSettings
from exporter.schema import configuration_schema

_HEADINGS: Final = ("TYPE", "CREDENTIALS", "REFRESH", "DOCUMENTATION")


def vendors(report_format: str) -> int:
    """List every provider type: the keys that its entries take, its refresh interval, its documentation."""
    types = provider_types()
    if report_format == "json":
        sys.stdout.write(json.dumps([_as_json(name, types) for name in types], indent=2) + "\n")
    else:
        _print_columns([_HEADINGS, *(_row(name, types) for name in types)])
    return EXIT_OK


def schema() -> int:
    """Write the JSON Schema of the configuration."""
    sys.stdout.write(json.dumps(configuration_schema(provider_types()), indent=2) + "\n")
    return EXIT_OK


def _as_json(name: str, types: ProviderTypes) -> dict[str, Any]:
    try:
        provider = types.get(name)
    except LookupError as error:
        return {"type": name, "error": str(error)}
    return {
        "type": name,
        "keys": [
            {"name": key, "required": is_required, "description": description}
            for key, is_required, description in _keys(provider)
        ],
        "base_url": provider.default_base_url,
        "refresh_interval": format_duration(provider.default_refresh_interval),
        "documentation": provider.documentation,
        "notes": _notes(provider),
    }


def _row(name: str, types: ProviderTypes) -> tuple[str, ...]:
    try:
        provider = types.get(name)
    except LookupError as error:
        return name, "-", "-", str(error)
    keys = [key if is_required else f"[{key}]" for key, is_required, _ in _keys(provider)]
    interval = format_duration(provider.default_refresh_interval)
    return name, ", ".join(keys), interval, provider.documentation


def _keys(provider: type[Provider[Any]]) -> Iterator[tuple[str, bool, str | None]]:
    """Yield the keys of an entry that other types don't take: name, whether required, meaning."""
    for name, info in provider.settings_model.model_fields.items():
        is_common = name in ProviderSettings.model_fields
        if not is_common or (info.is_required() and name == "base_url"):
            yield info.alias or name, info.is_required(), info.description


def _notes(provider: type[Provider[Any]]) -> list[str]:
    vendor_file = getattr(provider, "vendor_file", None)
    return list(vendor_file.notes) if vendor_file is not None else []


def _print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
