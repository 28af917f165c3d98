"""What the status page says: pure, from views made by hand."""

from dataclasses import replace

import pytest

from exporter.consumption import Consumption
from exporter.model import Pool, Reading, Reason
from exporter.refresh import Snapshot
from exporter.web.status import Level, State, status_of
from tests.web.accounts import NOW, consumed, failed, good, snapshot, views


def shown(view):
    """Return what is said of one account."""
    (provider,) = status_of(Snapshot(1, (view,)), NOW).providers
    return provider


def pool_of(balance, consumption=None, *, name="healthy", unit="credits"):
    """Return what is said of the one pool of an account that answered."""
    reading = Reading({"default": Pool(balance, unit=unit)})
    return shown(good(views()[name], reading, consumption=consumption or {})).pools[0]


@pytest.mark.parametrize(
    ("balance", "state"),
    [
        (5000, State.HEALTHY),
        (1000, State.HEALTHY),
        (999.99, State.LOW),
        (100, State.LOW),
        (99.99, State.CRITICAL),
        (0.01, State.CRITICAL),
        (0, State.EXHAUSTED),
        (-5, State.EXHAUSTED),
        (None, State.UNKNOWN),
    ],
)
def test_a_balance_is_judged_as_the_alerts_judge_it(balance, state):
    """Below warning is low, below critical is critical, nothing left is exhausted, no balance is unknown."""
    assert pool_of(balance).state is state


@pytest.mark.parametrize(
    ("balance", "recent", "hours", "verdict", "judgement", "state"),
    [
        pytest.param(24_000, 1000, 24, "24 days left", "", State.HEALTHY, id="long"),
        pytest.param(6000, 1000, 24, "6 days left", "warning below 7 days", State.LOW, id="short"),
        pytest.param(
            1200, 1200, 24, "24 h left", "warning below 7 days", State.LOW, id="exactly what is critical"
        ),
        pytest.param(
            1100, 1200, 24, "22 h left", "critical below 24 h", State.CRITICAL, id="shorter than a top-up takes"
        ),
        pytest.param(
            24_000, 1, 24, "more than ten years left", "", State.HEALTHY, id="longer than anybody plans"
        ),
        pytest.param(24_000, 0, 24, "no end in sight", "", State.HEALTHY, id="nothing consumed"),
        pytest.param(24_000, 900, 0.9, "not enough history yet", "", State.HEALTHY, id="less than an hour seen"),
        pytest.param(24_000, 100, 1, "10 days left", "", State.HEALTHY, id="an hour is enough"),
        pytest.param(24_000, 100, -5, "not enough history yet", "", State.HEALTHY, id="a clock that was set back"),
        pytest.param(0, 900, 24, "none left", "", State.EXHAUSTED, id="exhausted"),
        pytest.param(None, 900, 24, "not known", "", State.UNKNOWN, id="no balance"),
    ],
)
def test_the_runway_is_told_from_what_was_consumed_lately(balance, recent, hours, verdict, judgement, state):
    """The pace of the last day decides, never a guess from too short a past; thresholds are judged."""
    pool = pool_of(balance, consumed(recent, hours))
    assert (pool.runway.verdict, pool.runway.judgement, pool.state) == (verdict, judgement, state)


def test_a_forecast_says_what_it_rests_on():
    """The span of the past that the pace was seen in is told, or how much of it is still missing."""
    assert pool_of(9000, consumed(100, 5)).runway.basis == "at the pace of the last 5 h"
    assert pool_of(9000, consumed(0, 5)).runway.basis == "nothing consumed in the last 5 h"
    assert pool_of(9000, consumed(0, 0.5)).runway.basis == "30 min seen, 1 h needed"


def test_where_top_ups_take_minutes_a_forecast_needs_minutes():
    """The history that is needed is never longer than the critical runway."""
    view = views()["healthy"]
    limits = view.account.runway_thresholds.model_copy(update={"critical": 300.0, "warning": 900.0})
    account = replace(view.account, runway_thresholds=limits)
    asked = good(replace(view, account=account), Reading({"default": Pool(500)}), consumption=consumed(10, 0.1))
    assert shown(asked).pools[0].runway.verdict == "5 h left"


def test_without_runway_thresholds_there_is_a_forecast_and_no_judgement():
    """A pace is told even where nobody said what is too short."""
    view = views()["healthy"]
    limits = view.account.runway_thresholds.model_copy(update={"critical": None, "warning": None})
    account = replace(view.account, runway_thresholds=limits)
    asked = good(
        replace(view, account=account), Reading({"default": Pool(2000)}), consumption=consumed(24_000, 24)
    )
    pool = shown(asked).pools[0]
    assert (pool.runway.verdict, pool.state) == ("2 h left", State.HEALTHY)


