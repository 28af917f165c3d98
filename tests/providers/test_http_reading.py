"""How the key ``response`` of ``type: http`` turns answers into readings, as a table of what vendors do."""

import json

import pytest

from exporter.model import DailyLimit, FetchError, Pool, Reason
from exporter.providers.http_reading import AnswerReader
from exporter.providers.http_response import HttpResponse
from exporter.secret import Redactor, Secret
from tests.providers.support import NOW, answer

PLAIN = [{"balance": "left"}]
XML = "<?xml version='1.0'?><reply><credits>12.50</credits><currency>EUR</currency></reply>"
XML_PATTERN = r"<credits>(?P<credits>[0-9.]+)</credits>.*<currency>(?P<currency>\w+)<"


def read(rules, body, status=200, headers=None, secrets=()):
    """Read an answer; a body that isn't text is sent as JSON."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    redact = Redactor(map(Secret, secrets))
    return AnswerReader(HttpResponse.model_validate(rules), redact).read(answer(text, status, headers))


def pools(rules, body, headers=None, **response):
    """Return the pools that the given pool rules find."""
    return read({"pools": rules, **response}, body, headers=headers).pools


@pytest.mark.parametrize(
    ("rules", "body", "expected"),
    [
        pytest.param(PLAIN, {"left": 7.5}, {"default": Pool(7.5)}, id="number"),
        pytest.param(PLAIN, {"left": "1,234.50"}, {"default": Pool(1234.5)}, id="number as text"),
        pytest.param(PLAIN, {"left": -3}, {"default": Pool(-3)}, id="overdraft"),
        pytest.param(PLAIN, {"left": 0}, {"default": Pool(0)}, id="nothing left"),
        pytest.param([{"balance": "@"}], 12, {"default": Pool(12)}, id="bare number"),
        pytest.param([{"balance": "[0].left"}], [{"left": 1}], {"default": Pool(1)}, id="list as root"),
        pytest.param([{"balance": "a || b"}], {"a": None, "b": 3}, {"default": Pool(3)}, id="fallback"),
        pytest.param([{"balance": "left", "pool": "sms", "unit": "EUR"}], {"left": 1},
                     {"sms": Pool(1, unit="EUR")}, id="literal pool and unit"),
        pytest.param([{"balance": "left", "pool_from": "plan", "unit_from": "currency"}],
                     {"left": 1, "plan": "pro", "currency": "usd"}, {"pro": Pool(1, unit="USD")}, id="from the body"),
        pytest.param([{"balance": "left", "pool_from": "id"}], {"left": 1, "id": 12}, {"12": Pool(1)}, id="number as name"),
        pytest.param([{"balance": "left", "unit": "EUR", "unit_from": "currency"}], {"left": 1},
                     {"default": Pool(1, unit="EUR")}, id="unit not found"),
        pytest.param([{"total": "bought", "used": "spent", "used_total": "spent"}], {"bought": "100.5", "spent": 25.75},
                     {"default": Pool(74.75, used=25.75)}, id="total less used"),
        pytest.param([{"balance": "cents", "scale": 0.01}], {"cents": 250}, {"default": Pool(2.5)}, id="scale"),
        pytest.param([{"balance": "owed", "scale": -1}], {"owed": -12.5}, {"default": Pool(12.5)}, id="negative means funds"),
        pytest.param([{"balance": "left", "scale": 0.5, "sources": {"plan": "p", "extra": "e"}, "reserved": "r",
                       "frozen": "f", "used_total": "u"}],
                     {"left": 8, "p": 2, "e": 4, "r": 6, "f": 10, "u": 12},
                     {"default": Pool(4, sources={"plan": 1, "extra": 2}, reserved=3, frozen=5, used=6)}, id="all figures"),
        pytest.param([{"balance": "left", "sources": {"plan": "p", "extra": "e"}, "reserved": "r", "frozen": "f"}],
                     {"left": 8, "p": None, "e": "n/a", "r": True, "f": []}, {"default": Pool(8)},
                     id="what is no number is no series"),
        pytest.param([{"each": "infos", "pool_from": "cur", "unit_from": "cur", "balance": "total",
                       "sources": {"granted": "granted"}}],
                     {"infos": [{"cur": "CNY", "total": "110.00", "granted": "10"}, {"cur": "USD", "total": 5}]},
                     {"CNY": Pool(110, unit="CNY", sources={"granted": 10}), "USD": Pool(5, unit="USD")}, id="each"),
        pytest.param([{"each": "@", "pool_from": "n", "balance": "v"}], [{"n": "a", "v": 1}, {"n": "b"}, "x", {"v": 2}],
                     {"a": Pool(1)}, id="elements without a figure or a name"),
        pytest.param([{"balance": "left"}, {"total": "t", "used": "u"}], {"t": 5, "u": 2}, {"default": Pool(3)},
                     id="second rule for a pool"),
        pytest.param([{"balance": "left"}, {"balance": "other"}], {"left": 1, "other": 2}, {"default": Pool(1)},
                     id="first rule that finds it"),
        pytest.param([{"balance": "a", "pool": "a"}, {"balance": "b", "pool": "b"}], {"b": 2}, {"b": Pool(2)},
                     id="one of two pools"),
        pytest.param([{"balance": "payment == 'prepaid' && amount"}, {"balance": "x"}],
                     {"payment": "prepaid", "amount": 9.2}, {"default": Pool(9.2)}, id="on a condition"),
    ],
)  # fmt: skip
def test_pools_of_a_json_body(rules, body, expected):
    """Every way to say where the figures of pools stand."""
    assert pools(rules, body) == expected


@pytest.mark.parametrize(
    ("rules", "body", "headers", "response"),
    [
        ([{"header": "X-Credits-Remaining", "scale": 0.001}], "", {"x-credits-remaining": "12500"}, {}),
        ([{"header": "X-Left"}], "<html>not looked at</html>", {"X-Left": "12.5"}, {}),
        (
            [{"header": "X-Left"}],
            "",
            {"X-Left": "12.5"},
            {"errors": [{"when": "error", "reason": "unauthorized"}]},
        ),
        ([{"balance": {"header": "X-Left"}}], "{}", {"X-Left": "12.5"}, {}),
        ([{"balance": "credits"}], "CODE=BBF&CREDITS=12.50&TTP=0.4", {}, {"format": "form"}),
        ([{"balance": "credits"}], "\ufeff  Credits = 12.50 \n", {}, {"format": "form"}),
        ([{"balance": "text"}], " 12.50\n", {}, {"format": "text"}),
        ([{"balance": "credits"}], XML, {}, {"format": "text", "pattern": XML_PATTERN}),
        (
            [{"balance": "c"}],
            "OK; you have 12.50 credits",
            {},
            {"format": "text", "pattern": r"have (?P<c>[\d.]+)"},
        ),
    ],
)
def test_a_balance_of_headers_forms_and_text(rules, body, headers, response):
    """One pool of 12.5, wherever and however it is written."""
    assert pools(rules, body, headers, **response) == {"default": Pool(12.5)}


def failure(rules, body, status=200, headers=None):
    """Return the error that an answer is."""
    with pytest.raises(FetchError) as caught:
        read(rules, body, status, headers)
    return caught.value


@pytest.mark.parametrize(
    ("rules", "body"),
    [
        (PLAIN, {}), (PLAIN, {"left": None}), (PLAIN, {"left": "n/a"}), (PLAIN, {"left": True}),
        (PLAIN, {"left": [1]}), (PLAIN, {"left": "NaN"}), (PLAIN, '{"left": 1e999}'), (PLAIN, '{"left": NaN}'),
        (PLAIN, "<html>"), (PLAIN, ""), (PLAIN, "[" * 5000 + "]" * 5000), (PLAIN, b"\xff\xfe\xff"),
        ([{"balance": "left", "scale": 1e300}], {"left": 1e300}),
        ([{"total": "t", "used": "u"}], {"t": 5}),
        ([{"each": "list", "pool_from": "n", "balance": "v"}], {"list": []}),
        ([{"each": "list", "pool_from": "n", "balance": "v"}], {"list": {"n": "a", "v": 1}}),
        ([{"each": "@", "pool_from": "n", "balance": "v"}], [{"n": "a\nb", "v": 1}]),
        ([{"each": "@", "pool_from": "n", "balance": "v"}], [{"n": "a" * 101, "v": 1}]),
        ([{"each": "@", "pool_from": "n", "balance": "v"}], [{"n": True, "v": 1}]),
        ([{"each": "@", "pool_from": "n", "balance": "v"}], [{"n": "a", "v": 1}, {"n": "a", "v": 2}]),
        ([{"each": "@", "pool_from": "n", "balance": "v"}], [{"n": str(n), "v": 1} for n in range(201)]),
        ([{"balance": "[balance][?@ != `999999`] | [0]"}], {"balance": 999999}),
        ([{"header": "X-Left"}], {"X-Left": 1}),
    ],
)  # fmt: skip
def test_no_balance_is_a_bad_response(rules, body):
    """A pool that isn't there, isn't a finite number, has no usable name, or is one of too many."""
    assert failure({"pools": rules}, body).reason is Reason.BAD_RESPONSE


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ({"balance": "left"}, {"left": None}),
        ({"balance": "left"}, {"left": "soon"}),
        ({"each": "list", "pool_from": "n", "balance": "v"}, {"list": []}),
        ({"each": "list", "pool_from": "n", "balance": "v"}, {"list": [{"n": "a", "v": 1}, {"n": "b"}]}),
    ],
)
def test_a_required_pool_has_to_be_there(rule, body):
    """Another pool that is found doesn't make up for it, while it does for one that is not required."""
    other = {"balance": "other", "pool": "other"}
    body = body | {"other": 5}
    assert "other" in pools([rule, other], body)
    error = failure({"pools": [rule | {"required": True}, other]}, body)
    assert (error.reason, error.detail) == (
        Reason.BAD_RESPONSE, "response.pools[0] is required, but the answer doesn't hold it"
    )  # fmt: skip


