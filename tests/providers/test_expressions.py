"""Expressions: what is refused when the configuration is read, and what an answer can't do to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import FetchError, Reason
from exporter.providers.expressions import Expression, Figure, check_bounds


@pytest.mark.parametrize(
    ("text", "data", "found"),
    [
        ("data.left", {"data": {"left": 5}}, 5),
        ("left || right", {"left": None, "right": 7}, 7),
        ("left || right", {"left": 0, "right": 7}, 0),
        ("[0].left", [{"left": 3}], 3),
        ("@", 12.5, 12.5),
        ("error == `false`", {"error": False}, True),
        ("contains([`true`, `1`, '1', 'success'], success)", {"success": "success"}, True),
        ("contains([`true`, `1`, '1', 'success'], success)", {"success": "fail"}, False),
        ("[balance][?@ != `999999`] | [0]", {"balance": 999999}, None),
        ("sum([a, b])", {"a": 1, "b": 2}, 3),
        ("sum([a, b])", {"a": 1}, None),
        ("contains(message, 'key')", {}, None),
        ("a.b.c", {"a": "text"}, None),
    ],
)
def test_an_expression_finds_its_value(text, data, found):
    """JMESPath over the body; nothing found, and a function given nothing, is None."""
    assert Expression(text).find(data) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data.", "it ends too early, at position 6"),
        ("data[0", "it ends too early, at position 7"),
        ("a]]", "']' is unexpected at position 2"),
        ("a = b", "'=' is unexpected at position 3"),
        ("error == 'x", '"\'" is unexpected at position 10'),
        ("a || foo(b)", "there is no function foo(), at position 6"),
        ("sum(a, b)", "sum() doesn't take 2 arguments, at position 1"),
        ("not_null()", "not_null() doesn't take 0 arguments, at position 1"),
        (
            "code == `yes`",
            "what stands between backticks should be JSON, at position 9; write 'text' for text",
        ),
        ("(" * 900, "it ends too early, at position 901"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_position(text, message):
    """The error says at which character, counted from 1, and why."""
    with pytest.raises(ValueError, match="is not a JMESPath expression") as caught:
        Expression(text)
    assert str(caught.value) == f"is not a JMESPath expression: {message}"


@given(st.text(alphabet="ab.[]*?|&!(){}`'\"@<>=-:,0 1", min_size=1, max_size=12))
def test_any_text_is_an_expression_or_a_value_error(text):
    """Whatever a user writes, nothing else than ValueError comes of it, now or on an answer."""
    try:
        expression = Expression(text)
    except ValueError:
        return
    for data in ({"a": [1, "b", None], "b": {"a": 1}}, [], "a", None):
        try:
            expression.find(data)
        except FetchError as error:
            assert error.reason is Reason.BAD_RESPONSE  # noqa: PT017 - a value is as good


@pytest.mark.parametrize(
    ("data", "holds"),
    [
        ({"error": "x"}, True), ({"error": 1}, True), ({"error": 0}, True), ({"error": [0]}, True),
        ({"error": ""}, False), ({"error": None}, False), ({"error": False}, False), ({"error": []}, False),
        ({"error": {}}, False), ({}, False), (None, False),
    ],
)  # fmt: skip
def test_a_condition_holds_as_jmespath_says(data, holds):
    """False, null and empty are false; all else is true, zero too."""
    assert Expression("error").holds(data) is holds


def test_an_evaluation_that_fails_is_a_bad_response():
    """An error within the library neither escapes nor shows what it was about."""
    with pytest.raises(FetchError) as caught:
        Expression("items[::0]").find({"items": ["canary"]})
    assert caught.value.reason is Reason.BAD_RESPONSE
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_figure_may_stand_in_a_header():
    """Then the body is not looked at, and the header's name has no case."""
    figure = Figure(header="X-Left")
    assert (figure.find({"X-Left": 1}, {"X-Left": "7"}), figure.find({}, {})) == ("7", None)
    assert (repr(figure), figure.as_written()) == ("header X-Left", {"header": "X-Left"})
    assert figure == Figure(header="X-Left") != Figure(expression=Expression("x"))
    assert len({figure, Figure(header="X-Left"), Figure(expression=Expression("x"))}) == 2


def nested(depth: int) -> list:
    """Return lists within lists."""
    data: list = []
    for _ in range(depth - 1):
        data = [data]
    return data


def test_bodies_are_bounded():
    """So deep and so large is fine, one more is a bad response."""
    check_bounds(nested(100))
    check_bounds({"a": [0] * 99_998})
    for data, message in ((nested(101), "100 levels deep"), ({"a": [0] * 99_999}, "more than 100000 values")):
        with pytest.raises(FetchError, match=message) as caught:
            check_bounds(data)
        assert caught.value.reason is Reason.BAD_RESPONSE
