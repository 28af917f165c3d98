"""Many scrapes of a mix of good and hostile vendors leave nothing behind in the process."""

import gc
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.collector import CreditsCollector
from exporter.exposition import Format, encode
from exporter.refresh import Refresher
from tests.hostile import mix
from tests.hostile.accounts import VENDORS, configure

WARM_UP = 5
SCRAPES = 15


@pytest.fixture
def soaked() -> Iterator[tuple[Refresher, mix.LeapingClock]]:
    """A refresher over the mix, and its clock."""
    clock = mix.LeapingClock()
    with mix.vendors() as urls:
        refresher = Refresher(
            configure(mix.entries(urls, "60ms"), max_concurrency=8, refresh_interval="1m"), clock
        )
        yield refresher, clock
        refresher.close()


def scrape(refresher: Refresher, clock: mix.LeapingClock) -> None:
    """Scrape after so long that everybody is due, and see that the good ones are good."""
    clock.leap(7200)
    snapshot = refresher.collect(refresher.names, 20)
    assert not snapshot.pending
    page = encode(CreditsCollector(snapshot), Format.TEXT_0_0_4)
    for vendor in VENDORS:
        assert f'credits_provider_up{{provider="{vendor.name}"}} 1.0'.encode() in page


def fetch_threads() -> int:
    """Count the workers."""
    return sum(thread.name.startswith("fetch") for thread in threading.enumerate())


def sockets() -> int:
    """Count the open files and sockets once the vendors have closed their halves."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_threads_descriptors_and_memory_are_steady(soaked: tuple[Refresher, mix.LeapingClock]) -> None:
    """After many scrapes they are where they were after a few."""
    refresher, clock = soaked
    for _ in range(WARM_UP):
        scrape(refresher, clock)
    descriptors = settled()
    tracemalloc.start(1)
    gc.collect()
    memory = tracemalloc.get_traced_memory()[0]
    for _ in range(SCRAPES):
        scrape(refresher, clock)
    settled_descriptors = settled()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - memory
    tracemalloc.stop()
    assert fetch_threads() == 8
    assert settled_descriptors <= descriptors
    assert grown < 1e6


def settled() -> int:
    """Return how many descriptors are open when their number has stopped to fall."""
    lowest, limit = sockets(), time.monotonic() + 1
    while time.monotonic() < limit:
        time.sleep(0.02)
        lowest = min(lowest, sockets())
    return lowest


def test_every_call_is_counted_and_every_vendor_is_as_it_should_be(
    soaked: tuple[Refresher, mix.LeapingClock],
) -> None:
    """The mix holds what it says: as many failing accounts as hostile vendors, the rest up."""
    refresher, clock = soaked
    for _ in range(3):
        scrape(refresher, clock)
    views = {view.account.name: view for view in refresher.peek().views}
    recovering = {"closes unannounced", "drops second"}
    assert {name for name, view in views.items() if view.up} == {vendor.name for vendor in VENDORS} | recovering
    assert {view.calls for view in views.values()} == {3}
