"""TLS contexts from ``tls_server_config``: exporter-toolkit's names, OpenSSL's abilities.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md says what the keys mean.
What Python's ``ssl`` module can't do is refused here or by :mod:`exporter.web.webconfig`, never ignored.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VERSIONS: Final[Mapping[str, ssl.TLSVersion]] = {
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}

CLIENT_AUTH: Final[Mapping[str, ssl.VerifyMode]] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

# Go's names (https://pkg.go.dev/crypto/tls#pkg-constants) of the TLS 1.2 suites that Go calls secure.
CIPHER_SUITES: Final[Mapping[str, str]] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}

_WEAK: Final = ("TOO_SMALL", "TOO_WEAK")


class TlsFileError(Exception):
    """Certificate files that can't be used: each key of ``tls_server_config`` with what is wrong there."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {message}" for key, message in problems.items()))
        self.problems = problems


@dataclass(frozen=True)
class TlsSettings:
    """A validated ``tls_server_config``, paths resolved."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None
    client_auth_type: str
    client_allowed_sans: frozenset[str]
    min_version: str
    max_version: str
    cipher_suites: tuple[str, ...]
    prefer_server_cipher_suites: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that a context is made of."""
        ca = (self.client_ca_file,) if self.client_ca_file else ()
        return (self.cert_file, self.key_file, *ca)


def build_context(settings: TlsSettings) -> ssl.SSLContext:
    """Read the certificate files into a context for new connections. Raises :class:`TlsFileError`."""
    problems = {
        key: problem
        for key, path in (
            ("cert_file", settings.cert_file),
            ("key_file", settings.key_file),
            ("client_ca_file", settings.client_ca_file),
        )
        if path and (problem := _unreadable(path))
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[settings.min_version]
    context.maximum_version = VERSIONS[settings.max_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not settings.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.cipher_suites:
        try:
            context.set_ciphers(":".join(CIPHER_SUITES[name] for name in settings.cipher_suites))
        except ssl.SSLError:
            problems["cipher_suites"] = "this OpenSSL has none of them"
    context.set_alpn_protocols(["http/1.1"])
    if not problems.keys() & {"cert_file", "key_file"}:
        problems |= _load_certificate(context, settings)
    if settings.client_ca_file and "client_ca_file" not in problems:
        problems |= _load_client_ca(context, settings.client_ca_file)
    if problems:
        raise TlsFileError(problems)
    context.verify_mode = CLIENT_AUTH[settings.client_auth_type]
    return context


def _unreadable(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        return f"{path} can't be read: {error.strerror}"
    return None


def _load_certificate(context: ssl.SSLContext, settings: TlsSettings) -> dict[str, str]:
    """Load the pair; OpenSSL's errors don't say which of the two files is wrong, so find out."""
    cert_file, key_file = settings.cert_file, settings.key_file
    if not _holds_certificates(cert_file):
        return {"cert_file": f"{cert_file} holds no PEM certificate"}
    encrypted = False

    def refuse_to_ask() -> str:
        nonlocal encrypted
        encrypted = True  # without this function OpenSSL would ask on the terminal, and wait
        return ""

    try:
        context.load_cert_chain(cert_file, key_file, password=refuse_to_ask)
    except ssl.SSLError as error:
        reason = error.reason or ""
        if encrypted:
            return {"key_file": f"{key_file} is encrypted; an unencrypted PEM key is needed"}
        if reason.endswith(_WEAK):
            return {"cert_file": f"{cert_file}: OpenSSL finds its key too weak ({reason})"}
        if "MISMATCH" in reason:
            return {"key_file": f"{key_file} doesn't belong to the certificate in {cert_file}"}
        return {"key_file": f"{key_file} holds no PEM private key"}
    return {}


def _load_client_ca(context: ssl.SSLContext, path: Path) -> dict[str, str]:
    if not _holds_certificates(path):
        return {"client_ca_file": f"{path} holds no PEM certificate"}
    context.load_verify_locations(path)
    return {}


def _holds_certificates(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        return False
    return True
