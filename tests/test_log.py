"""Logs: one event per line in two formats, stable names, nothing secret."""

import ast
import io
import json
import logging
import re
from pathlib import Path

import pytest
import structlog

import exporter
from exporter.log import LogFormat, LogLevel, set_up
from exporter.secret import Redactor, Secret
from tests.e2e.exporter_process import parse_logfmt

# Users filter and alert by these names: a changed one is a breaking change.
EVENTS = {
    "accept_failed": "error",
    "background_work_failed": "error",
    "config_reload_failed": "error",
    "config_reloaded": "info",
    "config_watch_failed": "error",
    "handshake_failed": "debug",
    "listening": "info",
    "provider_bug": "error",
    "provider_failing": "warning",
    "provider_recovered": "info",
    "requests_abandoned": "warning",
    "second_signal": "warning",
    "shutting_down": "info",
    "too_many_requests": "warning",
    "unauthorized": "debug",
    "vendor_call": "debug",
    "web_config_reload_failed": "error",
    "web_config_reloaded": "info",
}


def logged_events() -> dict[str, str]:
    """Return the events that the source logs, with their levels."""
    found: dict[str, str] = {}
    for path in Path(exporter.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"debug", "info", "warning", "error", "exception"}
                and re.fullmatch(r"(self\.)?_?log", ast.unparse(node.func.value))
            ):
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}: the event is no constant"
                found[node.args[0].value] = node.func.attr.replace("exception", "error")
    return found


def test_the_names_of_events_are_stable():
    """The events in the source are those of the list, each at its level."""
    assert logged_events() == EVENTS


@pytest.fixture
def written():
    """Return a function that sets logging up and returns the stream; everything is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    streams = []

    def start(log_format=LogFormat.LOGFMT, log_level=LogLevel.INFO, redact=lambda text: text) -> io.StringIO:
        streams.append(io.StringIO())
        set_up(log_level, log_format, redact, streams[-1])
        return streams[-1]

    yield start
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_logfmt_has_the_same_fields_first(written):
    """Time, level, event, provider and reason lead; what is not known is left out."""
    stream = written()
    structlog.get_logger("x").warning("it_happened", status=None, detail='a "b" c', reason="tls", provider="p")
    line = stream.getvalue()
    assert re.fullmatch(
        r'ts=\d{4}-\d\d-\d\dT[\d:.]+Z level=warning event=it_happened provider=p reason=tls detail="a \\"b\\" c"\n', line
    )


def test_json_is_one_object_a_line(written):
    """The same fields as JSON."""
    stream = written(LogFormat.JSON)
    structlog.get_logger("x").info("it_happened", number=1, provider="p")
    line = json.loads(stream.getvalue())
    assert {key: value for key, value in line.items() if key != "ts"} == {
        "level": "info", "event": "it_happened", "number": 1, "provider": "p",
    }  # fmt: skip


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_traceback_stays_on_one_line(written, log_format):
    """An exception doesn't break the rule of one event per line."""
    stream = written(log_format)
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        structlog.get_logger("x").exception("provider_bug", provider="p\nq")
    (line,) = stream.getvalue().splitlines()
    fields = json.loads(line) if log_format is LogFormat.JSON else parse_logfmt(line)
    assert fields["event"] == "provider_bug"
    assert "Traceback" in fields["exception"]
    assert "line two" in fields["exception"]


@pytest.mark.parametrize("log_format", LogFormat)
def test_secrets_are_masked_in_the_text_of_others(written, log_format):
    """A traceback and a library's message lose the secrets that they hold."""
    stream = written(log_format, redact=Redactor([Secret("s3cret/value")]))
    try:
        raise ValueError("https://x/?key=s3cret%2Fvalue")
    except ValueError:
        structlog.get_logger("x").exception("provider_bug")
    logging.getLogger("a.library").warning("sent s3cret/value to %s", "s3cret/value")
    assert "s3cret" not in stream.getvalue()
    assert stream.getvalue().count("<secret>") >= 3


def test_loggers_of_the_standard_library_are_routed_through(written):
    """Their events look the same, with their extra fields."""
    stream = written()
    logging.getLogger("exporter.web").warning("too_many_requests", extra={"max_requests": 40})
    fields = parse_logfmt(stream.getvalue().rstrip("\n"))
    assert fields.pop("ts")
    assert fields == {"level": "warning", "event": "too_many_requests", "max_requests": "40"}


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1)])
def test_the_level_is_the_lowest_that_is_logged(written, level, shown):
    """Both kinds of loggers obey ``--log.level``."""
    stream = written(log_level=LogLevel(level))
    for log in (structlog.get_logger("x"), logging.getLogger("y")):
        for method in ("debug", "info", "warning", "error"):
            getattr(log, method)("it_happened")
    assert len(stream.getvalue().splitlines()) == 2 * shown


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "requests", "requests_oauthlib", "oauthlib.oauth1"])
def test_the_http_libraries_are_silent(written, name):
    """Their lines hold URLs, whatever the level."""
    stream = written(log_level=LogLevel.DEBUG)
    logging.getLogger(name).critical("GET https://x/?key=1")
    assert stream.getvalue() == ""
