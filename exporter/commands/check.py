"""``check``: is the configuration right, and with ``--live``: does every vendor answer."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from exporter.clock import SystemClock
from exporter.commands.common import EXIT_FAILED, EXIT_OK, complain, configured
from exporter.config import Config
from exporter.live import LiveResult, ask_all
from exporter.log import silence_libraries
from exporter.web.webconfig import load_web_config
from exporter.yamlsource import Problem, SourceError

_HEADINGS: Final = ("PROVIDER", "POOL", "BALANCE", "UNIT", "LATENCY", "VERDICT")
_RIGHT_ALIGNED: Final = frozenset({"BALANCE", "LATENCY"})


def check(config_file: Path, web_config_file: Path | None, report_format: str, *, live: bool) -> int:
    """Report on the files, and with ``live`` on the vendors; 0 if all is right, else 1."""
    silence_libraries()
    config, problems = _validate(config_file, web_config_file)
    asks = live and config is not None and not problems
    results = _ask(config) if asks and config is not None else []
    if report_format == "json":
        _print_json(config, problems, results if asks else None)
    else:
        _print_text(config_file, config, problems, results)
    failed = bool(problems) or any(result.reason for result in results)
    return EXIT_FAILED if failed else EXIT_OK


def _validate(config_file: Path, web_config_file: Path | None) -> tuple[Config | None, list[Problem]]:
    config: Config | None = None
    problems: list[Problem] = []
    try:
        config = configured(config_file)
    except SourceError as error:
        problems += error.problems
    if web_config_file is not None:
        try:
            load_web_config(web_config_file)
        except SourceError as error:
            problems += error.problems
    return config, problems


def _ask(config: Config) -> list[LiveResult]:
    """Ask every account, with progress on a terminal, and return the results in the file's order."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and `serve` never needs it
    from rich.progress import Progress  # noqa: PLC0415

    results: dict[str, LiveResult] = {}
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("asking vendors", total=len(config.accounts))
        for result in ask_all(config, SystemClock()):
            results[result.provider] = result
            progress.advance(task)
    return [results[name] for name in config.accounts]


def _print_json(
    config: Config | None, problems: Sequence[Problem], results: Sequence[LiveResult] | None
) -> None:
    report: dict[str, Any] = {
        "valid": not problems,
        "providers": list(config.accounts) if config else [],
        "problems": [vars(problem) for problem in problems],
    }
    if results is not None:
        report["live"] = [_as_json(result) for result in results]
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def _as_json(result: LiveResult) -> dict[str, Any]:
    pools = result.reading.pools if result.reading else {}
    return {
        "provider": result.provider,
        "ok": result.reason is None,
        "reason": result.reason,
        "verdict": result.verdict,
        "latency_seconds": round(result.seconds, 3),
        "pools": {name: {"balance": pool.balance, "unit": pool.unit} for name, pool in pools.items()},
    }


def _print_text(
    config_file: Path, config: Config | None, problems: Sequence[Problem], results: Sequence[LiveResult]
) -> None:
    complain(problems)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        sys.stderr.write(f"credits-exporter: {count} found\n")
    elif config is not None and not results:
        sys.stdout.write(f"{config_file}: ok, {len(config.accounts)} providers\n")
    elif results:
        rows = [row for result in results for row in _rows(result)]
        _print_table(rows) if sys.stdout.isatty() else _print_columns(rows)


def _rows(result: LiveResult) -> Iterator[tuple[str, ...]]:
    latency = f"{result.seconds * 1000:.0f} ms"
    if result.reading is None:
        verdict = f"{result.reason}: {result.verdict}"
        yield result.provider, "-", "-", "-", latency, verdict
        return
    for name, pool in result.reading.pools.items():
        balance = "-" if pool.balance is None else f"{pool.balance:.12g}"
        yield result.provider, name, balance, pool.unit, latency, result.verdict


def _print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Print aligned columns, for a pipe or a log."""
    table = [_HEADINGS, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        cells = [
            cell.rjust(width) if heading in _RIGHT_ALIGNED else cell.ljust(width)
            for cell, width, heading in zip(row, widths, _HEADINGS, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table for a terminal."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and `serve` never needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _RIGHT_ALIGNED else "left")
    for *cells, verdict in rows:
        # Text, not markup: a provider's name may hold brackets.
        table.add_row(*map(Text, cells), Text(verdict, style="green" if verdict == "ok" else "red"))
    Console().print(table)
