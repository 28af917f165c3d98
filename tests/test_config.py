"""Configuration files: what they mean, and every error at once with file, line and key."""

import pytest
import trustme
import yaml

from exporter.config import load_config, parse_config
from exporter.fields import format_duration, parse_duration
from exporter.providers.base import Provider
from exporter.providers.registry import ProviderTypes, provider_types
from exporter.providers.settings import ProviderSettings
from exporter.secret import MASK
from exporter.yamlsource import SourceError

ENVIRONMENT = {"KEY": "k3y-from-env", "EMPTY": "", "LIMIT": "12", "FLAG": "true", "URL": "https://env.example"}

FULL = """
global:
  refresh_interval: 2m
  max_concurrency: ${LIMIT}
  timeout: 8s
  max_staleness: 30m
  thresholds: {warning: 1000, critical: 100}
  runway_thresholds: {warning: 3d, critical: 12h}
providers:
  - type: impressionwise
    code: BBF
    password: ${KEY}
  - name: sms
    type: agiletelecom
    api_key: $${KEY}-${KEY}-${NOBODY:-nobody}
    topup_url: https://sms.example/buy
    refresh_interval: 500ms
    thresholds: {default: {warning: 50, critical: 10.5}}
    runway_thresholds: {critical: 1h}
    timeout: 1m30s
    allow_http: ${FLAG}
  - name: validation
    type: trueverify
    base_url: ${URL}/path/
    api_key: "12345"
"""


def parsed(text: str, **environment: str):
    """Return the configuration that a text is."""
    return parse_config(text, "c.yml", ENVIRONMENT | environment, provider_types())


def test_values_come_from_the_entry_else_from_global_else_from_the_type():
    """Precedence holds for every key that both may say."""
    config = parsed(FULL)
    first, sms, validation = config.accounts.values()
    assert config.max_concurrency == 12
    assert (first.name, first.refresh_interval, first.timeout, first.max_staleness) == (
        "impressionwise", 120, 8, 1800,
    )  # fmt: skip
    assert (sms.refresh_interval, sms.timeout) == (0.5, 90)
    assert sms.thresholds_of("default").critical == 10.5
    assert sms.thresholds_of("other").critical == 100
    assert (sms.runway_thresholds.warning, sms.runway_thresholds.critical) == (None, 3600)
    assert first.runway_thresholds.warning == 3 * 86400
    assert validation.settings.base_url == "https://env.example/path"


def test_the_environment_fills_any_string():
    """References, defaults and the literal form stand side by side in one string."""
    assert parsed(FULL).accounts["sms"].settings.api_key.reveal() == "${KEY}-k3y-from-env-nobody"


def test_types_have_defaults_of_their_own():
    """Without global and entry keys each type's own interval holds, and runways have a default threshold."""
    account = parsed("providers: [{type: oceanio, api_token: x}]").accounts["oceanio"]
    assert (account.refresh_interval, account.timeout, account.max_staleness) == (900, 10, 3600)
    assert account.settings.base_url == "https://api.ocean.io"
    assert (account.runway_thresholds.warning, account.runway_thresholds.critical) == (7 * 86400, 86400)
    assert account.thresholds_of("email").warning is None


def test_the_running_configuration_is_shown_without_secrets():
    """What /config shows is valid YAML with durations as written and masks for secrets."""
    shown = yaml.safe_dump(parsed(FULL).as_shown())
    assert "k3y" not in shown
    assert "12345" not in shown
    assert yaml.safe_load(shown)["providers"][1]["timeout"] == "1m30s"
    assert yaml.safe_load(shown)["providers"][0]["password"] == MASK


def test_equal_files_make_equal_accounts_and_a_new_secret_a_different_one():
    """Accounts compare by what they are asked with, which is how a reload finds the changed ones."""
    one, same, other = parsed(FULL), parsed(FULL), parsed(FULL, KEY="another-key")
    assert one.accounts == same.accounts
    assert one.accounts["impressionwise"] != other.accounts["impressionwise"]
    assert one.accounts["validation"] == other.accounts["validation"]


