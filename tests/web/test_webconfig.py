"""The web configuration file: what is taken, what is refused and in which words."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from exporter.web.webconfig import load_web_config
from exporter.yamlsource import SourceError
from tests.web.serving import Certificates

HASH = "$2y$04$9pAvf3BYuAaXb6OLKs5dZu3FHJIwyZrwZ3TqiSDc9UpLJc8d6LxFa"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"
VERIFY = TLS + ", client_auth_type: RequireAndVerifyClientCert"
ONLY = "tls_server_config: "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good certificate, a CA, and files that are neither."""
    path = tmp_path_factory.mktemp("certificates")
    certificates = Certificates.create(path)
    certificates.write(certificates.ca.issue_cert("other"), "other")
    (path / "junk.pem").write_text("junk")
    (path / "locked.key").write_bytes(_encrypted((path / "server.key").read_bytes()))
    return path


def _encrypted(key: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )


def _write(folder: Path, text: str) -> Path:
    path = folder / "web.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text", ["", "{}", "tls_server_config: {}", "tls_server_config:\nbasic_auth_users:\n"]
)
def test_an_empty_file_is_plain_http_without_users(folder: Path, text: str) -> None:
    """Nothing configured is nothing switched on, as in exporter-toolkit."""
    config = load_web_config(_write(folder, text))
    assert (config.context, config.users, config.headers) == (None, {}, {})


def test_a_full_file_is_taken(folder: Path) -> None:
    """Everything that Python can honour, in one file; relative paths start at the file's folder."""
    config = load_web_config(
        _write(
            folder,
            f"""
            tls_server_config:
              cert_file: server.crt
              key_file: {folder / "server.key"}
              client_ca_file: ca.crt
              client_auth_type: RequireAndVerifyClientCert
              client_allowed_sans: [prometheus.example, "::0001"]
              min_version: TLS13
              max_version: TLS13
              cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
              prefer_server_cipher_suites: false
            http_server_config:
              http2: false
              headers:
                Content-Security-Policy: default-src 'self'
                X-Frame-Options: deny
                X-Content-Type-Options: nosniff
                X-XSS-Protection: ""
                Strict-Transport-Security: max-age=31536000
            basic_auth_users:
              alice: {HASH}
              "123": {HASH.replace("2y", "2b")}
            """,
        )
    )
    assert config.tls
    assert config.tls.files == tuple(folder / name for name in ("server.crt", "server.key", "ca.crt"))
    assert config.tls.client_allowed_sans == {"prometheus.example", "::1"}
    assert set(config.users) == {"alice", "123"}
    assert config.headers == {
        "Content-Security-Policy": "default-src 'self'",
        "X-Frame-Options": "deny",
        "X-Content-Type-Options": "nosniff",
        "Strict-Transport-Security": "max-age=31536000",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- a", "should be a mapping"),
        ("tls_server_conf: {}", "1: tls_server_conf: is not a known key"),
        ("tls_server_config: []", "1: tls_server_config: should be a mapping"),
        ("basic_auth_users: [alice]", "1: basic_auth_users: should be a mapping"),
        ("basic_auth_users:\n  alice: secret", "2: basic_auth_users.alice: should be a bcrypt hash"),
        ("basic_auth_users:\n  alice: 12", "2: basic_auth_users.alice: should be a non-empty string"),
        (f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}", "3: basic_auth_users.a: is a duplicate of line 2"),
        (f"basic_auth_users:\n  alice: {HASH[:-1]}", "alice: should be a bcrypt hash"),
        (f"basic_auth_users:\n  alice: {HASH.replace('2y', '2x')}", "alice: should be a bcrypt hash"),
        (f"basic_auth_users:\n  alice: {HASH.replace('$04$', '$03$')}", "bcrypt cost 03 is not between"),
        (f"basic_auth_users:\n  alice: {HASH.replace('$04$', '$31$')}", "bcrypt cost 31 is not between"),
        (f"basic_auth_users:\n  'a:b': {HASH}", "can't contain a colon"),
        ("rate_limit: {interval: 1s, burst: 20}", "1: rate_limit: is not supported; --web.max-requests"),
        ("http_server_config:\n  http2: true", "2: http_server_config.http2: is not supported"),
        ("http_server_config: {http2: 'no'}", "http2: should be true or false"),
        ("http_server_config: {headers: {X-Own: a}}", "headers.X-Own: is not a known key"),
        ("http_server_config: {headers: {X-Frame-Options: allow}}", "should be '', 'deny' or 'sameorigin'"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\r\\nb: c"}}', "printable ASCII on one line"),
        ("http_server_config: {headers: {X-XSS-Protection: ü}}", "printable ASCII on one line"),
        (TLS + ", cert: x}", "tls_server_config.cert: Python reads certificates from files only"),
        (TLS + ", key: x}", "tls_server_config.key: Python reads certificates from files only"),
        (TLS + ", client_ca: x}", "tls_server_config.client_ca: Python reads certificates from files only"),
        (TLS + ", curve_preferences: [X25519]}", "curve_preferences: is not supported"),
        (TLS + ", min_version: TLS10}", "min_version: TLS10 is refused: it is broken"),
        (TLS + ", min_version: TLS11}", "min_version: TLS11 is refused: it is broken"),
        (TLS + ", max_version: TLS14}", "max_version: should be TLS12 or TLS13"),
        (TLS + ", min_version: TLS13, max_version: TLS12}", "min_version: is above max_version"),
        (TLS + ", client_auth_type: RequestClientCert}", "can't take a certificate without verifying it"),
        (TLS + ", client_auth_type: RequireAnyClientCert}", "can't take a certificate without verifying it"),
        (TLS + ", client_auth_type: Always}", "client_auth_type: should be NoClientCert,"),
        (TLS + ", client_auth_type: VerifyClientCertIfGiven}", "client_ca_file: is missing"),
        (TLS + ", client_ca_file: ca.crt}", "client_ca_file: has no effect with NoClientCert"),
        (TLS + ", client_allowed_sans: [a]}", "client_allowed_sans: needs client_auth_type"),
        (VERIFY + ", client_ca_file: ca.crt, client_allowed_sans: []}", "sans: should not be empty"),
        (TLS + ", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}", "cipher_suites[0]: 'TLS_RSA_WITH_RC4"),
        (TLS + ", cipher_suites: [TLS_AES_128_GCM_SHA256]}", "those of TLS 1.3 can't be chosen"),
        (ONLY + "{cert_file: server.crt}", "tls_server_config.key_file: is missing"),
        ("tls_server_config: {min_version: TLS13}", "tls_server_config.cert_file: is missing"),
        (ONLY + "{cert_file: ''}", "cert_file: should not be empty"),
        (ONLY + "{cert_file: no.crt, key_file: server.key}", "no.crt can't be read: No such file"),
        (ONLY + "{cert_file: ., key_file: server.key}", "can't be read: Is a directory"),
        (ONLY + "{cert_file: junk.pem, key_file: server.key}", "junk.pem holds no PEM certificate"),
        (ONLY + "{cert_file: server.crt, key_file: junk.pem}", "junk.pem holds no PEM private key"),
        (ONLY + "{cert_file: server.crt, key_file: locked.key}", "locked.key is encrypted"),
        (ONLY + "{cert_file: server.crt, key_file: other.key}", "other.key doesn't belong to"),
        (VERIFY + ", client_ca_file: junk.pem}", "client_ca_file: {folder}/junk.pem holds no PEM"),
    ],
)  # fmt: skip
def test_a_wrong_file_says_what_would_be_right(folder: Path, text: str, complaint: str) -> None:
    """Each mistake is named with the file, the line, the key and the remedy."""
    path = _write(folder, text)
    with pytest.raises(SourceError) as caught:
        load_web_config(path)
    assert str(caught.value).startswith(f"{path}:")
    assert complaint.replace("{folder}", str(folder)) in str(caught.value)


