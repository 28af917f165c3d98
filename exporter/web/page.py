"""How the status page looks: HTML without scripts, for every width, by day and by night.

Links are relative, so that the page also works behind a reverse proxy's path.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from exporter import __version__
from exporter.web.html import Html, element, join
from exporter.web.status import Level, PoolStatus, ProviderStatus, State, Status, Trouble
from exporter.web.words import ago, amount, clock, iso, span, utc

_STYLE: Final = (files("exporter.web") / "status.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_STAY: Final = "\N{NO-BREAK SPACE}"

# The bar ends at three times the warning threshold: then every bar shows the same distance to trouble.
_BAR_IN_THRESHOLDS: Final = 3.0

_MARKS: Final = {Level.CRITICAL: "✕", Level.WARNING: "!", Level.WAITING: "…", Level.HEALTHY: "✓"}
_COUNTED: Final = {
    Level.CRITICAL: "need attention now",
    Level.WARNING: "need attention soon",
    Level.WAITING: "not asked yet",
    Level.HEALTHY: "healthy",
}
_COLUMNS: Final = ("Provider", "Last success", "Next call", "Pool", "State", "Balance", "Runway")


def render(status: Status, telemetry_path: str) -> str:
    """Return the page as HTML."""
    headline = _headline(status)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{headline} | credits-exporter"),
        element("link", rel="icon", href="data:,"),
        element("style", Html(_STYLE)),
    )
    body = element(
        "body",
        _header(status, telemetry_path),
        element(
            "main",
            element("h1", headline),
            _summary(status),
            _problems(status),
            _table(status),
        ),
        _footer(),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _headline(status: Status) -> str:
    bad = status.counts[Level.CRITICAL] + status.counts[Level.WARNING]
    all_of_them = len(status.providers)
    if bad:
        return f"{bad} of {all_of_them} {'provider needs' if bad == 1 else 'providers need'} attention"
    if status.counts[Level.WAITING]:
        return "Waiting for the first scrape" if not status.counts[Level.HEALTHY] else "No trouble so far"
    return "All providers are healthy"


def _header(status: Status, telemetry_path: str) -> Html:
    links = {
        "Metrics": telemetry_path.lstrip("/"),
        "Configuration": "config",
        "Service discovery": "sd",
        "Health": "-/healthy",
        "Readiness": "-/ready",
    }
    return element(
        "header",
        element("p", element("strong", "credits-exporter"), f" {__version__}", class_="brand"),
        element(
            "nav",
            element("ul", *(element("li", element("a", text, href=href)) for text, href in links.items())),
            aria_label="Pages",
        ),
        element(
            "p",
            "As of ",
            element("time", utc(status.now), datetime=iso(status.now)),
            " ",
            element("a", "Reload", href="./"),
            class_="as-of",
        ),
    )


def _footer() -> Html:
    return element(
        "footer",
        element(
            "p",
            "Vendors are called when Prometheus scrapes, never by this page. The pace of a runway is what "
            "this exporter saw itself; the dashboard and the alerts look further back. The bars end at "
            "three times the warning threshold.",
        ),
    )


def _summary(status: Status) -> Html:
    items = []
    for level, text in _COUNTED.items():
        count = status.counts[level]
        if count:
            words = join([_mark(level), element("b", str(count)), f" {text}"])
            items.append(element("li", element("a", words, href=f"#{level}"), class_=level))
    return element("ul", *items, class_="summary", aria_label="Providers by state")


def _problems(status: Status) -> Html | None:
    if not status.problems:
        return None
    return element(
        "section",
        element("h2", "The configuration on disk has errors"),
        element("p", "What runs is the last good one. Mend these; the next reload takes the file up:"),
        element("ul", *(element("li", element("code", problem)) for problem in status.problems)),
        class_="trouble critical",
    )


def _table(status: Status) -> Html:
    """Return the table; its roles are spelled out because narrow screens lay it out as cards."""
    headings = (element("th", text, scope="col", role="columnheader") for text in _COLUMNS)
    return element(
        "table",
        element("caption", "Providers and their pools, the worst first"),
        element("thead", element("tr", *headings, role="row"), role="rowgroup"),
        *_bodies(status),
        role="table",
    )


def _bodies(status: Status) -> Iterator[Html]:
    linked: set[Level] = set()
    for provider in status.providers:
        level = provider.state.level
        yield element(
            "tbody",
            *_rows(provider, status.now),
            role="rowgroup",
            class_=level,
            id=None if level in linked else level,
        )
        linked.add(level)


def _rows(provider: ProviderStatus, now: float) -> Iterator[Html]:
    """Yield a row for what is wrong and one for every pool; the provider's own cells span them all."""
    contents: list[tuple[Html, ...]] = []
    if provider.troubles:
        told = (_trouble(trouble, provider) for trouble in provider.troubles)
        contents.append((element("td", *told, role="cell", colspan=4, class_="told"),))
    contents += [_pool_cells(pool) for pool in provider.pools]
    if not contents:
        contents.append(
            (element("td", _badge(State.WAITING), " Prometheus has not scraped it.", role="cell", colspan=4),)
        )
    for number, cells in enumerate(contents):
        own = _provider_cells(provider, len(contents), now) if number == 0 else ()
        yield element("tr", *own, *cells, role="row")


