"""LeadMagic: what is liquid and what is frozen, errors in three shapes, refresh and health."""

import json
from typing import Any

import pytest
import responses
from pydantic import ValidationError

from exporter.model import DailyLimit, FetchError, Pool, Reading, Reason, VendorRequest, VendorResponse
from exporter.providers.base import Call
from tests.providers.support import NOW, answer, provider

URL = "https://api.leadmagic.io/v1/credits"


def parse(body: Any, status: int = 200, **headers: str) -> Reading:
    """Parse an answer, given as text or as what its JSON holds, to an ordinary account."""
    text = body if isinstance(body, str) else json.dumps(body)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return provider("leadmagic", api_key="k").parse(answer(text, status, sent))


RECORDED = {
    "credits": 1200.5,
    "is_frozen": True,
    "credits_frozen": 200.5,
    "credits_liquid": 1000,
    "credit_freeze_message": "Some credits are frozen",
    "credit_freeze_plan_hint": None,
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"credits": 15432.50}, Reading({"default": Pool(15432.5)}), id="as the page shows"),
        pytest.param(
            RECORDED,
            Reading({"default": Pool(1000, frozen=200.5)}, account_frozen=True),
            id="frozen in part",
        ),
        pytest.param(
            RECORDED | {"is_frozen": False, "credits_frozen": 0, "credits_liquid": 1200.5},
            Reading({"default": Pool(1200.5, frozen=0)}, account_frozen=False),
            id="nothing frozen",
        ),
        pytest.param(
            {"credits": 5, "is_frozen": None, "credits_frozen": None, "credits_liquid": None},
            Reading({"default": Pool(5)}),
            id="optional fields null",
        ),
        pytest.param({"credits_liquid": 0, "credits": 5}, Reading({"default": Pool(0)}), id="nothing liquid"),
        pytest.param({"credits_liquid": 3}, Reading({"default": Pool(3)}), id="liquid alone"),
        pytest.param({"credits": -4.5}, Reading({"default": Pool(-4.5)}), id="overdraft"),
        pytest.param({"credits": "15,432.50"}, Reading({"default": Pool(15432.5)}), id="text"),
        pytest.param(
            {"credits": 5, "error": None, "errors": []}, Reading({"default": Pool(5)}), id="no error"
        ),
        pytest.param({"success": True, "credits": 5}, Reading({"default": Pool(5)}), id="success"),
    ],
)
def test_credits_are_read(body: Any, expected: Reading) -> None:
    """What is available for use is the balance; what is frozen stands beside it."""
    assert parse(body) == expected


@pytest.mark.parametrize("body", [{}, {"credits": None}, {"plan": "x"}])
def test_a_header_stands_in_for_a_missing_balance(body: Any) -> None:
    """X-Credits-Remaining is the balance where the body has none."""
    assert parse(body, x_credits_remaining="1,979.15") == Reading({"default": Pool(1979.15)})


def test_the_body_counts_before_the_header() -> None:
    """A balance in the body is not replaced by the header's."""
    assert parse({"credits": 5}, x_credits_remaining="7").pools["default"].balance == 5


@pytest.mark.parametrize(
    ("text", "left"), [("42", 42), ("0", 0), ("-1", -1), ("unlimited", None), ("", None)]
)
def test_the_daily_limit_is_read_from_its_header(text: str, left: float | None) -> None:
    """X-RateLimit-Remaining-Daily is shown where it is a number; otherwise the balance stands alone."""
    reading = parse({"credits": 5}, x_ratelimit_remaining_daily=text)
    assert reading == Reading({"default": Pool(5)}, daily_limit=DailyLimit(left))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"credits": None}, {}, id="null"),
        pytest.param({"credits": True}, {}, id="boolean"),
        pytest.param({"credits": "lots"}, {}, id="words"),
        pytest.param({"credits": {"total": 5}}, {}, id="object"),
        pytest.param({"credits": 5, "credits_liquid": False}, {}, id="liquid boolean"),
        pytest.param({"credits": 5, "credits_frozen": "some"}, {}, id="frozen words"),
        pytest.param({"credits": 5, "is_frozen": 1}, {}, id="frozen flag that is a number"),
        pytest.param({"credits": 5, "is_frozen": "yes"}, {}, id="frozen flag that is text"),
        pytest.param({}, {"x_credits_remaining": "many"}, id="unreadable header"),
        pytest.param("<html>Hello</html>", {"x_credits_remaining": "5"}, id="HTML"),
        pytest.param('{"credits": 15', {}, id="truncated"),
        pytest.param('{"credits": Infinity}', {}, id="infinite"),
        pytest.param("", {}, id="empty"),
        pytest.param("2200", {}, id="number at the top"),
        pytest.param([{"credits": 5}], {}, id="list at the top"),
    ],
)
def test_what_holds_no_readable_balance_is_a_bad_response(body: Any, headers: dict[str, str]) -> None:
    """Wrong types and pieces are never turned into numbers."""
    with pytest.raises(FetchError) as caught:
        parse(body, **headers)
    assert caught.value.reason is Reason.BAD_RESPONSE