ERRORS = [
    {"when": "error.code == 'UNAUTHORIZED'", "reason": "unauthorized"},
    {"when": "error", "reason": "server_error"},
    {"status": 403, "reason": "unauthorized"},
    {"status": 400, "when": "contains(message, 'credit')", "reason": "insufficient_credits"},
]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, {"error": {"code": "UNAUTHORIZED"}, "left": 5}, Reason.UNAUTHORIZED),
        (500, {"error": {"code": "UNAUTHORIZED"}}, Reason.UNAUTHORIZED),
        (200, {"error": {"code": "OTHER"}, "left": 5}, Reason.SERVER_ERROR),
        (403, {"left": 5}, Reason.UNAUTHORIZED),
        (403, "<html>", Reason.UNAUTHORIZED),
        (400, {"message": "no credit left"}, Reason.INSUFFICIENT_CREDITS),
        (400, {"message": "no"}, Reason.CLIENT_ERROR),
        (400, {}, Reason.CLIENT_ERROR),
        (401, "", Reason.UNAUTHORIZED),
        (402, "no", Reason.INSUFFICIENT_CREDITS),
        (429, {}, Reason.RATE_LIMITED),
        (502, "<html>", Reason.SERVER_ERROR),
    ],
)
def test_errors_are_mapped_by_expression_then_by_status(status, body, reason):
    """The first rule that matches decides, before the status is judged, and keeps Retry-After."""
    error = failure({"pools": PLAIN, "errors": ERRORS}, body, status, {"Retry-After": "30"})
    assert (error.reason, error.status, error.retry_after) == (reason, status, 30)


