"""What holds for every provider type and every way to give its credentials."""

import base64
import itertools
import json
import traceback
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import responses
from pydantic import ValidationError

from exporter.model import FetchError, Reason, VendorRequest, VendorResponse
from exporter.providers.base import Call, Provider
from exporter.providers.registry import catalogue_folder, provider_types
from exporter.secret import Redactor
from exporter.transport import prepare
from tests.providers.support import ACCOUNTS, GOOD_BODIES, SECRET, Account, answer, provider

every_account = pytest.mark.parametrize("account", ACCOUNTS, ids=str)
# The vendors of the catalogue have tests of their own, which a new one joins with its file.
TYPES = [name for name in provider_types() if not (catalogue_folder() / f"{name}.yml").is_file()]
every_type = pytest.mark.parametrize("type_name", TYPES)


def example(type_name: str) -> Provider[Any]:
    """Return a provider of a type."""
    return next(account for account in ACCOUNTS if account.type_name == type_name).provider()


def written_forms(secrets: tuple[str, ...]) -> set[str]:
    """Return the ways in which secrets would show in a text."""
    return {form for text in secrets for form in (text, quote(text, safe=""), repr(text)[1:-1])}


def test_every_type_is_covered() -> None:
    """A type without an account here would escape the contract."""
    assert {account.type_name for account in ACCOUNTS} == set(TYPES) == set(GOOD_BODIES)


@every_type
def test_a_type_describes_itself(type_name: str) -> None:
    """Its name, its documentation, and hosts that credentials reach over TLS only."""
    provider_class = provider_types().get(type_name)
    assert provider_class.type_name == type_name
    assert provider_class.documentation.startswith("https://")
    assert (provider_class.default_base_url or "https://").startswith("https://")
    assert provider_class.default_refresh_interval >= 60
    assert provider_class.__doc__
    assert provider_class.settings_model.__doc__


@every_account
def test_the_request_is_built_once(account: Account) -> None:
    """It is the same object each time, so that the transport prepares it once."""
    vendor = account.provider()
    assert vendor.request() is vendor.request()
    assert (vendor.request().method, vendor.request().json) == ("GET", None)


@every_account
def test_exactly_one_credential_is_sent(account: Account) -> None:
    """One header or one parameter holds the credentials; nothing else goes along."""
    bare = prepare(VendorRequest("https://vendor.example/"))
    sent = prepare(account.provider().request())
    parameters = {name for name, _ in parse_qsl(urlsplit(str(sent.url)).query)} - {"CODE"}
    assert len(parameters | (sent.headers.keys() - bare.headers.keys())) == 1


@every_account
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_base_url_may_have_a_path_of_its_own(
    account: Account, slash: str, vendor: responses.RequestsMock, call: Call
) -> None:
    """The vendor's path comes after that of a proxy, with one slash between them."""
    usual = urlsplit(str(prepare(account.provider().request()).url)).path
    url = f"https://proxy.example/vendors/x{usual}"
    vendor.add(responses.GET, url, body=GOOD_BODIES[account.type_name])
    settings = account.settings | {"base_url": f"https://proxy.example/vendors/x{slash}"}
    settings.pop("refresh_when_stale", None)
    assert provider(account.type_name, **settings).fetch(call).pools


@pytest.mark.parametrize("base_url", ["https://proxy.example/?to=vendor", "https://proxy.example/#vendor"])
@every_type
def test_a_base_url_has_no_query(type_name: str, base_url: str) -> None:
    """A path can't be appended to a query or a fragment."""
    settings = next(account.settings for account in ACCOUNTS if account.type_name == type_name)
    with pytest.raises(ValidationError, match="no query and no fragment"):
        provider(type_name, **settings | {"base_url": base_url})


@every_type
def test_parse_depends_on_the_answer_alone(type_name: str) -> None:
    """The same answer gives the same reading, whatever came before and whoever reads it."""
    first, second = example(type_name), example(type_name)
    good = answer(GOOD_BODIES[type_name])
    reading = first.parse(good)
    with pytest.raises(FetchError):
        first.parse(answer("", status=500))
    assert first.parse(good) == reading == second.parse(answer(GOOD_BODIES[type_name]))
    assert all(pool.balance is not None and pool.balance > 80 for pool in reading.pools.values())


@every_type
@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 501, 502, 503, 504, 520]
)
def test_an_error_status_is_never_a_reading(type_name: str, status: int) -> None:
    """However good the body looks, 4xx and 5xx are errors that keep their status."""
    vendor = example(type_name)
    for body in (GOOD_BODIES[type_name], "", "<html>No</html>", "null", "[]", "{}"):
        with pytest.raises(FetchError) as caught:
            vendor.parse(answer(body, status, {"Retry-After": "5"}))
        assert caught.value.status == status
        assert caught.value.retry_after == 5
        assert caught.value.reason is not Reason.BAD_RESPONSE


