"""Who is asked when, what is shown meanwhile, and what is counted."""

import math
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from exporter.backoff import LONGEST_BACKOFF
from exporter.collector import CreditsCollector
from exporter.exposition import Format, encode
from exporter.model import MOST_POOLS, FetchError, Pool, Reading, Reason
from exporter.refresh import AccountView, Refresher
from exporter.transport import Transport
from tests.scripted import Script, failure, reading


@pytest.fixture
def script():
    """Return the script of the test's accounts."""
    return Script()


@pytest.fixture
def refresher_of(clock):
    """Return a function that makes a refresher which is closed after the test."""
    made: list[Refresher] = []

    def make(config) -> Refresher:
        made.append(Refresher(config, clock, random.Random(1)))
        return made[-1]

    yield make
    for refresher in made:
        refresher.close()


def ask(refresher: Refresher, seconds: float = 5.0) -> AccountView:
    """Scrape all accounts and return the first one's view."""
    return refresher.collect(refresher.names, seconds).views[0]


def test_an_account_is_called_once_per_interval(script, refresher_of, clock):
    """Scrapes within the interval share one call; the next interval makes another."""
    refresher = refresher_of(script.config("a"))
    for _ in range(4):
        ask(refresher)
        clock.advance(10)
    assert script.calls == {"a": 1}
    clock.advance(20)
    ask(refresher)
    assert script.calls == {"a": 2}


@pytest.mark.parametrize(
    ("interval", "scrape_every", "scrapes", "calls"),
    [
        ("60s", 60.0, 10, 10),
        ("60s", 58.0, 10, 10),
        ("60s", 56.0, 10, 5),
        ("15m", 900.0, 4, 4),
        ("15m", 894.0, 4, 2),
        ("0s", 1.0, 5, 5),
    ],
)
def test_the_slack_lets_an_equal_scrape_interval_call_every_time(
    script, refresher_of, clock, interval, scrape_every, scrapes, calls
):
    """A scrape that comes up to 5 % (at most 5 s) early still calls; an earlier one doesn't."""
    refresher = refresher_of(script.config("a", entry=[f"refresh_interval: {interval}"]))
    for _ in range(scrapes):
        ask(refresher)
        clock.advance(scrape_every)
    assert script.calls == {"a": calls}


def test_two_prometheus_servers_make_sixty_calls_an_hour(script, refresher_of, clock):
    """Two servers that scrape every 15 s with an interval of 1m make 60 calls an hour, not 480."""
    refresher = refresher_of(script.config("a", entry=["refresh_interval: 1m"]))
    for _ in range(240):
        ask(refresher)
        clock.advance(7.5)
        ask(refresher)
        clock.advance(7.5)
    assert script.calls == {"a": 60}


def test_fifty_scrapes_at_once_make_one_call_and_share_its_answer(script, refresher_of):
    """Scrapes that come while a call is in flight wait for it, and all get the reading."""
    release = threading.Event()

    def slow() -> Reading:
        release.wait(10)
        return reading(7)

    script.answer("a", slow)
    refresher = refresher_of(script.config("a"))
    with ThreadPoolExecutor(50) as scrapers:
        scrapes = [scrapers.submit(ask, refresher) for _ in range(50)]
        release.set()
        balances = {scrape.result().reading.pools["default"].balance for scrape in scrapes}
    assert balances == {7}
    assert script.calls == {"a": 1}


def test_who_answers_late_is_pending_and_shown_by_the_next_scrape(script, refresher_of):
    """The scrape's deadline is kept; the late answer settles by itself."""
    release = threading.Event()

    def slow() -> Reading:
        release.wait(10)
        return reading(7)

    script.answer("slow", slow)
    script.answer("fast", reading(1))
    refresher = refresher_of(script.config("slow", "fast"))
    first = refresher.collect(refresher.names, 0.05)
    assert first.pending == {"slow"}
    assert first.views[1].reading == reading(1)
    release.set()
    second = refresher.collect(refresher.names, 5)
    assert second.pending == frozenset()
    assert second.views[0].reading == reading(7)
    assert script.calls == {"slow": 1, "fast": 1}


def test_a_failure_keeps_the_last_good_reading_until_it_is_too_old(script, refresher_of, clock):
    """The reading stays with up 0 and its honest time, and goes when max_staleness has passed."""
    script.answer("a", reading(5), failure())
    refresher = refresher_of(script.config("a", entry=["max_staleness: 10m"]))
    good = ask(refresher)
    clock.advance(60)
    failing = ask(refresher)
    assert failing.reading == reading(5)
    assert (failing.up, failing.failure.reason) == (False, Reason.SERVER_ERROR)
    assert failing.last_success == good.last_success
    clock.advance(9 * 60 - 1)
    assert refresher.peek().views[0].reading == reading(5)
    clock.advance(1)
    assert refresher.peek().views[0].reading is None
    assert refresher.peek().views[0].last_success == good.last_success


