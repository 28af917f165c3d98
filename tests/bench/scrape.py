"""Scrapes of 5, 100 and 1,000 accounts, cold and with nothing due, beside the machine's own limit.

``python -m tests.bench.scrape`` prints one Markdown table. The vendors are simulated in a process of their
own and answer after 200 ms, the exporter runs as users run it, and the limit is what ``requests`` reaches
alone (``tests.bench.bare_loop``). ``--profile`` prints where the exporter's processor time goes instead.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from exporter.clock import SystemClock
from exporter.config import load_config
from exporter.log import LogFormat, LogLevel, set_up
from exporter.providers.registry import provider_types
from exporter.transport import Transport
from tests.bench.process import Exporter, exporter
from tests.bench.vendor_sim import ROOT, Simulator, running

LATENCY = 0.2
TIMES = "\N{MULTIPLICATION SIGN} latency"
REQUEST = (
    b"GET /metrics HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n"
    b"X-Prometheus-Scrape-Timeout-Seconds: 60\r\n\r\n"
)


@dataclass(frozen=True)
class Goal:
    """What the project promises for a number of accounts."""

    cold_ratio: float
    idle_milliseconds: float
    megabytes: float


GOALS = {5: Goal(1.05, 2, 80), 100: Goal(1.25, 5, 100), 1000: Goal(4.5, 10, 160)}


@dataclass(frozen=True)
class Figures:
    """What one number of accounts cost; times are seconds."""

    ready: float
    cold: float
    kept: float
    cpu_per_call: float
    idle_p50: float
    busy_p99: float
    megabytes: float
    page_kilobytes: float


def write_config(folder: Path, vendors: Simulator, accounts: int, concurrency: int, interval: str) -> Path:
    """Write a configuration of so many accounts."""
    lines = [f"global: {{max_concurrency: {concurrency}, refresh_interval: {interval}, timeout: 30s}}", "providers:"]
    for number in range(accounts):
        url = f"{vendors.url}/leadmagic/{number}"
        lines.append(f"  - {{type: leadmagic, name: account-{number}, base_url: '{url}', api_key: bench-{number}}}")
    file = folder / f"bench-{accounts}-{interval}.yml"
    file.write_text("\n".join(lines))
    return file


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[float, int]:
    """Scrape once on a kept connection; return the seconds and the bytes of the page."""
    began = time.perf_counter()
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return time.perf_counter() - began, length


async def client(port: int, scrapes: int, every: float = 0.0, offset: float = 0.0) -> list[tuple[float, int]]:
    """Scrape several times over one connection: in a row, or at a pace that begins after an offset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    began = loop.time() + offset
    results = []
    try:
        for number in range(scrapes):
            await asyncio.sleep(max(0, began + number * every - loop.time()))
            results.append(await get(reader, writer))
    finally:
        writer.close()
        await writer.wait_closed()
    return results


async def clients(port: int, number: int, scrapes: int) -> list[float]:
    """Scrape from several clients, each once a second, at even distances."""
    results = await asyncio.gather(*(client(port, scrapes, 1.0, at / number) for at in range(number)))
    return [seconds for result in results for seconds, _ in result]


