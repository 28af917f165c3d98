"""Readings hold only what can be shown."""

import math

import pytest

from exporter.model import MOST_POOLS, FetchError, Pool, Reading, Reason


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", ["balance", "reserved", "frozen", "used", "source"])
def test_a_number_that_is_not_finite_is_no_reading(key, value):
    """NaN and infinities are refused wherever they stand."""
    values = {"sources": {"bought": value}} if key == "source" else {key: value}
    with pytest.raises(FetchError) as raised:
        Pool(**values)
    assert raised.value.reason is Reason.BAD_RESPONSE


@pytest.mark.parametrize("count", [0, MOST_POOLS + 1])
def test_a_reading_has_some_pools_but_not_any_number(count):
    """No pool at all is no reading, and a vendor can't make an account's series grow without bound."""
    with pytest.raises(FetchError) as raised:
        Reading({str(number): Pool(1) for number in range(count)})
    assert raised.value.reason is Reason.BAD_RESPONSE


def test_what_is_unknown_is_none():
    """A reading holds nothing that the vendor didn't say."""
    seen = Reading({"default": Pool(1)})
    assert (seen.upstream_seconds, seen.account_frozen, seen.daily_limit.remaining) == (None, None, None)
    assert Pool(1).sources == {}
