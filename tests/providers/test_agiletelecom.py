"""Agile Telecom: three kinds of credentials, euros, and errors whose code says more than their status."""

import base64
import json
from typing import Any
from urllib.parse import unquote

import pytest
import responses
from oauthlib.oauth1.rfc5849.signature import (
    base_string_uri,
    normalize_parameters,
    sign_hmac_sha1_with_client,
    signature_base_string,
)
from pydantic import ValidationError

from exporter.model import FetchError, Pool, Reading, Reason
from exporter.providers.base import Call
from tests.providers.support import OAUTH1, answer, provider

URL = "https://secure.agiletelecom.com/services/sms/credit"


def parse(body: Any, status: int = 200, **headers: str) -> Reading:
    """Parse an answer, given as text or as what its JSON holds, to an ordinary account."""
    text = body if isinstance(body, str) else json.dumps(body)
    return provider("agiletelecom", api_key="k").parse(answer(text, status, headers))


@pytest.mark.parametrize(
    ("body", "balance"),
    [
        pytest.param({"credit": 10.324}, 10.324, id="as the page shows"),
        pytest.param({"credit": 7}, 7, id="whole"),
        pytest.param({"credit": 0}, 0, id="nothing left"),
        pytest.param({"credit": -2.5}, -2.5, id="overdraft"),
        pytest.param({"credit": "10.324"}, 10.324, id="text"),
        pytest.param({"credit": "1,310.32"}, 1310.32, id="text with separators"),
        pytest.param({"data": {"credit": 10.324}}, 10.324, id="nested"),
        pytest.param({"status": "success", "data": {"credit": "10"}}, 10, id="JSend"),
        pytest.param({"credit": None, "data": {"credit": 3}}, 3, id="null beside nested"),
        pytest.param({"credit": 5, "data": None}, 5, id="null data"),
        pytest.param({"credit": 5, "code": 0, "status": "success"}, 5, id="code of success"),
        pytest.param({"credit": 5, "currency": "EUR", "status": ["x"]}, 5, id="extra keys"),
    ],
)
def test_credit_is_read_in_euros(body: Any, balance: float) -> None:
    """The credit, wherever it stands, is the one pool's balance in EUR."""
    assert parse(body) == Reading({"default": Pool(balance, unit="EUR")})


def error(code: Any = None, status: str = "error") -> dict[str, Any]:
    """Return an error's body as the page shows it."""
    body: dict[str, Any] = {"status": status, "message": "Number check service unavailable"}
    return body if code is None else {**body, "code": code}


@pytest.mark.parametrize("status", [200, 401, 429, 500, 503])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, Reason.UNAUTHORIZED),
        (2, Reason.INSUFFICIENT_CREDITS),
        (8, Reason.SERVER_ERROR),
        (9, Reason.TIMEOUT),
        (11, Reason.UNAUTHORIZED),
        (100, Reason.FORBIDDEN),
        ("9", Reason.TIMEOUT),
    ],
)
def test_a_documented_code_counts_before_the_status(code: Any, reason: Reason, status: int) -> None:
    """The code of an error names its reason, whatever status the error comes with."""
    with pytest.raises(FetchError) as caught:
        parse(error(code), status)
    assert (caught.value.reason, caught.value.status) == (reason, status)


ERRORS = [
    pytest.param(error(42), 500, Reason.SERVER_ERROR, id="code of another call"),
    pytest.param(error(42), 200, Reason.SERVER_ERROR, id="the same on 200"),
    pytest.param(error(42), 400, Reason.SERVER_ERROR, id="the same on 400"),
    pytest.param(error(401), 401, Reason.UNAUTHORIZED, id="code that repeats a telling status"),
    pytest.param(error(), 401, Reason.UNAUTHORIZED, id="no code: 401"),
    pytest.param(error(), 403, Reason.FORBIDDEN, id="no code: 403"),
    pytest.param(error(), 429, Reason.RATE_LIMITED, id="no code: 429"),
    pytest.param(error(), 500, Reason.SERVER_ERROR, id="no code: 500"),
    pytest.param(error(), 404, Reason.CLIENT_ERROR, id="no code: 404"),
    pytest.param(error(), 200, Reason.SERVER_ERROR, id="no code on 200"),
    pytest.param(error("soon"), 200, Reason.SERVER_ERROR, id="unreadable code"),
    pytest.param(error(1, "fail"), 200, Reason.UNAUTHORIZED, id="JSend fail"),
    pytest.param({"code": 1}, 200, Reason.UNAUTHORIZED, id="code alone"),
    pytest.param({**error(1), "credit": 5}, 200, Reason.UNAUTHORIZED, id="error beside a credit"),
    pytest.param({"credit": 5}, 500, Reason.SERVER_ERROR, id="credit under an error's status"),
    pytest.param({}, 200, Reason.BAD_RESPONSE, id="no credit"),
    pytest.param({"credit": None}, 200, Reason.BAD_RESPONSE, id="null credit"),
    pytest.param({"credit": True}, 200, Reason.BAD_RESPONSE, id="boolean credit"),
    pytest.param({"credit": "ten"}, 200, Reason.BAD_RESPONSE, id="words"),
    pytest.param({"credit": [5]}, 200, Reason.BAD_RESPONSE, id="list"),
    pytest.param({"data": {"credit": False}}, 200, Reason.BAD_RESPONSE, id="nested boolean"),
    pytest.param({"data": [5]}, 200, Reason.BAD_RESPONSE, id="data of another type"),
    pytest.param([{"credit": 5}], 200, Reason.BAD_RESPONSE, id="list at the top"),
    pytest.param('{"credit": NaN}', 200, Reason.BAD_RESPONSE, id="NaN"),
    pytest.param('{"credit": 1e999}', 200, Reason.BAD_RESPONSE, id="beyond a float"),
    pytest.param('{"credit": 10.3', 200, Reason.BAD_RESPONSE, id="truncated"),
    pytest.param("", 204, Reason.BAD_RESPONSE, id="empty"),
    pytest.param("<html>OK</html>", 200, Reason.BAD_RESPONSE, id="HTML"),
    pytest.param("<html>Bad Gateway</html>", 502, Reason.SERVER_ERROR, id="gateway page"),
    pytest.param("<html>Forbidden</html>", 403, Reason.FORBIDDEN, id="firewall page"),
]