def quantile(values: list[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def cold_scrape(running_exporter: Exporter) -> float:
    """Return the seconds of one scrape over a new connection."""
    return asyncio.run(client(running_exporter.port, 1))[0][0]


def measure(folder: Path, vendors: Simulator, accounts: int, concurrency: int, repeat: int) -> Figures:
    """Start the exporter afresh for each cold scrape; the median counts."""
    calls_before = vendors.stats()["calls"]
    config = write_config(folder, vendors, accounts, concurrency, "1h")
    ready, cold = [], []
    for _ in range(repeat):
        with exporter(config) as process:
            ready.append(process.ready_after)
            cold.append(cold_scrape(process))
            pages = asyncio.run(client(process.port, 200))
            busy = asyncio.run(clients(process.port, 40, 5))
            megabytes = process.megabytes()
    assert vendors.stats()["calls"] - calls_before == accounts * repeat
    kept, cpu = [], []
    with exporter(write_config(folder, vendors, accounts, concurrency, "0s")) as process:
        cold_scrape(process)
        for _ in range(max(repeat, 2000 // accounts // 10)):
            before = process.cpu_seconds()
            kept.append(cold_scrape(process))
            cpu.append((process.cpu_seconds() - before) / accounts)
    return Figures(
        ready=statistics.median(ready),
        cold=statistics.median(cold),
        kept=statistics.median(kept),
        cpu_per_call=statistics.mean(cpu),
        idle_p50=statistics.median(seconds for seconds, _ in pages),
        busy_p99=quantile(busy, 0.99),
        megabytes=megabytes,
        page_kilobytes=pages[-1][1] / 1024,
    )


def limit(vendors: Simulator, accounts: int, concurrency: int, repeat: int) -> dict[str, dict[str, float]]:
    """Return the medians of what ``requests`` needs alone, for new and for kept connections."""
    rounds: dict[str, list[dict[str, float]]] = {"first": [], "kept": []}
    command = [sys.executable, "-m", "tests.bench.bare_loop", vendors.url, str(accounts), str(concurrency)]
    for _ in range(repeat):
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for line in output.splitlines():
            result = json.loads(line)
            rounds[result.pop("round")].append(result)
    return {
        name: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for name, results in rounds.items()
    }


def times_latency(seconds: float) -> str:
    """Return seconds as a multiple of the vendors' latency."""
    return f"{seconds / LATENCY:.2f} {TIMES}"


def table(accounts: int, ours: Figures, bare: dict[str, dict[str, float]]) -> str:
    """Return the rows of one number of accounts."""
    goal = GOALS.get(accounts)
    rows = [
        ("ready after start", f"{ours.ready:.2f} s", "≤ 1.5 s", ""),
        (
            "cold scrape",
            times_latency(ours.cold),
            f"≤ {goal.cold_ratio} {TIMES}" if goal else "",
            times_latency(bare["first"]["wall"]),
        ),
        (
            "all due, connections kept",
            times_latency(ours.kept),
            "",
            times_latency(bare["kept"]["wall"]),
        ),
        (
            "processor time per vendor call",
            f"{ours.cpu_per_call * 1000:.2f} ms",
            "≤ 0.8 ms" if accounts == 1000 else "",
            f"{bare['kept']['cpu'] / accounts * 1000:.2f} ms",
        ),
        (
            "nothing due, median",
            f"{ours.idle_p50 * 1000:.1f} ms",
            f"≤ {goal.idle_milliseconds} ms" if goal else "",
            "",
        ),
        ("nothing due, 40 clients each second, p99", f"{ours.busy_p99 * 1000:.1f} ms", "≤ 50 ms", ""),
        (
            "memory, highest",
            f"{ours.megabytes:.0f} MB",
            f"≤ {goal.megabytes:.0f} MB" if goal else "",
            f"{bare['kept']['megabytes']:.0f} MB",
        ),
        ("page, gzip", f"{ours.page_kilobytes:.1f} KiB", "", ""),
    ]
    return "\n".join(f"| {accounts:,} | {' | '.join(row)} |" for row in rows)


def profile(folder: Path, accounts: int, lines: int) -> None:
    """Print where the processor time of vendor calls goes: one after the other, so without waiting."""
    set_up(LogLevel.INFO, LogFormat.LOGFMT, str)
    with running(latency=0) as vendors, ExitStack() as stack:
        config = load_config(write_config(folder, vendors, accounts, 1, "0s"), {}, provider_types())
        transports = {name: Transport(one.transport, SystemClock()) for name, one in config.accounts.items()}
        for transport in transports.values():
            stack.callback(transport.close)
        for title in ("Connections opened", "Connections kept"):
            profiler = cProfile.Profile(time.process_time)
            for name, account in config.accounts.items():
                transports[name].start(30)
                profiler.runcall(account.provider.fetch, transports[name].call)
            print(f"{title}, {accounts} calls")
            pstats.Stats(profiler).sort_stats("tottime").print_stats(lines)


def main() -> None:
    """Run the command line above."""
    parser = argparse.ArgumentParser(description="Scrapes of many accounts, beside the machine's own limit.")
    parser.add_argument("--accounts", type=int, nargs="+", default=list(GOALS))
    parser.add_argument("--concurrency", type=int, help="max_concurrency; as many as accounts by default")
    parser.add_argument("--repeat", type=int, default=5, help="starts of the exporter")
    parser.add_argument("--profile", action="store_true", help="print a profile instead of the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running(LATENCY) as vendors:
        folder = Path(name)
        if not options.profile:
            print("| accounts | | credits-exporter | goal | requests alone |\n|---:|---|---:|---:|---:|")
        for accounts in options.accounts:
            concurrency = options.concurrency or accounts
            if options.profile:
                profile(folder, accounts, 40)
            else:
                ours = measure(folder, vendors, accounts, concurrency, options.repeat)
                print(table(accounts, ours, limit(vendors, accounts, concurrency, options.repeat)), flush=True)


if __name__ == "__main__":
    main()
