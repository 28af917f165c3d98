"""Impressionwise: what is sent, and every answer that its page, knowledge base and siblings document."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
from pydantic import ValidationError

from exporter.model import FetchError, Pool, Reading, Reason
from exporter.providers.base import Call
from tests.providers.support import answer, provider

URL = "https://post.impressionwise.com/creditscheck.aspx"


def parse(body: str | bytes, status: int = 200, **headers: str) -> Reading:
    """Parse an answer to an ordinary account."""
    return provider("impressionwise", code="BBF", password="secret").parse(answer(body, status, headers))


READINGS = [
    pytest.param("CODE=BBF&CREDITS=136012&TTP=0.41", 136012, 0.41, id="as the page shows"),
    pytest.param("CODE=BBF&CREDITS=136,012&TTP=0.41", 136012, 0.41, id="as the knowledge base shows"),
    pytest.param("CODE=BBF&CREDITS=136%2C012&TTP=0.41", 136012, 0.41, id="encoded separator"),
    pytest.param("TTP=0.41&CREDITS=5&CODE=BBF", 5, 0.41, id="another order"),
    pytest.param("code=BBF&Credits=5&ttp=1", 5, 1, id="another case"),
    pytest.param("CODE=BBF&CREDITS=5&TTP=1&PLAN=gold&NOTE=", 5, 1, id="extra keys"),
    pytest.param(" \r\nCODE=BBF&CREDITS=5&TTP=1\r\n", 5, 1, id="white space around"),
    pytest.param("CODE = BBF & CREDITS = 5 & TTP = 1", 5, 1, id="white space within"),
    pytest.param("\ufeffCREDITS=5&TTP=1", 5, 1, id="byte-order mark"),
    pytest.param("\ufeff\r\nCREDITS=5&TTP=1", 5, 1, id="byte-order mark and line end"),
    pytest.param(b"CREDITS=5&TTP=1&NAME=caf\xe9", 5, 1, id="not UTF-8"),
    pytest.param("CREDITS=5", 5, None, id="no TTP"),
    pytest.param("CREDITS=5&TTP=", 5, None, id="empty TTP"),
    pytest.param("CREDITS=5&TTP=fast", 5, None, id="unreadable TTP"),
    pytest.param("CREDITS=0&TTP=1", 0, 1, id="nothing left"),
    pytest.param("CREDITS=-12&TTP=1", -12, 1, id="overdraft"),
    pytest.param("CREDITS=12.75&TTP=1", 12.75, 1, id="fraction"),
]


@pytest.mark.parametrize(("body", "balance", "seconds"), READINGS)
def test_credits_are_read(body: str | bytes, balance: float, seconds: float | None) -> None:
    """Keys in any order and case give the balance; TTP is shown where it can be read."""
    assert parse(body) == Reading({"default": Pool(balance)}, upstream_seconds=seconds)


ERRORS = [
    pytest.param("WRONG_CREDENTIALS", 200, Reason.UNAUTHORIZED, id="wrong credentials"),
    pytest.param("\ufeffWRONG_CREDENTIALS\r\n", 200, Reason.UNAUTHORIZED, id="surrounded"),
    pytest.param("\ufeff\nWRONG_CREDENTIALS", 200, Reason.UNAUTHORIZED, id="after mark and line end"),
    pytest.param("wrong_credentials", 200, Reason.UNAUTHORIZED, id="lower case"),
    pytest.param("WRONG_CREDENTIALS", 500, Reason.UNAUTHORIZED, id="text before status"),
    pytest.param("result=WRONG_PSW", 200, Reason.UNAUTHORIZED, id="sibling: wrong password"),
    pytest.param("CODE=BBF&RESULT=wrong_code", 200, Reason.UNAUTHORIZED, id="sibling: wrong code"),
    pytest.param("result=RETRY", 200, Reason.SERVER_ERROR, id="sibling: retry"),
    pytest.param("RETRY", 200, Reason.SERVER_ERROR, id="bare retry"),
    pytest.param("CODE=BBF&TTP=0.41", 200, Reason.BAD_RESPONSE, id="no credits"),
    pytest.param("CODE=BBF&CREDITS=&TTP=0.41", 200, Reason.BAD_RESPONSE, id="empty credits"),
    pytest.param("CODE=BBF&CREDITS=null", 200, Reason.BAD_RESPONSE, id="null credits"),
    pytest.param("CODE=BBF&CREDITS=true", 200, Reason.BAD_RESPONSE, id="boolean credits"),
    pytest.param("CODE=BBF&CREDITS=NaN", 200, Reason.BAD_RESPONSE, id="credits that are no number"),
    pytest.param("CODE=BBF&CREDITS=136.012,00", 200, Reason.BAD_RESPONSE, id="foreign separators"),
    pytest.param("CODE=BBF&CRED", 200, Reason.BAD_RESPONSE, id="truncated"),
    pytest.param("", 200, Reason.BAD_RESPONSE, id="empty"),
    pytest.param("<html><body>Please wait</body></html>", 200, Reason.BAD_RESPONSE, id="HTML"),
    pytest.param('{"CREDITS": 5}', 200, Reason.BAD_RESPONSE, id="JSON"),
    pytest.param("<html>Bad Gateway</html>", 502, Reason.SERVER_ERROR, id="gateway page"),
    pytest.param("CODE=BBF&CREDITS=5", 503, Reason.SERVER_ERROR, id="credits under an error's status"),
    pytest.param("", 401, Reason.UNAUTHORIZED, id="401"),
    pytest.param("", 403, Reason.FORBIDDEN, id="403"),
    pytest.param("", 429, Reason.RATE_LIMITED, id="429"),
]


@pytest.mark.parametrize(("body", "status", "reason"), ERRORS)
def test_errors_have_their_reason(body: str, status: int, reason: Reason) -> None:
    """The text says more than the status; an answer without credits is an error whatever its status."""
    with pytest.raises(FetchError) as caught:
        parse(body, status)
    assert (caught.value.reason, caught.value.status) == (
        reason,
        None if reason is Reason.BAD_RESPONSE else status,
    )


@pytest.mark.parametrize("password_param", ["PSW", "PWD"])
@pytest.mark.parametrize("password", ["password", "a&b", "100%", "%26", "a+b", "a b", "ä€=?#/;", "'\"\\"])
def test_code_and_password_are_sent_encoded(
    password: str, password_param: str, vendor: responses.RequestsMock, call: Call
) -> None:
    """Whatever signs the password holds, the vendor decodes exactly code and password, and nothing else."""
    vendor.get(URL, body="CREDITS=5")
    account = provider("impressionwise", code="BBF", password=password, password_param=password_param)
    assert account.fetch(call).pools["default"].balance == 5
    sent = vendor.calls[0].request
    query = urlsplit(str(sent.url)).query
    assert parse_qsl(query, strict_parsing=True) == [("CODE", "BBF"), (password_param, password)]
    assert query.isascii()
    assert "+" not in query
    assert "Authorization" not in sent.headers


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"password": "x"}, "Field required"),
        ({"code": "BBF"}, "Field required"),
        ({"code": "", "password": "x"}, "at least 1 character"),
        ({"code": 123, "password": "x"}, "valid string"),
        ({"code": "BBF", "password": ""}, "non-empty string"),
        ({"code": "BBF", "password": "x", "password_param": "PASS"}, "'PSW' or 'PWD'"),
        ({"code": "BBF", "password": "x", "api_key": "y"}, "Extra inputs"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], message: str) -> None:
    """A missing, empty or unknown key is an error before any call."""
    with pytest.raises(ValidationError, match=message):
        provider("impressionwise", **settings)
