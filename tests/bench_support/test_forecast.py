"""The forecast benchmark's simulator and scoring, without Prometheus: a wrong ruler would measure anything."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from tests.bench.forecast.account import Account, Exposition, Plan, Span, Truth, simulate
from tests.bench.forecast.demand import PROFILES, STEP_SECONDS, STEPS_PER_DAY, STEPS_PER_HOUR, demand
from tests.bench.forecast.firing import Firing, firings
from tests.bench.forecast.rules import Recording, layers, load, seconds
from tests.bench.forecast.score import DAY, foresight, leaks


@pytest.fixture(scope="module")
def account() -> Account:
    """An account that lives for thirteen weeks and is leaked six times."""
    return simulate("24/7", 1, leaked=True)


def _steady(balance: float, days: int) -> Account:
    """One credit a step, no top-up: dry after `balance` steps."""
    steps = days * STEPS_PER_DAY
    truth = Truth([1.0] * (steps + STEPS_PER_DAY))
    truth.balance = [max(0.0, balance - step) for step in range(steps)]
    truth.dry = [int(balance)]
    plan = Plan(
        outages=(), restarts=frozenset(), leaks=(Span(10 * STEPS_PER_DAY, 10 * STEPS_PER_DAY + 24),), refresh_steps=1,
    )
    return Account("steady", "steady", plan, truth, Exposition([], [], [1] * steps))


def _honest(account: Account) -> Account:
    return replace(account, plan=replace(account.plan, leaks=()))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_stream_is_the_same_every_time(profile: str) -> None:
    """Profile and seed decide everything, so that a figure can be had again."""
    first, second, other = (demand(profile, Random(seed), 14) for seed in (3, 3, 4))
    assert first == second != other


def test_some_pools_run_dry_and_all_are_topped_up_after(account: Account) -> None:
    """A drought ends with a top-up within twelve hours."""
    droughts = [step for step in account.truth.dry if step + 12 * STEPS_PER_HOUR < len(account.truth.balance)]
    assert droughts
    for dry in droughts:
        assert any(0 < topup - dry <= 12 * STEPS_PER_HOUR for topup in account.truth.topups)


def test_a_leak_takes_ten_times_the_mean_of_its_week(account: Account) -> None:
    """On top of what the account uses itself, for two hours."""
    leak = account.plan.leaks[0]
    wanted = account.truth.wanted
    week = wanted[leak.start - 7 * STEPS_PER_DAY:leak.start]
    taken = sum(wanted[leak.start:leak.end]) / (leak.end - leak.start)
    assert 10 < taken / (sum(week) / len(week)) < 12


def test_an_outage_hides_the_balance_after_an_hour_and_lands_in_one_reading(account: Account) -> None:
    """As the exporter does: the last reading stays for an hour, the counter stands still, then catches up."""
    outage = next(
        span for span in account.plan.outages
        if span.end - span.start > 2 * STEPS_PER_HOUR
        and not any(span.start - 3 <= step <= span.end + 3 for step in (*account.truth.topups, *account.plan.restarts))
    )
    seen, last, first = account.seen, outage.end - 1, outage.end + account.plan.refresh_steps
    assert seen.up[last] == 0
    assert seen.balance[outage.start + STEPS_PER_HOUR // 2] is not None
    assert seen.balance[last] is None
    assert seen.consumed[last] == seen.consumed[outage.start + account.plan.refresh_steps]
    used = account.truth.balance[outage.start] - account.truth.balance[outage.end]
    assert seen.consumed[first] - seen.consumed[last] == pytest.approx(used, rel=0.2)


def test_the_counter_rises_but_for_restarts(account: Account) -> None:
    """Top-ups are no consumption."""
    falls = [step for step, (one, two) in enumerate(pairwise(account.seen.consumed), start=1) if two < one]
    assert set(falls) <= account.plan.restarts


@pytest.mark.parametrize(("step", "dry"), [(0, 1000), (400, 1000), (1000, 1000)])
def test_the_counterfactual_needs_no_top_up(step: int, dry: int) -> None:
    """What is left at a step lasts exactly as long as the demand says."""
    assert _steady(1000, 30).truth.dry_after(step) == pytest.approx(dry, abs=1)


@pytest.mark.parametrize(
    ("moments", "hold", "keep", "expected"),
    [
        ([], 0, 0, []),
        ([0], 0, 0, [(0, 300)]),
        ([0, 300], 600, 0, []),
        ([0, 300, 600, 900], 600, 0, [(600, 1200)]),
        ([0, 300, 900, 1200], 600, 0, []),                       # a gap resets what is pending
        ([0, 300, 600, 1500], 600, 900, [(600, 2700)]),          # and nothing once firing is kept
        ([0, 300, 3000, 3300], 300, 0, [(300, 600), (3300, 3600)]),
    ],
)
def test_alerts_fire_as_prometheus_would(
    moments: list[int], hold: int, keep: int, expected: list[tuple[int, int]]
) -> None:
    """Pending from the first result, firing from the first one `for` later."""
    assert firings(moments, hold, keep, STEP_SECONDS) == [Firing(*span) for span in expected]


@pytest.mark.parametrize(
    ("days_before", "caught", "right"),
    [(5.0, 0, 0), (1.4, 1, 1), (1.0, 1, 1), (0.9, 0, 1)],
)
def test_foresight_is_neither_too_early_nor_too_late(days_before: float, caught: int, right: int) -> None:
    """With a horizon and a lead of a day: caught between 1.5 days and one day before, right within 1.5."""
    account = _honest(_steady(20 * STEPS_PER_DAY, 30))
    start = int((20 - days_before) * DAY)
    counts = foresight(account, 0, [Firing(start, start + 600)], DAY, DAY)
    assert (counts.exhaustions, counts.caught, counts.notifications, counts.right) == (1, caught, 1, right)


@pytest.mark.parametrize(
    ("minutes", "caught", "false"), [(30, 1, 0), (45, 1, 0), (50, 0, 0), (-60, 0, 1), (300, 0, 1)],
)
def test_a_leak_is_caught_within_45_minutes(minutes: int, caught: int, false: int) -> None:
    """Later is found but not caught; outside of a leak and the hour after, a page is false."""
    begin = 10 * DAY + minutes * 60
    counts = leaks(_steady(20 * STEPS_PER_DAY, 30), 0, [Firing(begin, begin + 600)])
    assert (counts.leaks, counts.caught, counts.false_pages) == (1, caught, false)


def test_recordings_come_in_layers() -> None:
    """Each layer needs only the ones before it, and nothing that the alerts do not need is evaluated."""
    alerts, recordings = load()
    needed = layers(recordings, [alert.expr for alert in alerts if alert.name == "CreditsForecastShortfall"])
    assert [[rule.name.partition(":")[2] for rule in layer] for layer in needed] == [
        ["credits_balance:min", "credits_consumed:rate30m"],
        ["credits_consumed:avg1w_rate30m"],
        ["credits_consumed:seasonal_next3d"],
    ]
    assert layers([Recording("provider_pool:a:b", "x")], ["y"]) == []


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1h30m", 5400), ("2d", 172800), (0, 0)])
def test_durations(text: str | int, expected: int) -> None:
    """As Prometheus writes them."""
    assert seconds(text) == expected
