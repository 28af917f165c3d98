"""What the tests of providers share: answers without a vendor, and one account of each type."""

from dataclasses import dataclass
from typing import Any

from requests.structures import CaseInsensitiveDict

from exporter.model import VendorResponse
from exporter.providers.base import Provider
from exporter.providers.registry import provider_types

NOW = 1_790_000_000.0


def answer(
    body: str | bytes = b"", status: int = 200, headers: dict[str, str] | None = None, at: float = NOW
) -> VendorResponse:
    """Return a vendor's answer."""
    raw = body.encode() if isinstance(body, str) else body
    return VendorResponse(status, CaseInsensitiveDict(headers or {}), raw, at)


def provider(type_name: str, **settings: Any) -> Provider[Any]:
    """Return a provider with settings as a configuration would give them."""
    provider_class = provider_types().get(type_name)
    if provider_class.default_base_url is not None:
        settings.setdefault("base_url", provider_class.default_base_url)
    model = provider_class.settings_model
    return provider_class(model.model_validate({"type": type_name, "name": type_name, **settings}))


@dataclass(frozen=True)
class Account:
    """One way to configure a provider: its settings, and the texts in them that are secret."""

    type_name: str
    settings: dict[str, Any]
    secrets: tuple[str, ...]

    def provider(self) -> Provider[Any]:
        """Return the provider."""
        return provider(self.type_name, **self.settings)

    def __str__(self) -> str:
        return f"{self.type_name}-{'-'.join(sorted(self.settings.keys() - {'base_url'}))}"


SECRET = "canary-s3cr3t/+=&%ü"
KEY = "canary-k3y-7d1f"
REQUEST = {"url": "https://vendor.example/credits", "headers": {"Authorization": f"Bearer {KEY}"}}
RESPONSE = {
    "success": "success != `false`",
    "errors": [{"when": "error.code == 'UNAUTHORIZED'", "reason": "unauthorized"}],
    "pools": [{"balance": "credits || data.credit", "sources": {"bonus": "available_credits"}}],
}
OAUTH1 = {name: f"canary-{name}" for name in ("consumer_key", "consumer_secret", "token", "token_secret")}

# Every provider type in every way to give its credentials.
ACCOUNTS = (
    Account("impressionwise", {"code": "BBF", "password": SECRET}, (SECRET,)),
    Account("impressionwise", {"code": "BBF", "password": SECRET, "password_param": "PWD"}, (SECRET,)),
    Account("agiletelecom", {"api_key": KEY}, (KEY,)),
    Account("agiletelecom", {"username": "ann", "password": SECRET}, (SECRET,)),
    Account("agiletelecom", {"oauth1": OAUTH1}, tuple(OAUTH1.values())),
    Account("oceanio", {"api_token": KEY}, (KEY,)),
    Account("oceanio", {"api_token": KEY, "token_in": "query"}, (KEY,)),
    Account("leadmagic", {"api_key": KEY}, (KEY,)),
    Account("leadmagic", {"api_key": KEY, "refresh_when_stale": True}, (KEY,)),
    Account("trueverify", {"api_key": KEY, "base_url": "https://verify.example"}, (KEY,)),
    Account(
        "trueverify",
        {"api_key": KEY, "base_url": "https://verify.example", "auth_header": "X-API-Key"},
        (KEY,),
    ),
    Account("http", {"request": REQUEST, "response": RESPONSE}, (KEY,)),
    Account(
        "http",
        {
            "request": REQUEST | {"headers": {}, "params": {"key": "{key}"}},
            "response": RESPONSE,
            "credentials": {"key": SECRET},
        },
        (SECRET,),
    ),
)

# What each vendor answers when all is well, by type.
GOOD_BODIES = {
    "impressionwise": "CODE=BBF&CREDITS=8,250&TTP=0.2",
    "agiletelecom": '{"credit": 82.5}',
    "oceanio": '{"credits": {"oneTime": 80, "recurrent": 2.5}, "dailyLimitRateLeft": 9}',
    "leadmagic": '{"credits": 82.5, "is_frozen": false}',
    "trueverify": '{"success": true, "data": {"available_credits": 82, "bonus_credits": 2}}',
    "http": '{"credits": "82.50", "success": true}',
}
