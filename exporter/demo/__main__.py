"""``python -m exporter.demo``: the simulated vendors in a process of their own."""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

from exporter.demo.scenario import accounts_config, bench_accounts, demo_accounts, demo_config
from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator


def main() -> int:
    """Serve until SIGINT or SIGTERM; print the URL that vendors are served at."""
    options = _options()
    accounts = bench_accounts(options.accounts) if options.accounts else demo_accounts(time.time())
    if options.latency is not None:
        for account in accounts.values():
            account.latency = options.latency
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = SimulatorServer(Simulator(accounts), host=options.host, port=options.port)
    except OSError as error:
        sys.stderr.write(f"can't listen on {options.host} port {options.port}: {error.strerror}\n")
        return 1
    if options.config:
        text = (
            accounts_config(accounts, server.base_url, refresh_interval=options.refresh_interval)
            if options.accounts
            else demo_config(server.base_url)
        )
        options.config.write_text(text)
    with server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m exporter.demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--accounts", type=int, help="so many accounts at rest, not the demo's five")
    parser.add_argument("--latency", type=float, help="seconds before every answer")
    parser.add_argument("--config", type=Path, help="write the exporter's configuration here")
    parser.add_argument("--refresh-interval", default="0s", help="in that configuration, with --accounts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