SHAPES = {
    "envelope": lambda status, code: {
        "success": False,
        "errors": [{"status": status, "code": code, "title": "No"}],
    },
    "flat": lambda status, code: {"error": code, "message": "No"},
    "bare problem": lambda status, code: {"status": status, "code": code, "title": "No"},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("as_status", [None, 200])
@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("missing_authentication", 401, Reason.UNAUTHORIZED),
        ("invalid_api_key", 401, Reason.UNAUTHORIZED),
        ("insufficient_credits", 402, Reason.INSUFFICIENT_CREDITS),
        ("rate_limit_exceeded", 429, Reason.RATE_LIMITED),
    ],
)
def test_a_documented_code_has_its_reason_in_every_shape(
    code: str, status: int, reason: Reason, as_status: int | None, shape: str
) -> None:
    """Envelope, flat or bare, under its own status or under 200: the code says what is wrong."""
    with pytest.raises(FetchError) as caught:
        parse(SHAPES[shape](status, code), as_status or status)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        pytest.param("", 401, Reason.UNAUTHORIZED, id="bare 401"),
        pytest.param("", 402, Reason.INSUFFICIENT_CREDITS, id="bare 402"),
        pytest.param("", 403, Reason.FORBIDDEN, id="bare 403"),
        pytest.param("", 429, Reason.RATE_LIMITED, id="bare 429"),
        pytest.param("<html>Bad Gateway</html>", 502, Reason.SERVER_ERROR, id="gateway page"),
        pytest.param({"error": "what_is_this"}, 400, Reason.CLIENT_ERROR, id="unknown code"),
        pytest.param({"error": "what_is_this"}, 200, Reason.SERVER_ERROR, id="unknown code on 200"),
        pytest.param({"success": False}, 200, Reason.SERVER_ERROR, id="no success on 200"),
        pytest.param(
            {"success": False, "credits": 5}, 200, Reason.SERVER_ERROR, id="no success beside credits"
        ),
        pytest.param({"errors": ["x", {"code": 5}, {}]}, 200, Reason.SERVER_ERROR, id="odd envelope"),
        pytest.param({"errors": {"code": "x"}}, 500, Reason.SERVER_ERROR, id="envelope of another type"),
        pytest.param({"credits": 5}, 500, Reason.SERVER_ERROR, id="credits under an error's status"),
    ],
)
def test_other_errors_have_their_reason(body: Any, status: int, reason: Reason) -> None:
    """Without a documented code the status tells, and a body that reports an error is never a reading."""
    with pytest.raises(FetchError) as caught:
        parse(body, status)
    assert (caught.value.reason, caught.value.status) == (reason, status)


def test_retry_after_is_kept() -> None:
    """A rate limit says when to come back."""
    with pytest.raises(FetchError) as caught:
        parse(SHAPES["flat"](429, "rate_limit_exceeded"), 429, retry_after="9")
    assert caught.value.retry_after == 9


def test_the_key_is_sent_in_its_header(vendor: responses.RequestsMock, call: Call) -> None:
    """One GET with the key in X-API-Key, and no other credential."""
    vendor.get(URL, json={"credits": 5})
    provider("leadmagic", api_key="key-1").fetch(call)
    (sent,) = [recorded.request for recorded in vendor.calls]
    assert (sent.method, sent.url) == ("GET", URL)
    assert sent.headers["X-API-Key"] == "key-1"
    assert "Authorization" not in sent.headers


def test_a_refresh_is_posted_before_the_balance_is_read(vendor: responses.RequestsMock, call: Call) -> None:
    """With ``refresh_when_stale`` an empty POST with the key comes first, then the GET."""
    vendor.post(f"{URL}/refresh", json={"anything": "goes"})
    vendor.get(URL, json={"credits": 5})
    refresh_due(provider("leadmagic", api_key="key-1", refresh_when_stale=True)).fetch(call)
    refresh, read = (recorded.request for recorded in vendor.calls)
    assert (refresh.method, refresh.url, refresh.body) == ("POST", f"{URL}/refresh", None)
    assert (read.method, read.url) == ("GET", URL)
    assert refresh.headers["X-API-Key"] == read.headers["X-API-Key"] == "key-1"


