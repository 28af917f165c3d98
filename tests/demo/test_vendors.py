import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_PLAINTEXT, SIGNATURE_TYPE_QUERY, Client

from exporter.demo.accounts import Account, still_accounts
from exporter.demo.message import Request, Response
from exporter.demo.pools import Pool
from exporter.demo.simulator import Simulator
from exporter.demo.vendors import Impressionwise, TrueVerify

Ask = Callable[..., Response]

OCEAN = "/v2/credits/balance"
AGILE_URL = "http://vendors.test/agiletelecom/services/sms/credit"


def body(response: Response) -> Any:
    """Return the answer's JSON."""
    return json.loads(response.body)


def test_impressionwise_answers_a_form_of_code_credits_and_seconds(ask: Ask) -> None:
    """The answer is the sample of the vendor's page, to the byte."""
    assert ask("impressionwise").body == b"CODE=BBF&CREDITS=136012&TTP=0.41"


def test_agile_telecom_answers_euros(ask: Ask) -> None:
    """The answer is the sample of the vendor's page."""
    assert body(ask("agiletelecom")) == {"credit": 10.324}


def test_ocean_answers_pools_by_grant_and_the_daily_limit(ask: Ask) -> None:
    """The three pools of the vendor's page hold one-time and recurrent credits, beside what is left today."""
    hundreds = {"oneTime": 100.0, "recurrent": 100.0}
    assert body(ask("oceanio")) == {
        "credits": hundreds,
        "emailCredits": hundreds,
        "phoneCredits": hundreds,
        "dailyLimitRateLeft": 999,
        "dailyLimitRateSecondsToReset": 6400,
    }


def test_ocean_without_a_limit_says_nothing_of_one() -> None:
    """An account without a daily limit gets neither of the two figures, and unknown pools get their key."""
    account = Account(still_accounts()["oceanio"].vendor, {"preview": Pool(5.0)})
    answer = account.answer(Request("GET", "http://x/", {"x-api-token": "demo-oceanio-token"}), OCEAN, 0.0)
    assert body(answer) == {"previewCredits": {"oneTime": 0, "recurrent": 5.0}}


def test_leadmagic_answers_credits_and_repeats_them_in_a_header(ask: Ask) -> None:
    """The answer has the keys of a recorded real one."""
    answer = ask("leadmagic")
    assert body(answer) == {
        "credits": 15432.5,
        "is_frozen": False,
        "credits_frozen": 0,
        "credits_liquid": 15432.5,
        "credit_freeze_message": None,
        "credit_freeze_plan_hint": None,
    }
    assert answer.headers["X-Credits-Remaining"] == "15432.50"


def test_leadmagic_takes_frozen_credits_out_of_the_liquid_ones(simulator: Simulator, ask: Ask) -> None:
    """Frozen credits stay in the total, are told by themselves, and can't be spent."""
    simulator.freeze("leadmagic", 432.5)
    told = body(ask("leadmagic"))
    assert (told["credits"], told["is_frozen"]) == (15432.5, True)
    assert (told["credits_frozen"], told["credits_liquid"]) == (432.5, 15000.0)
    assert told["credit_freeze_message"]


@pytest.mark.parametrize(("path", "method"), [("/v1/credits/health", "GET"), ("/v1/credits/refresh", "POST")])
def test_leadmagic_has_a_health_check_and_a_refresh(ask: Ask, path: str, method: str) -> None:
    """Both take the key, refuse a wrong one, and another method."""
    assert ask("leadmagic", path, method=method).status == 200
    assert ask("leadmagic", path, {"x-api-key": "wrong"}, method=method).status == 401
    assert ask("leadmagic", path, method="DELETE").headers["Allow"] == method


def test_trueverify_answers_the_breakdown_in_an_envelope(ask: Ask) -> None:
    """What is available is the sum of the four grants; what is reserved stands apart."""
    answer = body(ask("trueverify"))
    assert answer["success"] is True
    assert answer["metadata"] == {"processing_time_ms": 41}
    assert answer["data"] == {
        "available_credits": 9850,
        "used_credits": 150,
        "free_credits": 100,
        "subscription_credits": 5000,
        "purchased_credits": 4500,
        "bonus_credits": 250,
        "reserved_credits": 0,
    }