def test_a_call_that_never_ends_keeps_no_reading_alive(script, refresher_of, clock):
    """Who doesn't answer is failing: the last good reading goes when max_staleness has passed."""
    release = threading.Event()
    script.answer("a", reading(5), lambda: reading(float(release.wait(10))))
    refresher = refresher_of(script.config("a", entry=["max_staleness: 10m"]))
    ask(refresher)
    clock.advance(9 * 60)
    assert ask(refresher, 0.01).reading == reading(5)
    clock.advance(60)
    assert ask(refresher, 0.01).reading is None
    release.set()
    assert ask(refresher).reading == reading(1)
    clock.advance(3600)
    assert refresher.peek().views[0].reading == reading(1)


def test_a_reading_is_not_too_old_while_the_vendor_answers(script, refresher_of, clock):
    """A refresh interval longer than max_staleness drops nothing as long as no call failed."""
    refresher = refresher_of(script.config("a", entry=["refresh_interval: 2h", "max_staleness: 1h"]))
    ask(refresher)
    clock.advance(5400)
    assert ask(refresher).reading == reading(100)


def test_the_version_changes_with_what_is_shown_and_only_then(script, refresher_of, clock):
    """Scrapes that call nobody see the same version; a call or an expiry makes another."""
    script.answer("a", reading(5), failure())
    refresher = refresher_of(script.config("a", entry=["max_staleness: 100s"]))
    ask(refresher)
    versions = [refresher.collect(refresher.names, 1).version]
    clock.advance(10)
    versions.append(refresher.collect(refresher.names, 1).version)
    assert versions[0] == versions[1]
    clock.advance(50)
    versions.append(refresher.collect(refresher.names, 1).version)
    clock.advance(40)
    versions.append(refresher.peek().version)
    assert len(set(versions)) == 3


def pauses(refresher: Refresher, clock, rounds: int) -> list[float]:
    """Return the pauses between calls, as next_fetch shows them."""
    seen = []
    for _ in range(rounds):
        view = ask(refresher)
        seen.append(view.next_fetch - clock.now())
        clock.advance(seen[-1] + 0.001)
    return seen


def test_repeated_failures_back_off_up_to_a_quarter_of_an_hour(script, refresher_of, clock):
    """The first failure costs nothing, then pauses double with jitter, never below the interval."""
    script.answer("a", failure())
    seen = pauses(refresher_of(script.config("a")), clock, 8)
    assert seen[0] == pytest.approx(57)
    for pause, nominal in zip(seen[1:], [120, 240, 480, 900, 900, 900, 900], strict=True):
        assert 0.8 * nominal <= pause <= nominal


def test_wrong_credentials_back_off_from_the_start(script, refresher_of, clock):
    """A refused key waits four intervals at once."""
    script.answer("a", failure(Reason.UNAUTHORIZED))
    assert 0.8 * 240 <= pauses(refresher_of(script.config("a")), clock, 1)[0] <= 240


def test_an_interval_beyond_the_cap_is_never_shortened(script, refresher_of, clock):
    """Back-off never makes an account be called more often than its interval."""
    script.answer("a", failure(Reason.UNAUTHORIZED))
    refresher = refresher_of(script.config("a", entry=["refresh_interval: 1h"]))
    assert pauses(refresher, clock, 3) == [pytest.approx(3600)] * 3


@pytest.mark.parametrize(
    ("retry_after", "pause"), [(300.0, 300.0), (7200.0, 3600.0), (1e300, 3600.0), (5.0, 60.0), (0.0, 57.0), (-1.0, 57.0), (math.nan, 57.0)]
)
def test_retry_after_is_honoured_up_to_an_hour_and_never_below_the_interval(
    script, refresher_of, clock, retry_after, pause
):
    """The vendor's wish decides between the interval and an hour."""
    script.answer("a", failure(Reason.RATE_LIMITED, retry_after))
    assert pauses(refresher_of(script.config("a")), clock, 1) == [pytest.approx(pause)]


def test_success_ends_the_back_off(script, refresher_of, clock):
    """After a success the next failure begins anew."""
    script.answer("a", failure(), failure(), reading(1), failure())
    seen = pauses(refresher_of(script.config("a")), clock, 4)
    assert seen[1] > 90
    assert seen[2:] == [pytest.approx(57), pytest.approx(57)]


