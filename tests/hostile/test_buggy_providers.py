"""Bugs in a provider's own code, third parties' included: its account is down, and the page is whole."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from exporter.clock import SystemClock
from exporter.collector import CreditsCollector
from exporter.exposition import Format, encode
from exporter.model import DailyLimit, Pool, Reading
from exporter.refresh import Refresher
from tests.hostile.served import parse
from tests.scripted import Script, reading


def raising(error: BaseException) -> Callable[[], Reading]:
    """Return code that fails."""

    def fail() -> Reading:
        raise error

    return fail


def recursing() -> Reading:
    """Never end, were it not for the interpreter."""
    return recursing()


def odd(make: Callable[..., Any], *arguments: Any, **keys: Any) -> Callable[[], Any]:
    """Return code that makes something which the types forbid."""
    return lambda: make(*arguments, **keys)


GOOD = {"default": Pool(1.0)}
BUGS: dict[str, Callable[[], Any]] = {
    "raises": raising(ZeroDivisionError("x")),
    "raises a group": raising(ExceptionGroup("x", [ValueError("y")])),
    "exits": raising(SystemExit(3)),
    "interrupts": raising(KeyboardInterrupt()),
    "stops": raising(GeneratorExit()),
    "runs out of memory": raising(MemoryError()),
    "recurses": recursing,
    "returns nothing": odd(lambda: None),
    "returns a number": odd(lambda: 42),
    "pools that are a list": odd(Reading, [Pool(1.0)]),
    "a pool that is a number": odd(Reading, {"default": 42.0}),
    "a pool without a name": odd(Reading, {None: Pool(1.0)}),
    "a name that UTF-8 can't hold": odd(Reading, {"\ud800": Pool(1.0)}),
    "a balance that is text": odd(lambda: Reading({"default": Pool("12")})),  # type: ignore[arg-type]
    "a source that is text": odd(lambda: Reading({"default": Pool(1.0, sources={"a": "12"})})),  # type: ignore[dict-item]
    "a source without a name": odd(lambda: Reading({"default": Pool(1.0, sources={None: 1.0})})),  # type: ignore[dict-item]
    "a unit that is a number": odd(lambda: Reading({"default": Pool(1.0, unit=5)})),  # type: ignore[arg-type]
    "a limit that is text": odd(lambda: Reading(GOOD, DailyLimit("many"))),  # type: ignore[arg-type]
    "a limit that is a number": odd(Reading, GOOD, 5),
    "a time that is text": odd(Reading, GOOD, upstream_seconds="1 s"),
    "a flag that is text": odd(Reading, GOOD, account_frozen="no"),
}


@pytest.fixture
def page_of(log_events: object) -> Iterator[Callable[[Callable[[], Any]], dict[tuple[str, ...], float]]]:
    """Scrape a good account and one with a bug, twice, and return the second page."""
    with_bug = Script()
    config = with_bug.config("good", "bad", settings="refresh_interval: 0s")
    clock = SystemClock()
    with closing(Refresher(config, clock, random.Random(1))) as refresher:

        def page(bug: Callable[[], Any]) -> dict[tuple[str, ...], float]:
            with_bug.answer("good", reading(7))
            with_bug.answer("bad", bug)
            for _ in range(2):
                snapshot = refresher.collect(refresher.names, 5)
                assert not snapshot.pending
            return parse(encode(CreditsCollector(snapshot), Format.TEXT_0_0_4).decode())

        yield page


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_bug_costs_the_account_and_nothing_else(
    bug: Callable[[], Any], page_of: Callable[[Callable[[], Any]], dict[tuple[str, ...], float]]
) -> None:
    """Whatever a provider raises or returns, its account is down as internal and the others are shown."""
    page = page_of(bug)
    assert page["credits_balance", "good", "default"] == 7
    assert page["credits_provider_up", "bad"] == 0
    assert page["credits_provider_error", "bad", "internal"] == 1
    assert not [key for key in page if key[:2] == ("credits_balance", "bad")]


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "make",
    [
        lambda figure: Reading({"default": Pool(figure)}),
        lambda figure: Reading({"default": Pool(1.0, sources={"a": figure})}),
        lambda figure: Reading(GOOD, DailyLimit(remaining=figure)),
        lambda figure: Reading(GOOD, DailyLimit(reset_timestamp=figure)),
        lambda figure: Reading(GOOD, upstream_seconds=figure),
    ],
    ids=["balance", "source", "limit", "reset", "time"],
)
def test_a_number_that_is_not_finite_is_a_bad_response(
    make: Callable[[float], Reading],
    figure: float,
    page_of: Callable[[Callable[[], Any]], dict[tuple[str, ...], float]],
) -> None:
    """Wherever a reading holds it, it is the vendor's answer that is at fault."""
    assert ("credits_provider_error", "bad", "bad_response") in page_of(lambda: make(figure))
