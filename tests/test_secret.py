"""A secret travels like a value and prints as a mask."""

import base64
import copy
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest
from pydantic import BaseModel, ValidationError

from exporter.secret import MASK, Redactor, Secret

VALUE = "p&ss w%rd/ü+?"


class Holder(BaseModel):
    """A model with a secret."""

    key: Secret


@pytest.mark.parametrize(
    "show",
    [str, repr, ascii, "{}".format, "{!r:>3}".format, lambda secret: f"{secret}", lambda secret: repr([secret])],
)
def test_every_way_of_printing_shows_the_mask(show):
    """A secret prints as the mask in every kind of formatting."""
    assert VALUE not in show(Secret(VALUE))
    assert MASK in show(Secret(VALUE))


def test_serialised_models_show_the_mask():
    """A model that holds a secret serialises and prints without it."""
    holder = Holder(key=VALUE)
    assert holder.key.reveal() == VALUE
    assert json.loads(holder.model_dump_json()) == {"key": MASK}
    assert holder.model_dump(mode="json") == {"key": MASK}
    assert VALUE not in repr(holder)


@pytest.mark.parametrize("value", ["", 12, None, True, ["x"], "two\nlines", "nul\0"])
def test_other_things_than_a_line_of_text_are_refused(value):
    """What is not one line of text is refused, in an error without the value."""
    with pytest.raises(ValidationError) as raised:
        Holder(key=value)
    assert "should be a non-empty string of one line" in str(raised.value.errors(include_input=False))


def test_secrets_compare_and_hash_by_value():
    """Equal secrets are equal and hash alike; a secret is no string."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy])
def test_secrets_are_not_serialised(leak):
    """Pickling and copying, which would write the value somewhere, are refused."""
    with pytest.raises(TypeError, match="not serialised"):
        leak(Secret(VALUE))


@pytest.mark.parametrize(
    "written",
    [
        VALUE,
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        quote(VALUE),
        base64.b64encode(VALUE.encode()).decode(),
        base64.b64encode(VALUE.encode()).decode().rstrip("="),
    ],
)
def test_the_redactor_masks_a_secret_however_it_is_written(written):
    """Raw, URL-encoded and base64 forms are masked; the rest of the text stays."""
    redacted = Redactor([Secret(VALUE)])(f"GET /x?key={written}&y=1")
    assert redacted.startswith(f"GET /x?key={MASK}")
    assert redacted.endswith("&y=1")


def test_the_redactor_leaves_very_short_secrets_alone():
    """A secret of three letters occurs by chance and would garble every text."""
    assert Redactor([Secret("abc")])("abcdef") == "abcdef"


def test_a_secret_within_another_leaves_no_rest():
    """The longer of two overlapping secrets is masked as a whole."""
    assert Redactor([Secret("secret"), Secret("secret-and-more")])("x secret-and-more") == f"x {MASK}"
