"""YAML with line marks: the data, where each key stands, and duplicate keys as errors.

The safe loader's types and nothing more: no object of any class can be made from a file.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

Key = tuple[str | int, ...]

# Aliases let a short file describe an enormous document; no configuration needs this many values.
_MOST_NODES: Final = 200_000

_DEEPEST: Final = 50

_COLLECTION_TAGS: Final = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})

# libyaml where PyYAML was built with it: ten times as fast, and a thousand accounts are a long file.
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Problem:
    """One error of a file: where it stands, under which key, and what would be right."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class SourceError(Exception):
    """A file that can't be used, with every problem found in it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Document:
    """A parsed file: plain data, and the line on which each key path stands."""

    file: str
    data: Any
    lines: Mapping[Key, int]

    def line(self, key: Key) -> int | None:
        """Return the line of a key, or of the nearest thing around it that stands in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key)

    def problem(self, key: Key, message: str) -> Problem:
        """Return a problem at a key of this document."""
        return Problem(self.file, self.line(key), dotted(key), message)


def dotted(key: Key) -> str:
    """Return a key path as people write it: ``providers[0].api_key``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def load(path: Path) -> Document:
    """Read and parse a YAML file.

    Raises :class:`SourceError` with every problem: unreadable file, bad encoding, YAML syntax
    (the first one), duplicate keys, keys that are not strings.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError([Problem(str(path), None, "", f"can't be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise SourceError([Problem(str(path), None, "", f"is not UTF-8 (byte {error.start})")]) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Document:
    """Parse YAML text; ``file`` names it in errors. Raises :class:`SourceError` as :func:`load` does."""
    _check_depth(text, file)
    loader = _Loader(text)
    walker = _Walker(loader, file)
    try:
        root = loader.get_single_node()
        data = walker.value(root, ()) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        # The name of an anchor or an alias may be a secret that begins with & or *.
        problem = re.sub(r"(alias|anchor) .*", r"\1", str(error.problem))
        raise SourceError([Problem(file, line, "", f"is not valid YAML: {problem}")]) from None
    except yaml.YAMLError:
        forbidden = Problem(file, None, "", "is not valid YAML: it holds a character that YAML forbids")
        raise SourceError([forbidden]) from None
    finally:
        loader.dispose()
    if walker.problems:
        raise SourceError(walker.problems)
    return Document(file, data, walker.lines)


def _check_depth(text: str, file: str) -> None:
    """Refuse what is nested deeper than any configuration: libyaml's composer would crash on it."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise SourceError([Problem(file, None, "", "is nested too deeply")])
    except yaml.YAMLError:
        return  # the loader meets the same error, and says where


def _unreadable(node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(
        problem="a value can't be read; quote it if it is text", problem_mark=node.start_mark
    )


class _Walker:
    """Turns the node graph into data; scalars are left to the safe loader's constructors."""

    def __init__(self, loader: yaml.SafeLoader, file: str) -> None:
        self.loader = loader
        self.file = file
        self.lines: dict[Key, int] = {}
        self.problems: list[Problem] = []
        self._count = 0
        self._own_keys: dict[int, set[int]] = {}

    def value(self, node: yaml.Node, key: Key) -> Any:
        self._count += 1
        if self._count > _MOST_NODES:
            raise yaml.MarkedYAMLError(problem="too many values", problem_mark=node.start_mark)
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTION_TAGS:
            raise _unreadable(node)
        if isinstance(node, yaml.MappingNode):
            # Before merge keys (<<) are flattened in: only a mapping's own keys can be duplicates.
            self._own_keys.setdefault(id(node), {id(name) for name, _ in node.value})
            self.loader.flatten_mapping(node)
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*key, index)) for index, item in enumerate(node.value)]
        return self._plain(node)

    def _plain(self, node: yaml.Node) -> Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError):
            # Such as a date that doesn't exist. The library's words quote the value, which may be a secret.
            raise _unreadable(node) from None

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        data: dict[str, Any] = {}
        own_keys = self._own_keys[id(node)]
        seen: dict[Hashable, int] = {}
        for name_node, value_node in node.value:
            name = self._plain(name_node)
            line = name_node.start_mark.line + 1
            if not isinstance(name, str):
                self.problems.append(
                    Problem(self.file, line, dotted(key), f"the key {name!r} is not a string; quote it")
                )
                continue
            path = (*key, name)
            if name in seen and id(name_node) in own_keys:
                self.problems.append(
                    Problem(self.file, line, dotted(path), f"is a duplicate of line {seen[name]}")
                )
                continue
            if id(name_node) in own_keys:
                seen[name] = line
            self.lines[path] = line
            data[name] = self.value(value_node, path)
        return data
