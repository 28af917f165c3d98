"""The catalogue: every vendor's file against its sample answers, and what holds for all of them.

A sample is a YAML file: ``answer`` (``json`` or ``text``, ``status``, ``headers``) with the ``reading``
or the ``error`` that it is; the good ones also say what is sent, as ``request`` for ``credentials``.
"""

import base64
import dataclasses
import json
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Config, parse_config
from exporter.model import DailyLimit, FetchError, Pool, Reading, Reason, VendorResponse
from exporter.providers.base import Provider
from exporter.providers.registry import catalogue_folder, provider_types
from exporter.secret import Redactor
from exporter.transport import prepare
from exporter.yamlsource import SourceError
from tests.providers.support import answer

SAMPLES = Path(__file__).parent / "catalogue"
VENDORS = sorted(file.name.removesuffix(".yml") for file in catalogue_folder().iterdir())

every_vendor = pytest.mark.parametrize("vendor", VENDORS)


def samples(folder: Path = SAMPLES) -> list[Any]:
    """Return every sample of a folder."""
    return [
        pytest.param(file, id=f"{file.parent.name}-{file.stem}") for file in sorted(folder.glob("*/*.yml"))
    ]


def canary(vendor: str) -> dict[str, str]:
    """Return credentials for a vendor, as its file names them."""
    return {name: f"canary-{name}-7d1f" for name in vendor_file(vendor)["credentials"]}


def vendor_file(vendor: str) -> Any:
    """Return what a vendor's file says."""
    return yaml.safe_load((catalogue_folder() / f"{vendor}.yml").read_text())


def account(vendor: str, settings: dict[str, Any], catalogue: Path | None = None) -> Provider[Any]:
    """Return a provider with settings as a configuration would give them."""
    kind = provider_types(catalogue).get(vendor)
    defaults = {"type": vendor, "name": vendor, "base_url": kind.default_base_url}
    return kind(kind.settings_model.model_validate(defaults | settings))


def configured(vendor: str, settings: dict[str, Any], catalogue: Path | None = None) -> Config:
    """Return a configuration with one entry."""
    text = yaml.safe_dump({"providers": [{"type": vendor, **settings}]})
    return parse_config(text, "c.yml", {}, provider_types(catalogue))


def answer_of(sample: Any) -> VendorResponse:
    """Return the answer that a sample holds."""
    told = sample["answer"]
    body = told["text"] if "text" in told else json.dumps(told["json"])
    return answer(body, told.get("status", 200), told.get("headers"))


def check_sample(file: Path, catalogue: Path | None = None) -> None:
    """Compare what a vendor's file makes of a sample with what the sample says."""
    vendor, sample = file.parent.name, yaml.safe_load(file.read_text())
    assert sample.keys() <= {"credentials", "request", "answer", "reading", "error"}
    credentials = sample.get("credentials") or dict.fromkeys(
        provider_types(catalogue).get(vendor).vendor_file.credentials, "x"
    )
    provider = account(vendor, credentials, catalogue)
    if "request" in sample:
        sent = prepare(provider.request())
        assert (sent.method, sent.url) == (sample["request"].get("method", "GET"), sample["request"]["url"])
        assert sent.headers.items() >= sample["request"].get("headers", {}).items()
    if "error" in sample:
        with pytest.raises(FetchError) as caught:
            provider.parse(answer_of(sample))
        assert caught.value.reason == Reason(sample["error"])
    else:
        told = sample["reading"]
        limit = DailyLimit(told.get("daily_limit_remaining"), told.get("daily_limit_reset_timestamp"))
        pools = {name: Pool(**figures) for name, figures in told["pools"].items()}
        expected = Reading(pools, limit, told.get("upstream_seconds"))
        assert provider.parse(answer_of(sample)) == expected


@pytest.mark.parametrize("file", samples())
def test_a_sample_is_what_it_says(file: Path) -> None:
    """The vendor's file reads the answer, or refuses it, as the sample says."""
    check_sample(file)


@every_vendor
def test_a_vendor_has_good_and_bad_samples(vendor: str) -> None:
    """One answer that is a reading, with the request that it came from, and one that is an error."""
    told = [yaml.safe_load(file.read_text()) for file in (SAMPLES / vendor).glob("*.yml")]
    assert any("reading" in sample and "request" in sample for sample in told)
    assert any("error" in sample for sample in told)


