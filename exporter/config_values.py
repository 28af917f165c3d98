"""Values that stand outside the configuration file: the environment's, and secrets in files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from exporter.fields import EnvText
from exporter.secret import NAMED_SECRETS, Secret
from exporter.yamlsource import Document, Key, Problem

_REFERENCE: Final = re.compile(
    r"(?P<literal>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}|(?P<broken>\$\{)"
)
Stamp = tuple[int, int, int]

_LARGEST_SECRET_BYTES: Final = 64 * 1024


def expand(document: Document, environment: Mapping[str, str]) -> tuple[Any, list[Problem]]:
    """Return the document's data with ``${NAME}`` and ``${NAME:-default}`` filled in, and what went wrong.

    Text that holds something from the environment becomes :class:`~exporter.fields.EnvText`.
    """
    problems: list[Problem] = []

    def expanded(value: Any, key: Key) -> Any:
        match value:
            case str() if "${" in value:
                return expand_text(value, key)
            case dict():
                return {name: expanded(item, (*key, name)) for name, item in value.items()}
            case list():
                return [expanded(item, (*key, index)) for index, item in enumerate(value)]
            case _:
                return value

    def expand_text(text: str, key: Key) -> str:
        parts: list[str] = []

        def fill(match: re.Match[str]) -> str:
            if match["literal"]:
                return "${"
            if match["broken"]:
                message = "holds a ${ that begins no ${NAME} or ${NAME:-default}; write $${ for a ${"
                problems.append(document.problem(key, message))
                return ""
            name, default = match["name"], match["default"]
            value = environment.get(name)
            if value:
                parts.append(value)
            elif default is not None:
                return default
            elif value is None:
                problems.append(document.problem(key, f"the environment variable {name} is not set"))
            return value or ""

        filled = _REFERENCE.sub(fill, text)
        return EnvText(filled, tuple(parts)) if _refers(text) else filled

    return expanded(document.data, ()), problems


def _refers(text: str) -> bool:
    return any(match["name"] for match in _REFERENCE.finditer(text))


@dataclass
class FileSecrets:
    """Replaces every ``x_file`` of a secret ``x`` by what the file holds, stripped.

    ``problems`` and ``files`` gather what went wrong and which files were read, with their stamps;
    paths are relative to the configuration file.
    """

    document: Document
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    files: dict[Path, Stamp] = field(default_factory=dict)

    def resolve(self, data: Mapping[str, Any], model: type[BaseModel], key: Key) -> dict[str, Any]:
        """Return an entry's data with its file secrets read; ``model`` tells which keys are secrets."""
        resolved = dict(data)
        for name, nested in _nested_models(model):
            if isinstance(resolved.get(name), dict):
                resolved[name] = self.resolve(resolved[name], nested, (*key, name))
        for name, info in model.model_fields.items():
            given = resolved.get(name)
            if NAMED_SECRETS in info.metadata and isinstance(given, dict):
                names = [item.removesuffix("_file") for item in given if item.endswith("_file")]
                resolved[name] = self._read_files(dict(given), names, (*key, name))
        return self._read_files(resolved, secret_fields(model), key)

    def _read_files(self, resolved: dict[str, Any], names: Iterable[str], key: Key) -> dict[str, Any]:
        for name in names:
            file_key = f"{name}_file"
            if file_key not in resolved:
                continue
            path = resolved.pop(file_key)
            try:
                if name in resolved:
                    raise ValueError(f"stands beside {name}; give one of the two")
                resolved[name] = self._read(path)
            except ValueError as error:
                self.problems.append(self.document.problem((*key, file_key), str(error)))
                # A stand-in keeps a file that can't be read from being reported as a missing key as well.
                resolved.setdefault(name, Secret("unreadable"))
        return resolved

    def _read(self, path: Any) -> Secret:
        if not isinstance(path, str) or not path:
            raise ValueError("should be the path of a file")
        file = self.folder / path
        self.files[file] = stamp(file)  # before it is read: a change while it is read is seen later
        try:
            with file.open("rb") as stream:
                content = stream.read(_LARGEST_SECRET_BYTES + 1)
            text = content.decode("utf-8-sig").strip()
        except OSError as error:
            raise ValueError(f"{file} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{file} is not UTF-8 text") from None
        if not text:
            raise ValueError(f"{file} is empty")
        if len(content) > _LARGEST_SECRET_BYTES or any(character in text for character in "\r\n\0"):
            raise ValueError(f"{file} should hold one line: the secret")
        return Secret(text)


def stamp(path: Path) -> Stamp:
    """Return what changes when a file is written, replaced or removed.

    Symbolic links are followed: Kubernetes replaces mounted secrets by moving one.
    """
    try:
        status = path.stat()
    except OSError:
        return -1, -1, -1
    return status.st_mtime_ns, status.st_size, status.st_ino


def secret_fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield the keys of a model that are secrets, and so may be given as ``x_file``."""
    for name, info in model.model_fields.items():
        is_mapping = get_origin(info.annotation) is Mapping
        kinds = () if is_mapping else (info.annotation, *get_args(info.annotation))
        if any(isinstance(kind, type) and issubclass(kind, Secret) for kind in kinds):
            yield name


def _nested_models(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, info in model.model_fields.items():
        for candidate in (info.annotation, *get_args(info.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                yield name, candidate