def test_back_off_at_every_scrape_still_has_a_base(script, refresher_of, clock):
    """An account without interval backs off from ten seconds."""
    script.answer("a", failure())
    seen = pauses(refresher_of(script.config("a", entry=["refresh_interval: 0s"])), clock, 12)
    assert seen[0] == 0
    assert 16 <= seen[1] <= 20
    assert max(seen) <= LONGEST_BACKOFF


def test_failures_are_counted_by_reason(script, refresher_of, clock):
    """Every failed call is counted once, under its reason."""
    script.answer("a", failure(), failure(Reason.TIMEOUT), failure(), reading(1))
    refresher = refresher_of(script.config("a"))
    pauses(refresher, clock, 4)
    view = refresher.peek().views[0]
    assert view.failures == {Reason.SERVER_ERROR: 2, Reason.TIMEOUT: 1}
    assert (view.up, view.failure, view.calls) == (True, None, 4)


def test_a_bug_is_an_internal_failure_with_one_traceback(script, refresher_of, clock, log_events):
    """An exception of a provider's own code is logged once, and other accounts don't notice."""
    script.answer("bad", ZeroDivisionError("x"))
    refresher = refresher_of(script.config("bad", "good"))
    for _ in range(3):
        views = refresher.collect(refresher.names, 5).views
        clock.advance(900)
    assert views[0].failure.reason is Reason.INTERNAL
    assert views[1].up is True
    assert [event["event"] for event in log_events] == ["provider_bug", "provider_failing"]


@pytest.mark.parametrize(
    "bug",
    [
        lambda: None,
        lambda: Reading([Pool(1)]),
        lambda: Reading({"a": Pool(Decimal(1))}),
        lambda: Reading({5: Pool(1)}),
        lambda: Reading({"a": Pool(1, unit=None)}),
        lambda: Reading({"a": Pool(1)}, upstream_seconds="0.4"),
        lambda: Reading({"a": Pool(1)}, account_frozen="no"),
        lambda: FetchError("strange", "x"),
        lambda: FetchError(Reason.TIMEOUT, "x", retry_after="soon"),
    ],
    ids=["nothing", "a list", "decimals", "a number as pool", "no unit", "text as seconds", "text as flag",
         "another reason", "text as Retry-After"],
)  # fmt: skip
def test_a_provider_that_breaks_the_interface_is_asked_again(script, refresher_of, clock, log_events, bug):
    """Nonsense from a provider's code is an internal failure, then and at the next call."""
    script.answer("bad", bug)
    refresher = refresher_of(script.config("bad", "good"))
    for _ in range(3):
        bad, good = refresher.collect(refresher.names, 5).views
        clock.advance(900)
    assert (bad.calls, bad.failures) == (3, {Reason.INTERNAL: 3})
    assert good.up is True
    assert encode(CreditsCollector(refresher.peek()), Format.TEXT_0_0_4)


def test_changes_of_state_are_logged_once(script, refresher_of, clock, log_events):
    """Failing, failing otherwise and recovering are one line each, however many scrapes there are."""
    script.answer("a", reading(1), failure(), failure(), failure(Reason.TIMEOUT), reading(1), reading(1))
    pauses(refresher_of(script.config("a")), clock, 6)
    assert [(event["event"], event["reason"]) for event in log_events] == [
        ("provider_failing", Reason.SERVER_ERROR),
        ("provider_failing", Reason.TIMEOUT),
        ("provider_recovered", Reason.TIMEOUT),
    ]


def test_consumption_goes_on_across_failures_and_absent_pools(script, refresher_of, clock):
    """What was consumed while a vendor failed or left a pool out lands with the next reading of it."""
    both = Reading({"x": Pool(100), "y": Pool(50)})
    script.answer("a", both, failure(), Reading({"x": Pool(90)}), Reading({"x": Pool(80), "y": Pool(20)}))
    refresher = refresher_of(script.config("a"))
    pauses(refresher, clock, 3)
    without_y = refresher.peek().views[0]
    assert set(without_y.reading.pools) == {"x"}
    assert without_y.consumption["y"].consumed == 0
    pauses(refresher, clock, 1)
    consumption = refresher.peek().views[0].consumption
    assert (consumption["x"].consumed, consumption["y"].consumed) == (20, 30)


