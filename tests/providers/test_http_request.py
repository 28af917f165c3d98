"""What ``type: http`` sends, and what of it is secret."""

import json
import os
from pathlib import Path

import pytest
import responses

from exporter.config import load_config, parse_config
from exporter.model import Pool
from exporter.providers.base import Call
from exporter.providers.registry import provider_types
from exporter.secret import Redactor
from exporter.transport import prepare
from exporter.yamlsource import SourceError
from tests.providers.http_support import ENVIRONMENT, KEY, OTHER, config_of, problems_of, request_of


@pytest.mark.parametrize(
    ("url", "more", "message"),
    [
        (
            "http://vendor.example/credits",
            "",
            "the URL should be https, or the entry should say allow_http: true",
        ),
        ("http://vendor.example/credits", "allow_http: true", None),
        ("http://127.0.0.1:8080/credits", "", None),
        ("https://vendor.example/credits", "base_url: http://proxy.example", "the URL should be https"),
        ("ftp://vendor.example", "", "should be a URL such as https://host/path"),
        ("https://a:b@vendor.example", "", "should hold no credentials"),
        ("'https://{key}.vendor.example'", "", "should name the host itself"),
        ("5", "", "should be a URL such as https://host/path"),
    ],
)
def test_the_url_is_https_and_names_the_host(url: str, more: str, message: str | None) -> None:
    """Credentials don't travel in the clear, and don't choose where they go."""
    text = (
        f"providers: [{{type: http, request: {{url: {url}}}, response: {{pools: [{{balance: a}}]}}"
        f"{', ' + more if more else ''}}}]"
    )
    if message is None:
        assert parse_config(text, "c.yml", {}, provider_types()).accounts
    else:
        assert message in problems_of(text)[0]


def test_base_url_replaces_scheme_and_host() -> None:
    """A proxy in front of the vendor keeps path and query, below a path of its own."""
    config = config_of("params: {a: b}", more="    base_url: https://proxy.example/vendors/x/")
    assert prepare(request_of(config)).url == "https://proxy.example/vendors/x/credits?a=b"


def test_several_secrets_at_once_in_every_place(vendor: responses.RequestsMock, call: Call) -> None:
    """Path, query, two headers, Basic and body; all are masked wherever the entry or its request is shown."""
    config = parse_config(
        """
providers:
  - type: http
    request:
      url: "https://vendor.example/bot${KEY}/{sid}/credits?token=${OTHER}"
      method: POST
      headers: {X-API-Key: "${KEY}", X-API-Secret: "literal-s3cret", Content-Type: application/json}
      params: {p: "${KEY} & co"}
      basic_auth: {username: "{sid}", password: "${OTHER}"}
      json: {auth: {key: "${KEY}", list: ["{sid}", 5, null, true]}, query: "query {\\n  credits { left }\\n}"}
    credentials: {sid: "s/d ü"}
    response: {pools: [{balance: left}]}
""",
        "c.yml",
        ENVIRONMENT,
        provider_types(),
    )
    sent = vendor.post(
        f"https://vendor.example/bot{KEY}/s%2Fd%20%C3%BC/credits?token={OTHER}&p={KEY}%20%26%20co",
        json={"left": 5},
    )
    account = config.accounts["http"]
    assert account.provider.fetch(call).pools == {"default": Pool(5)}
    request = sent.calls[0].request
    assert request.headers["X-API-Secret"] == "literal-s3cret"
    assert json.loads(request.body) == {
        "auth": {"key": KEY, "list": ["s/d ü", 5, None, True]},
        "query": "query {\n  credits { left }\n}",
    }
    secrets = {KEY, OTHER, "literal-s3cret", "s/d ü"}
    assert secrets <= {secret.reveal() for secret in account.provider.secrets()}
    shown = f"{account!r} {account.provider.request()!r} {json.dumps(config.as_shown())}"
    assert not [secret for secret in secrets if secret in shown]
    assert "application/json" in repr(account.provider.request())
    redacted = Redactor(account.provider.secrets())(
        f"{request.url} {dict(request.headers)} {request.body.decode()}"
    )
    basic = request.headers["Authorization"].removeprefix("Basic ")
    assert not [secret for secret in (*secrets, basic) if secret in redacted]


def test_ordinary_words_are_not_redacted_from_the_log() -> None:
    """Masking them would garble every line; what came from the environment is secret whatever it is."""
    config = config_of(
        'headers: {Accept: application/json, X-Version: "2023-06-01", X-Unit: "${WORD}"}, '
        "params: {format: json, limit: 10, account: long-11ve-the-king}"
    )
    secrets = next(iter(config.accounts.values())).provider.secrets()
    assert {secret.reveal() for secret in secrets} == {"word", "long-11ve-the-king"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://vendor.example/v1.1/account/balance.json", "https://vendor.example/v1.1/account/balance.json"),
        ("https://vendor.example/a?key=abc&format=json",
         "https://vendor.example/a?key=<secret>&format=<secret>"),
        ("https://vendor.example/bot1234567:AAbbCCdd11/a", "https://vendor.example/<secret>/a"),
        ("https://vendor.example/${KEY}/a", "https://vendor.example/<secret>/a"),
    ],
)  # fmt: skip
def test_the_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    """Host and path stay readable; parameters, keys in the path and the environment's values don't."""
    text = f"providers: [{{type: http, request: {{url: '{url}'}}, response: {{pools: [{{balance: a}}]}}}}]"
    config = parse_config(text, "c.yml", ENVIRONMENT, provider_types())
    assert config.as_shown()["providers"][0]["request"]["url"] == shown
    assert repr(request_of(config).url) == shown


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    """Credentials by name, and the password of Basic; a changed file makes another account."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "password").write_text("hunter2-canary\n")
    file = tmp_path / "c.yml"
    file.write_text(
        """
providers:
  - type: http
    request:
      url: https://vendor.example/
      headers: {X-Key: "{api_key}"}
      basic_auth: {username: ann, password_file: password}
    credentials: {api_key_file: key}
    response: {pools: [{balance: left}]}
"""
    )
    first = load_config(file, {}, provider_types())
    assert prepare(request_of(first)).headers["X-Key"] == KEY
    assert {tmp_path / "key", tmp_path / "password"} <= set(first.files)
    names = {secret.reveal() for secret in first.secrets()}
    assert {KEY, "hunter2-canary"} <= names
    assert first.accounts == load_config(file, {}, provider_types()).accounts
    (tmp_path / "key").write_text(OTHER)
    assert first.accounts != load_config(file, {}, provider_types()).accounts
    (tmp_path / "key").unlink()
    with pytest.raises(SourceError) as caught:
        load_config(file, {}, provider_types())
    assert [str(problem) for problem in caught.value.problems] == [
        f"{file}:8: providers[0].credentials.api_key_file: {tmp_path / 'key'} can't be read: "
        f"{os.strerror(2)} (provider http)"
    ]


def test_braces_that_name_no_credential_are_left_alone() -> None:
    """A GraphQL query is full of them."""
    request = request_of(config_of('method: POST, json: {query: "{credits{left}}"}'))
    assert prepare(request).body == b'{"query": "{credits{left}}"}'


def test_a_post_has_a_body_only_if_one_is_given() -> None:
    """An empty mapping is a body, none at all is none."""
    assert prepare(request_of(config_of("method: POST"))).body is None
    assert prepare(request_of(config_of("method: POST, json: {}"))).body == b"{}"
