"""What counts as consumption and what as a top-up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.consumption import ConsumptionMeter


def totals(*balances: float):
    """Return the counters after these readings, a minute apart."""
    meter = ConsumptionMeter()
    for minute, balance in enumerate(balances):
        meter.observe(balance, 60.0 * minute)
    return meter.totals


@pytest.mark.parametrize(
    ("balances", "consumed", "added", "topups", "last_topup"),
    [
        pytest.param([100], 0, 0, 0, None, id="one reading tells nothing"),
        pytest.param([100, 100, 100], 0, 0, 0, None, id="an unchanged balance tells nothing"),
        pytest.param([100, 90, 70], 30, 0, 0, None, id="falls are consumption at once"),
        pytest.param([10, -5, -20], 30, 0, 0, None, id="an overdraft is consumption too"),
        pytest.param([100, 50, 1050], 50, 0, 0, None, id="one higher reading is not yet a top-up"),
        pytest.param([100, 50, 1050, 1050], 50, 1000, 1, 120, id="a second one confirms it"),
        pytest.param([100, 50, 1050, 1040], 60, 1000, 1, 120, id="what went meanwhile is consumption"),
        pytest.param([100, 50, 1050, 1060], 50, 1010, 1, 120, id="a top-up in two steps is one"),
        pytest.param([-20, 80, 80], 0, 100, 1, 60, id="a top-up out of an overdraft"),
        pytest.param([0, 100, 100, 0, 300, 300], 100, 400, 2, 240, id="two top-ups"),
        pytest.param([100, 98, 100, 98, 100, 98], 2, 0, 0, None, id="a vendor that flaps adds nothing"),
        pytest.param([100, 98, 100, 100, 98, 98, 100, 98], 2, 0, 0, None, id="nor one that flaps slowly"),
        pytest.param([100, 90, 100, 70, 90, 60], 40, 0, 0, None, id="flapping hides no consumption"),
        pytest.param(
            [1000, 900, 700] + [850 - n for n in range(10)], 309, 150, 1, 180,
            id="a top-up below what was there lately needs ten readings",
        ),
        pytest.param([100, 50, 1050, 49], 51, 0, 0, None, id="a top-up that is taken back never was"),
    ],
)  # fmt: skip
def test_falls_and_confirmed_rises_are_counted(balances, consumed, added, topups, last_topup):
    """The counters are right for each course of readings."""
    seen = totals(*balances)
    assert (seen.consumed, seen.added, seen.topups, seen.last_topup) == (consumed, added, topups, last_topup)


@given(st.lists(st.integers(-1000, 100_000), min_size=1, max_size=60))
def test_counters_never_fall_and_never_lose_track(balances):
    """Counters only rise, and once the balance rests they add up to the change since the start."""
    meter = ConsumptionMeter()
    before = meter.totals
    for minute, balance in enumerate(balances + [balances[-1]] * 10):
        meter.observe(balance, 60.0 * minute)
        after = meter.totals
        assert after.consumed >= before.consumed
        assert after.added >= before.added
        assert after.topups >= before.topups
        before = after
    assert balances[0] - before.consumed + before.added == balances[-1]


def test_the_first_reading_begins_the_recent_past():
    """Until a day has passed, what is recent is everything since the first reading."""
    seen = totals(100, 90, 70)
    assert (seen.recent, seen.recent_since) == (30, 0)


def test_what_is_recent_is_the_last_day():
    """Consumption of more than a day ago is forgotten, to the hour."""
    meter = ConsumptionMeter()
    hour = 3600.0
    for number in range(100):
        meter.observe(10_000 - 10 * number if number < 50 else 9_500 - number, number * hour)
    assert meter.totals.recent_since == 75 * hour
    assert meter.totals.recent == 24
    assert meter.totals.consumed == 490 + (9_510 - 9_450) + 49


def test_a_topup_is_not_recent_consumption():
    """Consumption across a top-up is counted, the top-up itself is not."""
    assert totals(100, 50, 1050, 1040).recent == 60


def test_rare_readings_look_back_over_the_last_whole_day_between_them():
    """Where readings come less than once a day, the pace is that between the last two."""
    meter = ConsumptionMeter()
    for number in range(5):
        meter.observe(1000 - 100 * number, number * 172_800.0)
    assert (meter.totals.recent, meter.totals.recent_since) == (100, 3 * 172_800.0)