@pytest.mark.parametrize(("body", "status", "reason"), ERRORS)
def test_errors_have_their_reason(body: Any, status: int, reason: Reason) -> None:
    """Without a documented code the status tells; an answer without a readable credit is a bad one."""
    with pytest.raises(FetchError) as caught:
        parse(body, status)
    assert caught.value.reason is reason


def test_retry_after_is_kept() -> None:
    """A rate limit says when to come back, with or without a code."""
    with pytest.raises(FetchError) as caught:
        parse(error(), 429, **{"Retry-After": "60"})
    assert caught.value.retry_after == 60


def test_api_key_is_the_only_credential(vendor: responses.RequestsMock, call: Call) -> None:
    """With an API key there is no Authorization header."""
    vendor.get(URL, json={"credit": 5})
    provider("agiletelecom", api_key="key-1").fetch(call)
    sent = vendor.calls[0].request
    assert sent.url == URL
    assert sent.headers["X-Api-Key"] == "key-1"
    assert "Authorization" not in sent.headers


@pytest.mark.parametrize("password", ["password", "a:b", "a&b%c+d e", "größe€"])
def test_basic_is_the_only_credential(password: str, vendor: responses.RequestsMock, call: Call) -> None:
    """User name and password are sent as HTTP Basic in UTF-8, and without an API key."""
    vendor.get(URL, json={"credit": 5})
    provider("agiletelecom", username="ann", password=password).fetch(call)
    sent = vendor.calls[0].request
    scheme, _, pair = sent.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(pair).decode() == f"ann:{password}"
    assert "X-Api-Key" not in sent.headers


def test_each_call_is_signed_anew(vendor: responses.RequestsMock, call: Call) -> None:
    """Two calls of one request carry two right OAuth 1.0a signatures with different nonces."""
    vendor.get(URL, json={"credit": 5})
    account = provider("agiletelecom", oauth1=OAUTH1)
    account.fetch(call)
    account.fetch(call)
    nonces = set()
    for sent in (recorded.request for recorded in vendor.calls):
        header = sent.headers["Authorization"].decode()  # the signing library leaves bytes
        assert "X-Api-Key" not in sent.headers
        assert header.startswith("OAuth ")
        pairs = (part.split("=", 1) for part in header.removeprefix("OAuth ").split(", "))
        oauth = {name: unquote(value.strip('"')) for name, value in pairs}
        signature = oauth.pop("oauth_signature")
        assert oauth["oauth_consumer_key"] == OAUTH1["consumer_key"]
        assert oauth["oauth_token"] == OAUTH1["token"]
        text = signature_base_string("GET", base_string_uri(URL), normalize_parameters(list(oauth.items())))
        assert signature == sign_hmac_sha1_with_client(text, _Client())
        nonces.add(oauth["oauth_nonce"])
    assert len(nonces) == 2


class _Client:
    client_secret = OAUTH1["consumer_secret"]
    resource_owner_secret = OAUTH1["token_secret"]


CHOICES = r"api_key, or username and password, or oauth1"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, f"needs credentials: {CHOICES}"),
        (
            {"api_key": "k", "username": "u", "password": "p"},
            rf"takes one kind of credentials \({CHOICES}\), but has api_key, username and password",
        ),
        ({"api_key": "k", "oauth1": OAUTH1}, "but has api_key, oauth1"),
        ({"username": "u", "oauth1": OAUTH1}, "but has username and password, oauth1"),
        ({"username": "u"}, "username and password go together; password is missing"),
        ({"password": "p"}, "username and password go together; username is missing"),
        ({"username": "a:b", "password": "p"}, "should hold no colon"),
        ({"username": "", "password": "p"}, "at least 1 character"),
        ({"api_key": "k\t"}, "should hold no white space"),
        ({"oauth1": {**OAUTH1, "token": None}}, "non-empty string"),
        ({"oauth1": {"consumer_key": "c"}}, "Field required"),
        ({"oauth1": "x"}, "valid dictionary"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], message: str) -> None:
    """Exactly one whole kind of credentials is accepted; the message names what would be right."""
    with pytest.raises(ValidationError, match=message):
        provider("agiletelecom", **settings)
