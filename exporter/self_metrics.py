"""What the exporter says of itself: build, reloads, scrapes, and the standard process metrics."""

import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric as Family

from exporter import __version__, metrics
from exporter.clock import Clock
from exporter.collector import empty_family
from exporter.metrics import Metric


class SelfMetrics:
    """Counts what happens to this process; a collector for its part of the page."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._scrapes = 0
        self._in_flight = 0
        self._reload_successful = True
        self._reload_timestamp = clock.now()
        self._standard = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._standard)

    @contextmanager
    def scrape(self) -> Iterator[None]:
        """Count a scrape for as long as it is being answered."""
        with self._lock:
            self._scrapes += 1
            self._in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def reloaded(self, *, successful: bool) -> None:
        """Take note of an attempt to load the configuration."""
        with self._lock:
            self._reload_successful = successful
            if successful:
                self._reload_timestamp = self._clock.now()

    def collect(self) -> Iterator[Family]:
        """Yield the exporter's own families."""
        with self._lock:
            values = {
                metrics.RELOAD_SUCCESSFUL: float(self._reload_successful),
                metrics.RELOAD_TIMESTAMP: self._reload_timestamp,
                metrics.SCRAPES: float(self._scrapes),
                metrics.SCRAPES_IN_FLIGHT: float(self._in_flight),
            }
        yield _family(metrics.BUILD_INFO, (__version__, platform.python_version()), 1)
        for metric, value in values.items():
            yield _family(metric, (), value)
        yield from self._standard.collect()


def _family(metric: Metric, labels: tuple[str, ...], value: float) -> Family:
    family = empty_family(metric)
    family.add_metric(labels, value)  # type: ignore[attr-defined]
    return family
