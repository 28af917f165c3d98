"""A mix of good and hostile vendors, and a clock that tests and benchmarks move on: for soaks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from exporter.clock import SystemClock
from tests.hostile import behaviours as does
from tests.hostile import bombs
from tests.hostile.accounts import VENDORS, entry
from tests.hostile.server import Behaviour, HostileServer, refused

LEADMAGIC = next(vendor for vendor in VENDORS if vendor.type == "leadmagic")

BEHAVIOURS: dict[str, Behaviour] = {
    "silent": does.silent(),
    "drips head": does.drips_head(0.005),
    "drips body": does.drips_body(0.005),
    "continues": does.continues_for_ever(0.005),
    "hangs up": does.hangs_up(),
    "resets": does.resets(),
    "garbage": does.says(bytes(range(256))),
    "broken off": does.says(does.response(200, b"{", {"Content-Length": "99"})),
    "too large": does.endless_body(size=4 << 20),
    "bomb": does.compressed(bombs.gzipped_zeros(8 << 20), "gzip"),
    "redirect": does.answers(302, b"", {"Location": "/again"}),
    "unauthorized": does.answers(401),
    "server error": does.answers(500, b"<html>"),
    "closes unannounced": does.closes_after_each(LEADMAGIC.answer()),
    "drops second": does.drops_second_request(LEADMAGIC.answer()),
}

ENDLESS = {"silent", "drips head", "drips body", "continues"}


class LeapingClock(SystemClock):
    """Real time that can be moved on, so that back-off and intervals pass without waiting."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Return the Unix timestamp."""
        return super().now() + self._ahead

    def monotonic(self) -> float:
        """Return the monotonic time."""
        return super().monotonic() + self._ahead

    def leap(self, seconds: float) -> None:
        """Let so much time have passed."""
        self._ahead += seconds


@contextmanager
def vendors() -> Iterator[dict[str, str]]:
    """Run a vendor of every behaviour, and one good vendor of each type; yield their URLs by name."""
    with ExitStack() as stack:
        urls = {vendor.name: does.answers(200, vendor.answer()) for vendor in VENDORS} | BEHAVIOURS
        running = {name: stack.enter_context(HostileServer(play)).url for name, play in urls.items()}
        yield running | {"refused": stack.enter_context(refused())}


def entries(urls: dict[str, str], timeout: str) -> list[dict[str, Any]]:
    """Return the provider entries of the mix; ``timeout`` is for those that would never end."""
    good = [entry(vendor, urls[vendor.name]) for vendor in VENDORS]
    names = urls.keys() - {vendor.name for vendor in VENDORS}
    return good + [
        entry(LEADMAGIC, urls[name], timeout=timeout if name in ENDLESS else "10s") | {"name": name}
        for name in sorted(names)
    ]
