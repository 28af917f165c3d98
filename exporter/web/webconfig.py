"""``--web.config.file``: exporter-toolkit's format, validated strictly, every error at once.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md is the format. Keys that
Python can't honour are errors that say so; a key that is silently ignored would be a false sense of security.
"""

import re
import ssl
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import bcrypt
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from exporter.secret import Secret
from exporter.web.protocol import canonical_name
from exporter.web.tls import CIPHER_SUITES, VERSIONS, TlsFileError, TlsSettings, build_context
from exporter.yamlsource import Document, Key, Problem, SourceError, load

_INLINE: Final = "Python reads certificates from files only; use {}_file"
_UNSUPPORTED: Final[Mapping[tuple[str, ...], str]] = {
    ("tls_server_config", "cert"): _INLINE.format("cert"),
    ("tls_server_config", "key"): _INLINE.format("key"),
    ("tls_server_config", "client_ca"): _INLINE.format("client_ca"),
    ("tls_server_config", "curve_preferences"): "is not supported: Python can't order curves; remove it",
    ("rate_limit",): "is not supported; --web.max-requests limits concurrent requests",
}
_UNVERIFIED: Final = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_OLD_VERSIONS: Final = ("TLS10", "TLS11")

# A cost beyond this takes longer than a scrape may.
_HIGHEST_COST: Final = 18
_BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Tls(_Section):
    cert_file: Annotated[StrictStr, Field(min_length=1)] | None = None
    key_file: Annotated[StrictStr, Field(min_length=1)] | None = None
    client_ca_file: Annotated[StrictStr, Field(min_length=1)] | None = None
    client_auth_type: StrictStr = "NoClientCert"
    client_allowed_sans: tuple[StrictStr, ...] | None = None
    min_version: StrictStr = "TLS12"
    max_version: StrictStr = "TLS13"
    cipher_suites: tuple[StrictStr, ...] = ()
    prefer_server_cipher_suites: StrictBool = True


class _Headers(_Section):
    content_security_policy: StrictStr = Field("", alias="Content-Security-Policy")
    x_frame_options: Literal["", "deny", "sameorigin"] = Field("", alias="X-Frame-Options")
    x_content_type_options: Literal["", "nosniff"] = Field("", alias="X-Content-Type-Options")
    x_xss_protection: StrictStr = Field("", alias="X-XSS-Protection")
    strict_transport_security: StrictStr = Field("", alias="Strict-Transport-Security")


class _Http(_Section):
    http2: StrictBool = False
    headers: _Headers = _Headers()


class _File(_Section):
    tls_server_config: _Tls | None = None
    http_server_config: _Http | None = None
    basic_auth_users: dict[str, Secret] | None = None


@dataclass(frozen=True)
class WebConfig:
    """A valid web configuration with its certificates loaded."""

    tls: TlsSettings | None = None
    context: ssl.SSLContext | None = None
    users: Mapping[str, Secret] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def load_web_config(path: Path) -> WebConfig:
    """Read, validate and load the certificates. Raises :class:`SourceError` with every problem."""
    document = load(path)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise SourceError([document.problem((), "should be a mapping with tls_server_config and the like")])
    problems: list[Problem] = []
    parsed = _validated(document, _without_unsupported(document, data, problems), problems)
    tls = _tls_settings(document, parsed.tls_server_config, path.parent, problems)
    http = parsed.http_server_config or _Http()
    if http.http2:
        problems.append(
            document.problem(
                ("http_server_config", "http2"), "is not supported; set it to false or remove it"
            )
        )
    headers = _headers(document, http.headers, problems)
    users = parsed.basic_auth_users or {}
    problems += [
        document.problem(("basic_auth_users", user), message)
        for user, hashed in users.items()
        if (message := _wrong_user(user, hashed))
    ]
    context = _context(document, tls, problems)
    if problems:
        first = {problem.key: problem for problem in reversed(problems)}  # one problem for each key
        raise SourceError(sorted(first.values(), key=lambda problem: problem.line or 0))
    return WebConfig(tls, context, users, headers)


