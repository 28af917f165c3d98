"""TLS towards vendors: the settings of ``tls_config``, and the context that they make."""

import os
import ssl
from pathlib import Path
from typing import Final, Literal

import certifi
from pydantic import BaseModel, ConfigDict, model_validator

from exporter.fields import Flag

_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class TlsSettings(BaseModel):
    """``tls_config`` of a provider; ``ca_file`` replaces the usual authorities."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    insecure_skip_verify: Flag = False
    min_version: Literal["TLS12", "TLS13"] = "TLS12"

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> "TlsSettings":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together; one of them is missing")
        return self


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context for one provider's calls.

    Raises ValueError that names the key whose file can't be used. Without ``ca_file`` the
    authorities are those that requests would use: ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE`` from
    the environment, else certifi's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load_authorities(context, settings.ca_file)
    context.minimum_version = _VERSIONS[settings.min_version]
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        try:
            # A key with a passphrase must fail here: OpenSSL would ask for it on the terminal.
            context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_passphrase)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise ValueError(f"cert_file and key_file can't be used: {_why(error)}") from None
    return context


def _load_authorities(context: ssl.SSLContext, ca_file: str | None) -> None:
    environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    path = Path(ca_file or environment or certifi.where())
    key = "ca_file" if ca_file else "the CA bundle of the environment"
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"{key} ({path}) can't be used: {_why(error)}") from None


def _no_passphrase() -> str:
    raise ValueError("the key needs a passphrase")


def _why(error: Exception) -> str:
    """Say what is wrong with a file in words that hold nothing of its content."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "it holds no usable PEM data"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
