"""Logs: one event per line, as logfmt or JSON, with the standard library's loggers routed through."""

import logging
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Their texts hold URLs, and with them credentials in queries. Nothing of theirs is needed: the
# transport reports every call by itself.
_SILENCED: Final = ("urllib3", "requests", "requests_oauthlib", "oauthlib")

# Values that are never anybody else's text.
_OUR_OWN: Final = frozenset({"ts", "level", "provider", "reason"})

_FIRST_KEYS: Final = ("ts", "level", "event", "provider", "reason")


class LogFormat(StrEnum):
    """The values of ``--log.format``."""

    LOGFMT = "logfmt"
    JSON = "json"


class LogLevel(StrEnum):
    """The values of ``--log.level``."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


def set_up(
    level: LogLevel, log_format: LogFormat, redact: Callable[[str], str], stream: TextIO | None = None
) -> None:
    """Send every event to the stream (standard error), passed through ``redact`` where others wrote text."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        _Redacting(redact),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_empty_values,
                _renderer(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    silence_libraries()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def silence_libraries() -> None:
    """Keep the HTTP libraries from logging: their lines hold URLs."""
    for name in _SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class _Redacting:
    """Masks secrets in text of others: tracebacks, and messages of libraries."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {
            key: self._redact(value) if isinstance(value, str) and key not in _OUR_OWN else value
            for key, value in event.items()
        }


def _without_empty_values(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if value is not None}


def _renderer(log_format: LogFormat) -> Processor:
    if log_format is LogFormat.JSON:
        return structlog.processors.JSONRenderer(default=str)
    return structlog.processors.LogfmtRenderer(key_order=_FIRST_KEYS, drop_missing=True, bool_as_flag=False)
