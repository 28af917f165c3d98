"""Canaries for every secret: no output of any kind holds one, in any way of writing it."""

import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml

from exporter.commands.check import check
from exporter.commands.once import once
from exporter.log import LogFormat, LogLevel
from exporter.providers.leadmagic import LeadMagic
from tests.hostile import behaviours as does
from tests.hostile.accounts import OTHER_CREDENTIALS, VENDORS, configure, entry
from tests.hostile.conftest import StartVendor
from tests.hostile.served import exporting, restored_logging
from tests.hostile.server import Behaviour, Connection

ALL = (*VENDORS, *OTHER_CREDENTIALS)
PROXY_PASSWORD = "canary-proxy-e5"
PATHS = [
    "/metrics", "/metrics?provider=leadmagic", "/probe?target=impressionwise", "/probe?target=nobody",
    "/sd", "/", "/config", "/-/healthy", "/-/ready", "/nowhere",
]  # fmt: skip
ACCEPTS = ["text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"]


def written_forms() -> set[str]:
    """Return every way in which a secret may be written."""
    forms: set[str] = set()
    for secret in {secret for vendor in ALL for secret in vendor.secrets} | {PROXY_PASSWORD}:
        pair = base64.b64encode(f"user:{secret}".encode()).decode()
        alone = base64.b64encode(secret.encode()).decode().rstrip("=")
        quoted = {quote(secret, safe=safe) for safe in ("", "/", "/:+=&")} | {quote_plus(secret)}
        forms |= {secret, pair, alone, *quoted, *(text.lower() for text in quoted)}
        forms |= {json.dumps(secret)[1:-1], repr(secret)[1:-1], ascii(secret)[1:-1], html.escape(secret)}
        forms.add(secret.encode().decode("latin-1"))
    return forms


FORMS = written_forms()


def search(text: str, where: str) -> None:
    """Fail if any form of any secret is in the text."""
    found = [form for form in FORMS if form in text]
    assert not found, f"{where} holds {found}"


def echo(status: int) -> Behaviour:
    """Repeat the request in the phrase, the headers and the body of the answer."""

    def play(connection: Connection) -> None:
        while True:
            request = connection.read_request()
            credentials = request.head.replace(b"\r\n", b" ").decode("latin-1")
            body = json.dumps({"error": credentials, "detail": credentials, "message": credentials})
            connection.send(
                does.response(
                    f"{status} {credentials}",
                    body.encode(),
                    {"Retry-After": credentials, "X-Credits-Remaining": credentials, "Location": request.target},
                )
            )

    return play


FAILURES = {
    "timeout": does.silent(),
    "drip": does.drips_head(0.02),
    "hangs up": does.hangs_up(),
    "reset": does.resets(),
    "garbage": does.says(b"\x00garbage\r\n\r\n"),
    "broken off": does.says(does.response(200, b"{", {"Content-Length": "99"})),
    "too large": does.endless_body(),
    "redirect": echo(302),
    "refused credentials": echo(401),
    "server error": echo(500),
    "echo": echo(200),
    "rate limited": echo(429),
    "bad encoding": does.compressed(b"no", "gzip"),
    "many headers": does.many_headers(300),
}
ECHOES = {"timeout", "redirect", "refused credentials", "server error", "echo"}


@pytest.fixture
def everywhere(hostile: StartVendor) -> list[dict[str, Any]]:
    """Entries: every kind of failing vendor, every way to give credentials, and a failing proxy."""
    entries = []
    for failure, behaviour in FAILURES.items():
        url = hostile(behaviour).url
        timeout = "400ms" if failure in {"timeout", "drip"} else "20s"
        for vendor in ALL if failure in ECHOES else VENDORS:
            name = vendor.name if failure == "timeout" else f"{vendor.name} {failure}"
            entries.append(entry(vendor, url, timeout=timeout, refresh_interval="0s") | {"name": name})
    proxy = hostile(does.says(does.response(407)))
    keys = {"proxy_url": f"http://user:{PROXY_PASSWORD}@127.0.0.1:{proxy.port}", "allow_http": True}
    for scheme in ("http", "https"):
        entries.append(entry(VENDORS[0], f"{scheme}://vendor.example", **keys) | {"name": f"proxy {scheme}"})
    entries.append(entry(VENDORS[0], "https://vendor.invalid") | {"name": "no such host"})
    return entries


