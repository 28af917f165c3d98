"""Every failure has a remedy that names the keys and accounts it is about."""

import re

import pytest

from exporter.config import parse_config
from exporter.model import Reason
from exporter.providers.registry import provider_types
from exporter.web.remedies import credential_keys, remedy

ENTRIES = {
    "impressionwise": "code: BBF, password: s3cret",
    "agiletelecom": "oauth1: {consumer_key: s3cret1, consumer_secret: s3cret2, token: s3cret3, token_secret: s3cret4}",
    "oceanio": "api_token: s3cret",
    "leadmagic": "api_key: s3cret, proxy_url: 'http://user:s3cret@proxy:3128'",
    "trueverify": "api_key: s3cret, base_url: 'https://verify.example.com/v1', timeout: 7s, refresh_interval: 2m",
}


def account(kind: str, entry: str | None = None):
    """Return an account of a type, named ``mine``."""
    text = f"providers: [{{name: mine, type: {kind}, {entry or ENTRIES[kind]}}}]"
    return parse_config(text, "test.yml", {}, provider_types()).accounts["mine"]


@pytest.mark.parametrize(
    ("kind", "entry", "keys"),
    [
        ("impressionwise", None, ("password",)),
        ("agiletelecom", "api_key: s3cret", ("api_key",)),
        ("agiletelecom", "username: me, password: s3cret", ("password",)),
        (
            "agiletelecom",
            None,
            ("oauth1.consumer_key", "oauth1.consumer_secret", "oauth1.token", "oauth1.token_secret"),
        ),
        ("oceanio", None, ("api_token",)),
        ("leadmagic", None, ("api_key",)),
        ("trueverify", None, ("api_key",)),
    ],
)
def test_the_credentials_in_use_are_named(kind, entry, keys):
    """Only keys that are given count, nested ones by their path, and a proxy's password is none of them."""
    assert credential_keys(account(kind, entry).settings) == keys


@pytest.mark.parametrize("kind", ENTRIES)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_remedy_without_secrets(kind, reason):
    """A remedy is a sentence or more; backquotes pair up, and no secret is in it."""
    text = remedy(account(kind), reason)
    assert re.fullmatch(r"[A-Z].*[.]", text, re.DOTALL)
    assert text.count("`") % 2 == 0
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        (Reason.UNAUTHORIZED, "Check `api_key` of `mine`: wrong, expired or revoked?"),
        (Reason.FORBIDDEN, "Check the rights of `api_key` of `mine`"),
        (Reason.INSUFFICIENT_CREDITS, "Top up `mine`"),
        (Reason.RATE_LIMITED, "raise `refresh_interval` of `mine` (now 2m)"),
        (Reason.TIMEOUT, "raise `timeout` of `mine` (now 7s)"),
        (Reason.CONNECTION, "between the exporter and `verify.example.com`"),
        (Reason.TLS, "Check the certificate of `verify.example.com`"),
        (Reason.REDIRECT, "Check the URL of `mine`"),
        (Reason.CLIENT_ERROR, "Check the URL and the other settings of `mine`"),
        (Reason.SERVER_ERROR, "look at its status page"),
        (Reason.BAD_RESPONSE, "Run `credits-exporter try --provider mine`"),
        (Reason.TOO_LARGE, "looks like a web page"),
        (Reason.INTERNAL, "`provider_bug`"),
    ],
)
def test_a_remedy_names_what_to_look_at(reason, part):
    """Key, account, host and present value are in the sentence."""
    assert part in remedy(account("trueverify"), reason)


def test_several_credentials_are_listed_as_people_do():
    """Four keys read as a list."""
    assert (
        "`oauth1.consumer_key`, `oauth1.consumer_secret`, `oauth1.token` and `oauth1.token_secret` of `mine`"
    ) in remedy(account("agiletelecom"), Reason.UNAUTHORIZED)
