import itertools
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from exporter.demo.message import Request
from exporter.demo.scenario import accounts_config, bench_accounts, demo_accounts, demo_config
from exporter.demo.simulator import Simulator

START = 1_700_000_000.0
MINUTES = 15


def entries() -> dict[str, dict[str, Any]]:
    """Return the demo configuration's entries by name."""
    return {entry["name"]: entry for entry in yaml.safe_load(demo_config("http://sim:1"))["providers"]}


def verdict(balance: float, thresholds: Mapping[str, float]) -> str:
    """Return how a balance looks against its thresholds."""
    if balance < thresholds["critical"]:
        return "critical"
    return "low" if balance < thresholds["warning"] else "healthy"


def verdicts(seconds: float) -> dict[tuple[str, str], str]:
    """Return how every pool looks so many seconds into the demo."""
    document = yaml.safe_load(demo_config("http://sim:1"))
    everywhere = document["global"]["thresholds"]
    return {
        (entry["name"], pool): verdict(level.balance, entry.get("thresholds", {}).get(pool, everywhere))
        for entry in document["providers"]
        for pool, level in demo_accounts(START)[entry["name"]].levels(START + seconds).items()
    }


def test_the_demo_shows_healthy_low_and_critical_pools_from_the_start() -> None:
    """Whoever looks first sees each of the three states."""
    assert set(verdicts(0).values()) == {"healthy", "low", "critical"}


def test_pools_change_their_state_and_are_topped_up_within_minutes() -> None:
    """In a quarter of an hour several pools pass through all three states, and most get a top-up."""
    seen: dict[tuple[str, str], set[str]] = {}
    for second in range(0, MINUTES * 60, 20):
        for key, state in verdicts(second).items():
            seen.setdefault(key, set()).add(state)
    assert sum(len(states) == 3 for states in seen.values()) >= 3
    topped = set()
    for name, account in demo_accounts(START).items():
        for pool, plan in account.pools.items():
            balances = [plan.at(START + second).balance for second in range(0, MINUTES * 60, 5)]
            if any(later > earlier for earlier, later in itertools.pairwise(balances)):
                topped.add((name, pool))
    assert len(topped) >= 6


def test_the_demo_has_one_slow_vendor_and_one_that_fails_in_turn() -> None:
    """One account answers after more than a second; one fails now and then, differently each time."""
    accounts = demo_accounts(START)
    assert [name for name, account in accounts.items() if account.latency > 1] == ["impressionwise"]
    troubled = {name: account for name, account in accounts.items() if account.trouble}
    assert list(troubled) == ["agiletelecom"]
    account = troubled["agiletelecom"]
    request = Request("GET", "http://x/", {"x-api-key": "demo-agiletelecom-key"})
    answers = [account.answer(request, "/services/sms/credit", START + second) for second in range(0, 480, 5)]
    failed = [answer for answer in answers if answer.status != 200]
    assert {answer.status for answer in failed} == {500, 503, 429}
    assert 0 < len(failed) < len(answers) / 3
    assert answers[0].status == 200


def test_the_demo_never_runs_into_its_request_limits() -> None:
    """Asked as often as configured for half an hour it never refuses, while its day counts down."""
    now = START
    simulator = Simulator(demo_accounts(START), clock=lambda: now)
    request = Request("GET", "http://x/oceanio/v2/credits/balance", {"x-api-token": "demo-oceanio-token"})
    lefts = []
    for second in range(0, 1800, 15):
        now = START + second
        response = simulator.handle(request).response
        assert response is not None
        assert response.status == 200
        lefts.append(yaml.safe_load(response.body)["dailyLimitRateLeft"])
    assert 0 < min(lefts) < 300
    assert max(lefts) > 900


def test_the_demo_configuration_names_every_account_with_its_credentials() -> None:
    """Each entry points below the simulator's URL, says where to top up, and moves within seconds."""
    configured = entries()
    accounts = demo_accounts(START)
    assert list(configured) == list(accounts)
    for name, entry in configured.items():
        assert entry["base_url"] == f"http://sim:1/{name}"
        assert entry["topup_url"].startswith("https://example.com/")
        assert entry["refresh_interval"] in {"5s", "10s", "15s"}
        assert entry.items() >= accounts[name].vendor.settings().items()
        assert set(entry.get("thresholds", {})) <= set(accounts[name].pools)


def test_the_demo_starts_the_same_way_each_time() -> None:
    """Two demos that start at the same moment agree at every later one; another seed differs."""
    later = START + 333
    one, same, other = (demo_accounts(START, seed) for seed in ("demo", "demo", "other"))
    assert [a.levels(later) for a in one.values()] == [a.levels(later) for a in same.values()]
    assert one["leadmagic"].levels(later) != other["leadmagic"].levels(later)


def test_bench_accounts_are_as_many_as_asked_of_all_vendors() -> None:
    """Any number, the vendors in turn, each with a name and an entry of its own."""
    accounts = bench_accounts(7)
    assert list(accounts)[4:] == ["trueverify-00005", "impressionwise-00006", "agiletelecom-00007"]
    document = yaml.safe_load(accounts_config(accounts, "http://sim:1"))
    assert document["global"] == {"refresh_interval": "0s"}
    assert [entry["base_url"] for entry in document["providers"]] == [
        f"http://sim:1/{name}" for name in accounts
    ]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [(["--accounts", "5", "--latency", "0"], "leadmagic-00004"), (["--latency", "0"], "leadmagic")],
)
def test_it_runs_as_a_process_of_its_own(tmp_path: Path, arguments: list[str], path: str) -> None:
    """The module prints its URL, writes the configuration, serves, and stops on SIGTERM with exit code 0."""
    config = tmp_path / "accounts.yml"
    command = [sys.executable, "-m", "exporter.demo", "--config", str(config), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        answer = requests.get(
            f"{base_url}/{path}/v1/credits", headers={"X-API-Key": "demo-leadmagic-key"}, timeout=10
        )
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert answer.status_code == 200
    assert f"{base_url}/{path}" in config.read_text()
