"""The command line: commands and flags; what they do is in :mod:`exporter.commands`."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from exporter import __version__
from exporter.commands import check, once, serve
from exporter.commands.common import EXIT_FAILED, EXIT_USAGE, complain
from exporter.fields import parse_duration
from exporter.log import LogFormat, LogLevel
from exporter.web.app import TAKEN_PATHS, WebOptions
from exporter.web.server import DEFAULT_MAX_REQUESTS
from exporter.web.sockets import ListenError, parse_listen_address

DEFAULT_CONFIG_FILE: Final = Path("credits-exporter.yml")
DEFAULT_LISTEN_ADDRESS: Final = ":10440"

Command = Callable[[argparse.Namespace], int]
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = make_parser()
    options = parser.parse_args(_with_command(given))
    run: Command = options.run
    try:
        status = run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _discard_output()
        return 141
    except OSError as error:
        _discard_output()
        complain([f"the output can't be written: {error.strerror}"])
        return EXIT_FAILED if run is _check else EXIT_USAGE
    return status


def _discard_output() -> None:
    """Send what is still buffered nowhere: the interpreter would fail again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _with_command(given: list[str]) -> list[str]:
    """Return the arguments with the command that is meant where none is named."""
    if given and given[0] in {"-h", "--help", "--version"}:
        return given
    return given if given and not given[0].startswith("-") else ["serve", *given]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; also read by the tests that compare the README."""
    parser = argparse.ArgumentParser(
        prog="credits-exporter",
        description="Prometheus exporter for prepaid vendor credits.",
        epilog="Without a command: serve.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"credits-exporter {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)

    serving = _command(subparsers, "serve", _serve, "serve the metrics of the configured accounts")
    _add_config_file(serving)
    _add_web_flags(serving)
    _add_log_flags(serving)

    checking = _command(subparsers, "check", _check, "validate the configuration; --live asks the vendors")
    _add_config_file(checking)
    _add_web_config_file(checking)
    checking.add_argument("--format", choices=["text", "json"], default="text", help="of the report")
    checking.add_argument("--live", action="store_true", help="also ask every vendor once")

    collecting = _command(subparsers, "once", _once, "write one collection to standard output or a file")
    _add_config_file(collecting)
    collecting.add_argument(
        "--output", type=Path, metavar="FILE.prom",
        help="write it there, atomically, for the textfile collector",
    )
    _add_log_flags(collecting)

    showing = _command(subparsers, "demo", _demo, "serve simulated vendors and the exporter over them")
    _add_web_flags(showing)
    _add_log_flags(showing)

    trying = _command(subparsers, "try", _try, "show one provider's request, answer and expressions")
    _add_config_file(trying)
    trying.add_argument("--provider", required=True, metavar="NAME", help="the name of the entry")
    trying.add_argument(
        "--response-file", dest="response_file", type=Path, metavar="BODY",
        help="read the answer from there and call nobody; a body, or what curl -i prints",
    )

    listing = _command(subparsers, "vendors", _vendors, "list all provider types with their credentials")
    listing.add_argument("--format", choices=["text", "json"], default="text", help="of the list")

    _command(subparsers, "schema", _schema, "print the JSON Schema of the configuration, for editors")
    return parser


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Tells the default of a flag that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in {None, False} else super()._get_help_string(action)


def _command(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: Command, summary: str
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        allow_abbrev=False,
        formatter_class=_HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"credits-exporter {__version__}")
    parser.set_defaults(run=run)
    return parser


def _add_config_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file", dest="config_file", type=Path, default=DEFAULT_CONFIG_FILE, metavar="FILE",
        help="the accounts to ask, in YAML",
    )


def _add_web_config_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--web.config.file", dest="web_config_file", type=Path, metavar="FILE",
        help="TLS and basic auth, in the format of the Prometheus exporters",
    )


def _add_web_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--web.listen-address", dest="listen_addresses", action="append", metavar="HOST:PORT",
        type=_typed(parse_listen_address),
        help=f"where to listen, repeatable; IPv6 in brackets (default: {DEFAULT_LISTEN_ADDRESS})")
    _add_web_config_file(parser)
    add("--web.telemetry-path", dest="telemetry_path", type=_typed(_path), default="/metrics", metavar="PATH",
        help="where the metrics are")
    add("--web.enable-lifecycle", dest="enable_lifecycle", action="store_true",
        help="allow a reload by POST /-/reload")
    add("--web.max-requests", dest="max_requests", type=_typed(_count), default=DEFAULT_MAX_REQUESTS,
        metavar="N", help="requests answered at the same time, more get 503; 0: no limit")
    add("--web.systemd-socket", dest="systemd_socket", action="store_true",
        help="take the listening sockets from systemd")
    add("--config.auto-reload-interval", dest="auto_reload_interval", type=_typed(parse_duration),
        default="30s", metavar="DURATION", help="how often to look for changed files; 0s: never")
    add("--timeout-offset", dest="timeout_offset", type=_typed(parse_duration), default="0.5s",
        metavar="DURATION", help="how long before the scraper's time-out a scrape is answered")


def _add_log_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--log.level", dest="log_level", type=LogLevel, choices=list(LogLevel), default=LogLevel.INFO,
        help="lowest level that is logged")
    add("--log.format", dest="log_format", type=LogFormat, choices=list(LogFormat), default=LogFormat.LOGFMT,
        help="of a log line")


def _typed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return a parser of a flag's value whose errors argparse shows with the flag's name."""

    def typed(text: str) -> T:
        try:
            return parse(text)
        except (ValueError, ListenError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


def _path(text: str) -> str:
    if not text.startswith("/") or any(character in text for character in "{}?#") or not text.isprintable():
        raise ValueError("should be a path such as /metrics")
    if text in TAKEN_PATHS:
        raise ValueError(f"{text} is taken")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError("should be a whole number; 0 is no limit")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    return _leave(serve.serve(options.config_file, _serve_options(options)))


def _demo(options: argparse.Namespace) -> int:
    return _leave(serve.demo(_serve_options(options)))


def _check(options: argparse.Namespace) -> int:
    return check.check(options.config_file, options.web_config_file, options.format, live=options.live)


def _once(options: argparse.Namespace) -> int:
    return _leave(once.once(options.config_file, options.output, options.log_level, options.log_format))


def _try(options: argparse.Namespace) -> int:
    from exporter.commands import try_provider  # noqa: PLC0415 - it imports JMESPath, which `serve` may not need

    return try_provider.try_provider(options.config_file, options.provider, options.response_file)


def _vendors(options: argparse.Namespace) -> int:
    from exporter.commands import describe  # noqa: PLC0415 - `serve` never needs it

    return describe.vendors(options.format)


def _schema(options: argparse.Namespace) -> int:
    from exporter.commands import describe  # noqa: PLC0415

    return describe.schema()


def _serve_options(options: argparse.Namespace) -> serve.ServeOptions:
    return serve.ServeOptions(
        listen_addresses=options.listen_addresses or [parse_listen_address(DEFAULT_LISTEN_ADDRESS)],
        web=WebOptions(options.telemetry_path, options.enable_lifecycle, options.timeout_offset),
        web_config_file=options.web_config_file,
        max_requests=options.max_requests,
        use_systemd_socket=options.systemd_socket,
        auto_reload_interval=options.auto_reload_interval,
        log_level=options.log_level,
        log_format=options.log_format,
    )


def _leave(status: int) -> NoReturn:
    """End the process at once: workers may hang in a vendor call, and the interpreter would wait for them."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)
