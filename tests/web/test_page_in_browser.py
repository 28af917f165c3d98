"""The status page in a real browser: by day and night, on a phone, by keyboard, for a screen reader."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe

from exporter.web.page import CONTENT_SECURITY_POLICY, render
from exporter.web.status import status_of
from tests.web.accounts import NOW, snapshot
from tests.web.browser import chromium

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 320, "height": 640}  # WCAG 2.2, 1.4.10: content reflows down to 320 pixels

PAGE = render(
    status_of(snapshot(), NOW, ["credits-exporter.yml:12: providers[0].api_key: is required"]), "/metrics"
)
LOOKS = [
    pytest.param(viewport, scheme, id=f"{name}-{scheme}")
    for name, viewport in (("desk", DESK), ("phone", PHONE))
    for scheme in ("light", "dark")
]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Serve the page, whatever the path."""
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Serve the page with the headers that it is served with."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    """Run one browser for all tests of this module."""
    with chromium() as running:
        yield running


@pytest.fixture
def opened(browser, url):
    """Return a function that opens the page; what the browser complains of fails the test."""
    pages = []
    complaints: list[str] = []

    def open_page(viewport=DESK, scheme="light", *, scripts=True):
        page = browser.new_page(viewport=viewport, color_scheme=scheme, java_script_enabled=scripts)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
def test_axe_finds_no_barrier(opened, viewport, scheme):
    """axe-core's rules hold in every look: contrast, names, structure of the table, landmarks."""
    results = Axe().run(opened(viewport, scheme))
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
def test_nothing_lies_beyond_the_edge(opened, viewport, scheme):
    """The page never scrolls sideways, whatever stands in a name."""
    width = opened(viewport, scheme).evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"]


def test_the_page_needs_no_script(opened):
    """With scripts turned off everything is there and visible."""
    page = opened(scripts=False)
    assert page.get_by_role("heading", level=1).inner_text() == "6 of 9 providers need attention"
    for text in ("The vendor refuses the API key.", "34 days left", "Exhausted"):
        assert page.get_by_text(text).first.is_visible()


def test_the_dark_page_is_dark(opened):
    """The colours follow what the person's system asks for."""

    def brightness(scheme: str) -> int:
        page = opened(DESK, scheme)
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(","))

    assert brightness("light") > 600
    assert brightness("dark") < 150


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_the_table_stays_a_table_for_a_screen_reader(opened, viewport):
    """Roles survive the layout as cards: a caption, headers of columns and rows, cells."""
    page = opened(viewport)
    table = page.get_by_role("table", name="Providers and their pools, the worst first")
    assert table.get_by_role("columnheader").all_inner_texts() == [
        "Provider", "Last success", "Next call", "Pool", "State", "Balance", "Runway",
    ]  # fmt: skip
    assert table.get_by_role("rowheader").count() == 9
    assert table.get_by_role("row").count() == 1 + 16
    assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_the_keyboard_reaches_every_link_in_the_order_of_the_page(opened, viewport):
    """Tab walks through all links from top to bottom, and each shows that it has the focus."""
    page = opened(viewport)
    links = page.locator("a")
    seen = []
    for _ in range(links.count()):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "[document.activeElement.href, getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    assert [link for link, _ in seen] == links.evaluate_all("links => links.map(link => link.href)")
    assert {outline for _, outline in seen} == {"solid"}


def test_hostile_names_stay_text(opened):
    """Nothing of a name becomes an element, and no script of it runs."""
    page = opened()
    assert page.locator("img, script").count() == 0
    assert page.get_by_text("<script>alert(1)</script>").first.is_visible()


def test_a_count_leads_to_its_accounts(opened):
    """The link on a count jumps to the first account that it counts."""
    page = opened()
    page.get_by_role("link", name="1 need attention soon").click()
    assert page.url.endswith("#warning")
    assert page.locator("tbody:target").get_by_role("rowheader").inner_text().startswith("sms")