def test_trueverify_has_a_second_shape_and_comes_bare() -> None:
    """The other documented answer for the same URL is a balance, what was used today and the plan."""
    account = Account(
        TrueVerify(shape="summary", enveloped=False), {"default": Pool(9850.0, used_before=150)}
    )
    request = Request("GET", "http://x/", {"authorization": "Bearer demo-trueverify-key"})
    answer = account.answer(request, "/api/v1/credits/balance", 0.0)
    assert body(answer) == {"balance": 9850, "used_today": 150, "plan": "starter"}


@pytest.mark.parametrize(
    ("account", "target", "headers"),
    [
        ("impressionwise", "/creditscheck.aspx?PWD=demo%26pass%25word&CODE=BBF", {}),
        ("oceanio", f"{OCEAN}?apiToken=demo-oceanio-token", {}),
        (
            "agiletelecom",
            None,
            {"authorization": "Basic " + base64.b64encode(b"demo:demo-agiletelecom-password").decode()},
        ),
    ],
)
def test_the_other_documented_credentials_are_accepted(
    ask: Ask, account: str, target: str | None, headers: dict[str, str]
) -> None:
    """Each vendor takes its credentials every way that its documentation names."""
    answer = ask(account, target, headers)
    assert answer.status == 200
    assert b"WRONG" not in answer.body


def test_trueverify_can_take_the_bare_key_in_a_header_of_its_own() -> None:
    """With a custom header the Bearer form is refused, the bare key in that header accepted."""
    vendor = TrueVerify(auth_header="X-API-Key")
    assert vendor.settings() == {"api_key": "demo-trueverify-key", "auth_header": "X-API-Key"}
    assert vendor.refusal(Request("GET", "http://x/", {"x-api-key": "demo-trueverify-key"})) is None
    bearer = Request("GET", "http://x/", {"authorization": "Bearer demo-trueverify-key"})
    assert vendor.refusal(bearer) is vendor.failures["unauthorized"]


@pytest.mark.parametrize("password", ["a&b", "50%", "a+b", "with space", "pässwörd", "="])
def test_impressionwise_reads_an_encoded_password(password: str) -> None:
    """Any sign is understood where it is percent-encoded; unencoded signs that mean something are not."""
    vendor = Impressionwise(password=password)
    target = f"http://x/creditscheck.aspx?CODE=BBF&PSW={quote(password, safe='')}"
    assert vendor.refusal(Request("GET", target)) is None
    if password in {"a&b", "a+b"}:
        raw = Request("GET", f"http://x/creditscheck.aspx?CODE=BBF&PSW={password}")
        assert vendor.refusal(raw) is vendor.failures["unauthorized"]


