"""Vendors that answer well after a fixed time, in a process of their own that costs the exporter nothing.

``python -m tests.bench.vendor_sim [--latency 0.2]`` prints its port on one line and serves until its standard
input closes. A request's path begins with the provider type (``/leadmagic/…``); any further part is free, so
that thousands of accounts have URLs of their own; anything else is answered as LeadMagic would. ``/stats``
answers at once with the calls and connections so far.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
BODIES = {
    b"impressionwise": b"CODE=BBF&CREDITS=136012&TTP=0.41",
    b"agiletelecom": b'{"credit": 10.324}',
    b"oceanio": json.dumps(
        {
            "credits": {"oneTime": 10.0, "recurrent": 990.5},
            "emailCredits": {"oneTime": 0.0, "recurrent": 500.0},
            "phoneCredits": {"oneTime": 25.0, "recurrent": 0.0},
            "dailyLimitRateLeft": 950,
            "dailyLimitRateSecondsToReset": 3600,
        }
    ).encode(),
    b"leadmagic": json.dumps(
        {
            "credits": 1979.15,
            "is_frozen": False,
            "credits_frozen": 0,
            "credits_liquid": 1979.15,
            "credit_freeze_message": None,
            "credit_freeze_plan_hint": None,
        }
    ).encode(),
    b"trueverify": json.dumps(
        {
            "success": True,
            "data": {
                "available_credits": 9850,
                "used_credits": 150,
                "free_credits": 100,
                "subscription_credits": 9000,
                "purchased_credits": 700,
                "bonus_credits": 50,
                "reserved_credits": 0,
            },
            "metadata": {"processing_time_ms": 12},
        }
    ).encode(),
}


def _answer(body: bytes, content_type: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (content_type, len(body)) + body


ANSWERS = {
    kind: _answer(body, b"text/plain" if kind == b"impressionwise" else b"application/json")
    for kind, body in BODIES.items()
}


class Vendor(asyncio.Protocol):
    """One kept-alive connection: no parsing beyond the path and the blank line after each head."""

    calls = 0
    connections = 0

    def __init__(self, latency: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        Vendor.connections += 1

    def data_received(self, data: bytes) -> None:
        """Answer each complete head when its time has come."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, self._received = self._received.split(b"\r\n\r\n", 1)
            kind = head.split(b" ", 2)[1].lstrip(b"/").split(b"/", 1)[0].split(b"?", 1)[0]
            if kind == b"stats":
                stats = {"calls": Vendor.calls, "connections": Vendor.connections}
                self._transport.write(_answer(json.dumps(stats).encode(), b"application/json"))
                continue
            Vendor.calls += 1
            self._loop.call_later(
                self._latency, self._transport.write, ANSWERS.get(kind, ANSWERS[b"leadmagic"])
            )


async def serve(latency: float) -> None:
    """Serve on a free loopback port until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Vendor(latency), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


@dataclass(frozen=True)
class Simulator:
    """A running simulator process."""

    port: int
    latency: float
    pid: int

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    def stats(self) -> dict[str, int]:
        """Return the calls and connections so far."""
        with urlopen(f"{self.url}/stats", timeout=10) as response:
            stats: dict[str, int] = json.load(response)
        return stats


@contextmanager
def running(latency: float = 0.2) -> Iterator[Simulator]:
    """Run the simulator as a child that ends with the block."""
    command = [sys.executable, "-m", "tests.bench.vendor_sim", "--latency", str(latency)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Simulator(int(process.stdout.readline()), latency, process.pid)
        process.stdin.close()
        process.wait(10)


def main() -> None:
    """Run the command line above."""
    parser = argparse.ArgumentParser(description="Vendors that answer after a fixed time.")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds before each answer")
    asyncio.run(serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