def test_every_error_is_reported_at_once(folder: Path) -> None:
    """Mistakes of every kind are a line each, in the order of the file."""
    path = _write(
        folder,
        "tls_server_config:\n"
        "  cert_file: no.crt\n"
        "  key_file: junk.pem\n"
        "  min_version: 12\n"
        "  client_auth_type: RequireAndVerifyClientCert\n"
        "  client_ca_file: junk.pem\n"
        "http_server_config:\n"
        "  http2: true\n"
        "rate_limit: {}\n"
        "basic_auth_users:\n"
        "  alice: plain-text-password\n"
        "  bob: []\n",
    )
    with pytest.raises(SourceError) as caught:
        load_web_config(path)
    assert [problem.line for problem in caught.value.problems] == [2, 4, 6, 8, 9, 11, 12]


def test_no_error_shows_a_hash_or_a_password(folder: Path) -> None:
    """What stands where a hash should be may be a password; no message repeats it."""
    path = _write(
        folder, f"basic_auth_users:\n  a: hunter2-hunter2\n  b: {HASH}x\nunknown: hunter2-hunter2\n"
    )
    with pytest.raises(SourceError) as caught:
        load_web_config(path)
    assert "hunter2" not in str(caught.value)
    assert HASH not in str(caught.value)


def test_a_loaded_configuration_does_not_print_its_hashes(folder: Path) -> None:
    """The repr of a configuration, as a log line or a traceback may hold it, shows no hash."""
    config = load_web_config(_write(folder, f"basic_auth_users: {{alice: {HASH}}}"))
    assert "$2y$" not in repr(config)