VALUES: list[Any] = [None, True, 0, -1, 1e300, "", "x", [], {}, [[]], {"code": []}, ["x", {"code": {}}]]
KEYS = [
    *("success", "status", "code", "error", "errors", "message", "data", "metadata", "detail"),
    *("credit", "credits", "credits_liquid", "is_frozen", "available_credits", "balance", "emailCredits"),
]


@every_type
def test_odd_bodies_end_as_a_reading_or_a_fetch_error(type_name: str) -> None:
    """Whatever type stands where, nothing else than FetchError is raised."""
    vendor = example(type_name)
    for key, value, status in itertools.product(KEYS, VALUES, (200, 500)):
        body = json.dumps({key: value})
        try:
            vendor.parse(answer(body, status))
        except FetchError as error:
            assert error.detail  # noqa: PT017 - a reading is as good
    for cut in range(len(GOOD_BODIES[type_name])):
        try:
            vendor.parse(answer(GOOD_BODIES[type_name][:cut].encode() + b"\xff\x00"))
        except FetchError as error:
            assert error.detail  # noqa: PT017


def echoes(secret: str) -> list[VendorResponse]:
    """Return answers that hold a secret wherever a vendor might repeat it."""
    objects: list[Any] = [
        {"error": secret, "message": secret, "code": secret, "status": secret, "detail": secret},
        {"success": False, "error": {"code": secret, "message": secret}, "errors": [{"code": secret}]},
        {secret: {"oneTime": secret}, "credit": secret, "credits": secret, "available_credits": secret},
    ]
    bodies = [secret, f"CREDITS={secret}", f"WRONG_{secret}", *(json.dumps(body) for body in objects)]
    headers = {"Retry-After": quote(secret), "X-Credits-Remaining": quote(secret)}
    return [answer(body, status, headers) for body in bodies for status in (200, 401, 403, 500)]


@every_account
def test_no_error_shows_a_secret(account: Account) -> None:
    """Text, repr and traceback of every error are ours, also where the vendor repeats the credentials."""
    vendor = account.provider()
    for secret in account.secrets:
        for response in echoes(secret):
            with pytest.raises(FetchError) as caught:
                vendor.parse(response)
            error = caught.value
            shown = f"{error} {error!r} {error.detail} {''.join(traceback.format_exception(error))}"
            assert not [form for form in written_forms(account.secrets) if form in shown]


@every_account
def test_no_text_of_provider_settings_or_request_shows_a_secret(account: Account) -> None:
    """Whatever of them ends in a log line, a page or a debugger is masked."""
    vendor = account.provider()
    settings = vendor.settings
    things = [vendor, vars(vendor), settings, settings.model_dump(), vendor.request(), vars(vendor.request())]
    shown = " ".join(f"{thing!r} {thing!s}" for thing in things) + settings.model_dump_json()
    assert not [form for form in written_forms(account.secrets) if form in shown]
    assert "<secret>" in shown


@every_account
def test_the_provider_names_every_secret_that_it_sends(account: Account) -> None:
    """Redacting with them cleans the request as it goes over the wire, in whatever encoding."""
    vendor = account.provider()
    assert set(account.secrets) <= {secret.reveal() for secret in vendor.secrets()}
    sent = prepare(vendor.request())
    headers = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in sent.headers.items()
    }
    clean = Redactor(vendor.secrets())(f"{sent.url} {headers}")
    pair = base64.b64encode(f"ann:{SECRET}".encode()).decode()
    assert not [form for form in written_forms((*account.secrets, pair)) if form in clean]


@every_account
def test_an_invalid_entry_does_not_show_its_secrets(account: Account) -> None:
    """A secret under a key that is misspelt stays out of the error about that key."""
    with pytest.raises(ValidationError) as caught:
        provider(account.type_name, **account.settings, apikey=account.secrets[0])
    shown = f"{caught.value} {caught.value!r}"
    assert not [form for form in written_forms(account.secrets) if form in shown]


@every_account
def test_an_error_of_the_call_passes_through(account: Account) -> None:
    """What the transport says of a failed call is what the provider says."""

    def fail(request: VendorRequest) -> VendorResponse:
        raise FetchError(Reason.TIMEOUT, "too slow")

    with pytest.raises(FetchError, match="too slow"):
        account.provider().fetch(fail)


@every_type
def test_only_a_vendor_with_a_call_for_it_judges_the_key(type_name: str) -> None:
    """Without a health call nothing is asked and nothing claimed."""
    calls: list[VendorRequest] = []

    def refuse(request: VendorRequest) -> VendorResponse:
        calls.append(request)
        return answer("", 401)

    verdict = example(type_name).accepts_key(refuse)
    assert (verdict, len(calls)) == ((False, 1) if type_name == "leadmagic" else (None, 0))
