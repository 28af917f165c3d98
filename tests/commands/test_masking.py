"""What ``try`` masks: whoever pastes its output into a ticket shows neither keys nor people."""

import time

import pytest

from exporter.commands.masking import Masker
from exporter.secret import Secret

MASKER = Masker([Secret("canary-7d1f")])


@pytest.mark.parametrize(
    "key",
    ["api_key", "apiKey", "API-KEY", "apikey", "token", "access_token", "secret", "client_secret", "password",
     "key", "session", "sessionId"],
)  # fmt: skip
def test_values_of_keys_that_sound_secret_are_masked(key):
    """In every way of writing a key's name, whatever the value."""
    assert MASKER.value({key: "x"}) == {key: "<secret>"}
    assert MASKER.value({"list": [{key: 12}]}) == {"list": [{key: "<secret>"}]}


@pytest.mark.parametrize(
    "key",
    ["email", "e_mail", "contactEmail", "name", "first_name", "lastName", "username", "user_id", "userId", "id", "uuid",
     "account_sid", "phone", "phoneNumber", "company_name", "ip", "emails"],
)  # fmt: skip
def test_values_of_keys_about_people_are_masked(key):
    """Names, addresses and identifiers; a list of them too."""
    value = ["ann@vendor.example"] if key == "emails" else "Ann"
    masked = ["<personal>"] if key == "emails" else "<personal>"
    assert MASKER.value({key: value}) == {key: masked}


@pytest.mark.parametrize(
    ("key", "value"),
    [("credits", 5), ("plan_name", "Pro"), ("currency", "EUR"), ("paid", 3), ("valid", "yes"), ("balance", "12.50"),
     ("tokens_left", 9), ("resets_at", "2026-07-31T12:26:56.553Z"), ("is_active", True), ("email", None),
     ("user", {"plan": "Pro"}), ("monkey", "x")],
)  # fmt: skip
def test_what_an_entry_is_written_from_stays(key, value):
    """Figures, plans, currencies and times; and whether there is anything at all under a key."""
    assert MASKER.value({key: value}) == {key: value}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key canary-7d1f is bad", "key <secret> is bad"),
        ("key=canary%2D7d1f&canary-7d1f", "key=canary%2D7d1f&<secret>"),
        ("of ann.b+c@mail.vendor.example.", "of <personal>."),
        ("call +49 (171) 123-4567 now", "call <personal> now"),
        ("sk_live_0123456789abcdefghij0123", "<secret>"),
        (
            "<a><email>Ann</email><credits>12</credits></a>",
            "<a><email><personal></email><credits>12</credits></a>",
        ),
        ("left: 1,234.50 of 2026-01-01", "left: 1,234.50 of 2026-01-01"),
    ],
)
def test_text_is_masked_by_its_form(text, masked):
    """Known secrets, addresses, telephone numbers, long mixed words, and elements of XML."""
    assert MASKER.text(text) == masked


@pytest.mark.parametrize("piece", ["a", "1", "a1", "-", "+1 ", "a@", "@a.", "<a>", "<a>x", "A_", "1 ("])
def test_long_answers_are_masked_in_time(piece):
    """No repetition of anything makes the search explode."""
    began = time.process_time()
    MASKER.text(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 20
