"""What the tests of ``type: http`` share: configurations of one entry."""

import pytest

from exporter.config import Config, parse_config
from exporter.model import VendorRequest
from exporter.providers.registry import provider_types
from exporter.yamlsource import SourceError

KEY = "canary-k3y-7d1f"
OTHER = "canary-0ther-91"
ENVIRONMENT = {"KEY": KEY, "OTHER": OTHER, "WORD": "word"}


def config_of(request: str = "", response: str = "pools: [{balance: left}]", more: str = "") -> Config:
    """Return the configuration of one entry, whose parts are given in YAML's flow style."""
    text = f"""
providers:
  - name: vendor
    type: http
    request: {{url: https://vendor.example/credits{", " if request else ""}{request}}}
    response: {{{response}}}
{more}
"""
    return parse_config(text, "c.yml", ENVIRONMENT, provider_types())


def request_of(config: Config) -> VendorRequest:
    """Return the request of the only entry."""
    return next(iter(config.accounts.values())).provider.request()


def problems_of(text: str) -> list[str]:
    """Return what is wrong with a configuration."""
    with pytest.raises(SourceError) as caught:
        parse_config(text, "c.yml", ENVIRONMENT, provider_types())
    return list(map(str, caught.value.problems))