LEADMAGIC = "providers:\n  - type: leadmagic\n"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["c.yml: providers: should be a list with at least one provider"]),
        ("providers: {}", ["c.yml:1: providers: should be a list with at least one provider"]),
        ("[]", ["c.yml:1: should be a mapping of keys", "c.yml:1: providers: should be a list with at least one"]),
        ("global: []\nproviders: [{type: leadmagic, api_key: x}]", ["c.yml:1: global: should be a mapping of keys"]),
        ("providers: [x]", ["c.yml:1: providers[0]: should be a mapping of keys"]),
        ("providers: [{}]", ["c.yml:1: providers[0].type: is required: what kind of provider this is"]),
        (
            "providers: [{type: leadmagick}]",
            ["c.yml:1: providers[0].type: is not a known type; did you mean leadmagic?"],
        ),
        (f"{LEADMAGIC}", ["c.yml:2: providers[0].api_key: is required (provider leadmagic)"]),
        (
            f"{LEADMAGIC}    api_kee: x",
            [
                "c.yml:2: providers[0].api_key: is required (provider leadmagic)",
                "c.yml:3: providers[0].api_kee: is not a known key; did you mean api_key? (provider leadmagic)",
            ],
        ),
        (
            f"{LEADMAGIC}    api_key: 123",
            ["c.yml:3: providers[0].api_key: should be a non-empty string of one line (provider leadmagic)"],
        ),
        (
            f"{LEADMAGIC}    api_key: ${{NOBODY}}",
            ["c.yml:3: providers[0].api_key: the environment variable NOBODY is not set"],
        ),
        (
            f"{LEADMAGIC}    api_key: ${{EMPTY}}",
            ["c.yml:3: providers[0].api_key: should be a non-empty string of one line (provider leadmagic)"],
        ),
        (
            f"{LEADMAGIC}    api_key: ${{KEY",
            ["c.yml:3: providers[0].api_key: holds a ${ that begins no ${NAME} or ${NAME:-default}; write $${"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    timeout: 5\n    refresh_interval: soon\n    max_staleness: 0s",
            [
                "c.yml:4: providers[0].timeout: should be a duration such as 500ms, 15s, 5m, 1h or 7d",
                "c.yml:5: providers[0].refresh_interval: should be a duration such as 500ms, 15s, 5m, 1h or 7d",
                "c.yml:6: providers[0].max_staleness: should be longer than 0s (provider leadmagic)",
            ],
        ),
        (
            f"{LEADMAGIC}    base_url: http://vendor.example\n    timeout: 5",
            [
                "c.yml:2: providers[0].api_key: is required (provider leadmagic)",
                "c.yml:3: providers[0].base_url: the URL should be https, or the entry should say allow_http: true",
                "c.yml:4: providers[0].timeout: should be a duration such as 500ms, 15s, 5m, 1h or 7d",
            ],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    base_url: https://user:pw@vendor.example",
            ["c.yml:4: providers[0].base_url: should hold no credentials; give them under their own keys"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    base_url: vendor.example",
            ["c.yml:4: providers[0].base_url: should be a URL such as https://host/path (provider leadmagic)"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    proxy_url: socks5://p",
            ["c.yml:4: providers[0].proxy_url: should be an http:// or https:// URL with a host (provider leadmagic)"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    proxy_url: http://user:pw@\n    timeout: 5",
            [
                "c.yml:4: providers[0].proxy_url: should be an http:// or https:// URL with a host (provider leadmagic)",
                "c.yml:5: providers[0].timeout: should be a duration such as 500ms, 15s, 5m, 1h or 7d",
            ],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    proxy_url: http://p:99999",
            ["c.yml:4: providers[0].proxy_url: should be an http:// or https:// URL with a host (provider leadmagic)"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    proxy_url: http://user:p%E2%82%AC@p",
            ["c.yml:4: providers[0].proxy_url: should hold credentials that Latin-1 can write (provider leadmagic)"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    thresholds: {{default: {{warning: 1, critical: 2}}}}",
            ["c.yml:4: providers[0].thresholds.default: critical should not be above warning"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    thresholds: {{default: {{warning: '5', critical: .nan}}}}",
            [
                "c.yml:4: providers[0].thresholds.default.warning: should be a number",
                "c.yml:4: providers[0].thresholds.default.critical: should be a finite number",
            ],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    tls_config: {{cert_file: a.pem}}",
            ["c.yml:4: providers[0].tls_config: cert_file and key_file go together; one of them is missing"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    tls_config: {{min_version: TLS10}}",
            ["c.yml:4: providers[0].tls_config.min_version: should be 'TLS12' or 'TLS13' (provider leadmagic)"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    tls_config: {{ca_file: nowhere.pem}}",
            ["c.yml:4: providers[0].tls_config: ca_file (nowhere.pem) can't be used: No such file or directory"],
        ),
        (
            "global: {timeot: 3s, max_concurrency: 0}\nproviders: [{type: leadmagic, api_key: x}]",
            [
                "c.yml:1: global.max_concurrency: should be greater than or equal to 1",
                "c.yml:1: global.timeot: is not a known key; did you mean timeout?",
            ],
        ),
        (
            "provider: []",
            [
                "c.yml:1: provider: is not a known key; did you mean providers?",
                "c.yml:1: providers: should be a list with at least one provider",
            ],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n  - type: leadmagic\n    api_key: y",
            ["c.yml:4: providers[1].name: 'leadmagic' is also the name of the provider on line 2; names must differ"],
        ),
        (
            f"{LEADMAGIC}    api_key: x\n    name: ''\n    topup_url: 5",
            [
                "c.yml:4: providers[0].name: should not be empty",
                "c.yml:5: providers[0].topup_url: should be text; quote it if it looks like something else",
            ],
        ),
    ],
)
def test_every_problem_is_told_with_what_would_be_right(text, problems):
    """Each invalid file gives exactly these problems, in the order of its lines."""
    with pytest.raises(SourceError) as raised:
        parsed(text)
    told = [str(problem) for problem in raised.value.problems]
    assert [line[: len(start)] for line, start in zip(told, problems, strict=False)] == problems
    assert len(told) == len(problems)
    assert "k3y" not in str(raised.value)


def test_problems_of_several_entries_come_together():
    """A file with many mistakes is told all of them in one go."""
    text = "global: {x: 1}\nproviders:\n  - type: nope\n  - type: leadmagic\n  - type: oceanio\n    api_token: ${NO}\n"
    with pytest.raises(SourceError) as raised:
        parsed(text)
    assert [problem.line for problem in raised.value.problems] == [1, 3, 4, 6]


@pytest.fixture
def config_file(tmp_path):
    """Return a function that writes a configuration file and loads it."""

    def load(text: str):
        path = tmp_path / "credits-exporter.yml"
        path.write_text(text)
        return load_config(path, {}, provider_types())

    return load


def test_a_secret_may_stand_in_a_file(config_file, tmp_path):
    """The file is read relative to the configuration, stripped, and watched."""
    (tmp_path / "key").write_text("  s3cret\n")
    config = config_file("providers: [{type: leadmagic, api_key_file: key}]")
    assert config.accounts["leadmagic"].settings.api_key.reveal() == "s3cret"
    assert set(config.files) == {tmp_path / "credits-exporter.yml", tmp_path / "key"}


def test_nested_secrets_may_stand_in_files_too(config_file, tmp_path):
    """The parts of an OAuth key are read from files like any other secret."""
    (tmp_path / "part").write_text("p")
    parts = ", ".join(f"{name}_file: part" for name in ("consumer_key", "consumer_secret", "token", "token_secret"))
    config = config_file(f"providers: [{{type: agiletelecom, oauth1: {{{parts}}}}}]")
    assert config.accounts["agiletelecom"].settings.oauth1.token_secret.reveal() == "p"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read: No such file or directory (provider leadmagic)"),
        (b"", "is empty (provider leadmagic)"),
        (b" \n", "is empty (provider leadmagic)"),
        (b"top\nsecret", "should hold one line: the secret (provider leadmagic)"),
        (b"\xff\xfe", "is not UTF-8 text (provider leadmagic)"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_named_with_its_provider(config_file, tmp_path, content, message):
    """The error names provider, key and path, and nothing of the content."""
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(SourceError) as raised:
        config_file("providers:\n  - type: leadmagic\n    api_key_file: key\n")
    assert [str(problem) for problem in raised.value.problems] == [
        f"{tmp_path}/credits-exporter.yml:3: providers[0].api_key_file: {tmp_path}/key {message}"
    ]


def test_a_secret_given_twice_is_refused(config_file, tmp_path):
    """A value beside a file is an error: which of the two holds would be a guess."""
    (tmp_path / "key").write_text("x")
    with pytest.raises(SourceError, match="stands beside api_key; give one of the two"):
        config_file("providers: [{type: leadmagic, api_key: y, api_key_file: key}]")


def test_a_key_with_a_passphrase_is_refused_and_never_asked_for(config_file, tmp_path):
    """An encrypted key would make OpenSSL ask on the terminal."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "cert.pem")
    (tmp_path / "key.pem").write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    with pytest.raises(SourceError, match="cert_file and key_file can't be used"):
        config_file(
            "providers: [{type: leadmagic, api_key: x, tls_config: {cert_file: cert.pem, key_file: key.pem}}]"
        )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("15s", 15), ("5m", 300), ("1h", 3600), ("7d", 604800), ("1h30m", 5400), ("0.5s", 0.5), ("0s", 0)],
)
def test_durations_are_written_as_prometheus_writes_them(text, seconds):
    """Numbers with units, alone or in a run."""
    assert parse_duration(text) == seconds
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "-5s", "5s5m", "1w2", "\u0665s", "1e3s"])
def test_other_texts_are_no_durations(text):
    """A number without unit, a wrong order or a foreign digit is refused."""
    with pytest.raises(ValueError, match="should be a duration such as"):
        parse_duration(text)


def test_a_provider_that_fails_to_start_is_a_problem_of_its_entry():
    """A bug in a third party's constructor is told with the entry, without its text and without a traceback."""

    class Broken(Provider[ProviderSettings]):
        settings_model = ProviderSettings

        def __init__(self, settings):
            raise KeyError("s3cret")

    Broken.__abstractmethods__ = frozenset()
    with pytest.raises(SourceError) as raised:
        parse_config("providers: [{type: broken}]", "c.yml", {}, ProviderTypes({"broken": lambda: Broken}))
    assert str(raised.value) == (
        "c.yml:1: providers[0]: the provider's own code fails to start (KeyError) (provider broken)"
    )
