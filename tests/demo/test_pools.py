import itertools

import pytest

from exporter.demo.pools import Episodes, Pool, phase

START = 1_700_000_000.0


def test_a_pool_falls_at_its_pace_on_average_and_never_rises_without_a_top_up() -> None:
    """Over whole swings of spending the average is the pace; in between the balance only falls."""
    pool = Pool(1000.0, since=START, pace=2.0, seed=phase("a"))
    balances = [pool.at(START + second).balance for second in range(241)]
    assert all(later < earlier for earlier, later in itertools.pairwise(balances))
    assert balances[240] == pytest.approx(1000 - 240 * 2)
    assert len({round(a - b, 3) for a, b in itertools.pairwise(balances)}) > 10


def test_a_low_pool_is_topped_up_again_and_again() -> None:
    """The balance stays between the low mark and the low mark plus one top-up once it was low."""
    pool = Pool(100.0, since=START, pace=1.0, low=20.0, top_up=50.0)
    balances = [pool.at(START + second).balance for second in range(601)]
    assert min(balances) > 20 - 1e-6
    assert max(balances[100:]) <= 70 + 1e-6
    assert sum(later > earlier for earlier, later in itertools.pairwise(balances)) == 11
    assert pool.at(START + 600).used == pytest.approx(600)


def test_without_top_ups_spending_stops_at_zero() -> None:
    """Nothing is spent from an empty pool, so neither the balance nor what was used moves on."""
    level = Pool(10.0, since=START, pace=1.0).at(START + 3600)
    assert (level.balance, level.used) == (0, 10)


def test_a_level_depends_on_nothing_but_time_and_seed() -> None:
    """Equal pools agree at any moment, in any order of asking; another seed is spent differently."""
    one, same, other = (Pool(500.0, since=START, pace=1.0, seed=phase(text)) for text in ("a", "a", "b"))
    assert one.at(START + 50) == same.at(START + 50)
    assert one.at(START + 10).balance != pytest.approx(other.at(START + 10).balance)


def test_a_top_up_by_hand_adds_its_amount_and_the_pool_goes_on() -> None:
    """The balance jumps by the amount, what was used doesn't, and spending continues."""
    pool = Pool(100.0, since=START, pace=1.0)
    before = pool.at(START + 10)
    topped = pool.topped_up(40.0, START + 10)
    assert topped.at(START + 10).balance == pytest.approx(before.balance + 40)
    assert topped.at(START + 10).used == pytest.approx(before.used)
    assert topped.at(START + 20).balance < before.balance + 40


@pytest.mark.parametrize("balance", [0.0, 5.5, -12.0, 1e9])
def test_a_held_pool_rests_at_its_balance(balance: float) -> None:
    """Any balance, an overdraft too, stays as it was set even in a pool that was topped up by itself."""
    held = Pool(100.0, since=START, pace=1.0, low=20.0, top_up=50.0).held(balance, START + 5)
    assert held.at(START + 5).balance == held.at(START + 5000).balance == balance


@pytest.mark.parametrize(
    ("balance", "parts", "rest"),
    [
        (100, {"bonus": 10, "free": 20}, 70),
        (25, {"bonus": 10, "free": 15}, 0),
        (4, {"bonus": 4, "free": 0}, 0),
        (0, {"bonus": 0, "free": 0}, 0),
        (-5, {"bonus": 0, "free": 0}, -5),
    ],
)
def test_parts_are_spent_last_and_add_up(balance: float, parts: dict[str, float], rest: float) -> None:
    """The rest goes first, then the parts from the last named to the first; together they are the balance."""
    level = Pool(balance, kept={"bonus": 10.0, "free": 20.0}).at(START)
    assert (level.parts, level.rest) == (parts, rest)


@pytest.mark.parametrize(
    ("into", "value"), [(0, None), (7.9, None), (8, "a"), (9.9, "a"), (10, None), (18, "b"), (28, "a")]
)
def test_episodes_come_at_the_end_of_each_period_in_turn(into: float, value: str | None) -> None:
    """Of every 10 seconds the last 2 hold the next value, and the values start over."""
    assert Episodes(10, 2, ("a", "b"), since=START).at(START + into) == value
