"""``try``: one provider's request, answer, expressions and reading; the tool for writing an entry."""

import re
import sys
from pathlib import Path
from typing import Any, Final

from requests.structures import CaseInsensitiveDict

from exporter.clock import Clock, SystemClock
from exporter.commands.common import EXIT_FAILED, EXIT_OK, complain, configured
from exporter.commands.try_report import Exchange, report
from exporter.config import Account, Config
from exporter.config_errors import suggestion
from exporter.log import silence_libraries
from exporter.model import FetchError, Reading, Reason, VendorRequest, VendorResponse
from exporter.providers.base import Call, Provider
from exporter.transport import MAX_BODY_BYTES, Transport
from exporter.yamlsource import SourceError

# A status line and headers, as ``curl -i`` prints them; several where a proxy or a 100 came before.
_HEAD: Final = re.compile(rb"HTTP/[\d.]+ (\d{3})[^\n]*\n((?:[^\r\n]+\r?\n)*)\r?\n?")


def try_provider(config_file: Path, name: str, response_file: Path | None) -> int:
    """Ask one account, or read its answer from a file, and show everything; 0 if it is a reading, else 1."""
    silence_libraries()
    try:
        account = _account(configured(config_file), name)
        answer = None if response_file is None else _answer_in(response_file)
    except SourceError as error:
        complain(error.problems)
        return EXIT_FAILED
    except ValueError as error:
        complain([error])
        return EXIT_FAILED
    exchange = (
        _asked(account, SystemClock())
        if answer is None
        else _exchange(account.provider, lambda request: answer)
    )
    for line in report(account.provider, exchange):
        sys.stdout.write(f"{line}\n")
    return EXIT_OK if isinstance(exchange.outcome, Reading) else EXIT_FAILED


def _account(config: Config, name: str) -> Account:
    if name not in config.accounts:
        raise ValueError(f"no provider is called {name!r}{suggestion(name, config.accounts)}")
    return config.accounts[name]


def _exchange(provider: Provider[Any], call: Call) -> Exchange:
    """Fetch by a call, and keep everything."""
    calls: list[tuple[VendorRequest, VendorResponse | None]] = []

    def recording(request: VendorRequest) -> VendorResponse:
        calls.append((request, None))
        answer = call(request)
        calls[-1] = request, answer
        return answer

    outcome: Reading | FetchError
    try:
        outcome = provider.fetch(recording)
    except FetchError as error:
        outcome = error
    except Exception as error:  # noqa: BLE001 - a third party's provider may raise anything
        outcome = FetchError(Reason.INTERNAL, f"the provider's own code failed ({type(error).__name__})")
    return Exchange(tuple(calls), outcome)


def _asked(account: Account, clock: Clock) -> Exchange:
    transport = Transport(account.transport, clock)
    transport.start(account.timeout)
    try:
        return _exchange(account.provider, transport.call)
    finally:
        transport.close()


def _answer_in(file: Path) -> VendorResponse:
    """Return the answer that a file holds: a body, or what ``curl -i`` prints."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file} can't be read: {error.strerror}") from None
    if len(content) > MAX_BODY_BYTES:
        raise ValueError(f"{file} is larger than an answer may be: {MAX_BODY_BYTES // 1024} KiB")
    status, headers = 200, CaseInsensitiveDict[str]()
    while match := _HEAD.match(content):
        status, content = int(match[1]), content[match.end() :]
        pairs = (line.partition(":") for line in match[2].decode("latin-1").splitlines())
        headers = CaseInsensitiveDict({name.strip(): value.strip() for name, _, value in pairs})
    return VendorResponse(status, headers, content, SystemClock().now())
