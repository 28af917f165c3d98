"""The whole exporter in this process, over HTTP: configuration, server, log."""

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import requests
import structlog
from prometheus_client.parser import text_string_to_metric_families

from exporter.clock import SystemClock
from exporter.config import Config
from exporter.log import LogFormat, LogLevel, set_up
from exporter.runtime import Runtime
from exporter.web.app import Readiness, WebOptions, make_app
from exporter.web.server import Callbacks, Server
from exporter.web.sockets import ListenAddress, open_listeners

PATIENCE = 20.0

Samples = dict[tuple[str, ...], float]


def parse(page: str) -> Samples:
    """Return a page's samples by name, provider, and the values of the other labels."""
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels, key=_provider_first))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def _provider_first(label: str) -> tuple[bool, str]:
    return label != "provider", label


@dataclass(frozen=True)
class Exporter:
    """A running exporter; ``log`` holds what it logged so far."""

    url: str
    runtime: Runtime
    log: io.StringIO

    def get(self, path: str, **headers: str) -> requests.Response:
        """Fetch a page."""
        return requests.get(f"{self.url}{path}", headers=headers, timeout=PATIENCE)

    def scrape(self, timeout: str | None = None, path: str = "/metrics") -> Samples:
        """Scrape as Prometheus does, with its header where a timeout is given."""
        headers = {} if timeout is None else {"X-Prometheus-Scrape-Timeout-Seconds": timeout}
        response = self.get(path, **headers)
        assert response.status_code == 200, response.text
        return parse(response.text)


@contextmanager
def exporting(
    config: Config,
    level: LogLevel = LogLevel.DEBUG,
    log_format: LogFormat = LogFormat.LOGFMT,
    max_requests: int = 80,
) -> Iterator[Exporter]:
    """Serve this configuration on loopback until the block ends."""
    log = io.StringIO()
    started = threading.Event()
    urls: list[str] = []

    def ready(bound: list[str]) -> None:
        urls.extend(bound)
        started.set()

    with closing(Runtime(lambda: config, SystemClock())) as runtime, restored_logging():
        set_up(level, log_format, runtime.redact, log)
        server = Server(
            make_app(runtime, WebOptions(enable_lifecycle=True), Readiness()),
            open_listeners((ListenAddress("127.0.0.1", 0),)),
            max_requests=max_requests,
            callbacks=Callbacks(ready=ready),
        )
        thread = threading.Thread(target=server.run, name="exporter")
        thread.start()
        try:
            assert started.wait(PATIENCE)
            yield Exporter(urls[0].rstrip("/"), runtime, log)
        finally:
            server.stop()
            thread.join(PATIENCE)
    assert not thread.is_alive()


@contextmanager
def restored_logging() -> Iterator[None]:
    """Put the process-wide logging back as it was."""
    root = logging.getLogger()
    handlers, level, configuration = list(root.handlers), root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configuration)
