from exporter.demo.limits import Allowance, Limits, Meter

MIDNIGHT = 1_700_006_400.0  # 2023-11-15 00:00 UTC


def test_without_limits_nothing_is_told_and_nothing_refused() -> None:
    """An account without limits has no daily figures."""
    meter = Meter(Limits())
    assert {meter.count(MIDNIGHT) for _ in range(500)} == {Allowance()}


def test_the_daily_limit_counts_down_and_resets_at_midnight() -> None:
    """Each request takes one from the day; over the limit, the wait is until midnight."""
    meter = Meter(Limits(per_day=3))
    evening = MIDNIGHT - 100.5
    assert [meter.count(evening).left_today for _ in range(3)] == [2, 1, 0]
    assert meter.count(evening) == Allowance(0, 101, retry_after=101)
    assert meter.count(MIDNIGHT) == Allowance(2, 86_400)


def test_what_others_spend_counts_too() -> None:
    """Requests made elsewhere with the same account take from the day as time passes."""
    meter = Meter(Limits(per_day=1000, day=600, elsewhere=1.5))
    assert meter.count(MIDNIGHT) == Allowance(999, 600)
    assert meter.count(MIDNIGHT + 100) == Allowance(848, 500)


def test_the_minute_limit_slides() -> None:
    """Over the limit, the wait is until the oldest request is a minute old; refusals don't count."""
    meter = Meter(Limits(per_minute=2))
    assert [meter.count(MIDNIGHT + second).retry_after for second in (0, 10, 20, 59.5)] == [None, None, 40, 1]
    assert meter.count(MIDNIGHT + 60).retry_after is None
    assert meter.count(MIDNIGHT + 61).retry_after == 9
