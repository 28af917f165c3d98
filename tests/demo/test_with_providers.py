"""The exporter's providers against the simulated vendors: what each side takes from the same documents."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from exporter.clock import SystemClock
from exporter.config import Account, Config, parse_config
from exporter.demo.scenario import accounts_config, demo_config
from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator
from exporter.model import FetchError, Reading
from exporter.providers.registry import provider_types
from exporter.transport import Transport

# Failures whose name is not itself the reason, or not followed by what tells the variants apart.
REASONS = {
    ("impressionwise", "wrong_password"): "unauthorized",
    ("impressionwise", "retry"): "server_error",
    ("oceanio", "conflict"): "client_error",
    ("oceanio", "insufficient_phone_credits"): "insufficient_credits",
    ("oceanio", "insufficient_standard_credits"): "insufficient_credits",
    ("oceanio", "email_in_progress"): "insufficient_credits",
    ("oceanio", "phone_in_progress"): "insufficient_credits",
    ("oceanio", "missing_token"): "unauthorized",
    ("oceanio", "not_found"): "client_error",
    ("oceanio", "invalid_request"): "client_error",
    ("leadmagic", "missing_authentication"): "unauthorized",
    ("leadmagic", "bad_gateway"): "server_error",
    ("leadmagic", "unavailable"): "server_error",
}
VARIANTS = ("unauthorized", "forbidden", "rate_limited")


def reason(account: str, failure: str) -> str:
    """Return the reason that a documented failure stands for."""
    known = REASONS.get((account, failure))
    return known or next((name for name in VARIANTS if failure.startswith(name)), failure)


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    """Serve one account per vendor, at rest."""
    with SimulatorServer(Simulator()) as server:
        yield server


@pytest.fixture(scope="module")
def config(server: SimulatorServer) -> Config:
    """Configure the exporter for every account, as the simulator itself says."""
    text = accounts_config(server.simulator.accounts, server.base_url)
    return parse_config(text, "simulated.yml", {}, provider_types())


def fetch(account: Account) -> Reading:
    """Fetch an account's reading as the exporter does."""
    transport = Transport(account.transport, SystemClock())
    transport.start(10.0)
    try:
        return account.provider.fetch(transport.call)
    finally:
        transport.close()


def balances(reading: Reading) -> dict[str, float | None]:
    """Return a reading's balances by pool."""
    return {name: pool.balance for name, pool in reading.pools.items()}


@pytest.mark.parametrize(
    ("account", "credentials", "expected"),
    [
        ("impressionwise", {"code": "BBF", "password": "demo&pass%word"}, {"default": 136012}),
        (
            "impressionwise",
            {"code": "BBF", "password": "demo&pass%word", "password_param": "PWD"},
            {"default": 136012},
        ),
        ("agiletelecom", {"api_key": "demo-agiletelecom-key"}, {"default": 10.324}),
        ("agiletelecom", {"username": "demo", "password": "demo-agiletelecom-password"}, {"default": 10.324}),
        (
            "agiletelecom",
            {
                "oauth1": {
                    "consumer_key": "demo-consumer",
                    "consumer_secret": "demo-consumer-secret",
                    "token": "demo-token",
                    "token_secret": "demo-token-secret",
                }
            },
            {"default": 10.324},
        ),
        ("oceanio", {"api_token": "demo-oceanio-token"}, {"standard": 200, "email": 200, "phone": 200}),
        (
            "oceanio",
            {"api_token": "demo-oceanio-token", "token_in": "query"},
            {"standard": 200, "email": 200, "phone": 200},
        ),
        ("leadmagic", {"api_key": "demo-leadmagic-key"}, {"default": 15432.5}),
        ("trueverify", {"api_key": "demo-trueverify-key"}, {"default": 9850}),
    ],
)
def test_every_way_of_signing_in_reads_the_balance(
    server: SimulatorServer, account: str, credentials: dict[str, Any], expected: dict[str, float]
) -> None:
    """With each documented kind of credentials the exporter reads what the account holds."""
    entry = {"type": account, "base_url": f"{server.base_url}/{account}", **credentials}
    text = yaml.safe_dump({"providers": [entry]})
    config = parse_config(text, "simulated.yml", {}, provider_types())
    assert balances(fetch(config.accounts[account])) == expected


@pytest.mark.parametrize(
    ("account", "failure"),
    [
        (name, failure)
        for name, account in Simulator().accounts.items()
        for failure in account.vendor.failures
    ],
)
def test_every_documented_failure_is_read_as_its_reason(
    server: SimulatorServer, config: Config, account: str, failure: str
) -> None:
    """The exporter understands each answer that the vendors document for a failure, and how long to wait."""
    server.simulator.fail(account, failure, retry_after=7, times=1)
    with pytest.raises(FetchError) as caught:
        fetch(config.accounts[account])
    assert (caught.value.reason, caught.value.retry_after) == (reason(account, failure), 7)


def test_the_demo_configuration_is_valid(server: SimulatorServer) -> None:
    """The configuration that the demo runs with has no problem and all five accounts."""
    config = parse_config(demo_config(server.base_url), "demo.yml", {}, provider_types())
    assert list(config.accounts) == list(server.simulator.accounts)