def _without_unsupported(document: Document, data: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return the data less the keys that Python can't honour, each of them a problem."""
    kept = deepcopy(data)
    for (*section, name), message in _UNSUPPORTED.items():
        holder = kept.get(section[0]) if section else kept
        if isinstance(holder, dict) and name in holder:
            problems.append(document.problem((*section, name), message))
            del holder[name]
    return kept


def _validated(document: Document, data: dict[str, Any], problems: list[Problem]) -> _File:
    """Return what is valid; the rest becomes problems, and what hangs on it is still looked at."""
    try:
        return _File.model_validate(data)
    except ValidationError as error:
        for each in error.errors(include_input=False):
            problems.append(_pydantic_problem(document, each))
            *section, name = (part for part in each["loc"] if isinstance(part, str))
            holder = data
            for key in section:
                holder = holder[key]
            holder.pop(name, None)
    return _File.model_validate(data)  # no key is required, so what is left is valid


def _pydantic_problem(document: Document, error: Any) -> Problem:
    messages = {
        "extra_forbidden": "is not a known key",
        "model_type": "should be a mapping",
        "dict_type": "should be a mapping",
        "tuple_type": "should be a list",
        "string_type": "should be a string",
        "bool_type": "should be true or false",
        "string_too_short": "should not be empty",
    }
    return document.problem(tuple(error["loc"]), messages.get(error["type"], error["msg"]))


def _tls_settings(
    document: Document, tls: _Tls | None, folder: Path, problems: list[Problem]
) -> TlsSettings | None:
    """Check what no single key shows; paths are relative to the web configuration's folder."""
    if tls is None or tls == _Tls():
        return None
    wrong = _wrong_versions(tls) | _wrong_client_auth(tls) | _wrong_cipher_suites(tls)
    for key in ("cert_file", "key_file"):
        if getattr(tls, key) is None:
            wrong[(key,)] = "is missing; TLS needs cert_file and key_file"
    if wrong:
        problems += [document.problem(("tls_server_config", *key), text) for key, text in wrong.items()]
        return None
    return TlsSettings(
        cert_file=folder / str(tls.cert_file),
        key_file=folder / str(tls.key_file),
        client_ca_file=folder / tls.client_ca_file if tls.client_ca_file else None,
        client_auth_type=tls.client_auth_type,
        client_allowed_sans=frozenset(map(canonical_name, tls.client_allowed_sans or ())),
        min_version=tls.min_version,
        max_version=tls.max_version,
        cipher_suites=tls.cipher_suites,
        prefer_server_cipher_suites=tls.prefer_server_cipher_suites,
    )


def _wrong_versions(tls: _Tls) -> dict[Key, str]:
    wrong: dict[Key, str] = {}
    for key, value in (("min_version", tls.min_version), ("max_version", tls.max_version)):
        if value in _OLD_VERSIONS:
            wrong[(key,)] = f"{value} is refused: it is broken (RFC 8996); use TLS12 or TLS13"
        elif value not in VERSIONS:
            wrong[(key,)] = "should be TLS12 or TLS13"
    if not wrong and VERSIONS[tls.min_version] > VERSIONS[tls.max_version]:
        wrong[("min_version",)] = f"is above max_version {tls.max_version}"
    return wrong


def _wrong_client_auth(tls: _Tls) -> dict[Key, str]:
    wrong: dict[Key, str] = {}
    kind = tls.client_auth_type
    verifies = kind in ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
    if kind in _UNVERIFIED:
        wrong[("client_auth_type",)] = (
            f"{kind} is not supported: Python can't take a certificate without verifying it; "
            "use RequireAndVerifyClientCert"
        )
    elif not verifies and kind != "NoClientCert":
        wrong[("client_auth_type",)] = (
            "should be NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert"
        )
    elif verifies and tls.client_ca_file is None:
        wrong[("client_ca_file",)] = f"is missing; {kind} needs the CA that signs clients' certificates"
    elif not verifies and tls.client_ca_file is not None:
        wrong[("client_ca_file",)] = "has no effect with NoClientCert; set client_auth_type"
    if tls.client_allowed_sans is not None and kind != "RequireAndVerifyClientCert":
        wrong[("client_allowed_sans",)] = "needs client_auth_type: RequireAndVerifyClientCert"
    elif tls.client_allowed_sans == ():
        wrong[("client_allowed_sans",)] = "should not be empty: no client could connect"
    return wrong


def _wrong_cipher_suites(tls: _Tls) -> dict[Key, str]:
    return {
        ("cipher_suites", index): f"{name!r} is not one of {', '.join(CIPHER_SUITES)}"
        + (" (those of TLS 1.3 can't be chosen)" if name.count("_WITH_") == 0 else "")
        for index, name in enumerate(tls.cipher_suites)
        if name not in CIPHER_SUITES
    }


def _headers(document: Document, headers: _Headers, problems: list[Problem]) -> dict[str, str]:
    values: dict[str, str] = {
        name: value for name, value in headers.model_dump(by_alias=True).items() if value
    }
    problems += [
        document.problem(("http_server_config", "headers", name), "should be printable ASCII on one line")
        for name, value in values.items()
        if not _HEADER_VALUE.fullmatch(value) or value != value.strip()
    ]
    return values


def _wrong_user(user: str, hashed: Secret) -> str | None:
    """Return what is wrong with a user; the hash itself is never shown."""
    text = hashed.reveal()
    match = _BCRYPT.fullmatch(text)
    if not match or not _is_usable(text):
        return "should be a bcrypt hash such as `htpasswd -nBC 10 ''` prints ($2y$10$…)"
    if not 4 <= int(match[1]) <= _HIGHEST_COST:
        return f"bcrypt cost {match[1]} is not between 4 and {_HIGHEST_COST}"
    return "a user name can't contain a colon (RFC 7617)" if ":" in user else None


def _is_usable(hashed: str) -> bool:
    """Return whether the library can check against the hash at all, at the lowest cost."""
    try:
        bcrypt.checkpw(b"", f"{hashed[:4]}04{hashed[6:]}".encode())
    except ValueError:
        return False
    return True


def _context(document: Document, tls: TlsSettings | None, problems: list[Problem]) -> ssl.SSLContext | None:
    if tls is None:
        return None
    try:
        return build_context(tls)
    except TlsFileError as error:
        problems += [
            document.problem(("tls_server_config", key), text) for key, text in error.problems.items()
        ]
        return None