@pytest.mark.parametrize(
    ("account", "target", "headers", "failure"),
    [
        ("impressionwise", "/creditscheck.aspx", {}, "unauthorized"),
        ("impressionwise", "/creditscheck.aspx?CODE=BBF&PSW=wrong", {}, "unauthorized"),
        ("impressionwise", "/creditscheck.aspx?CODE=QQQ&PSW=demo%26pass%25word", {}, "unauthorized"),
        (
            "impressionwise",
            "/creditscheck.aspx?CODE=BBF&PSW=demo%26pass%25word&PWD=demo%26pass%25word",
            {},
            "unauthorized",
        ),
        ("agiletelecom", None, {}, "unauthorized"),
        ("agiletelecom", None, {"x-api-key": "wrong"}, "unauthorized"),
        ("agiletelecom", None, {"authorization": "Basic ZGVtbzp3cm9uZw=="}, "unauthorized"),
        ("agiletelecom", None, {"authorization": "Bearer demo-agiletelecom-key"}, "unauthorized"),
        ("agiletelecom", None, {"authorization": "OAuth nonsense"}, "unauthorized"),
        ("oceanio", OCEAN, {}, "missing_token"),
        ("oceanio", f"{OCEAN}?apiToken=", {}, "missing_token"),
        ("oceanio", OCEAN, {"x-api-token": "wrong"}, "unauthorized"),
        ("oceanio", f"{OCEAN}?apiToken=wrong", {}, "unauthorized"),
        (
            "oceanio",
            f"{OCEAN}?apiToken=demo-oceanio-token",
            {"x-api-token": "demo-oceanio-token"},
            "conflict",
        ),
        ("leadmagic", None, {}, "missing_authentication"),
        ("leadmagic", None, {"x-api-key": "wrong"}, "unauthorized"),
        ("leadmagic", None, {"authorization": "Bearer demo-leadmagic-key"}, "missing_authentication"),
        ("trueverify", None, {}, "unauthorized"),
        ("trueverify", None, {"authorization": "Bearer wrong"}, "unauthorized"),
        ("trueverify", None, {"authorization": "demo-trueverify-key"}, "unauthorized"),
    ],
)
def test_wrong_credentials_get_the_documented_answer(
    *,
    simulator: Simulator,
    ask: Ask,
    account: str,
    target: str | None,
    headers: dict[str, str],
    failure: str,
) -> None:
    """No credentials, wrong ones, in the wrong place or two at once are each refused as documented."""
    assert ask(account, target, headers) == simulator.accounts[account].vendor.failures[failure]


def signed(**changes: Any) -> dict[str, str]:
    """Return the headers of a signed request for the credit, signed differently where told to."""
    keys = {
        "client_key": "demo-consumer",
        "client_secret": "demo-consumer-secret",
        "resource_owner_key": "demo-token",
        "resource_owner_secret": "demo-token-secret",
    }
    url = changes.pop("url", AGILE_URL)
    _, headers, _ = Client(**{**keys, **changes}).sign(url)
    return {name.lower(): value for name, value in headers.items()}


def test_agile_telecom_accepts_an_oauth_signature_once(ask: Ask) -> None:
    """A right signature is accepted; the same request sent again is a replay and is refused."""
    headers = signed()
    assert ask("agiletelecom", headers=headers).status == 200
    assert body(ask("agiletelecom", headers=headers))["code"] == 1
    assert ask("agiletelecom", headers=signed(signature_method=SIGNATURE_HMAC_SHA256)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        signed(client_key="another"),
        signed(client_secret="another"),
        signed(resource_owner_key="another"),
        signed(resource_owner_key=None),
        signed(resource_owner_secret="another"),
        signed(url="http://vendors.test/elsewhere"),
        signed(timestamp="1000000000"),
        signed(signature_method=SIGNATURE_PLAINTEXT),
        signed(signature_type=SIGNATURE_TYPE_QUERY),
        {**signed(), "x-api-key": "demo-agiletelecom-key"},
    ],
    ids=lambda headers: ",".join(headers) or "signed in the query",
)
def test_agile_telecom_refuses_any_other_signature(ask: Ask, headers: dict[str, str]) -> None:
    """A signature by another consumer or token, over another URL, of long ago, unsigned, or beside a key."""
    assert body(ask("agiletelecom", headers=headers)) == {
        "status": "error",
        "message": "Wrong credentials",
        "code": 1,
    }


