"""One account of each provider type at a hostile vendor, with a canary for every secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from exporter.config import Account, Config, parse_config
from exporter.providers.registry import provider_types

PASSWORD = "canary p&ss%wörd/+="  # needs encoding wherever it is written


@dataclass(frozen=True)
class Vendor:
    """A provider entry without its URL; ``body`` takes the place of a balance and is answered with 200.

    ``path`` is what the provider asks for; ``balance`` is what the answer with 12.5 means.
    """

    name: str
    type: str
    credentials: Mapping[str, Any]
    body: str
    balance: float = 12.5
    pool: str = "default"
    secrets: tuple[str, ...] = field(default=())
    path: str = ""

    def answer(self, figure: str = "12.5") -> bytes:
        """Return a good answer that holds this as its balance, as written."""
        return self.body.replace("@", figure).encode()


VENDORS = (
    Vendor(
        "impressionwise",
        "impressionwise",
        {"code": "BBF", "password": PASSWORD},
        "CODE=BBF&CREDITS=@&TTP=0.41",
        secrets=(PASSWORD,),
        path="/creditscheck.aspx",
    ),
    Vendor(
        "agiletelecom",
        "agiletelecom",
        {"api_key": "canary-agile-71c2"},
        '{"credit": @}',
        secrets=("canary-agile-71c2",),
        path="/services/sms/credit",
    ),
    Vendor(
        "oceanio",
        "oceanio",
        {"api_token": "canary-ocean-9e0b"},
        '{"credits": {"oneTime": @}, "dailyLimitRateLeft": 7}',
        pool="standard",
        secrets=("canary-ocean-9e0b",),
        path="/v2/credits/balance",
    ),
    Vendor(
        "leadmagic",
        "leadmagic",
        {"api_key": "canary-magic-44d8"},
        '{"credits": @}',
        secrets=("canary-magic-44d8",),
        path="/v1/credits",
    ),
    Vendor(
        "trueverify",
        "trueverify",
        {"api_key": "canary-verify-a3f6"},
        '{"success": true, "data": {"available_credits": @}, "metadata": {}}',
        secrets=("canary-verify-a3f6",),
        path="/api/v1/credits/balance",
    ),
    Vendor(
        "described",
        "http",
        {
            "credentials": {"key": "canary-described-5d20"},
            "request": {
                "url": "https://vendor.example/described/left",
                "headers": {"Authorization": "Bearer {key}"},
            },
            "response": {"pools": [{"balance": "credits"}]},
        },
        '{"credits": @}',
        secrets=("canary-described-5d20",),
        path="/described/left",
    ),
    Vendor(
        "catalogued",
        "scrapedo",
        {"token": "canary-catalogue/%+c1f7"},
        '{"RemainingMonthlyRequest": @}',
        secrets=("canary-catalogue/%+c1f7",),
        path="/info",
    ),
)

OTHER_CREDENTIALS = (
    Vendor(
        "agile-basic",
        "agiletelecom",
        {"username": "user", "password": PASSWORD},
        '{"credit": @}',
        secrets=(PASSWORD,),
    ),
    Vendor(
        "agile-oauth",
        "agiletelecom",
        {
            "oauth1": {
                "consumer_key": "canary-consumer-1",
                "consumer_secret": "canary-consumer-2",
                "token": "canary-token-3",
                "token_secret": "canary-token-4",
            }
        },
        '{"credit": @}',
        secrets=("canary-consumer-1", "canary-consumer-2", "canary-token-3", "canary-token-4"),
    ),
    Vendor(
        "ocean-query",
        "oceanio",
        {"api_token": "canary-query/%+token", "token_in": "query"},
        '{"credits": {"recurrent": @}}',
        pool="standard",
        secrets=("canary-query/%+token",),
    ),
    Vendor(
        "trueverify-header",
        "trueverify",
        {"api_key": "canary-custom-b7e1", "auth_header": "X-Own-Key"},
        '{"balance": @}',
        secrets=("canary-custom-b7e1",),
    ),
)


def configure(entries: list[dict[str, Any]], **settings: Any) -> Config:
    """Return the configuration of these entries; ``settings`` are those under ``global``."""
    text = yaml.safe_dump({"global": settings, "providers": entries}, allow_unicode=True)
    return parse_config(text, "test", {}, provider_types())


def entry(vendor: Vendor, url: str, **keys: Any) -> dict[str, Any]:
    """Return the provider entry of a vendor at this base URL."""
    return {"type": vendor.type, "name": vendor.name, "base_url": url, **vendor.credentials, **keys}


def account(vendor: Vendor, url: str, **keys: Any) -> Account:
    """Return one account as the configuration resolves it."""
    return configure([entry(vendor, url, **keys)]).accounts[vendor.name]
