"""What the demo shows: five accounts with something to see within minutes, and the configuration for them.

Minutes stand for days: an accounting day lasts ten minutes, and the runway thresholds are minutes too.
"""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from exporter.demo.accounts import Account, still_accounts
from exporter.demo.limits import Limits
from exporter.demo.pools import Episodes, Pool, phase
from exporter.demo.vendors import AgileTelecom, Impressionwise, LeadMagic, OceanIo, TrueVerify

_DAY = 600.0

# Per entry: refresh interval, and thresholds such that at the start some pools are healthy
# (impressionwise, Ocean.io's standard and preview), one is low (email) and one is critical (phone);
# the others pass through all three and are topped up.
_SHOWN: Mapping[str, Mapping[str, Any]] = {
    "impressionwise": {
        "refresh_interval": "10s",
        "thresholds": {"default": {"warning": 50_000, "critical": 10_000}},
    },
    "agiletelecom": {"refresh_interval": "5s", "thresholds": {"default": {"warning": 50, "critical": 30}}},
    "oceanio": {
        "refresh_interval": "15s",
        "thresholds": {
            "email": {"warning": 500, "critical": 100},
            "phone": {"warning": 200, "critical": 100},
        },
    },
    "leadmagic": {"refresh_interval": "10s", "thresholds": {"default": {"warning": 1500, "critical": 800}}},
    "trueverify": {"refresh_interval": "5s", "thresholds": {"default": {"warning": 500, "critical": 200}}},
}


def demo_accounts(now: float, seed: str = "demo") -> dict[str, Account]:
    """Return the demo's accounts as they start at a Unix time; the seed varies the spending."""

    def pool(name: str, **plan: Any) -> Pool:
        return Pool(since=now, seed=phase(f"{seed}/{name}"), **plan)

    return {
        "impressionwise": Account(
            Impressionwise(),
            {"default": pool("impressionwise", start=136_012, pace=25, low=124_000, top_up=15_000)},
            latency=1.2,
        ),
        "agiletelecom": Account(
            AgileTelecom(),
            {"default": pool("agiletelecom", start=62.5, pace=0.12, low=20, top_up=60)},
            trouble=Episodes(120, 25, ("timeout", "server_error", "rate_limited"), since=now),
        ),
        "oceanio": Account(
            OceanIo(),
            {
                "standard": pool(
                    "standard", start=8200, pace=3, low=6500, top_up=2000, kept={"oneTime": 2500}
                ),
                "email": pool("email", start=420, pace=0.5, low=200, top_up=250, kept={"oneTime": 100}),
                "phone": pool("phone", start=64, pace=0.1, low=12, top_up=50),
                "preview": pool("preview", start=1000),
            },
            Limits(per_minute=60, per_day=1000, day=_DAY, elsewhere=1.4),
        ),
        "leadmagic": Account(
            LeadMagic(),
            {"default": pool("leadmagic", start=2200, pace=6, low=400, top_up=2500)},
            Limits(per_day=20_000, day=_DAY, elsewhere=22),
            frozen=Episodes(300, 60, (250.0,), since=now),
        ),
        "trueverify": Account(
            TrueVerify(),
            {
                "default": pool(
                    "trueverify",
                    start=950,
                    pace=2,
                    low=60,
                    top_up=900,
                    used_before=4150,
                    kept={"bonus": 50, "free": 100, "subscription": 300},
                )
            },
            Limits(per_minute=100),
            reserved=Episodes(180, 60, (200.0, 350.0), since=now),
        ),
    }


def demo_config(base_url: str) -> str:
    """Return the exporter's configuration (YAML) for the demo's accounts, served at a URL."""
    document = {
        "global": {
            "timeout": "5s",
            "max_staleness": "10m",
            "thresholds": {"warning": 500, "critical": 100},
            "runway_thresholds": {"warning": "15m", "critical": "5m"},
        },
        "providers": [
            {
                **_entry(name, account, base_url),
                "topup_url": f"https://example.com/{name}/top-up",
                **_SHOWN[name],
            }
            for name, account in demo_accounts(0.0).items()
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


def bench_accounts(number: int) -> dict[str, Account]:
    """Return so many accounts at rest and without limits, the vendors in turn: ``leadmagic-00004``."""
    accounts: dict[str, Account] = {}
    while len(accounts) < number:
        for vendor, account in still_accounts().items():
            accounts[f"{vendor}-{len(accounts) + 1:05}"] = replace(account, limits=Limits())
    return dict(itertools.islice(accounts.items(), number))


def accounts_config(accounts: Mapping[str, Account], base_url: str, *, refresh_interval: str = "0s") -> str:
    """Return an exporter's configuration (YAML) for any accounts: by default it asks at every scrape."""
    document = {
        "global": {"refresh_interval": refresh_interval},
        "providers": [_entry(name, account, base_url) for name, account in accounts.items()],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _entry(name: str, account: Account, base_url: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": account.vendor.type,
        "base_url": f"{base_url}/{name}",
        **account.vendor.settings(),
    }
