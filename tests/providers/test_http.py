"""``type: http`` in the configuration: every key, what is refused, and what people are shown."""

import json

import pytest
import responses
import yaml

from exporter.config import parse_config
from exporter.model import Pool
from exporter.providers.base import Call
from exporter.providers.registry import provider_types
from exporter.yamlsource import SourceError
from tests.providers.http_support import ENVIRONMENT, KEY, config_of, problems_of
from tests.providers.support import answer

EVERYTHING = """
providers:
  - name: everything
    type: http
    request:
      url: https://vendor.example/v1/credits
      method: GET
      headers: {Authorization: "Bearer ${KEY}", Accept: application/json, Api-Version: 2}
      params: {unit: eur, deep: true}
      json: {}
    response:
      format: json
      success: "error == `false`"
      errors:
        - {when: "error.code == 'UNAUTHORIZED'", reason: unauthorized}
        - {status: 400, reason: rate_limited}
      pools:
        - pool: default
          balance: data.remaining
          unit: USD
        - total: data.total_credits
          used: data.total_usage
        - each: balance_infos
          pool_from: currency
          unit_from: currency
          balance: total_balance
          sources: {granted: granted_balance, topped_up: topped_up_balance}
        - header: X-Credits-Remaining
          scale: 0.001
          required: false
      daily_limit_remaining: rateLimits.daily.remaining
      daily_limit_reset: {iso8601: rateLimits.daily.resetsAt}
      upstream_ttp: {milliseconds: took}
"""


def test_every_key_is_understood(vendor: responses.RequestsMock, call: Call) -> None:
    """The entry that uses all of them asks the vendor and reads its answer."""
    body = {
        "error": False,
        "data": {"total_credits": 100.5, "total_usage": 25.75},
        "balance_infos": [{"currency": "CNY", "total_balance": "110.00", "granted_balance": "10.00"}],
        "rateLimits": {"daily": {"remaining": 85, "resetsAt": "2026-07-31T12:26:56.553Z"}},
        "took": 40,
    }
    vendor.get(
        "https://vendor.example/v1/credits?unit=eur&deep=true",
        json=body,
        match=[
            responses.matchers.header_matcher(
                {"Authorization": f"Bearer {KEY}", "Accept": "application/json", "Api-Version": "2"}
            )
        ],
    )
    config = parse_config(EVERYTHING, "c.yml", ENVIRONMENT, provider_types())
    reading = config.accounts["everything"].provider.fetch(call)
    assert reading.pools == {
        "default": Pool(74.75),
        "CNY": Pool(110, unit="CNY", sources={"granted": 10}),
    }
    assert reading.daily_limit.remaining == 85
    assert reading.upstream_seconds == pytest.approx(0.04)