def test_every_sample_is_of_a_vendor() -> None:
    """A renamed vendor takes its samples along."""
    assert {folder.name for folder in SAMPLES.iterdir()} == set(VENDORS)


@every_vendor
def test_a_vendor_describes_itself(vendor: str) -> None:
    """Name, documentation, host, interval, and each credential in a sentence."""
    kind = provider_types().get(vendor)
    assert kind.type_name == vendor
    assert kind.documentation.startswith("https://")
    assert str(kind.default_base_url).startswith("https://")
    assert kind.default_refresh_interval >= 60
    assert kind.__doc__
    assert kind.settings_model.__doc__
    for name in vendor_file(vendor)["credentials"]:
        assert kind.settings_model.model_fields[name].is_required()
        assert str(kind.settings_model.model_fields[name].description).endswith(".")
    assert all(note.endswith(".") for note in vendor_file(vendor).get("notes", ()))


def test_credentials_come_from_files_too(tmp_path: Path) -> None:
    """Each ``x`` may be ``x_file``, as with a built-in type."""
    settings = {}
    for name, value in canary("twilio").items():
        (tmp_path / name).write_text(f"{value}\n")
        settings[f"{name}_file"] = str(tmp_path / name)
    sent = [
        configured("twilio", given).accounts["twilio"].provider.request()
        for given in (settings, canary("twilio"))
    ]
    assert prepare(sent[0]).url == prepare(sent[1]).url


def test_a_vendor_is_strict_about_its_keys() -> None:
    """Missing and unknown ones are errors that name them, and show no value."""
    with pytest.raises(SourceError) as caught:
        configured("twilio", {"authtoken": "canary"})
    assert [str(problem) for problem in caught.value.problems] == [
        "c.yml:2: providers[0].account_sid: is required (provider twilio)",
        "c.yml:2: providers[0].auth_token: is required (provider twilio)",
        "c.yml:2: providers[0].authtoken: is not a known key; did you mean auth_token? (provider twilio)",
    ]


def test_an_account_is_unchanged_by_a_reload() -> None:
    """The types are made anew, yet the same: the state of the account is kept."""
    assert configured("hunter", {"api_key": "x"}).accounts == configured("hunter", {"api_key": "x"}).accounts
    assert configured("hunter", {"api_key": "x"}).accounts != configured("hunter", {"api_key": "y"}).accounts


@every_vendor
def test_a_proxy_may_stand_before_a_vendor(vendor: str) -> None:
    """``base_url`` replaces scheme and host; the vendor's path follows its own."""
    usual = str(prepare(account(vendor, canary(vendor)).request()).url)
    proxied = prepare(
        account(vendor, canary(vendor) | {"base_url": "https://proxy.example/x/"}).request()
    ).url
    origin = str(provider_types().get(vendor).default_base_url)
    assert proxied == usual.replace(origin, "https://proxy.example/x")


@every_vendor
def test_secrets_are_masked_and_named(vendor: str) -> None:
    """No repr shows one, and redacting cleans the request as it is sent."""
    provider = account(vendor, canary(vendor))
    sent = prepare(provider.request())
    wire = f"{sent.url} {dict(sent.headers)}"
    pair = base64.b64encode(":".join(canary(vendor).values()).encode()).decode()
    clean = Redactor(provider.secrets())(wire)
    shown = f"{provider.settings!r} {vars(provider)} {provider.settings.model_dump_json()}"
    assert not [form for form in (*canary(vendor).values(), pair) if form in shown + clean]
    assert "<secret>" in shown
    assert wire != clean


@every_vendor
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
def test_an_error_status_is_never_a_reading(vendor: str, status: int) -> None:
    """However good the body is; nor does the error show what a vendor repeats."""
    provider = account(vendor, canary(vendor))
    good = answer_of(yaml.safe_load((SAMPLES / vendor / "good.yml").read_text()))
    echo = json.dumps({"error": next(iter(canary(vendor).values()))}).encode()
    for body in (good.body, echo, b"", b"<html>", b"null", b"[]"):
        with pytest.raises(FetchError) as caught:
            provider.parse(dataclasses.replace(good, body=body, status=status))
        assert "canary" not in "".join(traceback.format_exception(caught.value))
        assert caught.value.reason is not Reason.BAD_RESPONSE


