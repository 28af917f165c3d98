"""The metrics page: which format the client wants, its encoding, and no rendering of the same twice."""

import gzip
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from prometheus_client import exposition
from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics

from exporter.collector import CreditsCollector
from exporter.refresh import Snapshot

_OPENMETRICS_END: Final = b"# EOF\n"
_GZIP_LEVEL: Final = 1  # a page of samples shrinks twentyfold at the fastest level already


class Format(Enum):
    """The formats that can be served; the value is the content type."""

    TEXT_0_0_4 = exposition.CONTENT_TYPE_PLAIN_0_0_4
    TEXT_1_0_0 = exposition.CONTENT_TYPE_PLAIN_1_0_0
    OPENMETRICS_1_0_0 = openmetrics.CONTENT_TYPE_LATEST


class Collects(Protocol):
    """Anything that yields metric families."""

    def collect(self) -> Iterable[Family]:
        """Yield metric families."""


def encode(collector: Collects, page_format: Format, names: frozenset[str] = frozenset()) -> bytes:
    """Return the families as text, all of them or only the samples of these names."""
    selected = _Selected(collector, names) if names else collector
    if page_format is Format.OPENMETRICS_1_0_0:
        return bytes(openmetrics.generate_latest(selected))  # type: ignore[no-untyped-call]
    return exposition.generate_latest(selected)


@dataclass(frozen=True)
class _Selected:
    """The samples of some names only, as ``name[]`` asks for."""

    collector: Collects
    names: frozenset[str]

    def collect(self) -> Iterator[Family]:
        for family in self.collector.collect():
            samples = [sample for sample in family.samples if sample.name in self.names]
            if samples:
                part = Family(family.name, family.documentation, family.type)
                part.samples = samples
                yield part


class MetricsPage:
    """Renders pages; the vendors' part of an unchanged page is taken from the last rendering."""

    _MOST_PAGES: Final = 8

    def __init__(self, own: Collects) -> None:
        self._own = own
        self._lock = threading.Lock()
        self._rendered: OrderedDict[tuple[object, ...], tuple[int, bytes]] = OrderedDict()

    def render(
        self,
        snapshot: Snapshot,
        page_format: Format,
        *,
        compressed: bool = False,
        names: frozenset[str] = frozenset(),
        with_own: bool = True,
    ) -> bytes:
        """Return the page of a snapshot, with the exporter's own metrics behind it unless told not to."""
        vendors = self._vendors_part(snapshot, page_format, compressed, names)
        rest = encode(self._own, page_format, names) if with_own else b""
        if page_format is Format.OPENMETRICS_1_0_0:
            rest = rest or _OPENMETRICS_END
        # The members of a gzip stream may follow one another (RFC 1952, 2.2).
        return vendors + (gzip.compress(rest, _GZIP_LEVEL) if compressed else rest)

    def _vendors_part(
        self, snapshot: Snapshot, page_format: Format, compressed: bool, names: frozenset[str]
    ) -> bytes:
        if snapshot.pending:
            return self._encoded(snapshot, page_format, compressed, names)
        accounts = tuple(view.account.name for view in snapshot.views)
        key = (accounts, page_format, compressed, names)
        with self._lock:  # whoever comes meanwhile wants the same page
            known = self._rendered.get(key)
            if known is not None and known[0] == snapshot.version:
                self._rendered.move_to_end(key)
                return known[1]
            page = self._encoded(snapshot, page_format, compressed, names)
            self._rendered[key] = snapshot.version, page
            self._rendered.move_to_end(key)
            if len(self._rendered) > self._MOST_PAGES:
                self._rendered.popitem(last=False)
            return page

    def _encoded(
        self, snapshot: Snapshot, page_format: Format, compressed: bool, names: frozenset[str]
    ) -> bytes:
        page = encode(CreditsCollector(snapshot), page_format, names).removesuffix(_OPENMETRICS_END)
        return gzip.compress(page, _GZIP_LEVEL, mtime=0) if compressed else page


def negotiate(accept: str) -> Format:
    """Return the format that an ``Accept`` header prefers by its q-values; text 0.0.4 if in doubt."""
    best, best_quality = Format.TEXT_0_0_4, 0.0
    for item in accept.lower().split(","):
        media_type, *parts = (part.strip() for part in item.split(";"))
        parameters = dict(part.split("=", 1) for part in parts if "=" in part)
        offered = _offered(media_type, parameters.get("version", "").strip('" '))
        quality = _quality(parameters.get("q", "1"))
        if offered is not None and quality > best_quality:
            best, best_quality = offered, quality
    return best


def _offered(media_type: str, version: str) -> Format | None:
    match media_type, version:
        case "application/openmetrics-text", "1.0.0" | "":
            return Format.OPENMETRICS_1_0_0
        case "text/plain", "1.0.0":
            return Format.TEXT_1_0_0
        case "text/plain", "0.0.4" | "":
            return Format.TEXT_0_0_4
        case "text/*" | "*/*", _:
            return Format.TEXT_0_0_4
        case _:
            return None


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an ``Accept-Encoding`` header allows gzip."""
    for item in accept_encoding.lower().split(","):
        coding, *parts = (part.strip() for part in item.split(";"))
        if coding == "gzip":
            return all(not part.startswith("q=") or _quality(part[2:]) > 0 for part in parts)
    return False
