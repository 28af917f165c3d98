"""One path by which the configuration changes, and what the page says of it."""

import pytest

from exporter.exposition import Format
from exporter.runtime import PageRequest, Runtime
from tests.scripted import Script


def test_a_bug_is_no_successful_reload(clock):
    """Whatever a third party's provider type raises, the old configuration runs on and the page says so."""
    answers = [Script().config("a"), ZeroDivisionError("x"), Script().config("b")]

    def load():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def page() -> str:
        return runtime.scrape(PageRequest(("a", "b"), 5, Format.TEXT_0_0_4)).decode()

    runtime = Runtime(load, clock)
    with pytest.raises(ZeroDivisionError):
        runtime.reload()
    assert "credits_exporter_config_last_reload_successful 0.0" in page()
    assert 'credits_provider_up{provider="a"} 1.0' in page()
    assert runtime.reload() == []
    assert "credits_exporter_config_last_reload_successful 1.0" in page()
    runtime.close()
