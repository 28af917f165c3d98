"""The web configuration of a running server follows its files, and survives what is wrong with them."""

import logging
import os
from pathlib import Path

import pytest

from exporter.web.webfile import WebConfigFile
from exporter.yamlsource import SourceError
from tests.web.serving import Certificates

HASH = "$2y$04$9pAvf3BYuAaXb6OLKs5dZu3FHJIwyZrwZ3TqiSDc9UpLJc8d6LxFa"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """A folder with a CA and a server certificate."""
    return Certificates.create(tmp_path)


@pytest.fixture
def web(certificates: Certificates) -> WebConfigFile:
    """TLS and one user."""
    path = certificates.folder / "web.yml"
    path.write_text(TLS + USERS)
    return WebConfigFile(path)


def _write(path: Path, text: str) -> None:
    """Write and move the time stamp on, whatever the file system's resolution."""
    path.write_text(text)
    _touch(path)


def _touch(path: Path) -> None:
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    """At the start there is nothing to fall back to: errors are raised."""
    with pytest.raises(SourceError, match="can't be read"):
        WebConfigFile(tmp_path / "no.yml")


def test_unchanged_files_are_not_read_again(web: WebConfigFile, caplog: pytest.LogCaptureFixture) -> None:
    """Looking at unchanged files keeps the context and says nothing."""
    before = web.current
    with caplog.at_level(logging.INFO):
        web.refresh()
    assert web.current is before
    assert caplog.messages == []


@pytest.mark.parametrize("name", ["web.yml", "server.crt", "server.key"])
def test_a_touched_file_is_read_again(
    web: WebConfigFile, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A change of the file, the certificate or the key makes a new context, once, and one line of log."""
    before = web.current.context
    _touch(tmp_path / name)
    with caplog.at_level(logging.INFO):
        web.refresh()
        after = web.current.context
        web.refresh()
    assert after is not before
    assert web.current.context is after
    assert caplog.messages == ["web_config_reloaded"]


def test_users_follow_the_file(web: WebConfigFile, tmp_path: Path) -> None:
    """Added and removed users count from the next look on."""
    _write(tmp_path / "web.yml", TLS + f"basic_auth_users: {{bob: {HASH}}}\n")
    web.refresh()
    assert set(web.current.users) == {"bob"}


def test_a_swapped_link_is_a_change(certificates: Certificates, tmp_path: Path) -> None:
    """Kubernetes replaces a symbolic link to the folder of a mounted Secret; that is seen."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        certificates.write(certificates.ca.issue_cert("localhost"), f"{name}/tls")
    link = tmp_path / "data"
    link.symlink_to("one")
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config: {cert_file: data/tls.crt, key_file: data/tls.key}")
    web = WebConfigFile(path)
    before = web.current.context
    new = tmp_path / "data.new"
    new.symlink_to("two")
    new.rename(link)
    web.refresh()
    assert web.current.context is not before


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "tls_server_config: is switched off by a restart only"),
        (USERS, "tls_server_config: is switched off by a restart only"),
        (TLS, "basic_auth_users: is switched off by a restart only"),
        (TLS + USERS + "oops: 1\n", "oops: is not a known key"),
        ("tls_server_config: [", "is not valid YAML"),
        (TLS.replace("server.key", "no.key") + USERS, "no.key can't be read"),
    ],
)
def test_a_bad_change_keeps_what_is_in_use_and_is_logged_once(
    web: WebConfigFile, tmp_path: Path, text: str, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors, and a file that would switch protection off, change nothing and are logged once."""
    before = web.current
    _write(tmp_path / "web.yml", text)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            web.refresh()
    assert web.current is before
    assert set(caplog.messages) == {"web_config_reload_failed"}
    problems = [record.__dict__["problem"] for record in caplog.records]
    assert complaint in problems[0]
    assert len(set(problems)) == len(problems)
    assert HASH not in "".join(problems)


def test_tls_is_not_switched_on_while_running(tmp_path: Path, certificates: Certificates) -> None:
    """A plain server stays plain until it is restarted: its scrapers speak plain HTTP."""
    path = tmp_path / "web.yml"
    path.write_text(USERS)
    web = WebConfigFile(path)
    _write(path, TLS + USERS)
    web.refresh()
    assert web.current.context is None


def test_half_a_renewal_is_finished_when_the_key_arrives(
    web: WebConfigFile, certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Between a new certificate and its key the old pair stays in use; then the new one is taken."""
    before = web.current.context
    pair = certificates.ca.issue_cert("localhost")
    _write(tmp_path / "server.crt", pair.cert_chain_pems[0].bytes().decode())
    with caplog.at_level(logging.INFO):
        web.refresh()
        assert web.current.context is before
        _write(tmp_path / "server.key", pair.private_key_pem.bytes().decode())
        web.refresh()
    assert web.current.context is not before
    assert caplog.messages == ["web_config_reload_failed", "web_config_reloaded"]
    assert "PRIVATE KEY-----" not in caplog.text


def test_a_missing_file_is_taken_when_it_appears(web: WebConfigFile, tmp_path: Path) -> None:
    """A failed change is tried again, also when the file it waits for is one that was never in use."""
    _write(tmp_path / "web.yml", TLS.replace("server.crt", "new.crt") + USERS)
    web.refresh()
    before = web.current.context
    (tmp_path / "new.crt").write_bytes((tmp_path / "server.crt").read_bytes())
    web.refresh()
    assert web.current.context is not before


def test_a_removed_file_changes_nothing(web: WebConfigFile, tmp_path: Path) -> None:
    """Deleting the file leaves the protection on."""
    before = web.current
    (tmp_path / "web.yml").unlink()
    web.refresh()
    assert web.current is before
