"""A real Prometheus on loopback, started over a data folder, and promtool's back-filling."""

import contextlib
import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Series = dict[str, Any]
_LONG_BLOCKS = "--max-block-duration=486h"  # promtool reads its whole input once per block


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def get(self, path: str, parameters: dict[str, str]) -> Any:
        """Return the data of an answer; what Prometheus refuses fails the test with its own words."""
        address = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {json.load(error)['error']}") from None

    def series(self, path: str, parameters: dict[str, str]) -> list[Series]:
        """Return the series of an instant or range query."""
        result: list[Series] = self.get(path, parameters)["result"]
        return result


@contextlib.contextmanager
def running(executable: str, folder: Path, config: str = "{}") -> Iterator[Prometheus]:
    """Run Prometheus over ``folder/data`` and stop it afterwards."""
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        executable,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=30d",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Prometheus(f"http://{address}")
        wait_until(lambda: _ready(server), f"Prometheus, see {folder}/prometheus.log")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ready(server: Prometheus) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/-/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def wait_until(condition: Any, what: str, seconds: float = 60) -> None:
    """Poll until the condition holds; fail after a bounded time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


def backfill(promtool: str, openmetrics: Path, data: Path) -> None:
    """Write blocks from a file of samples."""
    _run(promtool, "tsdb", "create-blocks-from", _LONG_BLOCKS, "openmetrics", str(openmetrics), str(data))


def backfill_rules(
    promtool: str, executable: str, rules: Path, folder: Path, *, window: tuple[int, int], interval: int
) -> None:
    """Evaluate the recording rules over the past, those that others build on first.

    promtool evaluates each rule against the server alone, so each level needs the blocks of the one before.
    """
    for level, records in enumerate(_levels(rules)):
        file = folder / f"level{level}.yml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "level", "rules": records}]}), encoding="utf-8")
        with running(executable, folder) as server:
            _run(
                promtool, "tsdb", "create-blocks-from", _LONG_BLOCKS, "rules", f"--url={server.url}",
                f"--start={window[0]}", f"--end={window[1]}", f"--eval-interval={interval}s",
                f"--output-dir={folder}/data", str(file),
            )  # fmt: skip


def _levels(rules: Path) -> list[list[Series]]:
    groups = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]
    pending = [rule for group in groups for rule in group["rules"] if "record" in rule]
    levels = []
    while pending:
        names = {rule["record"] for rule in pending}
        ready = [rule for rule in pending if not names & set(re.findall(r"[\w:]+", rule["expr"]))]
        assert ready, f"recording rules that build on each other: {sorted(names)}"
        levels.append(ready)
        pending = [rule for rule in pending if rule not in ready]
    return levels


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
