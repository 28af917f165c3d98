"""Asks every account once, for ``check --live``: what came, how long it took, and the verdict."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from exporter.clock import Clock
from exporter.config import Account, Config
from exporter.model import FetchError, Reading, Reason
from exporter.transport import Transport


@dataclass(frozen=True)
class LiveResult:
    """How one account answered; ``seconds`` is the latency of the whole fetch."""

    provider: str
    seconds: float
    reading: Reading | None = None
    reason: Reason | None = None
    verdict: str = "ok"


def ask_all(config: Config, clock: Clock) -> Iterator[LiveResult]:
    """Yield each account's result as it comes, in no order."""
    with ThreadPoolExecutor(config.max_concurrency, thread_name_prefix="check") as workers:
        calls = [workers.submit(ask, account, clock) for account in config.accounts.values()]
        for call in as_completed(calls):
            yield call.result()


def ask(account: Account, clock: Clock) -> LiveResult:
    """Ask one account; a failure is part of the result."""
    transport = Transport(account.transport, clock)
    began = clock.monotonic()
    try:
        transport.start(account.timeout)
        reading = account.provider.fetch(transport.call)
        return LiveResult(account.name, clock.monotonic() - began, reading)
    except FetchError as error:
        seconds = clock.monotonic() - began
        return LiveResult(
            account.name, seconds, reason=error.reason, verdict=_verdict(account, transport, error)
        )
    except Exception as error:  # noqa: BLE001 - a bug in one provider must not hide the others' results
        verdict = f"the provider's own code failed ({type(error).__name__})"
        return LiveResult(account.name, clock.monotonic() - began, reason=Reason.INTERNAL, verdict=verdict)
    finally:
        transport.close()


def _verdict(account: Account, transport: Transport, error: FetchError) -> str:
    """Say what is wrong; where the vendor has a way to ask, also whether it is the key."""
    try:
        transport.start(account.timeout)
        accepted = account.provider.accepts_key(transport.call)
    except Exception:  # noqa: BLE001 - whatever it is, it is no answer
        accepted = None
    if accepted is None:
        return error.detail
    return f"{error.detail}; the vendor {'accepts' if accepted else 'refuses'} the key"
