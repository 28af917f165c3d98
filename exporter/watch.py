"""Watches the configuration and the files it was made from, and reloads when one of them changes."""

import threading

import structlog

from exporter.config_values import stamp
from exporter.runtime import Runtime


class ConfigWatcher:
    """Reloads at each look for as long as a file differs from what the running configuration was made from.

    So a reload that failed is tried again: what it lacks may be a file that the running
    configuration has never heard of.
    """

    def __init__(self, runtime: Runtime, interval: float) -> None:
        self._runtime = runtime
        self._interval = interval
        self._stopped = threading.Event()
        self._log = structlog.get_logger(__name__)

    def start(self) -> None:
        """Look every interval (seconds), in a thread of its own; 0 is never."""
        if self._interval > 0:
            threading.Thread(target=self._run, name="config-watcher", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def look(self) -> None:
        """Reload if a file changed."""
        if any(stamp(path) != seen for path, seen in self._runtime.config.files.items()):
            self._runtime.reload()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - a bug in a reload must not end all later ones
                self._log.exception("config_watch_failed")
