"""YAML with line marks."""

import pytest
import yaml

from exporter.yamlsource import SourceError, dotted, load, parse


def problems(text: str) -> list[str]:
    """Return the problems of a text as lines."""
    with pytest.raises(SourceError) as raised:
        parse(text, "c.yml")
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("a: {b: [x, 2.5, true, null]}", {"a": {"b": ["x", 2.5, True, None]}}),
        ("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}", {"base": {"x": 1, "y": 2}, "use": {"y": 3, "x": 1}}),
        ("a: &x {k: 1}\nb: *x\nc: *x", {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 1}}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_data_is_what_the_safe_loader_gives(text, data):
    """Plain data comes out, with anchors and merge keys resolved."""
    assert parse(text, "c.yml").data == data


def test_every_key_has_its_line():
    """A key path leads to its line; a missing key to the nearest thing around it."""
    document = parse("a: 1\nb:\n  - x: 1\n    y: 2\n  - z\n", "c.yml")
    assert document.line(("a",)) == 1
    assert document.line(("b", 0, "y")) == 4
    assert document.line(("b", 1)) == 5
    assert document.line(("b", 0, "missing")) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2", ["c.yml:2: a: is a duplicate of line 1"]),
        (
            "p:\n  - k: 1\n    k: 2\nq: 1\nq: 2",
            ["c.yml:3: p[0].k: is a duplicate of line 2", "c.yml:5: q: is a duplicate of line 4"],
        ),
        ("1: x", ["c.yml:1: the key 1 is not a string; quote it"]),
        ("a: [", ["c.yml:2: is not valid YAML: did not find expected node content"]),
        ("a: b: c", ["c.yml:1: is not valid YAML: mapping values are not allowed in this context"]),
        ("a: *nope", ["c.yml:1: is not valid YAML: found undefined alias"]),
        ("a: !!python/object:os.system {}", ["c.yml:1: is not valid YAML: a value can't be read"]),
        ("a: 1\n---\nb: 2", ["c.yml:2: is not valid YAML: but found another document"]),
        ("a: 1\nb: 2026-13-45", ["c.yml:2: is not valid YAML: a value can't be read"]),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_key(text, expected):
    """Each error names the file, the line and the key; duplicate keys are all reported."""
    for line, start in zip(problems(text), expected, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    "value",
    ["!CANARY", "!CANARY [x]", "!CANARY {x: y}", "!<CANARY> x", "!!int CANARY", "!!float CANARY", "!!bool CANARY",
     "!!timestamp CANARY", "*CANARY", "x\nb: &CANARY 1\nc: &CANARY 2", "x\n!CANARY : 1"],
)  # fmt: skip
@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_a_secret_that_yaml_takes_for_something_else_is_not_shown(monkeypatch, value, loader):
    """A password that begins with ! or * is an error with its line, and without a word of it."""
    monkeypatch.setattr("exporter.yamlsource._Loader", getattr(yaml, loader))
    (problem,) = problems(f"password: {value}\n")
    assert problem.startswith("c.yml:")
    assert "canary" not in problem.lower()


def test_a_document_that_aliases_blow_up_is_refused():
    """Nested aliases that describe millions of values are refused in bounded time."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many values" in problems("\n".join(lines))[0]


def test_a_document_that_is_nested_too_deeply_is_refused():
    """Endless nesting is an error and not a crash."""
    assert problems("[" * 100_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "can't be read: No such file or directory"), (b"\xff\xfe\x00", "is not UTF-8 (byte 0)")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, message):
    """A missing or binary file is an error with its path."""
    path = tmp_path / "c.yml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        load(path)
    assert str(raised.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("key", "text"), [((), ""), (("a",), "a"), (("a", 0, "b"), "a[0].b"), (("p", 1), "p[1]")]
)
def test_key_paths_are_written_as_people_write_them(key, text):
    """Lists are written with brackets, mappings with dots."""
    assert dotted(key) == text
