"""Reading answers: numbers, JSON, statuses and Retry-After."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from exporter.model import FetchError, Reason
from exporter.providers.answers import (
    check_status,
    error_body,
    first_number,
    flag,
    json_object,
    number,
    parse_json,
    readable_number,
    retry_after,
)
from tests.providers.support import NOW, answer


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (136012, 136012),
        (10.324, 10.324),
        (-3.5, -3.5),
        ("136012", 136012),
        ("136,012", 136012),
        ("1,234,567.89", 1234567.89),
        ("-1,234", -1234),
        ("+7", 7),
        (" 42\r\n", 42),
        ("12.", 12),
        (".5", 0.5),
        ("1.5e3", 1500),
        (None, None),
    ],
)
def test_numbers_of_every_notation_are_read(value: Any, expected: float | None) -> None:
    """Integers, floats and text of either, with thousands separators and signs, are the number they write."""
    assert number(value) == expected


UNREADABLE = [
    True,
    False,
    "",
    " ",
    "abc",
    "12abc",
    "1,23",
    "1,2345",
    ",123",
    "1 234",
    "1_000",
    "0x10",
    "٣",
    "--1",
    "NaN",
    "Infinity",
    "-inf",
    "1e999",
    float("nan"),
    float("inf"),
    10**400,
    "9" * 400,
    [],
    {},
    b"1",
]


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: repr(value)[:20])
def test_what_is_no_number_is_a_bad_response(value: Any) -> None:
    """Booleans, other text, other types and what is not finite are never taken for a number."""
    with pytest.raises(FetchError) as caught:
        number(value)
    assert caught.value.reason is Reason.BAD_RESPONSE
    assert readable_number(value) is None


def test_the_first_figure_that_is_not_null_counts() -> None:
    """Null falls through to the next figure; zero does not."""
    assert first_number(None, 0, 5) == 0
    assert first_number(None, "1,500") == 1500


@pytest.mark.parametrize("values", [(), (None,), (None, None), (True, 5), ("x", 5)])
def test_no_balance_is_a_bad_response(values: tuple[Any, ...]) -> None:
    """Where all figures are null, or the first that isn't is unreadable, there is no balance to show."""
    with pytest.raises(FetchError) as caught:
        first_number(*values)
    assert caught.value.reason is Reason.BAD_RESPONSE


@pytest.mark.parametrize("value", [True, False, None])
def test_flags_are_true_false_or_absent(value: bool | None) -> None:
    """A boolean is itself, and null is unknown."""
    assert flag(value) is value


@pytest.mark.parametrize("value", [0, 1, "true", "", [], {}])
def test_other_values_are_no_flags(value: Any) -> None:
    """A number or a text is not taken for true or false."""
    with pytest.raises(FetchError) as caught:
        flag(value)
    assert caught.value.reason is Reason.BAD_RESPONSE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_every_encoding_of_unicode(encoding: str) -> None:
    """UTF-8, with or without a byte-order mark, UTF-16 and UTF-32 give the same object."""
    assert json_object(answer(' {"plan": "größer"}\n'.encode(encoding))) == {"plan": "größer"}


BAD_JSON = [
    b"",
    b" ",
    b"<html><body>502</body></html>",
    b'{"credits": 5',
    b'{"credits": NaN}',
    b'{"credits": -Infinity}',
    b'{"credits": 5} trailing',
    b"{'credits': 5}",
    b'{"credits": "\xff"}',
    b"[" * 100_000,
    b"9" * 10_000,
]


@pytest.mark.parametrize("body", BAD_JSON, ids=lambda body: repr(body[:20]))
def test_what_is_not_json_is_a_bad_response(body: bytes) -> None:
    """Pages, pieces, extensions of JSON and depths that no vendor sends end as a bad response."""
    with pytest.raises(FetchError) as caught:
        parse_json(answer(body))
    assert caught.value.reason is Reason.BAD_RESPONSE
    assert error_body(answer(body)) == {}


@pytest.mark.parametrize("body", ["[]", "5", '"text"', "null", "true"])
def test_json_of_another_kind_is_no_object(body: str) -> None:
    """Valid JSON that is not an object is a bad response, and an error page without a reason."""
    with pytest.raises(FetchError) as caught:
        json_object(answer(body))
    assert caught.value.reason is Reason.BAD_RESPONSE
    assert error_body(answer(body)) == {}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.CLIENT_ERROR),
        (401, Reason.UNAUTHORIZED),
        (402, Reason.INSUFFICIENT_CREDITS),
        (403, Reason.FORBIDDEN),
        (404, Reason.CLIENT_ERROR),
        (422, Reason.CLIENT_ERROR),
        (429, Reason.RATE_LIMITED),
        (451, Reason.CLIENT_ERROR),
        (500, Reason.SERVER_ERROR),
        (503, Reason.SERVER_ERROR),
        (599, Reason.SERVER_ERROR),
    ],
)
def test_a_status_stands_for_a_reason(status: int, reason: Reason) -> None:
    """A status other than 2xx is an error that keeps the status and names it in its sentence."""
    with pytest.raises(FetchError) as caught:
        check_status(answer(status=status))
    assert (caught.value.reason, caught.value.status) == (reason, status)
    assert str(status) in caught.value.detail


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_2xx_status_is_no_error(status: int) -> None:
    """Success passes."""
    check_status(answer(status=status))


@pytest.fixture
def far_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is nine hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        (" 120 ", 120),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60),
        ("Monday, 21-Sep-26 14:14:20 GMT", 60),
        ("Mon Sep 21 14:14:20 2026", 60),
        ("Mon, 21 Sep 2026 14:14:20 -0000", 60),
        ("Mon, 21 Sep 2026 14:13:19 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 40, None),
        ("Mon, 99 Sep 2026 99:99:99 GMT", None),
    ],
)
@pytest.mark.usefixtures("far_time_zone")
def test_retry_after_is_read_as_seconds_or_date(text: str, seconds: float | None) -> None:
    """Both notations give seconds from the answer on, whatever this machine's time zone; others give none."""
    assert retry_after(answer(headers={"retry-after": text}, at=NOW)) == seconds


def test_retry_after_travels_with_the_error() -> None:
    """A rate limit's error says when the vendor wants to be asked again."""
    with pytest.raises(FetchError) as caught:
        check_status(answer(status=429, headers={"Retry-After": "17"}))
    assert caught.value.retry_after == 17
