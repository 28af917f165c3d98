"""Accounts in every condition that the status page can show, as views made by hand."""

from dataclasses import replace

from exporter.config import Config, parse_config
from exporter.consumption import Consumption
from exporter.model import DailyLimit, Pool, Reading, Reason
from exporter.providers.registry import provider_types
from exporter.refresh import AccountView, Failure, Snapshot

NOW = 1_782_914_592.0  # 2026-07-01 14:03:12 UTC
HOUR = 3600.0
SECRET = "s3cret-of-the-test"

CONFIG = f"""
global:
  thresholds: {{warning: 1000, critical: 100}}
providers:
  - {{name: healthy, type: impressionwise, code: BBF, password: {SECRET}, topup_url: "https://example.com/top-up"}}
  - {{name: waiting, type: leadmagic, api_key: {SECRET}}}
  - {{name: refused, type: leadmagic, api_key: {SECRET}, topup_url: "https://example.com/top-up"}}
  - {{name: lost, type: trueverify, api_key: {SECRET}, base_url: "https://verify.example.com"}}
  - name: sms
    type: agiletelecom
    oauth1: {{consumer_key: {SECRET}1, consumer_secret: {SECRET}2, token: {SECRET}3, token_secret: {SECRET}4}}
    thresholds: {{default: {{warning: 50, critical: 10}}}}
  - {{name: pools, type: oceanio, api_token: {SECRET}, topup_url: "https://example.com/top-up?a=1&b=2"}}
  - {{name: empty, type: leadmagic, api_key: {SECRET}}}
  - {{name: frozen, type: leadmagic, api_key: {SECRET}}}
  - {{name: "<script>alert(1)</script>", type: leadmagic, api_key: {SECRET}}}
"""

HOSTILE_POOL = '"><img src=x onerror=alert(1)>\u202e\x00 & {{7*7}}'


def config() -> Config:
    """Return the configuration of the accounts."""
    return parse_config(CONFIG, "test.yml", {}, provider_types())


def consumed(amount: float, hours: float = 24) -> dict[str, Consumption]:
    """Return counters of the pool ``default`` after so many hours."""
    return {"default": Consumption(amount, recent=amount, recent_since=NOW - 12 - hours * HOUR)}


def good(view: AccountView, reading: Reading, **changes: object) -> AccountView:
    """Return the view after a call that succeeded twelve seconds ago."""
    asked = replace(view, reading=reading, up=True, last_success=NOW - 12, next_fetch=NOW + 48)
    return replace(asked, **changes)


def failed(view: AccountView, reason: Reason, detail: str, status: int | None, **changes: object) -> AccountView:
    """Return the view after a call that failed."""
    asked = replace(view, up=False, failure=Failure(reason, detail, status), next_fetch=NOW + 240)
    return replace(asked, **changes)


def views() -> dict[str, AccountView]:
    """Return a view of every account, by name."""
    blank = {name: AccountView(account, next_fetch=NOW) for name, account in config().accounts.items()}
    one = Reading({"default": Pool(15_432.5)})
    four = Reading(
        {
            "standard": Pool(8200, reserved=200),
            "email": Pool(420),
            "phone": Pool(64),
            "preview": Pool(None),
        },
        DailyLimit(61, NOW + 10 * HOUR),
    )
    hostile = blank["<script>alert(1)</script>"]
    return blank | {
        "healthy": good(blank["healthy"], Reading({"default": Pool(136_012)}), consumption=consumed(4000)),
        "refused": failed(
            blank["refused"], Reason.UNAUTHORIZED, "the vendor refuses the API key", 401,
            reading=one, last_success=NOW - HOUR / 2, consumption=consumed(500),
        ),
        "lost": failed(
            blank["lost"], Reason.TIMEOUT, "the vendor did not answer within 10s", None,
            last_success=NOW - 3 * HOUR, consumption=consumed(500),
        ),
        "sms": failed(
            blank["sms"], Reason.SERVER_ERROR, "the vendor's server fails (code 8)", 500,
            reading=Reading({"default": Pool(42.125, unit="EUR")}), last_success=NOW - 300,
            consumption=consumed(1.5),
        ),
        "pools": good(
            blank["pools"], four,
            consumption={"standard": Consumption(100, recent=100, recent_since=NOW - 900)},
        ),
        "empty": good(blank["empty"], Reading({"default": Pool(-3)}), consumption=consumed(500)),
        "frozen": good(
            blank["frozen"], Reading({"default": Pool(9000, frozen=250)}, account_frozen=True),
            consumption=consumed(0),
        ),
        hostile.account.name: good(hostile, Reading({HOSTILE_POOL: Pool(1e300)})),
    }  # fmt: skip


def snapshot(*names: str) -> Snapshot:
    """Return a snapshot of the named accounts, or of all."""
    every = views()
    return Snapshot(1, tuple(every[name] for name in names or every))
