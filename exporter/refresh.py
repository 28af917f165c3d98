"""Who is asked when: due or not, one call in flight, back-off, the last good reading, counters.

State and nothing else: readings and errors settle here, and are published as frozen views that the
collector and the status page render.
"""

import contextlib
import math
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

import structlog

from exporter.backoff import Pause
from exporter.clock import Clock
from exporter.config import Account, Config
from exporter.consumption import Consumption, ConsumptionMeter
from exporter.model import MOST_POOLS, FetchError, Reading, Reason
from exporter.transport import Transport


@dataclass(frozen=True)
class Failure:
    """Why the most recent call failed, in our words."""

    reason: Reason
    detail: str
    status: int | None = None


@dataclass(frozen=True)
class AccountView:
    """What is known of one account; times are Unix timestamps.

    ``reading`` is the last good one, until it is older than ``max_staleness``. ``up`` is None before
    the first call ended. ``consumption`` holds every pool seen since the start.
    """

    account: Account
    next_fetch: float
    reading: Reading | None = None
    up: bool | None = None
    failure: Failure | None = None
    last_success: float | None = None
    calls: int = 0
    call_seconds: float = 0.0
    failures: Mapping[Reason, int] = field(default_factory=dict)
    consumption: Mapping[str, Consumption] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """The views that one scrape shows.

    ``pending`` names the accounts that had not answered by its deadline. Two snapshots with the same
    ``version`` and selection show the same.
    """

    version: int
    views: tuple[AccountView, ...]
    pending: frozenset[str] = frozenset()