@every_vendor
def test_odd_bodies_are_readings_or_errors(vendor: str) -> None:
    """A body cut anywhere, and values of every type in every place, raise nothing but FetchError."""
    provider = account(vendor, canary(vendor))
    good = answer_of(yaml.safe_load((SAMPLES / vendor / "good.yml").read_text()))
    bodies = [good.body[:length] for length in range(len(good.body))]
    for odd in (None, True, -1, 1e300, "", "x", [], {}, [[1]], {"x": []}):
        bodies += [json.dumps(body).encode() for body in replaced(json.loads(good.body), odd)]
    for body in bodies:
        try:
            provider.parse(dataclasses.replace(good, body=body))
        except FetchError as error:
            assert error.detail  # noqa: PT017 - a reading is as good


def replaced(value: Any, odd: Any) -> list[Any]:
    """Return a value with each part of it in turn replaced by something odd."""
    bodies = [odd]
    if isinstance(value, dict):
        for name, item in value.items():
            bodies += [value | {name: part} for part in replaced(item, odd)]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            bodies += [[*value[:index], part, *value[index + 1 :]] for part in replaced(item, odd)]
    return bodies


ACME = """
vendor: Acme
documentation: https://acme.example/docs
refresh_interval: 10m
credentials:
  api_key: {description: A key.}
http:
  request: {url: "https://api.acme.example/v1/left", headers: {X-Key: "{api_key}"}}
  response: {pools: [{balance: left}]}
"""


def test_a_new_vendor_needs_one_file_and_its_samples(tmp_path: Path) -> None:
    """No Python: the file makes the type, and the samples are run as those of all others."""
    catalogue, folder = tmp_path / "catalogue", tmp_path / "samples" / "acme"
    catalogue.mkdir()
    folder.mkdir(parents=True)
    (catalogue / "acme.yml").write_text(ACME)
    (folder / "good.yml").write_text(
        "credentials: {api_key: k}\n"
        "request: {url: https://api.acme.example/v1/left, headers: {X-Key: k}}\n"
        "answer: {json: {left: 5}}\n"
        "reading: {pools: {default: {balance: 5}}}\n"
    )
    (folder / "bad.yml").write_text("answer: {json: {}}\nerror: bad_response\n")
    for sample in samples(tmp_path / "samples"):
        check_sample(sample.values[0], catalogue)
    types = provider_types(catalogue)
    assert "acme" in types
    assert types.get("acme").default_refresh_interval == 600
    (folder / "bad.yml").write_text("answer: {json: {left: 5}}\nerror: bad_response\n")
    with pytest.raises(pytest.fail.Exception):
        check_sample(folder / "bad.yml", catalogue)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("vendor: Acme", "vendor: [", "acme.yml:4: is not valid YAML"),
        ("vendor: Acme", "vender: Acme", "vender: Extra inputs are not permitted"),
        ("balance: left", "balance: left.", "http.response.pools[0].balance: Value error, is not a JMESPath"),
        ("{api_key}", "{api_kye}", "differ in api_key, api_kye"),
        ("api_key", "proxy_url", "credentials can't be called proxy_url: every entry has that key"),
        ("10m", "0s", "refresh_interval: Value error, should be longer than 0s"),
    ],
)
def test_a_wrong_vendor_file_costs_only_its_own_type(
    right: str, wrong: str, message: str, tmp_path: Path
) -> None:
    """It is an error where the type is used, which names the file and what is wrong."""
    (tmp_path / "acme.yml").write_text(ACME.replace(right, wrong))
    (tmp_path / "fine.yml").write_text(ACME)
    types = provider_types(tmp_path)
    assert types.get("fine").type_name == "fine"
    with pytest.raises(LookupError) as caught:
        types.get("acme")
    assert str(caught.value).startswith("provider type 'acme' can't be used: acme.yml")
    assert message in str(caught.value)
    with pytest.raises(SourceError) as refused:
        configured("acme", {"api_key": "x"}, tmp_path)
    assert "c.yml:3: providers[0].type: provider type 'acme' can't be used" in str(refused.value)


def test_files_are_read_when_their_type_is_used(tmp_path: Path) -> None:
    """A start costs what its configuration needs, however many vendors there are."""
    (tmp_path / "broken.yml").write_bytes(b"\xff")
    assert "broken" in provider_types(tmp_path)
    assert account("leadmagic", {"api_key": "x"}, tmp_path)
    with pytest.raises(LookupError, match=r"broken.yml can't be read \(UnicodeDecodeError\)"):
        provider_types(tmp_path).get("broken")