def test_every_wrong_key_is_reported_at_once_where_it_stands() -> None:
    """File, line, key, and in an expression the position; with what was probably meant."""
    text = EVERYTHING
    for right, wrong in (
        ("data.remaining", "data.[remaining"),
        ("each: balance_infos", "eech: balance_infos"),
        ("reason: unauthorized", "reason: bad"),
        ("total: data.total_credits", "total: 5"),
        ("scale: 0.001", "scale: small"),
        ("method: GET", "methot: GET"),
        ("milliseconds: took", "minutes: took"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    said = problems_of(text)
    assert [line.split(" (provider")[0] for line in said] == [
        "c.yml:7: providers[0].request.methot: is not a known key; did you mean method?",
        "c.yml:15: providers[0].response.errors[0].reason: should be 'unauthorized', 'forbidden', "
        "'insufficient_credits', 'rate_limited', 'timeout', 'client_error', 'server_error' or 'bad_response'",
        "c.yml:19: providers[0].response.pools[0].balance: is not a JMESPath expression: "
        "it ends too early, at position 16",
        "c.yml:21: providers[0].response.pools[1].total: "
        "should be a JMESPath expression; quote it if YAML takes it for something else",
        "c.yml:23: providers[0].response.pools[2].eech: is not a known key; did you mean each?",
        "c.yml:29: providers[0].response.pools[3].scale: should be a number",
        "c.yml:33: providers[0].response.upstream_ttp.minutes: is not a known key; known are milliseconds, seconds",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "response", "message"),
    [
        ("json: {a: 1}", None, "request: json is the body of a POST; say method: POST"),
        ("method: POST, json: 5", None, "request.json: should be a mapping of keys or a list"),
        ("method: POST, json: {a: 2026-01-01}", None, "request.json: should hold what JSON can say; quote dates"),
        ("method: PUT", None, "request.method: should be 'GET' or 'POST'"),
        ('headers: {"a b": x}', None, "request.headers.a b.[key]: should be the name of a header"),
        ('headers: {A: "x\\ny"}', None, "request.headers.A: should be text of one line"),
        ("headers: {A: [x]}", None, "request.headers.A: should be text of one line"),
        ("headers: {A: x, a: y}", None, "request: headers names one header twice"),
        ("headers: {authorization: x}, basic_auth: {username: a}", None, "basic_auth makes the header Authorization"),
        ('basic_auth: {username: "a:b"}', None, "username should hold no colon"),
        ("", "pools: []", "response.pools: should not be empty"),
        ("", "format: xml, pools: [{balance: a}]", "response.format: should be 'json', 'form' or 'text'"),
        ("", "pattern: '(?P<a>x)', pools: [{balance: a}]", "pattern is searched for in text; say format: text"),
        ("", "format: text, pattern: '[', pools: [{balance: a}]", "response.pattern: is not a regular expression"),
        ("", "format: text, pattern: 5, pools: [{balance: a}]", "response.pattern: should be a regular expression"),
        ("", "pools: [{pool: a}]", "pools[0]: needs one of balance, header, or total and used"),
        ("", "pools: [{balance: a, header: b}]", "pools[0]: needs one of balance, header, or total and used"),
        ("", "pools: [{total: a}]", "pools[0]: total and used go together"),
        ("", "pools: [{each: a, balance: b}]", "pools[0]: each needs pool_from"),
        ("", "pools: [{balance: b, scale: 0}]", "pools[0]: scale should not be 0"),
        ("", "pools: [{balance: {heather: b}}]", "pools[0].balance: should be a JMESPath expression, or {header: NAME}"),
        ("", "pools: [{balance: {header: b c}}]", "pools[0].balance: should be the name of a header"),
        ("", "pools: [{balance: b}], errors: [{reason: forbidden}]", "errors[0]: needs when (an expression), status"),
        ("", "pools: [{balance: b}], daily_limit_reset: {}", "daily_limit_reset: needs one of seconds, timestamp"),
        ("", "pools: [{balance: b}], upstream_ttp: {seconds: a, milliseconds: b}", "needs one of seconds, milliseconds"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(request_: str, response: str | None, message: str) -> None:
    """Each error says under which key, and what would be right."""
    with pytest.raises(SourceError) as caught:
        config_of(request_, response or "pools: [{balance: left}]")
    assert message in str(caught.value)


def test_an_unused_credential_is_a_typo() -> None:
    """Its name stands nowhere in the request; the error shows how it would."""
    with pytest.raises(SourceError) as caught:
        config_of('headers: {X: "{api_kye}"}', more="    credentials: {api_key: x}")
    assert "credentials.api_key is not used; write {api_key} where it goes in request" in str(caught.value)


def test_expressions_are_shown_as_they_are_written() -> None:
    """The running configuration is one that can be loaded again."""
    config = parse_config(EVERYTHING, "c.yml", ENVIRONMENT, provider_types())
    shown = config.as_shown()
    response = yaml.safe_load(EVERYTHING)["providers"][0]["response"]
    assert shown["providers"][0]["response"]["upstream_ttp"] == response["upstream_ttp"]
    assert shown["providers"][0]["response"]["pools"][2].items() >= response["pools"][2].items()
    again = parse_config(yaml.safe_dump(shown).replace("<secret>", "x"), "c.yml", {}, provider_types())
    assert again.accounts["everything"].settings.response == config.accounts["everything"].settings.response


def test_an_entry_is_compared_by_what_it_says() -> None:
    """A reload that changes nothing keeps the state of the account; another expression doesn't."""
    assert config_of().accounts == config_of().accounts
    assert config_of().accounts != config_of(response="pools: [{balance: right}]").accounts
    assert config_of("headers: {A: x}").accounts != config_of("headers: {A: y}").accounts


def test_explain_tells_what_each_expression_finds() -> None:
    """With its key, also within lists; a header by its name."""
    config = parse_config(EVERYTHING, "c.yml", ENVIRONMENT, provider_types())
    body = {"error": False, "balance_infos": [{"currency": "CNY", "total_balance": "1"}, {"currency": "USD"}]}
    provider = config.accounts["everything"].provider
    findings = list(provider.explain(answer(json.dumps(body), headers={"X-Credits-Remaining": "9"})))
    told = {finding.key: (finding.expression, finding.value) for finding in findings}
    assert told["response.success"] == ("error == `false`", True)
    assert told["response.errors[0].when"] == ("error.code == 'UNAUTHORIZED'", False)
    assert told["response.pools[0].balance"] == ("data.remaining", None)
    assert told["response.pools[2].each"][1] == body["balance_infos"]
    assert told["response.pools[2].balance of element 0"] == ("total_balance", "1")
    assert told["response.pools[2].sources.granted of element 1"] == ("granted_balance", None)
    assert told["response.pools[3].header"] == ("header X-Credits-Remaining", "9")