def test_the_worst_comes_first_else_the_order_of_the_configuration():
    """Accounts are sorted by their worst state, and equal ones stay as configured."""
    status = status_of(snapshot(), NOW)
    assert [(provider.name, provider.state) for provider in status.providers] == [
        ("empty", State.EXHAUSTED),
        ("frozen", State.FROZEN),
        ("refused", State.REFUSED),
        ("pools", State.CRITICAL),
        ("lost", State.UNKNOWN),
        ("sms", State.FAILING),
        ("waiting", State.WAITING),
        ("healthy", State.HEALTHY),
        ("<script>alert(1)</script>", State.HEALTHY),
    ]
    assert status.counts == {Level.CRITICAL: 5, Level.WARNING: 1, Level.WAITING: 1, Level.HEALTHY: 2}


def test_pools_too_are_shown_worst_first():
    """Within an account the pool that needs attention stands on top."""
    pools = shown(views()["pools"]).pools
    assert [pool.name for pool in pools] == ["phone", "preview", "email", "standard"]


@pytest.mark.parametrize(
    ("reason", "with_reading", "state"),
    [
        (Reason.SERVER_ERROR, True, State.FAILING),
        (Reason.SERVER_ERROR, False, State.UNKNOWN),
        (Reason.UNAUTHORIZED, True, State.REFUSED),
        (Reason.FORBIDDEN, False, State.REFUSED),
        (Reason.INSUFFICIENT_CREDITS, True, State.EXHAUSTED),
    ],
)
def test_a_failure_weighs_as_much_as_what_it_hides(reason, with_reading, state):
    """Failing with a known balance is a warning; an unknown balance and a refused key are critical."""
    reading = Reading({"default": Pool(5000)}) if with_reading else None
    view = failed(views()["healthy"], reason, "it fails", 500, reading=reading, last_success=NOW - 60)
    assert shown(view).state is state


def test_a_failure_says_how_old_the_balance_is_and_until_when_it_is_shown():
    """Old balances are never passed off as new ones."""
    trouble = shown(views()["refused"]).troubles[0]
    assert trouble.label == "unauthorized, HTTP 401"
    assert trouble.detail == "The vendor refuses the API key."
    assert trouble.consequence == (
        "The balance is of 13:33:12 UTC and is shown until 14:33:12 UTC."
    )


def test_a_balance_that_grew_too_old_leaves_its_pool_as_unknown():
    """Pools that were seen before are still listed once their reading is dropped."""
    provider = shown(views()["lost"])
    assert [(pool.name, pool.state, pool.balance) for pool in provider.pools] == [
        ("default", State.UNKNOWN, None)
    ]
    assert provider.troubles[0].consequence == (
        "The last balance is of 11:03:12 UTC: older than 1h, so it is no longer shown."
    )


def test_an_account_that_never_answered_says_so():
    """Without any success there is no time to name."""
    provider = shown(failed(views()["waiting"], Reason.TLS, "x", None))
    assert provider.last_success is None
    assert (
        provider.troubles[0].consequence
        == "There was no answer since the exporter started, so the balance is not known."
    )


def test_an_account_that_was_not_asked_yet_is_no_trouble():
    """Before the first scrape everything waits, and nothing is wrong."""
    provider = shown(views()["waiting"])
    assert (provider.state, provider.pools, provider.troubles) == (State.WAITING, (), ())


def test_what_is_reserved_frozen_and_left_for_today_is_noted():
    """The vendor's own further figures stand beside the balance."""
    pools = {pool.name: pool for pool in shown(views()["pools"]).pools}
    assert pools["standard"].notes == ("and 200 reserved for running jobs",)
    assert shown(views()["frozen"]).pools[0].notes == ("and 250 frozen by the vendor",)
    assert shown(views()["pools"]).notes == ("61 requests left today until 2026-07-02 00:03:12 UTC",)


def test_consumption_of_a_pool_that_the_answer_lacks_is_left_out():
    """Only what the reading holds is shown while there is a reading."""
    view = good(
        views()["healthy"], Reading({"a": Pool(5000)}), consumption={"b": Consumption(1, recent_since=NOW)}
    )
    assert [pool.name for pool in shown(view).pools] == ["a"]


def test_an_empty_selection_is_an_empty_page():
    """No accounts are no failure."""
    status = status_of(Snapshot(1, ()), NOW, ["one", "two"])
    assert (status.providers, status.problems) == ((), ("one", "two"))
