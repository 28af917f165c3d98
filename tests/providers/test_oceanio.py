"""Ocean.io: pools by how they were granted, the daily limit, and a token in exactly one place."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
from pydantic import ValidationError

from exporter.model import DailyLimit, FetchError, Pool, Reading, Reason
from exporter.providers.base import Call
from tests.providers.support import NOW, answer, provider

URL = "https://api.ocean.io/v2/credits/balance"


def parse(body: Any, status: int = 200, **headers: str) -> Reading:
    """Parse an answer, given as text or as what its JSON holds, to an ordinary account."""
    text = body if isinstance(body, str) else json.dumps(body)
    return provider("oceanio", api_token="t").parse(answer(text, status, headers))


def pool(one_time: float, recurrent: float) -> Pool:
    """Return a pool with both of its sources."""
    return Pool(one_time + recurrent, sources={"one_time": one_time, "recurrent": recurrent})


AS_DOCUMENTED = {
    "credits": {"oneTime": 100, "recurrent": 200},
    "emailCredits": {"oneTime": 10, "recurrent": 20},
    "phoneCredits": {"oneTime": 1, "recurrent": 2},
    "dailyLimitRateLeft": 10,
    "dailyLimitRateSecondsToReset": 3600,
}


def test_an_answer_as_the_page_shows_it_is_read_whole() -> None:
    """Three pools with their sources, and the daily limit with the time at which it resets."""
    assert parse(AS_DOCUMENTED) == Reading(
        pools={"standard": pool(100, 200), "email": pool(10, 20), "phone": pool(1, 2)},
        daily_limit=DailyLimit(remaining=10, reset_timestamp=NOW + 3600),
    )


@pytest.mark.parametrize("absent", AS_DOCUMENTED)
@pytest.mark.parametrize("how", ["absent", "null"])
def test_every_key_is_optional(absent: str, how: str) -> None:
    """What the answer lacks, or gives as null, is missing from the reading and nothing else."""
    body = AS_DOCUMENTED | {absent: None}
    if how == "absent":
        del body[absent]
    whole, reading = parse(AS_DOCUMENTED), parse(body)
    labels = {"credits": "standard", "emailCredits": "email", "phoneCredits": "phone"}
    assert reading.pools == {name: of for name, of in whole.pools.items() if name != labels.get(absent)}
    assert (reading.daily_limit.remaining is None) == (absent == "dailyLimitRateLeft")
    assert (reading.daily_limit.reset_timestamp is None) == (absent == "dailyLimitRateSecondsToReset")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"oneTime": 0.5, "recurrent": 1.25}, pool(0.5, 1.25), id="fractions"),
        pytest.param({"oneTime": 0, "recurrent": 0}, pool(0, 0), id="nothing left"),
        pytest.param({"oneTime": -5, "recurrent": 2}, pool(-5, 2), id="overdraft"),
        pytest.param({"oneTime": "1,000", "recurrent": "5"}, pool(1000, 5), id="text"),
        pytest.param({"oneTime": 7}, Pool(7, sources={"one_time": 7}), id="one source"),
        pytest.param(
            {"oneTime": None, "recurrent": 7}, Pool(7, sources={"recurrent": 7}), id="one source null"
        ),
        pytest.param(
            {"oneTime": 7, "expiring": 2, "plan": "x"}, Pool(7, sources={"one_time": 7}), id="extra"
        ),
    ],
)
def test_a_balance_is_the_sum_of_its_sources(value: Any, expected: Pool) -> None:
    """Only the sources that the vendor names make a balance."""
    assert parse({"credits": value}) == Reading({"standard": expected})


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("credits", "standard"),
        ("emailCredits", "email"),
        ("phoneCredits", "phone"),
        ("previewCredits", "preview"),
        ("fooBarCredits", "foo_bar"),
        ("aiSearch2Credits", "ai_search2"),
        ("webhooks", "webhooks"),
        ("Credits", "credits"),
    ],
)
def test_a_pool_is_labelled_by_its_key(key: str, label: str) -> None:
    """Known keys have their names; an unknown one is its own words."""
    assert list(parse({key: {"oneTime": 1}}).pools) == [label]


@pytest.mark.parametrize("key", ["ann@example.com", "a b", "", "9lives", "x" * 65, "größeCredits"])
def test_a_key_that_is_no_identifier_is_no_pool(key: str) -> None:
    """What might be personal data never becomes a label."""
    body = {"credits": {"oneTime": 1}, key: {"oneTime": 2}}
    assert list(parse(body).pools) == ["standard"]


@pytest.mark.parametrize("value", [{}, {"total": 5}, {"oneTime": None, "recurrent": None}, None])
def test_a_pool_without_a_figure_is_left_out(value: Any) -> None:
    """An object with neither source, or with both null, gives no balance; least of all 0."""
    assert list(parse({"credits": {"oneTime": 1}, "emailCredits": value}).pools) == ["standard"]


@pytest.mark.parametrize("extra", [5, "text", True, [1], {"name": "Ann"}])
def test_other_keys_are_tolerated(extra: Any) -> None:
    """What the vendor adds beside pools changes nothing."""
    assert parse({"credits": {"oneTime": 1}, "account": extra}) == parse({"credits": {"oneTime": 1}})


def test_a_negative_daily_limit_is_shown_as_it_is() -> None:
    """What the vendor says of requests left is exported, below zero too."""
    assert parse({"credits": {"oneTime": 1}, "dailyLimitRateLeft": "-3"}).daily_limit == DailyLimit(-3)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"dailyLimitRateLeft": 5}, id="no pool"),
        pytest.param({"credits": {}}, id="empty pool"),
        pytest.param({"credits": 100}, id="pool that is a number"),
        pytest.param({"credits": "100"}, id="pool that is text"),
        pytest.param({"credits": True}, id="pool that is a boolean"),
        pytest.param({"credits": [100]}, id="pool that is a list"),
        pytest.param({"credits": {"oneTime": 1}, "emailCredits": 5}, id="one of two a number"),
        pytest.param({"credits": {"oneTime": True}}, id="boolean source"),
        pytest.param({"credits": {"oneTime": "many"}}, id="words"),
        pytest.param({"credits": {"oneTime": {"value": 5}}}, id="object as source"),
        pytest.param({"credits": {"oneTime": 1e308, "recurrent": 1e308}}, id="sum beyond a float"),
        pytest.param(
            {"credits": {"oneTime": 1}, "emailCredits": {"oneTime": "x"}}, id="one of two unreadable"
        ),
        pytest.param({"credits": {"oneTime": 1}, "dailyLimitRateLeft": True}, id="boolean limit"),
        pytest.param(
            {"credits": {"oneTime": 1}, "dailyLimitRateSecondsToReset": "soon"}, id="unreadable reset"
        ),
        pytest.param('{"credits": {"oneTime": NaN}}', id="NaN"),
        pytest.param('{"credits": {"oneTime": 1', id="truncated"),
        pytest.param([AS_DOCUMENTED], id="list at the top"),
        pytest.param("<html>Sign in</html>", id="HTML"),
        pytest.param("", id="empty"),
        pytest.param({"detail": "Something new"}, id="unknown detail"),
    ],
)
def test_what_holds_no_readable_balance_is_a_bad_response(body: Any) -> None:
    """Wrong types and pieces are never turned into numbers."""
    with pytest.raises(FetchError) as caught:
        parse(body)
    assert caught.value.reason is Reason.BAD_RESPONSE


IN_PROGRESS = (
    "Some {0} verifications are already in progress and might use all your remaining {0} credits. "
    "Please try again later."
)
CONFLICT = "Conflicting API tokens provided in query parameters and headers"
MISSING = "API token should be provided in headers or query parameters"
UNKNOWN = "Current API token is not registered in our database"
INVALID = [{"loc": ["query", "apiToken"], "msg": "str type expected", "type": "type_error.str"}]


def test_two_keys_of_one_label_are_a_bad_response() -> None:
    """Which of two pools of the same name counts would be a guess."""
    with pytest.raises(FetchError) as caught:
        parse({"emailCredits": {"oneTime": 5}, "email": {"oneTime": 1_000_000}})
    assert caught.value.reason is Reason.BAD_RESPONSE


@pytest.mark.parametrize(
    ("status", "detail", "reason"),
    [
        (400, CONFLICT, Reason.CLIENT_ERROR),
        (402, "Insufficient email credits", Reason.INSUFFICIENT_CREDITS),
        (402, "Insufficient phone credits", Reason.INSUFFICIENT_CREDITS),
        (402, "Insufficient credits", Reason.INSUFFICIENT_CREDITS),
        (402, IN_PROGRESS.format("email"), Reason.INSUFFICIENT_CREDITS),
        (402, IN_PROGRESS.format("phone"), Reason.INSUFFICIENT_CREDITS),
        (402, "A new text", Reason.INSUFFICIENT_CREDITS),
        (403, MISSING, Reason.UNAUTHORIZED),
        (403, UNKNOWN, Reason.UNAUTHORIZED),
        (401, UNKNOWN, Reason.UNAUTHORIZED),
        (401, None, Reason.UNAUTHORIZED),
        (403, "Account is suspended", Reason.FORBIDDEN),
        (404, None, Reason.CLIENT_ERROR),
        (422, INVALID, Reason.CLIENT_ERROR),
        (429, "Too many requests", Reason.RATE_LIMITED),
        (500, "API token service is down", Reason.SERVER_ERROR),
        (200, UNKNOWN, Reason.UNAUTHORIZED),
        (200, CONFLICT, Reason.CLIENT_ERROR),
        (200, IN_PROGRESS.format("email"), Reason.INSUFFICIENT_CREDITS),
    ],
)
def test_errors_have_their_reason(status: int, detail: Any, reason: Reason) -> None:
    """What ``detail`` says counts before the status, since 403 is how this vendor refuses a token."""
    with pytest.raises(FetchError) as caught:
        parse({"detail": detail}, status)
    assert (caught.value.reason, caught.value.status) == (reason, status)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, Reason.FORBIDDEN), (404, Reason.CLIENT_ERROR), (502, Reason.SERVER_ERROR)],
)
def test_an_error_without_json_is_judged_by_its_status(status: int, reason: Reason) -> None:
    """Empty bodies and pages of something in between leave only the status."""
    for body in ("", "<html>Denied</html>"):
        with pytest.raises(FetchError) as caught:
            parse(body, status)
        assert caught.value.reason is reason


def test_retry_after_is_kept() -> None:
    """A rate limit says when to come back."""
    with pytest.raises(FetchError) as caught:
        parse("", 429, **{"Retry-After": "30"})
    assert caught.value.retry_after == 30


def test_the_token_is_sent_as_a_header_by_default(vendor: responses.RequestsMock, call: Call) -> None:
    """The header carries the token, and the query carries nothing."""
    vendor.get(URL, json=AS_DOCUMENTED)
    provider("oceanio", api_token="tok-1").fetch(call)
    sent = vendor.calls[0].request
    assert sent.url == URL
    assert sent.headers["x-api-token"] == "tok-1"


@pytest.mark.parametrize("token", ["tok-1", "a&b%c+d/e=", "täg"])
def test_the_token_can_be_sent_in_the_query_instead(
    token: str, vendor: responses.RequestsMock, call: Call
) -> None:
    """With ``token_in: query`` the parameter carries the token, and no header does."""
    vendor.get(URL, json=AS_DOCUMENTED)
    provider("oceanio", api_token=token, token_in="query").fetch(call)
    sent = vendor.calls[0].request
    assert parse_qsl(urlsplit(str(sent.url)).query, strict_parsing=True) == [("apiToken", token)]
    assert "x-api-token" not in sent.headers
    assert "Authorization" not in sent.headers


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "Field required"),
        ({"api_token": ""}, "non-empty string"),
        ({"api_token": "a b"}, "should hold no white space"),
        ({"api_token": "t", "token_in": "both"}, "'header' or 'query'"),
        ({"api_token": "t", "token_in": True}, "'header' or 'query'"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], message: str) -> None:
    """The token goes to one place, and must be there."""
    with pytest.raises(ValidationError, match=message):
        provider("oceanio", **settings)
