"""Asking every account once, for ``check --live``."""

from exporter.live import ask_all
from exporter.model import Reason
from tests.scripted import Script, failure


def test_a_bug_in_asking_for_the_key_costs_nobody_s_result(clock, monkeypatch):
    """Where the vendor can't say whether it accepts the key, the failure stands alone."""
    script = Script()
    script.answer("bad", failure())
    config = script.config("bad", "good")
    provider_class = type(config.accounts["bad"].provider)
    monkeypatch.setattr(provider_class, "accepts_key", lambda self, call: 1 / 0)
    results = {result.provider: result for result in ask_all(config, clock)}
    assert (results["bad"].reason, results["bad"].verdict) == (Reason.SERVER_ERROR, "the test says so")
    assert (results["good"].reason, results["good"].verdict) == (None, "ok")
