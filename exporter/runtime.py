"""The running exporter: the state that survives scrapes, and the one path by which its config changes."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from exporter.clock import Clock
from exporter.config import Config
from exporter.exposition import Format, MetricsPage
from exporter.metrics import Group, catalogue
from exporter.refresh import Refresher, Snapshot
from exporter.secret import Redactor
from exporter.self_metrics import SelfMetrics
from exporter.yamlsource import Problem, SourceError

ConfigLoader = Callable[[], Config]

_VENDORS_METRICS: Final = tuple(metric.name for metric in catalogue() if metric.group is not Group.EXPORTER)


@dataclass(frozen=True)
class PageRequest:
    """What one scrape asks for; ``names`` are metric names, none meaning all."""

    providers: tuple[str, ...]
    seconds: float
    page_format: Format
    compressed: bool = False
    names: frozenset[str] = frozenset()
    with_own: bool = True


class Runtime:
    """Answers scrapes over one configuration, and swaps it for another as a whole."""

    def __init__(self, load: ConfigLoader, clock: Clock) -> None:
        """Load the configuration; raises SourceError with every problem of it."""
        config = load()
        self._load = load
        self._reload_lock = threading.Lock()
        self._problems: list[Problem] = []
        self._log = structlog.get_logger(__name__)
        self._redactor = Redactor(config.secrets())
        self.clock = clock
        self.refresher = Refresher(config, clock)
        self.own = SelfMetrics(clock)
        self._page = MetricsPage(self.own)

    @property
    def config(self) -> Config:
        """The running configuration."""
        return self.refresher.config

    @property
    def problems(self) -> Sequence[Problem]:
        """What kept the configuration on disk from being loaded at the last attempt; empty if nothing did."""
        return tuple(self._problems)

    def redact(self, text: str) -> str:
        """Return the text with every configured secret masked."""
        return self._redactor(text)

    def scrape(self, request: PageRequest) -> bytes:
        """Ask who is due, and return the page; where ``names`` are the exporter's own only, ask nobody."""
        with self.own.scrape():
            if request.names and not any(name.startswith(_VENDORS_METRICS) for name in request.names):
                snapshot = self.peek(request.providers)
            else:
                snapshot = self.refresher.collect(request.providers, request.seconds)
            return self._page.render(
                snapshot,
                request.page_format,
                compressed=request.compressed,
                names=request.names,
                with_own=request.with_own,
            )

    def peek(self, providers: Iterable[str] | None = None) -> Snapshot:
        """Return what is known without asking any vendor."""
        return self.refresher.peek(providers)

    def reload(self) -> list[Problem]:
        """Load the configuration anew and run it; return the problems that kept the old one running."""
        with self._reload_lock:
            try:
                config = self._load()
            except SourceError as error:
                self._note_failure(error.problems)
                return error.problems
            except Exception:  # a bug in a third party's provider type: whoever asked for the reload logs it
                self.own.reloaded(successful=False)
                raise
            # Secrets of the old configuration may still be in flight, and so in a traceback.
            self._redactor = Redactor([*self.config.secrets(), *config.secrets()])
            self.refresher.replace_config(config)
            self.own.reloaded(successful=True)
            self._problems = []
            self._log.info("config_reloaded", providers=len(config.accounts))
            return []

    def _note_failure(self, problems: list[Problem]) -> None:
        self.own.reloaded(successful=False)
        if problems != self._problems:  # said once: a failed reload is tried again and again
            for problem in problems:
                self._log.error("config_reload_failed", problem=str(problem))
        self._problems = problems

    def close(self) -> None:
        """Abandon the vendor calls."""
        self.refresher.close()
