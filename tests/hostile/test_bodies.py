"""What every provider type makes of any body: a reading that can be shown, or a FetchError."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from requests.structures import CaseInsensitiveDict

from exporter.collector import CreditsCollector
from exporter.exposition import Format, encode
from exporter.model import FetchError, Reading, Reason, VendorResponse
from exporter.refresh import AccountView, Snapshot
from tests.hostile.accounts import VENDORS, Vendor, account
from tests.hostile.catalogue import BODIES

every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
ACCOUNTS = {vendor.name: account(vendor, "https://vendor.example") for vendor in VENDORS}


def read(
    vendor: Vendor, body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> Reading | FetchError:
    """Return what the provider makes of an answer; any other exception is the test's failure."""
    response = VendorResponse(status, CaseInsensitiveDict(headers or {}), body, 1_800_000_000.0)
    try:
        reading: Reading = ACCOUNTS[vendor.name].provider.parse(response)
    except FetchError as error:
        return error
    return reading


FIGURES: dict[str, float | None] = {
    "12.5": 12.5,
    '"12.5"': 12.5,
    '" 12.5 "': 12.5,
    '"1,234.5"': 1234.5,
    "-3": -3.0,
    '"-3"': -3.0,
    "0": 0.0,
    "1e3": 1000.0,
    "1e308": 1e308,
    "1e-400": 0.0,
    "null": None,
    "true": None,
    "false": None,
    '"true"': None,
    "NaN": None,
    "Infinity": None,
    "-Infinity": None,
    '"NaN"': None,
    '"inf"': None,
    "1e999": None,
    '"1e999"': None,
    "9" * 400: None,
    "9" * 5000: None,
    '"' + "9" * 400 + '"': None,
    '""': None,
    '"many"': None,
    '"12.5 EUR"': None,
    '"1,2,3"': None,
    '"0x10"': None,
    '"1_000"': None,
    '"٣"': None,
    "[]": None,
    "[12.5]": None,
    "{}": None,
    '{"amount": 12.5}': None,
}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure[:20])
@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_balance_is_a_number_or_nothing(vendor: Vendor, figure: str) -> None:
    """A number in any of its forms is exported as it is; anything else is a bad response, never a 0."""
    written = figure.strip('"') if vendor.type == "impressionwise" else figure
    outcome = read(vendor, vendor.answer(written))
    if FIGURES[figure] is None:
        assert isinstance(outcome, FetchError)
        assert outcome.reason == "bad_response"
    else:
        assert isinstance(outcome, Reading)
        assert outcome.pools[vendor.pool].balance == FIGURES[figure]


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_are_read_or_refused(vendor: Vendor, encoding: str) -> None:
    """An answer in an encoding that JSON once allowed is the right value or a bad response."""
    outcome = read(vendor, vendor.answer().decode().encode(encoding))
    if isinstance(outcome, Reading):
        assert outcome.pools[vendor.pool].balance == vendor.balance
    else:
        assert outcome.reason == "bad_response"


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_byte_order_mark_is_no_obstacle(vendor: Vendor) -> None:
    """UTF-8 with a mark is read like UTF-8 without."""
    outcome = read(vendor, vendor.answer().decode().encode("utf-8-sig"))
    assert isinstance(outcome, Reading)


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_duplicate_key_is_one_of_its_values(vendor: Vendor) -> None:
    """Of two balances one is taken, or none; they are not mixed."""
    text = vendor.answer("1").decode()
    other = vendor.answer("2").decode()
    twice = f"{text}&{other}" if vendor.type == "impressionwise" else f"{text[:-1]}, {other[1:]}"
    outcome = read(vendor, twice.encode())
    if isinstance(outcome, Reading):
        assert outcome.pools[vendor.pool].balance in {1, 2}
    else:
        assert outcome.reason == "bad_response"


# Every key that one of the vendors documents: without them random JSON would never come near a number.
KEYS = st.sampled_from(
    [
        *("success", "status", "code", "error", "errors", "message", "data", "metadata", "detail"),
        *("credit", "credits", "credits_liquid", "is_frozen", "emailCredits", "fooBarCredits"),
        *("oneTime", "recurrent", "credits_frozen", "dailyLimitRateLeft", "dailyLimitRateSecondsToReset"),
        *("available_credits", "balance", "free_credits", "reserved_credits", "used_credits"),
        *("processing_time_ms", "CREDITS", "TTP"),
    ]
) | st.text(max_size=8)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(min_value=10**300, max_value=10**320)
    | st.floats() | st.text(max_size=12) | st.sampled_from(["1e999", "12,345.6", "NaN", "WRONG", "-0"])
)  # fmt: skip
ANY_JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=9
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 400, 401, 402, 403, 404, 422, 429, 500, 503, 599, 999])
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "X-Credits-Remaining", "X-RateLimit-Remaining-Daily", "Content-Type"]),
    st.text(st.characters(max_codepoint=255), max_size=12) | st.sampled_from(["1e999", "9" * 400, "-1"]),
)


def check(vendor: Vendor, outcome: Reading | FetchError) -> None:
    """A reading holds finite numbers only and renders; an error is one for people."""
    if isinstance(outcome, FetchError):
        assert outcome.reason in Reason
        assert outcome.reason not in {Reason.INTERNAL, Reason.CONNECTION, Reason.TLS}
        assert outcome.detail
        assert outcome.retry_after is None or math.isfinite(outcome.retry_after)
        return
    view = AccountView(ACCOUNTS[vendor.name], next_fetch=0.0, reading=outcome, up=True)
    collector = CreditsCollector(Snapshot(1, (view,)))
    for family in text_string_to_metric_families(encode(collector, Format.OPENMETRICS_1_0_0).decode()):
        assert all(math.isfinite(sample.value) for sample in family.samples)


@every_vendor
@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=300), status=STATUSES, headers=HEADERS)
def test_any_bytes_are_a_reading_or_an_error(
    vendor: Vendor, body: bytes, status: int, headers: dict[str, str]
) -> None:
    """No sequence of bytes raises anything else."""
    check(vendor, read(vendor, body, status, headers))


@every_vendor
@settings(max_examples=80, deadline=None)
@given(body=ANY_JSON, status=STATUSES, headers=HEADERS)
def test_any_json_is_a_reading_or_an_error(
    vendor: Vendor, body: Any, status: int, headers: dict[str, str]
) -> None:
    """No JSON value raises anything else, nor does anything else come of it."""
    check(vendor, read(vendor, json.dumps(body).encode(), status, headers))


@every_vendor
@settings(max_examples=40, deadline=None)
@given(figure=LEAVES.map(json.dumps) | st.text(max_size=20))
@example(figure="9" * 5000)
@example(figure='{"a":' * 900)
def test_anything_in_place_of_a_balance_is_a_reading_or_an_error(vendor: Vendor, figure: str) -> None:
    """An answer that is right but for its balance is no exception."""
    check(vendor, read(vendor, vendor.body.replace("@", figure).encode(errors="surrogatepass")))


@every_vendor
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("status", [200, 500])
def test_the_table_of_bodies_is_harmless(vendor: Vendor, body: bytes, status: int) -> None:
    """Each of the hand-made bodies ends as a reading or an error at once."""
    check(vendor, read(vendor, body, status))
