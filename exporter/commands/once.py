"""``once``: one collection to standard output, or to a file for the textfile collector."""

import os
import sys
import tempfile
from pathlib import Path

from exporter.clock import SystemClock
from exporter.commands.common import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, configured
from exporter.exposition import Format
from exporter.log import LogFormat, LogLevel, set_up
from exporter.runtime import PageRequest, Runtime
from exporter.yamlsource import SourceError


def once(config_file: Path, output: Path | None, log_level: LogLevel, log_format: LogFormat) -> int:
    """Ask every account once and write the page, whoever failed; return 1 if one did."""
    try:
        runtime = Runtime(lambda: configured(config_file), SystemClock())
    except SourceError as error:
        complain(error.problems)
        return EXIT_USAGE
    set_up(log_level, log_format, runtime.redact)
    accounts = runtime.config.accounts
    # More accounts than workers come in turns, and each call ends by its own timeout.
    turns = -(-len(accounts) // runtime.config.max_concurrency)
    seconds = turns * max(account.timeout for account in accounts.values()) + 1.0
    page = runtime.scrape(PageRequest(tuple(accounts), seconds, Format.TEXT_0_0_4, with_own=False))
    if output is None:
        sys.stdout.buffer.write(page)
        sys.stdout.flush()
    else:
        try:
            _write(page, output)
        except OSError as error:
            complain([f"{output} can't be written: {error.strerror}"])
            return EXIT_USAGE
    all_up = all(view.up for view in runtime.peek().views)
    runtime.close()
    return EXIT_OK if all_up else EXIT_FAILED


def _write(page: bytes, output: Path) -> None:
    # The collector must never read half a page, so the file appears whole or not at all.
    with tempfile.NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.", delete=False) as file:
        try:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(output)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
