"""Credentials as they are sent in headers: built once, secret like what they are built from."""

import base64
import re
from typing import Final

from exporter.secret import Secret

# RFC 9110, 5.6.2: what the name of a header may consist of.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def bearer(token: Secret) -> Secret:
    """Return the value of ``Authorization`` for a bearer token (RFC 6750)."""
    return Secret(f"Bearer {token.reveal()}")


def basic(username: str, password: Secret) -> Secret:
    """Return the value of ``Authorization`` for HTTP Basic (RFC 7617), in UTF-8."""
    pair = f"{username}:{password.reveal()}".encode()
    return Secret(f"Basic {base64.b64encode(pair).decode()}")


def without_white_space(key: Secret) -> Secret:
    """Return a key that is fit for a header; raise ValueError for one that was copied with something else."""
    if any(character.isspace() or not character.isprintable() for character in key.reveal()):
        raise ValueError("should hold no white space and no control characters; was it copied whole?")
    return key


def without_colon(username: str) -> str:
    """Return a user name that HTTP Basic can send; raise ValueError for one with a colon."""
    if ":" in username:
        raise ValueError("should hold no colon: HTTP Basic can't send it")
    return username


def header_name(name: str) -> str:
    """Return a name that a header can have; raise ValueError for any other text."""
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("should be the name of a header, such as X-API-Key")
    return name
