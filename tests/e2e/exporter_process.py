"""The exporter as a process of its own: started as users start it, and its log read line by line."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.demo.simulator import Simulator
from tests.e2e.processes import START_DEADLINE, eventually

PATIENCE = 30.0
COMMAND = [sys.executable, "-W", "error", "-m", "exporter"]
_LOGFMT = re.compile(r'(?P<key>[a-z_]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]*))(?: |$)')


def environment() -> dict[str, str]:
    """Return the environment without what would make a difference between machines."""
    dropped = {"COLUMNS", "LISTEN_FDS", "LISTEN_PID", "NO_COLOR", "FORCE_COLOR", "TERM"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2])}


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output goes to pipes."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def parse_logfmt(line: str) -> dict[str, str]:
    """Return the fields of a line; a line that is no logfmt from end to end fails the test."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(line):
        found = _LOGFMT.match(line, position)
        assert found, f"no logfmt at {position}: {line}"
        assert found["key"] not in fields, f"{found['key']} twice: {line}"
        fields[found["key"]] = found["bare"] if found["quoted"] is None else found["quoted"]
        position = found.end()
    return fields


@dataclass
class Running:
    """A server that listens."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def lines(self) -> list[str]:
        """Return what was logged so far, whole lines only."""
        text = self.log.read_text()
        return text[: text.rfind("\n") + 1].splitlines()

    def events(self) -> list[dict[str, Any]]:
        """Return the log, line by line, in whichever format it is."""
        return [json.loads(line) if line.startswith("{") else parse_logfmt(line) for line in self.lines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the logged events of a name."""
        return [logged for logged in self.events() if logged["event"] == event]

    def status(self, path: str) -> int:
        """Return the status of an answer, whatever it is."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def text(self, path: str = "/metrics", headers: Mapping[str, str] | None = None) -> str:
        """Return the body of an answer that must succeed."""
        request = urllib.request.Request(f"{self.url}{path}", headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def value(self, metric: str, **labels: str) -> float | None:
        """Return a sample of the metrics page; None if there is no such series."""
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                if sample.name == metric and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None

    def providers(self) -> set[str]:
        """Return the providers on the metrics page."""
        families = text_string_to_metric_families(self.text())
        return {sample.labels["provider"] for family in families for sample in family.samples if "provider" in sample.labels}

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(PATIENCE)


@contextmanager
def serving(
    folder: Path, *arguments: str | Path, command: Sequence[str] = COMMAND, pass_fds: tuple[int, ...] = ()
) -> Iterator[Running]:
    """Run a server until the block ends; one that doesn't start fails with its log."""
    log = folder / "exporter.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=stderr, stderr=stderr, env=environment(), pass_fds=pass_fds,
        )  # fmt: skip
    running = Running(process, log)
    try:
        eventually(
            lambda: process.poll() is not None or "event=listening" in log.read_text()
            or '"event": "listening"' in log.read_text(),
            "the exporter listens", START_DEADLINE, 0.05,
        )  # fmt: skip
        assert process.poll() is None, log.read_text()
        running.url = running.named("listening")[0]["url"]
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


def config_of(simulator: Simulator, base_url: str, *names: str, **more: Any) -> str:
    """Return a configuration of accounts of a simulator; ``more`` are keys of every entry."""
    entries = [
        {
            "name": name,
            "type": simulator.accounts[name].vendor.type,
            "base_url": f"{base_url}/{name}",
            **simulator.accounts[name].vendor.settings(),
            **more,
        }
        for name in names or simulator.accounts
    ]
    return yaml.safe_dump({"global": {"refresh_interval": "0s"}, "providers": entries})