def _provider_cells(provider: ProviderStatus, rows: int, now: float) -> tuple[Html, ...]:
    name = element(
        "th",
        element("bdi", provider.name, class_="name"),
        element("small", provider.type) if provider.type != provider.name else None,
        *(element("small", note) for note in provider.notes),
        element(
            "a", "Top up", element("span", f" {provider.name}", class_="unseen"),
            href=provider.topup_url, rel="noreferrer", class_="button",
        ) if provider.topup_url else None,
        scope="rowgroup", role="rowheader", rowspan=rows,
    )  # fmt: skip
    if provider.last_success is None:
        success = "never yet"
    else:
        success = join([ago(provider.last_success, now), _exactly(provider.last_success, now)])
    if provider.next_call - now < 1:
        call = Html("at the next scrape")
    else:
        call = join([f"in {span(provider.next_call - now)}", _exactly(provider.next_call, now)])
    return (
        name,
        _cell("Last success", success, rowspan=rows),
        _cell("Next call", call, rowspan=rows),
    )


def _trouble(trouble: Trouble, provider: ProviderStatus) -> Html:
    help_link = provider.documentation and element(
        "a", "The vendor's documentation", element("span", f" for {provider.name}", class_="unseen"),
        href=provider.documentation, rel="noreferrer",
    )  # fmt: skip
    return element(
        "div",
        element(
            "p",
            join([_badge(trouble.state), f" {trouble.detail} "]),
            element("code", trouble.label) if trouble.label else None,
        ),
        element("p", element("strong", "What to do: "), _with_code(trouble.remedy), " ", help_link),
        element("p", trouble.consequence, class_="aside") if trouble.consequence else None,
        class_=f"trouble {trouble.state.level}",
    )


def _pool_cells(pool: PoolStatus) -> tuple[Html, ...]:
    balance: tuple[str | None, ...] = ("not known",)
    if pool.balance is not None:
        limits = pool.thresholds.model_dump(exclude_none=True)
        told = ", ".join(f"{name}{_STAY}<{_STAY}{amount(limit)}" for name, limit in limits.items())
        balance = (
            element("b", amount(pool.balance)),
            f" {pool.unit}",
            _bar(pool),
            element("small", told or "no thresholds"),
            *(element("small", note) for note in pool.notes),
        )
    reasons = (text for text in (pool.runway.judgement, pool.runway.basis) if text)
    runway = (pool.runway.verdict, *(element("small", reason) for reason in reasons))
    return (
        _cell("Pool", element("bdi", pool.name)),
        _cell("State", _badge(pool.state)),
        _cell("Balance", *balance),
        _cell("Runway", *runway),
    )


def _cell(label: str, *content: str | None, rowspan: int | None = None) -> Html:
    return element("td", *content, role="cell", data_label=label, rowspan=rowspan)


def _bar(pool: PoolStatus) -> Html | None:
    """Draw a balance against its thresholds; the text around it says the same."""
    base = pool.thresholds.warning or pool.thresholds.critical
    if pool.balance is None or base is None or base <= 0:
        return None
    full = base * _BAR_IN_THRESHOLDS

    def along(value: float) -> str:
        return f"{max(0.0, min(100.0, value / full * 100)):.2f}"

    ticks = [limit for limit in (pool.thresholds.critical, pool.thresholds.warning) if limit is not None]
    return element(
        "svg",
        element("rect", width=100, height=8, class_="track"),
        element("rect", width=along(pool.balance), height=8, class_="fill"),
        *(element("line", x1=along(tick), x2=along(tick), y1=0, y2=8) for tick in ticks),
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
        class_=f"bar {pool.state.level}",
    )


def _badge(state: State) -> Html:
    return element("span", _mark(state.level), state.value, class_=f"badge {state.level}")


def _mark(level: Level) -> Html:
    return element("span", _MARKS[level], aria_hidden="true", class_="mark")


def _exactly(timestamp: float, now: float) -> Html:
    return element("small", element("time", clock(timestamp, now), datetime=iso(timestamp)))


def _with_code(text: str) -> Html:
    """Return text in which what stands in backquotes is code."""
    pieces = re.split(r"`([^`]*)`", text)
    return join(element("code", piece) if number % 2 else piece for number, piece in enumerate(pieces))
