"""TrueVerify: two documented objects, bare or in an envelope, and a key in a header of choice."""

import json
from typing import Any

import pytest
import responses
from pydantic import ValidationError

from exporter.model import FetchError, Pool, Reading, Reason
from exporter.providers.base import Call
from tests.providers.support import answer, provider

BASE_URL = "https://verify.example"
URL = f"{BASE_URL}/api/v1/credits/balance"


def parse(body: Any, status: int = 200, **headers: str) -> Reading:
    """Parse an answer, given as text or as what its JSON holds, to an ordinary account."""
    text = body if isinstance(body, str) else json.dumps(body)
    return provider("trueverify", api_key="k", base_url=BASE_URL).parse(answer(text, status, headers))


BREAKDOWN = {
    "user_id": "00000000-0000-4000-8000-000000000000",
    "available_credits": 350,
    "used_credits": 50,
    "free_credits": 0,
    "subscription_credits": 200,
    "purchased_credits": 100,
    "bonus_credits": 50,
    "reserved_credits": 10,
}
SOURCES = {"free": 0.0, "subscription": 200.0, "purchased": 100.0, "bonus": 50.0}
BREAKDOWN_POOL = Pool(350, sources=SOURCES, reserved=10, used=50)
SUMMARY = {"balance": 9850, "used_today": 150, "plan": "starter"}


def enveloped(data: Any, **metadata: Any) -> dict[str, Any]:
    """Return an answer in the vendor's envelope."""
    return {"success": True, "data": data, "message": "Retrieved", "metadata": metadata}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(BREAKDOWN, Reading({"default": BREAKDOWN_POOL}), id="breakdown"),
        pytest.param(enveloped(BREAKDOWN), Reading({"default": BREAKDOWN_POOL}), id="breakdown in envelope"),
        pytest.param(SUMMARY, Reading({"default": Pool(9850)}), id="summary"),
        pytest.param(enveloped(SUMMARY), Reading({"default": Pool(9850)}), id="summary in envelope"),
        pytest.param({"available_credits": 0}, Reading({"default": Pool(0)}), id="nothing left"),
        pytest.param({"available_credits": -5}, Reading({"default": Pool(-5)}), id="overdraft"),
        pytest.param({"available_credits": "1,350"}, Reading({"default": Pool(1350)}), id="text"),
        pytest.param(
            {"available_credits": None, "balance": 3}, Reading({"default": Pool(3)}), id="null, balance"
        ),
        pytest.param({"available_credits": 2, "balance": 3}, Reading({"default": Pool(2)}), id="both"),
        pytest.param({"data": None, "balance": 3}, Reading({"default": Pool(3)}), id="null data"),
        pytest.param(
            {"balance": 3, "error": None, "success": True}, Reading({"default": Pool(3)}), id="no error"
        ),
    ],
)
def test_credits_are_read(body: Any, expected: Reading) -> None:
    """Both objects, bare or enveloped, give the balance and what else they tell."""
    assert parse(body) == expected


@pytest.mark.parametrize("how", ["absent", "null"])
@pytest.mark.parametrize(
    ("key", "without"),
    [
        ("used_credits", Pool(350, sources=SOURCES, reserved=10)),
        ("reserved_credits", Pool(350, sources=SOURCES, used=50)),
        *(
            (
                f"{name}_credits",
                Pool(350, sources={n: v for n, v in SOURCES.items() if n != name}, reserved=10, used=50),
            )
            for name in SOURCES
        ),
    ],
)
def test_every_other_field_is_optional(key: str, without: Pool, how: str) -> None:
    """A figure that the answer lacks, or gives as null, is missing from the reading and nothing else."""
    body = BREAKDOWN | {key: None}
    if how == "absent":
        del body[key]
    assert parse(body) == Reading({"default": without})


@pytest.mark.parametrize(
    ("metadata", "seconds"),
    [
        ({"processing_time_ms": 15}, 0.015),
        ({"processing_time_ms": "1,500"}, 1.5),
        ({"processing_time_ms": 0}, 0),
        ({"processing_time_ms": None}, None),
        ({"processing_time_ms": "quick"}, None),
        ({"processing_time_ms": True}, None),
        ({"request_id": "r"}, None),
        (None, None),
        ([15], None),
        ("15", None),
    ],
)
def test_the_processing_time_is_read_in_seconds(metadata: Any, seconds: float | None) -> None:
    """Milliseconds become seconds; a time that can't be read doesn't lose the balance."""
    body = enveloped(SUMMARY) | {"metadata": metadata}
    assert parse(body) == Reading({"default": Pool(9850)}, upstream_seconds=seconds)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param(enveloped({}), id="empty data"),
        pytest.param({"success": True, "data": None}, id="null data"),
        pytest.param(enveloped([BREAKDOWN]), id="data that is a list"),
        pytest.param(enveloped(9850), id="data that is a number"),
        pytest.param({"used_credits": 5}, id="no balance"),
        pytest.param({"free_credits": 5}, id="sources without a balance"),
        pytest.param({"available_credits": True}, id="boolean"),
        pytest.param({"available_credits": "many", "balance": 5}, id="words"),
        pytest.param({"available_credits": [5]}, id="list"),
        pytest.param(BREAKDOWN | {"bonus_credits": False}, id="boolean source"),
        pytest.param(BREAKDOWN | {"used_credits": "x"}, id="unreadable use"),
        pytest.param(BREAKDOWN | {"reserved_credits": {}}, id="reserve that is an object"),
        pytest.param('{"balance": NaN}', id="NaN"),
        pytest.param('{"success": true, "data": {"bal', id="truncated"),
        pytest.param([SUMMARY], id="list at the top"),
        pytest.param("<!doctype html><title>Docs</title>", id="HTML"),
        pytest.param("", id="empty"),
    ],
)
def test_what_holds_no_readable_balance_is_a_bad_response(body: Any) -> None:
    """Wrong types and pieces are never turned into numbers, and no balance is made from sources."""
    with pytest.raises(FetchError) as caught:
        parse(body)
    assert caught.value.reason is Reason.BAD_RESPONSE