def test_pools_that_are_named_anew_each_time_do_not_gather(script, refresher_of, clock):
    """A vendor's whims don't fill the memory; the pools of the last reading keep their counters."""
    readings = [Reading({f"{call}-{index}": Pool(1) for index in range(MOST_POOLS)}) for call in range(4)]
    script.answer("a", *readings)
    refresher = refresher_of(script.config("a"))
    pauses(refresher, clock, 5)
    assert set(refresher.peek().views[0].consumption) == set(readings[-1].pools)


def test_a_reload_keeps_unchanged_accounts_and_starts_changed_ones_anew(script, refresher_of, clock):
    """Readings and counters of an unchanged account survive; changed, new and removed ones don't mix in."""
    refresher = refresher_of(script.config("kept", "changed", "removed"))
    refresher.collect(refresher.names, 5)
    new = script.config("kept", "changed", "added")
    accounts = dict(new.accounts)
    accounts["changed"] = script.config("changed", entry=["timeout: 3s"]).accounts["changed"]
    refresher.replace_config(type(new)(accounts, new.settings, new.files))
    kept, changed, added = refresher.peek().views
    assert (kept.calls, changed.calls, added.calls) == (1, 0, 0)
    assert refresher.names == ("kept", "changed", "added")
    refresher.collect(refresher.names, 5)
    assert script.calls == {"kept": 1, "changed": 2, "removed": 1, "added": 1}


def test_a_reload_ends_the_back_off_but_not_the_interval(script, refresher_of, clock):
    """After a reload a failing account is asked as soon as its interval allows."""
    script.answer("a", failure(Reason.UNAUTHORIZED), reading(1))
    config = script.config("a")
    refresher = refresher_of(config)
    ask(refresher)
    refresher.replace_config(config)
    assert refresher.peek().views[0].next_fetch == pytest.approx(clock.now() + 57)
    ask(refresher)
    assert script.calls == {"a": 1}
    clock.advance(57)
    assert ask(refresher).up is True


def test_a_scrape_of_an_account_that_a_reload_removed_shows_nothing_of_it(script, refresher_of):
    """Names that are not configured are left out."""
    refresher = refresher_of(script.config("a"))
    assert refresher.collect(["gone", "a"], 5).views[0].account.name == "a"


def test_threads_are_bounded_by_the_configuration(script, refresher_of):
    """However many accounts are due, no more calls run at the same time than configured."""
    running, most = 0, 0
    lock = threading.Lock()
    gate = threading.Barrier(3, timeout=10)

    def counted() -> Reading:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait()
        with lock:
            running -= 1
        return reading(1)

    names = [f"n{number}" for number in range(9)]
    for name in names:
        script.answer(name, counted)
    refresher = refresher_of(script.config(*names, settings="max_concurrency: 3"))
    assert refresher.collect(names, 10).pending == frozenset()
    assert most == 3


def test_who_fails_waits_for_a_worker_behind_those_who_answer(script, refresher_of, clock):
    """Vendors that hang hold every worker, so the others are asked before them."""
    release = threading.Event()
    hanging = ["h1", "h2"]
    for name in hanging:
        script.answer(name, failure(), lambda: reading(float(release.wait(10))))
    refresher = refresher_of(script.config(*hanging, "good", settings="max_concurrency: 2"))
    refresher.collect(refresher.names, 5)
    clock.advance(60)
    refresher.collect(refresher.names, 0)
    late = refresher.collect(["good"], 5).pending
    release.set()
    assert late == frozenset()


def test_a_call_for_which_no_thread_can_be_started_fails_and_is_made_later(
    script, refresher_of, clock, monkeypatch
):
    """At the limit of processes the account is down, says why, and is asked once there is room again."""
    refresher = refresher_of(script.config("a", "b"))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _cannot_start)
        views = refresher.collect(refresher.names, 5).views
    assert [(view.up, view.failure.reason) for view in views] == [(False, Reason.INTERNAL)] * 2
    clock.advance(60)
    views = refresher.collect(refresher.names, 5).views
    assert [view.up for view in views] == [True, True]
    assert script.calls == {"a": 1, "b": 1}


def _cannot_start(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_reload_makes_no_scrape_wait(script, refresher_of, monkeypatch):
    """A thousand new accounts take seconds to make; whoever scrapes meanwhile sees the old ones."""
    refresher = refresher_of(script.config("a"))
    seen = []

    def made(*arguments: object) -> Transport:
        scrape = threading.Thread(target=lambda: seen.append(refresher.peek().views[0].account.name))
        scrape.start()
        scrape.join(2)
        return Transport(*arguments)

    monkeypatch.setattr("exporter.refresh.Transport", made)
    refresher.replace_config(script.config("b"))
    assert seen == ["a"]
