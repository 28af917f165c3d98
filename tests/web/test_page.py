"""The status page as HTML: structure, escaping, and nothing that would need a script."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from exporter.refresh import AccountView, Snapshot
from exporter.web.page import CONTENT_SECURITY_POLICY, render
from exporter.web.status import status_of
from tests.web.accounts import NOW, SECRET, snapshot, views

VOID = {"meta", "link"}


class Parsed(HTMLParser):
    """The elements of a page, as (tag, attributes), and its text; tags that don't pair are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        """Take an element that has content."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Take an element that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Close the innermost element, which must be this one."""
        assert self._open.pop() == tag

    def handle_data(self, data):
        """Take text, but for the style's."""
        if self._open[-1:] != ["style"]:
            self.text += data

    def all(self, tag):
        """Return the attributes of every such element."""
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(*names: str, problems=()) -> str:
    """Return the page of the named accounts, or of all."""
    return render(status_of(snapshot(*names), NOW, problems), "/metrics")


@pytest.mark.parametrize(
    ("names", "headline"),
    [
        ((), "6 of 9 providers need attention"),
        (("sms", "healthy"), "1 of 2 provider needs attention"),
        (("healthy",), "All providers are healthy"),
        (("waiting",), "Waiting for the first scrape"),
        (("waiting", "healthy"), "No trouble so far"),
    ],
)
def test_the_headline_is_the_answer(names, headline):
    """Title and headline say at once whether somebody is needed."""
    page = page_of(*names)
    assert f"<h1>{headline}</h1>" in page
    assert f"<title>{headline} | credits-exporter</title>" in page


def test_the_page_is_well_formed_and_holds_nothing_that_runs():
    """Tags pair up; there is no script, no handler, no inline style and no form."""
    parsed = Parsed(page_of())
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"script", "iframe", "object", "form", "img"}
    names = {name for _, attributes in parsed.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")} | ({"style"} & names)


def test_hostile_names_are_text():
    """Markup in a provider's or a pool's name is shown as it is written."""
    parsed = Parsed(page_of())
    assert "<script>alert(1)</script>" in parsed.text
    assert '"><img src=x onerror=alert(1)>' in parsed.text


def test_problems_of_the_configuration_are_shown_escaped():
    """What keeps a new configuration from running stands on top, and is text too."""
    page = page_of("healthy", problems=["x.yml:3: providers[0].<b>: is not a known key"])
    assert "The configuration on disk has errors" in page
    assert "providers[0].&lt;b&gt;" in page
    assert "The configuration on disk has errors" not in page_of("healthy")


def test_no_secret_is_shown():
    """Remedies name keys and never what stands under them."""
    assert SECRET not in page_of()


def test_the_policy_allows_the_page_its_one_style_and_nothing_else():
    """The style's hash is the one that the policy names; scripts, forms and frames are forbidden."""
    style = re.search(r"<style>(.*)</style>", page_of(), re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_own_links_are_relative():
    """Behind a reverse proxy's path the links still lead to this exporter."""
    page = render(status_of(snapshot(), NOW), "/deep/metrics")
    links = [link["href"] for link in Parsed(page).all("a")]
    own = [link for link in links if "://" not in link and not link.startswith("#")]
    assert own == ["deep/metrics", "config", "sd", "-/healthy", "-/ready", "./"]


def test_links_to_top_up_keep_their_query_and_name_their_account():
    """A screen reader's list of links tells them apart."""
    page = page_of("pools")
    assert 'href="https://example.com/top-up?a=1&amp;b=2"' in page
    assert 'Top up<span class="unseen"> pools</span>' in page


def test_every_jump_has_its_place():
    """Each count links to the first account of its kind."""
    parsed = Parsed(page_of())
    jumps = {link["href"][1:] for link in parsed.all("a") if link["href"].startswith("#")}
    places = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert jumps == set(places)
    assert len(places) == len(set(places)) == 4


@pytest.mark.parametrize(
    ("name", "filled"),
    [("healthy", "100.00"), ("empty", "0.00"), ("sms", "28.08"), ("pools", "2.13")],
)
def test_a_bar_shows_the_balance_in_warning_thresholds(name, filled):
    """The bar is full at three times the warning threshold, and never leaves its frame."""
    fills = [bar["width"] for bar in Parsed(page_of(name)).all("rect") if bar["class"] == "fill"]
    assert fills[0] == filled


def test_without_thresholds_there_is_no_bar():
    """A bar against nothing would mean nothing."""
    view = views()["healthy"]
    none = view.account.default_thresholds.model_copy(update={"warning": None, "critical": None})
    page = render(
        status_of(Snapshot(1, (replace(view, account=replace(view.account, default_thresholds=none)),)), NOW), "/"
    )
    assert "no thresholds" in page
    assert "<svg" not in page


def test_a_thousand_accounts_are_one_page():
    """Every account of a large installation is on the page."""
    view = views()["pools"]
    many = tuple(
        AccountView(**{**vars(view), "account": replace(view.account, name=f"account-{number}")})
        for number in range(1000)
    )
    page = render(status_of(Snapshot(1, many), NOW), "/metrics")
    assert page.count("<tbody") == 1000
    assert all(f">account-{number}<" in page for number in range(1000))