class Vendor:
    """Answers at a time that the test sets, and notes the methods that it was called with."""

    def __init__(self) -> None:
        self.time = NOW
        self.methods: list[str] = []
        self.failing: set[str] = set()

    def __call__(self, request: VendorRequest) -> VendorResponse:
        """Answer with a balance, unless the method is one that fails."""
        self.methods.append(request.method)
        if request.method in self.failing:
            raise FetchError(Reason.TIMEOUT, "too slow")
        return answer('{"credits": 5}', at=self.time)


def refresh_due(account: Any) -> Any:
    """Return the account after two answers ten minutes apart, so that its next fetch begins with a refresh."""
    vendor = Vendor()
    account.fetch(vendor)
    vendor.time += 600
    account.fetch(vendor)
    assert vendor.methods == ["GET", "GET"]
    return account


@pytest.mark.parametrize(
    ("minutes", "methods"),
    [
        ([0, 5], "G G"),
        ([0, 5, 9.9, 9.99], "G G G G"),
        ([0, 10, 15], "G G PG"),
        ([0, 5, 10, 15, 20, 25, 30], "G G G PG G G PG"),
        ([0, 60, 61], "G G PG"),
        ([0, -5, 1, 2], "G G G G"),
    ],
)
def test_refreshes_are_ten_minutes_apart(minutes: list[float], methods: str) -> None:
    """A fetch begins with a refresh only if an answer came ten minutes after the last refresh."""
    vendor = Vendor()
    account = provider("leadmagic", api_key="k", refresh_when_stale=True)
    seen = []
    for minute in minutes:
        vendor.time = NOW + 60 * minute
        vendor.methods.clear()
        account.fetch(vendor)
        seen.append("".join(method[0] for method in vendor.methods))
    assert " ".join(seen) == methods


def test_a_failed_refresh_costs_nothing_and_counts() -> None:
    """The balance is read all the same, and the refresh is not tried again at once."""
    vendor = Vendor()
    vendor.failing = {"POST"}
    account = refresh_due(provider("leadmagic", api_key="k", refresh_when_stale=True))
    assert account.fetch(vendor).pools["default"].balance == 5
    account.fetch(vendor)
    assert vendor.methods == ["POST", "GET", "GET"]


def test_a_refresh_before_a_failed_fetch_counts() -> None:
    """While the vendor fails, its refresh is not called again and again."""
    vendor = Vendor()
    vendor.failing = {"POST", "GET"}
    account = refresh_due(provider("leadmagic", api_key="k", refresh_when_stale=True))
    for _ in range(3):
        with pytest.raises(FetchError):
            account.fetch(vendor)
    assert vendor.methods == ["POST", "GET", "GET", "GET"]


def test_nothing_is_refreshed_unasked() -> None:
    """Without ``refresh_when_stale`` there is never a POST."""
    vendor = Vendor()
    account = provider("leadmagic", api_key="k")
    for _ in range(3):
        vendor.time += 3600
        account.fetch(vendor)
    assert vendor.methods == ["GET"] * 3


@pytest.mark.parametrize(
    ("status", "accepted"),
    [(200, True), (299, True), (401, False), (403, False), (404, None), (429, None), (500, None)],
)
def test_the_health_call_tells_by_its_status_whether_the_key_is_good(
    status: int, accepted: bool | None, vendor: responses.RequestsMock, call: Call
) -> None:
    """Only a refusal means a bad key; the body is not read, and other statuses say nothing of the key."""
    vendor.get(f"{URL}/health", body="<html>undocumented</html>", status=status)
    assert provider("leadmagic", api_key="key-1").accepts_key(call) is accepted
    assert vendor.calls[0].request.headers["X-API-Key"] == "key-1"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "Field required"),
        ({"api_key": ""}, "non-empty string"),
        ({"api_key": " k"}, "should hold no white space"),
        ({"api_key": "k", "refresh_when_stale": "yes"}, "valid boolean"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], message: str) -> None:
    """A missing key, and one that was not copied cleanly, are errors before any call."""
    with pytest.raises(ValidationError, match=message):
        provider("leadmagic", **settings)
