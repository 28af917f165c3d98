"""Basic authentication with the semantics of exporter-toolkit.

Every path is protected, health included (Kubernetes probes can send the header); no users is no
authentication. bcrypt is slow by design, so each credential is checked once and remembered: under an HMAC
with a key that lives and dies with the process, so that neither the cache nor a core dump of it gives a
password that can be tried offline any cheaper than the hash. Only successes are remembered; a flood of
wrong passwords can't push Prometheus's own entry out.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import bcrypt
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.secret import Secret

# Credentials remembered, and checks that may wait for the one that runs.
_MOST_REMEMBERED: Final = 256
_MOST_WAITING: Final = 32

# bcrypt reads no further; version 5 of the library refuses what earlier ones and Go cut off.
_BCRYPT_BYTES: Final = 72
_DEFAULT_COST: Final = 10
_DIGEST_CHARACTERS: Final = 31

_log = logging.getLogger(__name__)


class BasicAuth:
    """ASGI middleware; ``users`` returns the current user names with their bcrypt hashes."""

    def __init__(self, app: ASGIApp, users: Callable[[], Mapping[str, Secret]]) -> None:
        self._app = app
        self._users = users
        self._checker = PasswordChecker()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 401 without valid credentials, 503 while too many checks wait."""
        users = self._users()
        if scope["type"] != "http" or not users:
            await self._app(scope, receive, send)
            return
        credentials = _credentials(scope["headers"])
        try:
            allowed = credentials is not None and await self._checker.check(users, *credentials)
        except TooManyChecksError:
            response = PlainTextResponse("Too many logins at once.\n", 503, {"Retry-After": "1"})
            await response(scope, receive, send)
            return
        if allowed:
            await self._app(scope, receive, send)
            return
        _log.debug("unauthorized", extra={"client": (scope.get("client") or ("",))[0]})
        challenge = {"WWW-Authenticate": 'Basic realm="credits-exporter", charset="UTF-8"'}
        await PlainTextResponse("Unauthorized\n", 401, challenge)(scope, receive, send)


class TooManyChecksError(Exception):
    """More unknown credentials are waiting for bcrypt than a server should queue."""


class PasswordChecker:
    """Checks passwords against bcrypt hashes: one at a time, off the event loop, successes remembered."""

    def __init__(self, compare: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._compare = compare
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="bcrypt")
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def check(self, users: Mapping[str, Secret], user: str, password: bytes) -> bool:
        """Return whether the password is the user's.

        An unknown user costs the same bcrypt as a known one. Raises :class:`TooManyChecksError`.
        """
        known = users.get(user)
        hashed = (known.reveal() if known else decoy(users.values())).encode()
        entry = self._entry(user.encode(), hashed, password)
        if self._recall(entry):
            return True
        if self._waiting >= _MOST_WAITING:
            raise TooManyChecksError
        self._waiting += 1
        try:
            async with self._lock:
                if self._recall(entry):  # another request with the same credentials was first
                    return True
                loop = asyncio.get_running_loop()
                matches = await loop.run_in_executor(
                    self._executor, self._compare, password[:_BCRYPT_BYTES], hashed
                )
        finally:
            self._waiting -= 1
        if not matches or known is None:
            return False
        self._remembered[entry] = None
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return True

    def _recall(self, entry: bytes) -> bool:
        """Return whether these credentials were right before; hashes are part of the entry."""
        if entry not in self._remembered:
            return False
        self._remembered.move_to_end(entry)
        return True

    def _entry(self, *parts: bytes) -> bytes:
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, framed, hashlib.sha256)


def decoy(hashes: Iterable[Secret]) -> str:
    """Return a bcrypt hash that no password has, as costly as the costliest of the given ones."""
    cost = max((int(each.reveal()[4:6]) for each in hashes), default=_DEFAULT_COST)
    return bcrypt.gensalt(cost).decode() + "." * _DIGEST_CHARACTERS


def _credentials(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bytes] | None:
    """Return user and password of the one ``Authorization: Basic`` header, if it is well-formed."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) != 1:
        return None
    scheme, _, encoded = values[0].partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None