def bug(self: LeadMagic, response: Any) -> None:
    """Fail as code does that puts what it has into the message."""
    key = self.settings.api_key.reveal()
    raise RuntimeError(f"{key!r} {quote(key)} {base64.b64encode(key.encode()).decode()}")


@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize("level", LogLevel)
def test_no_page_and_no_log_line_holds_a_secret(
    level: LogLevel, log_format: LogFormat, everywhere: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every level and in both formats, with every failure; pages don't depend on the level."""
    monkeypatch.setattr(LeadMagic, "parse", bug)
    with exporting(configure(everywhere, max_concurrency=200), level, log_format) as exporter:
        for path in PATHS if level is LogLevel.DEBUG else PATHS[:1]:
            for accept in ACCEPTS:
                response = exporter.get(path, Accept=accept)
                search(response.text, path)
                search(str(response.headers), path)
        assert exporter.runtime.reload() == []
        page = exporter.scrape()
        log = exporter.log.getvalue()
    search(log, f"the log at {level}")
    if level is LogLevel.DEBUG:
        assert "RuntimeError" in log
        assert "vendor_call" in log
    failing = {key[2] for key in page if key[0] == "credits_provider_error"}
    assert failing >= {
        "timeout", "connection", "too_large", "redirect", "unauthorized", "server_error", "rate_limited",
        "bad_response", "internal",
    }  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        lambda file: check(file, None, "text", live=False),
        lambda file: check(file, None, "text", live=True),
        lambda file: check(file, None, "json", live=True),
        lambda file: once(file, None, LogLevel.DEBUG, LogFormat.JSON),
    ],
    ids=["check", "check --live", "check --live --format json", "once"],
)
def test_no_command_prints_a_secret(
    command: Callable[[Path], int],
    everywhere: list[dict[str, Any]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the commands write to standard output and standard error names no secret."""
    monkeypatch.setattr(LeadMagic, "parse", bug)
    file = tmp_path / "credits-exporter.yml"
    file.write_text(
        yaml.safe_dump({"global": {"max_concurrency": 200}, "providers": everywhere}, allow_unicode=True)
    )
    with restored_logging():
        command(file)
    out, err = capfd.readouterr()
    assert out
    search(out, "standard output")
    search(err, "standard error")


@pytest.mark.parametrize(
    "mistake",
    [
        {"api_key": "canary-magic-44d8\nsecond line"},
        {"api_key": ["canary-magic-44d8"]},
        {"api_key": {"canary-magic-44d8": 1}},
        {"api_key": "canary-magic-44d8", "base_url": "https://user:canary-magic-44d8@vendor.example"},
        {"api_key": "canary-magic-44d8", "proxy_url": "canary-magic-44d8"},
        {"api_key": "canary-magic-44d8", "refresh_interval": "canary-magic-44d8"},
        {"apikey": "canary-magic-44d8"},
        {"api_key": "canary magic-44d8 canary-magic-44d8"},
    ],
    ids="+".join,
)
def test_a_misplaced_secret_is_not_repeated_by_the_error(
    mistake: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistake around a secret is named by its key, not by its value."""
    file = tmp_path / "credits-exporter.yml"
    file.write_text(yaml.safe_dump({"providers": [{"type": "leadmagic", **mistake}]}))
    assert check(file, None, "text", live=False) == 1
    out, err = capfd.readouterr()
    assert out + err
    search(out + err, "the error")