def test_the_error_names_the_rule_and_not_the_body():
    """Who reads it at night finds the rule; what the vendor wrote stays out."""
    error = failure({"pools": PLAIN, "errors": ERRORS}, {"error": {"code": "canary"}}, 401)
    assert error.detail == "the answer is what response.errors[1] describes (HTTP 401)"


TRUTHS = "contains([`true`, `1`, '1', 'success'], success)"


@pytest.mark.parametrize(
    ("success", "body", "reason"),
    [
        (TRUTHS, {"success": True}, None), (TRUTHS, {"success": 1}, None), (TRUTHS, {"success": "1"}, None),
        (TRUTHS, {"success": "success"}, None), (TRUTHS, {"success": False}, Reason.SERVER_ERROR),
        (TRUTHS, {"success": 0}, Reason.SERVER_ERROR), (TRUTHS, {}, Reason.SERVER_ERROR),
        ("error == `false`", {"error": False}, None), ("error == `false`", {"error": True}, Reason.SERVER_ERROR),
        ("success", {"success": True}, None), ("success", {"success": "true"}, Reason.SERVER_ERROR),
        ("success", {"success": 1}, Reason.SERVER_ERROR), ("success", {}, Reason.BAD_RESPONSE),
        ("code == `0`", {"code": 0}, None), ("code == `0`", {"code": 7}, Reason.SERVER_ERROR),
    ],
)  # fmt: skip
def test_success_has_to_be_true(success, body, reason):
    """JSON's true and nothing like it, on HTTP 200 as well."""
    rules = {"pools": PLAIN, "success": success}
    if reason is None:
        assert read(rules, body | {"left": 5}).pools == {"default": Pool(5)}
    else:
        assert failure(rules, body | {"left": 5}).reason is reason


