"""The JSON Schema of the configuration: what an editor accepts is what the exporter accepts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from exporter.providers.registry import catalogue_folder, provider_types
from exporter.providers.settings import ProviderSettings
from exporter.schema import configuration_schema
from tests.providers.support import ACCOUNTS, Account
from tests.providers.test_http import EVERYTHING
from tests.test_config import FULL

README = Path("README.md").read_text()
LEADMAGIC = "providers:\n  - {type: leadmagic, api_key: x}\n"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema of this installation's configuration."""
    return configuration_schema(provider_types())


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of files, which are given as text."""
    return jsonschema.Draft202012Validator(schema)


def readme_examples() -> list[str]:
    """Return the README's complete configurations."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.match(r"(#.*\n)*(global|providers):", block)]


def test_it_is_a_schema_of_the_dialect_that_it_names(schema: dict[str, Any]) -> None:
    """Valid by the meta-schema, with every reference leading somewhere."""
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    references = {ref for part in parts(schema) if isinstance(ref := part.get("$ref"), str)}
    assert references <= {f"#/$defs/{name}" for name in schema["$defs"]}
    assert set(schema["$defs"]) == {ref.rpartition("/")[2] for ref in references}


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping within a schema."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(item)


@pytest.mark.parametrize("text", [FULL, EVERYTHING, *readme_examples()])
def test_whole_configurations_are_valid(text: str, validator: jsonschema.Draft202012Validator) -> None:
    """Those of the tests that use every key, and every example of the README."""
    validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize("account", ACCOUNTS, ids=str)
def test_every_way_to_give_credentials_is_valid(
    account: Account, validator: jsonschema.Draft202012Validator
) -> None:
    """Of every built-in type; and none at all, where the type needs some, is not."""
    entry = {"type": account.type_name, **account.settings}
    validator.validate({"providers": [entry]})
    if account.type_name not in {"agiletelecom", "http"}:
        assert not validator.is_valid({"providers": [{"type": account.type_name}]})


@pytest.mark.parametrize(
    "vendor", sorted(file.name.removesuffix(".yml") for file in catalogue_folder().iterdir())
)
def test_a_vendor_of_the_catalogue_has_its_keys(
    vendor: str, validator: jsonschema.Draft202012Validator
) -> None:
    """Each credential in clear or from a file; a missing or a misspelt one is an error."""
    names = list(
        provider_types().get(vendor).settings_model.model_fields.keys() - ProviderSettings.model_fields
    )
    assert names
    validator.validate({"providers": [{"type": vendor, **dict.fromkeys(names, "x")}]})
    validator.validate({"providers": [{"type": vendor, **{f"{name}_file": "x" for name in names}}]})
    for name in names:
        rest = dict.fromkeys(set(names) - {name}, "x")
        assert not validator.is_valid({"providers": [{"type": vendor, **rest}]})
        assert not validator.is_valid({"providers": [{"type": vendor, **rest, f"{name}_fil": "x"}]})


@pytest.mark.parametrize(
    "text",
    [
        "global:\n" + LEADMAGIC,
        "global: {max_concurrency: '${N:-5}', refresh_interval: '${EVERY}'}\n" + LEADMAGIC,
        "providers: [{type: leadmagic, api_key_file: /run/key, refresh_when_stale: '${FLAG}', name: '${N}'}]",
        "providers: [{type: agiletelecom, oauth1: {consumer_key_file: a, consumer_secret: b, token: c, token_secret: d}}]",
        "providers: [{type: oceanio, api_token: x, token_in: '${WHERE}', tls_config: {min_version: TLS13}}]",
        "providers: [{type: twilio, account_sid: x, auth_token_file: y, base_url: https://p.example, refresh_interval: 0s}]",
        "providers: [{type: http, request: {url: 'https://a.example'}, response: {pools: [{balance: {header: X}}]}}]",
        "providers: [{type: http, request: {url_file: u, basic_auth: {username: a, password_file: b}}, "
        "response: {pools: [{balance: a}], errors: [{status: 400, reason: forbidden}]}, credentials: {x_file: y}}]",
    ],
)  # fmt: skip
def test_what_the_file_may_say_is_valid(text: str, validator: jsonschema.Draft202012Validator) -> None:
    """The environment in place of numbers, words and durations; files in place of secrets, nested too."""
    validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "global: {}",
        "providers: []",
        "providers: [{api_key: x}]",
        "providers: [{type: leadmagik, api_key: x}]",
        "providers: [{type: leadmagic}]",
        "providers: [{type: leadmagic, api_key: x, api_key_file: y}]",
        "providers: [{type: leadmagic, apikey: x}]",
        "providers: [{type: leadmagic, api_key: 5}]",
        "providers: [{type: leadmagic, api_key: ''}]",
        "providers: [{type: leadmagic, api_key: x, timeout: 5}]",
        "providers: [{type: leadmagic, api_key: x, timeout: 5 s}]",
        "providers: [{type: leadmagic, api_key: x, timeout: ''}]",
        "providers: [{type: leadmagic, api_key: x, thresholds: {default: {low: 5}}}]",
        "providers: [{type: leadmagic, api_key: x, allow_http: 'yes'}]",
        "providers: [{type: oceanio, api_token: x, token_in: cookie}]",
        "providers: [{type: trueverify, api_key: x}]",
        "providers: [{type: http, request: {url: 'https://a.example'}}]",
        "providers: [{type: http, request: {url: 'https://a.example'}, response: {pools: []}}]",
        "providers: [{type: http, request: {url: 'https://a.example', method: PUT}, response: {pools: [{balance: a}]}}]",
        "providers: [{type: http, request: {url: 'https://a.example'}, response: {pools: [{balans: a}]}}]",
        "providers: [{type: http, request: {url: 'https://a.example'}, response: {pools: [{balance: {heather: a}}]}}]",
        "providers: [{type: http, request: {url: 'https://a.example'}, "
        "response: {pools: [{balance: a}], errors: [{status: 99, reason: forbidden}]}}]",
        "global: {max_concurrency: 0}\n" + LEADMAGIC,
        "global: {max_concurrency: many}\n" + LEADMAGIC,
        "globl: {}\n" + LEADMAGIC,
    ],
)
def test_what_the_exporter_refuses_is_invalid(text: str, validator: jsonschema.Draft202012Validator) -> None:
    """Unknown types and keys, missing ones, and values of the wrong kind."""
    assert not validator.is_valid(yaml.safe_load(text))


def test_an_editor_can_complete_types_and_keys(schema: dict[str, Any]) -> None:
    """Every type by name, every key of it, and what the credentials of a vendor are."""
    assert schema["$defs"]["provider"]["properties"]["type"] == {"enum": list(provider_types())}
    twilio = schema["$defs"]["type-twilio"]["properties"]
    assert {"name", "refresh_interval", "account_sid", "account_sid_file", "auth_token"} <= twilio.keys()
    assert twilio["auth_token"]["description"]
    assert "support.twilio.com" in schema["$defs"]["type-twilio"]["description"]


def test_an_installed_type_that_is_broken_is_left_out(tmp_path: Path) -> None:
    """All others keep their schema."""
    (tmp_path / "broken.yml").write_text("vendor: [")
    types = configuration_schema(provider_types(tmp_path))["$defs"]["provider"]["properties"]["type"]["enum"]
    assert "broken" not in types
    assert "leadmagic" in types
