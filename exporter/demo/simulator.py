"""The vendors' switchboard: finds the account that a request is for, and breaks it when told to."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from exporter.demo.accounts import Account, Failing, still_accounts
from exporter.demo.message import Request, Response
from exporter.demo.pools import Episodes

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """What a request gets, after so many seconds; None is a connection closed without an answer."""

    response: Response | None
    delay: float = 0.0


class Simulator:
    """Accounts at simulated vendors, each below a path prefix that is its name.

    Without ``accounts`` there is one per vendor, named by its provider type, at rest. ``clock`` gives
    the Unix time. Safe to use from several threads. A name that there is no account, pool or failure
    for is a ValueError that lists what there is.
    """

    def __init__(
        self, accounts: Mapping[str, Account] | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._accounts = dict(still_accounts() if accounts is None else accounts)
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts, by name."""
        return self._accounts

    def handle(self, request: Request) -> Reply:
        """Record a request and return what it gets."""
        name, slash, rest = request.path.removeprefix("/").partition("/")
        account = self._accounts.get(name)
        if account is None:
            return Reply(Response(404))
        with self._lock:
            account.received.append(request)
            if account.outage:
                return Reply(None, account.latency)
            return Reply(account.answer(request, slash + rest, self._clock()), account.latency)

    def received(self, account: str) -> tuple[Request, ...]:
        """Return the requests that came for an account, oldest first (the last ten thousand)."""
        with self._lock:
            return tuple(self._account(account).received)

    def balance(self, account: str, pool: str = "default") -> float:
        """Return a pool's balance at this moment."""
        with self._lock:
            return _pick(self._account(account).levels(self._clock()), pool, "pool").balance

    def set_balance(self, account: str, pool: str, balance: float) -> None:
        """Set a pool's balance; it stays there."""
        with self._lock:
            pools, now = self._account(account).pools, self._clock()
            pools[pool] = _pick(pools, pool, "pool").held(balance, now)

    def top_up(self, account: str, pool: str, amount: float) -> None:
        """Add to a pool's balance; a negative amount is spent from it. It goes on as before."""
        with self._lock:
            pools, now = self._account(account).pools, self._clock()
            pools[pool] = _pick(pools, pool, "pool").topped_up(amount, now)

    def reserve(self, account: str, amount: float) -> None:
        """Hold credits for running jobs."""
        with self._lock:
            self._account(account).reserved = _always(amount)

    def freeze(self, account: str, amount: float) -> None:
        """Block credits of an account; 0 releases them."""
        with self._lock:
            self._account(account).frozen = _always(amount)

    def stale(self, account: str) -> None:
        """Make the vendor answer from a cache of this moment until it is told to refresh."""
        with self._lock:
            holder = self._account(account)
            holder.cached = holder.levels(self._clock())

    def fail(
        self,
        account: str,
        failure: str | Response,
        *,
        retry_after: float | None = None,
        times: int | None = None,
    ) -> None:
        """Fail calls, the next ``times`` of them or until :meth:`recover`.

        ``failure`` names one of the vendor's documented failures (``Vendor.failures``) or is any answer
        at all. ``retry_after``, in seconds, becomes that header. Wrong credentials are still refused
        as such.
        """
        with self._lock:
            holder = self._account(account)
            response = (
                _pick(holder.vendor.failures, failure, "failure") if isinstance(failure, str) else failure
            )
            if retry_after is not None:
                response = response.with_headers({"Retry-After": f"{retry_after:g}"})
            holder.failing = Failing(response, times)

    def recover(self, account: str) -> None:
        """End a failure or an outage, and troubles that come by themselves."""
        with self._lock:
            holder = self._account(account)
            holder.failing, holder.trouble, holder.outage = None, None, False

    def outage(self, account: str, out: bool = True) -> None:
        """Close every connection without an answer."""
        with self._lock:
            self._account(account).outage = out

    def latency(self, account: str, seconds: float) -> None:
        """Delay every answer."""
        with self._lock:
            self._account(account).latency = seconds

    def _account(self, name: str) -> Account:
        return _pick(self._accounts, name, "account")


def _always(value: float) -> Episodes[float]:
    return Episodes(every=1.0, lasting=1.0, values=(value,))


def _pick(choices: Mapping[str, T], name: str, what: str) -> T:
    try:
        return choices[name]
    except KeyError:
        raise ValueError(f"no {what} {name!r}; there is: {', '.join(choices)}") from None
