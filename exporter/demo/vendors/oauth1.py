"""Verification of OAuth 1.0a signatures (RFC 5849), by the library made for it."""

from dataclasses import dataclass
from typing import Any

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, RequestValidator, ResourceEndpoint

from exporter.demo.message import Request

_NONCES_REMEMBERED = 10_000


@dataclass(frozen=True)
class OAuth1Keys:
    """A consumer and the access token that it was given."""

    consumer_key: str = "demo-consumer"
    consumer_secret: str = "demo-consumer-secret"  # noqa: S105  what these guard is simulated
    token: str = "demo-token"  # noqa: S105
    token_secret: str = "demo-token-secret"  # noqa: S105


class OAuth1Verifier:
    """Accepts each request that the holder of the keys signed, once."""

    def __init__(self, keys: OAuth1Keys) -> None:
        self._endpoint = ResourceEndpoint(_Validator(keys))

    def accepts(self, request: Request) -> bool:
        """Tell whether the Authorization header holds a fresh and right signature of this request."""
        try:
            accepted, _ = self._endpoint.validate_protected_resource_request(
                request.url, http_method=request.method, headers=dict(request.headers)
            )
        except ValueError:  # the header isn't a list of parameters
            return False
        return bool(accepted)


class _Validator(RequestValidator):
    dummy_client = "nobody"
    dummy_access_token = "nothing"  # noqa: S105  stands for an unknown token
    enforce_ssl = False  # the simulator listens on loopback only
    allowed_signature_methods = (SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256)

    def __init__(self, keys: OAuth1Keys) -> None:
        super().__init__()
        self._keys = keys
        self._nonces: dict[tuple[str, str], None] = {}

    # The library asks for keys, tokens and nonces of 20 to 30 letters and digits; RFC 5849 does not.
    def check_client_key(self, client_key: str) -> bool:
        return True

    def check_access_token(self, request_token: str) -> bool:
        return True

    def check_nonce(self, nonce: str) -> bool:
        return True

    def validate_timestamp_and_nonce(
        self, client_key: str, timestamp: Any, nonce: str, *args: Any, **kwargs: Any
    ) -> bool:
        if (timestamp, nonce) in self._nonces:
            return False
        self._nonces[timestamp, nonce] = None
        if len(self._nonces) > _NONCES_REMEMBERED:
            del self._nonces[next(iter(self._nonces))]
        return True

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == self._keys.consumer_key

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return token == self._keys.token

    def validate_realms(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return self._keys.consumer_secret

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self._keys.token_secret
