"""``serve`` and ``demo``: the exporter as a server."""

import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from exporter import __version__
from exporter.clock import SystemClock
from exporter.commands.common import EXIT_FAILED, EXIT_USAGE, complain, configured
from exporter.config import parse_config
from exporter.demo.scenario import demo_accounts, demo_config
from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator
from exporter.log import LogFormat, LogLevel, set_up
from exporter.providers.registry import provider_types
from exporter.runtime import ConfigLoader, Runtime
from exporter.watch import ConfigWatcher
from exporter.web import server
from exporter.web.app import Readiness, WebOptions, make_app
from exporter.web.sockets import ListenAddress, ListenError, open_listeners, systemd_listeners
from exporter.web.webfile import WebConfigFile
from exporter.yamlsource import SourceError


@dataclass(frozen=True)
class ServeOptions:
    """The flags of ``serve``; durations are seconds, an interval of 0 is never."""

    listen_addresses: Sequence[ListenAddress]
    web: WebOptions
    web_config_file: Path | None
    max_requests: int
    use_systemd_socket: bool
    auto_reload_interval: float
    log_level: LogLevel
    log_format: LogFormat


def serve(config_file: Path, options: ServeOptions) -> int:
    """Serve the configured accounts until stopped."""
    return _serve(lambda: configured(config_file), options)


def demo(options: ServeOptions) -> int:
    """Serve simulated vendors on loopback, and the exporter over them."""
    clock = SystemClock()
    with SimulatorServer(Simulator(demo_accounts(clock.now()), clock=clock.now)) as vendors:
        text = demo_config(vendors.base_url)
        return _serve(lambda: parse_config(text, "demo", {}, provider_types()), options)


def _serve(load: ConfigLoader, options: ServeOptions) -> int:
    try:
        web_config = WebConfigFile(options.web_config_file) if options.web_config_file else None
        runtime = Runtime(load, SystemClock())
    except SourceError as error:
        complain(error.problems)
        return EXIT_USAGE
    set_up(options.log_level, options.log_format, runtime.redact)
    try:
        listeners = _listeners(options)
    except ListenError as error:
        complain([error])
        return EXIT_FAILED
    watcher = ConfigWatcher(runtime, options.auto_reload_interval)
    readiness = Readiness()
    with contextlib.closing(runtime):
        watcher.start()
        status = server.run(
            make_app(runtime, options.web, readiness),
            listeners,
            web_config=web_config,
            max_requests=options.max_requests,
            callbacks=server.Callbacks(
                ready=_announce(runtime), drain=readiness.drain, reload=lambda: _reload(runtime)
            ),
        )
        watcher.stop()
    return status


def _listeners(options: ServeOptions) -> list[socket.socket]:
    return systemd_listeners() if options.use_systemd_socket else open_listeners(options.listen_addresses)


def _announce(runtime: Runtime) -> Callable[[list[str]], None]:
    log = structlog.get_logger(__name__)

    def announce(urls: list[str]) -> None:
        for url in urls:
            log.info("listening", url=url, version=__version__, providers=len(runtime.config.accounts))

    return announce


def _reload(runtime: Runtime) -> None:
    runtime.reload()