def test_a_status_is_judged_before_success():
    """It tells more: what kind of failure it was."""
    assert failure({"pools": PLAIN, "success": "ok"}, {"ok": False}, 401).reason is Reason.UNAUTHORIZED


@pytest.mark.parametrize(
    ("rule", "value", "timestamp"),
    [
        ({"seconds": "x"}, 60, NOW + 60), ({"seconds": "x"}, "60", NOW + 60), ({"seconds": "x"}, 0, NOW),
        ({"timestamp": "x"}, 1738356858, 1738356858.0), ({"timestamp": "x"}, "1738356858", 1738356858.0),
        ({"iso8601": "x"}, "2026-07-31T12:26:56.5Z", 1785500816.5),
        ({"iso8601": "x"}, "2026-07-31T14:26:56.5+02:00", 1785500816.5),
        ({"iso8601": "x"}, "2026-07-31 12:26:56", 1785500816.0), ({"iso8601": "x"}, "2026-07-31", 1785456000.0),
        ({"seconds": "x"}, None, None), ({"timestamp": "x"}, "soon", None), ({"iso8601": "x"}, "soon", None),
        ({"iso8601": "x"}, 17, None), ({"iso8601": "x"}, "2026-02-30T00:00:00Z", None),
    ],
)  # fmt: skip
def test_a_daily_limit_resets_in_three_notations(rule, value, timestamp):
    """Seconds from the answer, a Unix timestamp, or ISO 8601 in UTC where it names no zone."""
    rules = {"pools": PLAIN, "daily_limit_remaining": "day", "daily_limit_reset": rule}
    assert read(rules, {"left": 1, "day": "85", "x": value}).daily_limit == DailyLimit(85, timestamp)


@pytest.mark.parametrize(
    ("rule", "seconds"),
    [({"seconds": "t"}, 250.0), ({"milliseconds": "t"}, 0.25), ({"milliseconds": {"header": "X-Took"}}, 0.5),
     ({"seconds": "missing"}, None)],
)  # fmt: skip
def test_the_vendors_time_in_two_units(rule, seconds):
    """In seconds or in milliseconds, of the body or a header; what isn't said is no series."""
    rules = {"pools": PLAIN, "upstream_ttp": rule}
    assert read(rules, {"left": 1, "t": 250}, headers={"X-Took": "500"}).upstream_seconds == seconds


def test_nothing_is_made_up():
    """Limits and times that the rules don't name are None."""
    reading = read({"pools": PLAIN}, {"left": 1, "remaining": 5})
    assert (reading.daily_limit, reading.upstream_seconds, reading.account_frozen) == (
        DailyLimit(),
        None,
        None,
    )


def test_a_secret_that_the_vendor_repeats_is_no_label():
    """A pool named by an expression never shows a credential."""
    rules = {"pools": [{"each": "@", "pool_from": "n", "balance": "v"}]}
    assert set(read(rules, [{"n": "of canary-7d1f", "v": 1}], secrets=["canary-7d1f"]).pools) == {
        "of <secret>"
    }


def test_text_too_long_for_a_pattern_is_refused():
    """A search over a megabyte could stop everything else."""
    rules = {"format": "text", "pattern": r"(?P<c>\d+)x", "pools": [{"balance": "c"}]}
    assert read(rules, "1x" + " " * 20_000).pools == {"default": Pool(1)}
    assert "too long for a pattern" in failure(rules, "1x" + "1" * 20_000).detail


def test_a_form_of_too_many_fields_is_refused():
    """A body of a megabyte of ampersands isn't worth the time."""
    rules = {"format": "form", "pools": [{"balance": "a"}]}
    assert failure(rules, "a=1&" * 1001).detail == "the answer holds more than 1000 fields"
