"""Real servers for tests: started on a free loopback port, waited for, stopped with the test."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

START_DEADLINE = 30.0


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def eventually(look: Callable[[], T | None], what: str, deadline: float, pause: float = 0.1) -> T:
    """Return the first result of ``look`` that is true; fail with ``what`` after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        result = look()
        if result:
            return result
        time.sleep(pause)
    raise AssertionError(f"not within {deadline:g} s: {what}")


def get(url: str) -> bytes | None:
    """Return the body of a successful answer, or nothing."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def get_json(url: str) -> Any:
    """Return the parsed body of an answer that must succeed."""
    body = get(url)
    assert body is not None, f"no answer from {url}"
    return json.loads(body)


def post_json(url: str, content: object) -> None:
    """Post an object; an answer that is not a success is an error."""
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()


@contextmanager
def running(command: list[str], ready: str, log: Path) -> Iterator[None]:
    """Run a server while the block runs; one that is not ready in time fails with the end of its log."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            eventually(lambda: process.poll() is not None or get(ready), f"{ready} ready", START_DEADLINE)
            if process.poll() is not None:
                raise AssertionError(f"{command[0]} ended at once:\n{log.read_text()[-2000:]}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def alertmanager(binary: str, config: Path, folder: Path) -> Iterator[str]:
    """Run an Alertmanager without a cluster; yield its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        binary, f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={url.removeprefix('http://')}", f"--web.external-url={url}",
        "--cluster.listen-address=", "--log.level=debug",
    ]  # fmt: skip
    with running(command, f"{url}/-/ready", folder / "alertmanager.log"):
        yield url


@contextmanager
def prometheus(binary: str, config: Path, folder: Path) -> Iterator[str]:
    """Run a Prometheus that sends alerts again every second, so that they do not expire; yield its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={url.removeprefix('http://')}", "--rules.alert.resend-delay=1s",
    ]  # fmt: skip
    with running(command, f"{url}/-/ready", folder / "prometheus.log"):
        yield url