DOCUMENTED = {
    "impressionwise": {
        "unauthorized": (200, b"WRONG_CREDENTIALS"),
        "wrong_password": (200, b"result=WRONG_PSW"),
        "retry": (200, b"result=RETRY"),
    },
    "agiletelecom": {
        "unauthorized": (500, {"status": "error", "message": "Wrong credentials", "code": 1}),
        "insufficient_credits": (500, {"status": "error", "message": "Insufficient credit", "code": 2}),
        "server_error": (500, {"status": "error", "message": "Server error", "code": 8}),
        "timeout": (503, {"status": "error", "message": "Number check service unavailable", "code": 9}),
        "forbidden": (500, {"status": "error", "message": "Source IP is not allowed", "code": 100}),
        "unauthorized_401": (401, {"status": "error", "message": "Wrong credentials", "code": 1}),
        "unauthorized_code_11": (401, {"status": "error", "message": "Wrong credentials", "code": 11}),
        "forbidden_403": (403, {"status": "error", "message": "Source IP is not allowed", "code": 100}),
        "rate_limited": (429, {"status": "error", "message": "Too many requests"}),
    },
    "oceanio": {
        "conflict": (400, {"detail": "Conflicting API tokens provided in query parameters and headers"}),
        "insufficient_credits": (402, {"detail": "Insufficient email credits"}),
        "insufficient_phone_credits": (402, {"detail": "Insufficient phone credits"}),
        "insufficient_standard_credits": (402, {"detail": "Insufficient standard credits"}),
        "email_in_progress": (
            402,
            {
                "detail": "Some email verifications are already in progress and might use all your remaining "
                "email credits. Please try again later."
            },
        ),
        "phone_in_progress": (
            402,
            {
                "detail": "Some phone verifications are already in progress and might use all your remaining "
                "phone credits. Please try again later."
            },
        ),
        "missing_token": (403, {"detail": "API token should be provided in headers or query parameters"}),
        "unauthorized": (403, {"detail": "Current API token is not registered in our database"}),
        "unauthorized_401": (401, {"detail": "Current API token is not registered in our database"}),
        "not_found": (404, b""),
        "invalid_request": (
            422,
            {
                "detail": [
                    {"loc": ["query", "apiToken"], "msg": "str type expected", "type": "type_error.str"}
                ]
            },
        ),
        "rate_limited": (429, b""),
        "server_error": (500, b"Internal Server Error"),
    },
    "leadmagic": {
        "missing_authentication": (401, "missing_authentication"),
        "unauthorized": (401, "invalid_api_key"),
        "unauthorized_flat": (401, {"error": "invalid_api_key", "message": "Invalid API key"}),
        "unauthorized_bare": (401, b""),
        "insufficient_credits": (402, "insufficient_credits"),
        "rate_limited": (429, "rate_limit_exceeded"),
        "rate_limited_flat": (429, {"error": "rate_limit_exceeded", "message": "Rate limit exceeded"}),
        "server_error": (500, "internal_server_error"),
        "bad_gateway": (502, b""),
        "unavailable": (503, b""),
    },
    "trueverify": {
        "unauthorized": (401, "UNAUTHORIZED"),
        "unauthorized_200": (200, "UNAUTHORIZED"),
        "insufficient_credits": (402, "INSUFFICIENT_CREDITS"),
        "rate_limited": (429, "RATE_LIMIT_EXCEEDED"),
        "server_error": (500, "INTERNAL_ERROR"),
    },
}


def test_every_failure_is_in_the_table(simulator: Simulator) -> None:
    """The table below covers exactly the failures that the simulated vendors have."""
    assert {name: set(failures) for name, failures in DOCUMENTED.items()} == {
        name: set(account.vendor.failures) for name, account in simulator.accounts.items()
    }


@pytest.mark.parametrize(
    ("account", "failure", "status", "expected"),
    [
        (account, failure, status, expected)
        for account, failures in DOCUMENTED.items()
        for failure, (status, expected) in failures.items()
    ],
)
def test_each_documented_failure_can_be_had_on_demand(
    *, simulator: Simulator, ask: Ask, account: str, failure: str, status: int, expected: Any
) -> None:
    """A failing account answers with the documented status and body; a bare text is the error's code."""
    simulator.fail(account, failure)
    answer = ask(account)
    assert answer.status == status
    if isinstance(expected, bytes):
        assert answer.body == expected
    elif isinstance(expected, str):
        told = body(answer)
        assert told["success"] is False
        error = told["errors"][0] if "errors" in told else told["error"]
        assert error["code"] == expected
    else:
        assert body(answer) == expected


def test_leadmagic_errors_are_problem_documents(simulator: Simulator, ask: Ask) -> None:
    """The envelope comes as application/problem+json and repeats the status."""
    simulator.fail("leadmagic", "unauthorized")
    answer = ask("leadmagic")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body(answer)["errors"][0]["status"] == 401