class _State:
    """One account's state; everything is guarded by the refresher's lock but for the call itself."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self.account = account
        self.transport = Transport(account.transport, clock)
        self.in_flight: Future[None] | None = None
        self.pause = Pause(account.refresh_interval)
        self.next_due = clock.monotonic()
        self.last_began: float | None = None
        self.last_success: float | None = None  # monotonic; the view holds the wall time
        self.expires_at = math.inf
        self.failures_in_a_row = 0
        self.retired = False
        self.meters: dict[str, ConsumptionMeter] = {}
        self.view = AccountView(account, next_fetch=clock.now())
        with contextlib.suppress(Exception):  # a bug in a provider costs its calls, not the start
            self.transport.make_ready(account.provider.request())


class Refresher:
    """Keeps the state of every configured account, and asks those that are due when a scrape comes."""

    def __init__(self, config: Config, clock: Clock, random_source: random.Random | None = None) -> None:
        self._clock = clock
        self._random = random_source or random.Random()  # noqa: S311 - jitter
        self._lock = threading.Lock()
        self._log = structlog.get_logger(__name__)
        self._version = 0
        self._next_expiry = math.inf
        self._config = config
        self._states = {name: _State(account, clock) for name, account in config.accounts.items()}
        self._workers = ThreadPoolExecutor(config.max_concurrency, thread_name_prefix="fetch")

    @property
    def names(self) -> Sequence[str]:
        """Name the configured accounts, in the order of the configuration."""
        return tuple(self._config.accounts)

    @property
    def config(self) -> Config:
        """Return the running configuration."""
        return self._config

    def collect(self, names: Iterable[str], seconds: float) -> Snapshot:
        """Ask those of the named accounts that are due, wait for at most so many seconds, and show all.

        Calls are shared: a scrape that finds one in flight waits for it. A late answer settles by
        itself and is shown from the next scrape on. Names that are not configured are left out.
        """
        with self._lock:
            now = self._clock.monotonic()
            states = [self._states[name] for name in names if name in self._states]
            due = [state for state in states if state.in_flight is None and state.next_due <= now]
            # Who fails may hold a worker until its timeout: those who answer are asked before.
            due.sort(key=lambda state: state.failures_in_a_row)
            calls: dict[_State, Future[None]] = {state: Future() for state in due}
            for state, call in calls.items():
                state.in_flight = call
            waiting = {state.in_flight: state for state in states if state.in_flight is not None}
            workers = self._workers
        # Not under the lock, which the first of many calls would wait for to settle.
        for state, call in calls.items():
            self._submit(workers, state, call)
        late = wait(waiting, timeout=seconds).not_done
        return self._snapshot(states, [waiting[call] for call in late])

    def peek(self, names: Iterable[str] | None = None) -> Snapshot:
        """Show the named accounts, or all, without asking anybody."""
        with self._lock:
            states = [self._states[name] for name in (names or self._states) if name in self._states]
        return self._snapshot(states)

    def replace_config(self, config: Config) -> None:
        """Run another configuration; accounts that it leaves unchanged keep their state and connection.

        Back-off ends for all: a reload is what an operator does after mending something.
        """
        old_states, old_workers = self._states, self._workers
        states = {  # before the lock is taken: making a thousand takes seconds
            name: old_states[name]
            if name in old_states and old_states[name].account == account
            else _State(account, self._clock)
            for name, account in config.accounts.items()
        }
        with self._lock:
            self._states = states
            for state in self._states.values():
                self._end_back_off(state)
            for name, state in old_states.items():
                if self._states.get(name) is not state:
                    self._retire(state)
            if config.max_concurrency != self._config.max_concurrency:
                self._workers = ThreadPoolExecutor(config.max_concurrency, thread_name_prefix="fetch")
            self._config = config
            self._version += 1
        if old_workers is not self._workers:
            old_workers.shutdown(wait=False)

    def close(self) -> None:
        """Abandon calls that wait for a worker, and close what is not in use; does not wait."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for state in self._states.values():
                self._retire(state)

    def _submit(self, workers: ThreadPoolExecutor, state: _State, call: Future[None]) -> None:
        try:
            workers.submit(self._run, state, call)
        except RuntimeError:
            if workers is self._workers:
                error = FetchError(Reason.INTERNAL, "no thread can be started for the call")
                self._finish(state, call, error, self._clock.monotonic())
            else:  # a reload has just replaced these workers: the next scrape asks
                with self._lock:
                    self._end(state, call)

    def _run(self, state: _State, call: Future[None]) -> None:
        """Make one call and settle what came of it; runs in a worker thread."""
        if state.in_flight is call:  # else it was given up, for want of a thread, while it was queued
            began = self._clock.monotonic()
            self._finish(state, call, self._outcome(state), began)

    def _finish(self, state: _State, call: Future[None], outcome: Reading | FetchError, began: float) -> None:
        with self._lock:
            before = state.view
            try:
                self._settle(state, outcome, began)
            finally:  # an account whose call never ended would never be asked again
                self._end(state, call)
            after = state.view
        self._log_change(before, after)

    def _end(self, state: _State, call: Future[None]) -> None:
        """Let the account be called again, and the scrapes that wait for it go on."""
        state.in_flight = None
        if state.retired:
            state.transport.close()
        call.set_result(None)

    def _outcome(self, state: _State) -> Reading | FetchError:
        state.transport.start(state.account.timeout)
        try:
            reading = state.account.provider.fetch(state.transport.call)
            if isinstance(reading, Reading):
                return reading
            raise TypeError(f"fetch() returned a {type(reading).__name__}, not a Reading")
        except FetchError as error:
            return error
        except BaseException:  # noqa: BLE001 - a bug in one provider, sys.exit() even, costs only its own series
            if state.view.failure is None or state.view.failure.reason is not Reason.INTERNAL:
                self._log.exception("provider_bug", provider=state.account.name)
            return FetchError(Reason.INTERNAL, "the provider's own code failed; the log has the traceback")

    def _settle(self, state: _State, outcome: Reading | FetchError, began: float) -> None:
        now, wall = self._clock.monotonic(), self._clock.now()
        state.last_began = began
        view = replace(
            state.view, calls=state.view.calls + 1, call_seconds=state.view.call_seconds + (now - began)
        )
        if isinstance(outcome, Reading):
            view = self._succeeded(state, view, outcome, now, wall)
        else:
            view = self._failed(state, view, outcome, now)
        state.view = replace(view, next_fetch=wall + (state.next_due - now))
        self._version += 1

    def _succeeded(
        self, state: _State, view: AccountView, reading: Reading, now: float, wall: float
    ) -> AccountView:
        state.failures_in_a_row = 0
        state.last_success = now
        state.expires_at = math.inf
        state.next_due = (state.last_began or now) + state.pause.after_success()
        for name, pool in reading.pools.items():
            if pool.balance is not None:
                state.meters.setdefault(name, ConsumptionMeter()).observe(pool.balance, wall)
        if len(state.meters) > MOST_POOLS:  # a vendor that names its pools anew each time
            state.meters = {name: meter for name, meter in state.meters.items() if name in reading.pools}
        return replace(
            view,
            reading=reading,
            up=True,
            failure=None,
            last_success=wall,
            consumption={name: meter.totals for name, meter in state.meters.items()},
        )

    def _failed(self, state: _State, view: AccountView, error: FetchError, now: float) -> AccountView:
        state.failures_in_a_row += 1
        pause = state.pause.after_failure(
            state.failures_in_a_row, error.reason, error.retry_after, self._random
        )
        state.next_due = (state.last_began or now) + pause
        self._let_expire(state)
        failures = {**view.failures, error.reason: view.failures.get(error.reason, 0) + 1}
        return replace(
            view, up=False, failure=Failure(error.reason, error.detail, error.status), failures=failures
        )

    def _snapshot(self, states: Sequence[_State], late: Sequence[_State] = ()) -> Snapshot:
        pending = frozenset(state.account.name for state in late)
        with self._lock:
            for state in late:
                if state.in_flight is not None:
                    self._let_expire(state)
            if self._next_expiry <= self._clock.monotonic():
                self._drop_expired()
            return Snapshot(self._version, tuple(state.view for state in states), pending)

    def _let_expire(self, state: _State) -> None:
        """Show the last good reading of a vendor that fails, or doesn't answer, for max_staleness only."""
        if state.last_success is not None and state.view.reading is not None:
            state.expires_at = state.last_success + state.account.max_staleness
            self._next_expiry = min(self._next_expiry, state.expires_at)

    def _drop_expired(self) -> None:
        """Drop the readings that have grown too old to be shown."""
        now = self._clock.monotonic()
        for state in self._states.values():
            if state.expires_at <= now:
                state.expires_at = math.inf
                state.view = replace(state.view, reading=None)
        self._next_expiry = min((state.expires_at for state in self._states.values()), default=math.inf)
        self._version += 1

    def _end_back_off(self, state: _State) -> None:
        state.failures_in_a_row = 0
        if state.view.up is False and state.last_began is not None:
            state.next_due = min(state.next_due, state.last_began + state.pause.after_success())
            until = state.next_due - self._clock.monotonic()
            state.view = replace(state.view, next_fetch=self._clock.now() + until)

    def _retire(self, state: _State) -> None:
        """Close an account's connection, now or when the call in flight ends."""
        state.retired = True
        if state.in_flight is None:
            state.transport.close()

    def _log_change(self, before: AccountView, after: AccountView) -> None:
        name = after.account.name
        if after.failure is None:
            if before.failure is not None:
                self._log.info("provider_recovered", provider=name, reason=before.failure.reason)
        elif before.failure is None or before.failure.reason is not after.failure.reason:
            self._log.warning(
                "provider_failing",
                provider=name,
                reason=after.failure.reason,
                detail=after.failure.detail,
                status=after.failure.status,
            )