def error(code: str) -> dict[str, Any]:
    """Return an error's body as the vendor documents it."""
    return {"success": False, "error": {"code": code, "message": "No"}}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        pytest.param(error("UNAUTHORIZED"), 401, Reason.UNAUTHORIZED, id="unauthorized"),
        pytest.param(error("UNAUTHORIZED"), 200, Reason.UNAUTHORIZED, id="unauthorized on 200"),
        pytest.param(error("RATE_LIMIT_EXCEEDED"), 429, Reason.RATE_LIMITED, id="rate limit"),
        pytest.param(error("RATE_LIMIT_EXCEEDED"), 200, Reason.RATE_LIMITED, id="rate limit on 200"),
        pytest.param({"error": "UNAUTHORIZED"}, 200, Reason.UNAUTHORIZED, id="flat code"),
        pytest.param(error("Insufficient Credits"), 402, Reason.INSUFFICIENT_CREDITS, id="402"),
        pytest.param(error("INSUFFICIENT_CREDITS"), 200, Reason.INSUFFICIENT_CREDITS, id="the same on 200"),
        pytest.param(error("NEW_ONE"), 200, Reason.SERVER_ERROR, id="unknown code on 200"),
        pytest.param(error("NEW_ONE"), 403, Reason.FORBIDDEN, id="unknown code on 403"),
        pytest.param(
            {"success": False, "data": SUMMARY}, 200, Reason.SERVER_ERROR, id="no success with data"
        ),
        pytest.param(
            {"success": False, "error": ["x"]}, 200, Reason.SERVER_ERROR, id="error of another type"
        ),
        pytest.param({"error": {"code": 7}}, 200, Reason.SERVER_ERROR, id="code of another type"),
        pytest.param("", 401, Reason.UNAUTHORIZED, id="bare 401"),
        pytest.param("", 402, Reason.INSUFFICIENT_CREDITS, id="bare 402"),
        pytest.param("", 429, Reason.RATE_LIMITED, id="bare 429"),
        pytest.param("<html>Not here</html>", 404, Reason.CLIENT_ERROR, id="page"),
        pytest.param(SUMMARY, 500, Reason.SERVER_ERROR, id="balance under an error's status"),
    ],
)
def test_errors_have_their_reason(body: Any, status: int, reason: Reason) -> None:
    """The code says more than the status, and ``success: false`` is an error even on 200."""
    with pytest.raises(FetchError) as caught:
        parse(body, status)
    assert (caught.value.reason, caught.value.status) == (reason, status)


def test_retry_after_is_kept() -> None:
    """A rate limit says when to come back."""
    with pytest.raises(FetchError) as caught:
        parse(error("RATE_LIMIT_EXCEEDED"), 429, **{"Retry-After": "12"})
    assert caught.value.retry_after == 12


def test_the_key_is_a_bearer_token_by_default(vendor: responses.RequestsMock, call: Call) -> None:
    """The key goes into Authorization, and nowhere else."""
    vendor.get(URL, json=SUMMARY)
    provider("trueverify", api_key="key-1", base_url=BASE_URL).fetch(call)
    sent = vendor.calls[0].request
    assert sent.url == URL
    assert [name for name, value in sent.headers.items() if "key-1" in value] == ["Authorization"]
    assert sent.headers["Authorization"] == "Bearer key-1"


@pytest.mark.parametrize("header", ["X-API-Key", "x-trueverify-token", "Authorization"])
def test_the_bare_key_can_go_into_another_header(
    header: str, vendor: responses.RequestsMock, call: Call
) -> None:
    """With ``auth_header`` that header alone holds the key, and only the key."""
    vendor.get(URL, json=SUMMARY)
    provider("trueverify", api_key="key-1", base_url=BASE_URL, auth_header=header).fetch(call)
    sent = vendor.calls[0].request
    assert [name for name, value in sent.headers.items() if "key-1" in value] == [header]
    assert sent.headers[header] == "key-1"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api_key": "k"}, "base_url\n  Field required"),
        ({"base_url": BASE_URL}, "api_key\n  Field required"),
        ({"api_key": "k", "base_url": None}, "valid string"),
        ({"api_key": "k", "base_url": "verify.example"}, "should be a URL"),
        ({"api_key": "k", "base_url": "http://verify.example"}, "should be https"),
        ({"api_key": "k k", "base_url": BASE_URL}, "should hold no white space"),
        ({"api_key": "k", "base_url": BASE_URL, "auth_header": ""}, "should be the name of a header"),
        ({"api_key": "k", "base_url": BASE_URL, "auth_header": "X-Key: a"}, "should be the name of a header"),
        ({"api_key": "k", "base_url": BASE_URL, "auth_header": "X\nY"}, "should be the name of a header"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], message: str) -> None:
    """There is no default host for the key to go to, and a header must be one."""
    with pytest.raises(ValidationError, match=message):
        provider("trueverify", **settings)
