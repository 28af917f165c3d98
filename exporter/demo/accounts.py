"""One account at a simulated vendor: what it holds, and what is wrong with it at the moment."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from exporter.demo.limits import Allowance, Limits, Meter
from exporter.demo.message import Request, Response
from exporter.demo.pools import Episodes, Level, Pool
from exporter.demo.vendors import (
    AgileTelecom,
    Impressionwise,
    LeadMagic,
    OceanIo,
    Snapshot,
    TrueVerify,
    Vendor,
)

_REQUESTS_REMEMBERED = 10_000


@dataclass
class Failing:
    """An answer given instead of the balance, so many more times (None: until further notice)."""

    response: Response
    times: int | None = None


@dataclass
class Account:
    """An account. ``pools`` by the names of the exporter's ``pool`` label.

    ``latency`` delays every answer, in seconds; ``processing`` is what the vendor says an answer took
    where there is no such delay; ``trouble`` names failures of the vendor that come and go by
    themselves; ``reserved`` and ``frozen`` are credits.
    """

    vendor: Vendor
    pools: dict[str, Pool]
    limits: Limits = field(default_factory=Limits)
    reserved: Episodes[float] | None = None
    frozen: Episodes[float] | None = None
    trouble: Episodes[str] | None = None
    latency: float = 0.0
    processing: float = 0.041
    outage: bool = False
    failing: Failing | None = None
    cached: Mapping[str, Level] | None = None
    received: deque[Request] = field(default_factory=lambda: deque(maxlen=_REQUESTS_REMEMBERED))

    def __post_init__(self) -> None:
        self._meter = Meter(self.limits)

    def answer(self, request: Request, path: str, now: float) -> Response:
        """Return the answer to a request for a path of the vendor's API at a Unix time."""
        method = self.vendor.routes.get(path)
        if method is None:
            return Response(404)
        if request.method != method:
            return Response(405, headers={"Allow": method})
        refusal = self.vendor.refusal(request) or self._failure(path, now)
        if refusal is not None:
            return refusal
        allowance = self._meter.count(now)
        if allowance.retry_after is not None:
            limited = self.vendor.failures["rate_limited"]
            return limited.with_headers({"Retry-After": str(allowance.retry_after)})
        if method == "POST":  # the one that any of the vendors documents makes it read its database again
            self.cached = None
        return self.vendor.answer(path, self._snapshot(allowance, now))

    def levels(self, now: float) -> dict[str, Level]:
        """Return every pool's level at a Unix time."""
        return {name: pool.at(now) for name, pool in self.pools.items()}

    def _failure(self, path: str, now: float) -> Response | None:
        """Return the failure of the moment; other paths than the balance's fail only for want of access."""
        response = None
        if self.trouble is not None and (name := self.trouble.at(now)) is not None:
            response = self.vendor.failures[name]
        if self.failing is not None:
            response = self.failing.response
        if response is None or (path != next(iter(self.vendor.routes)) and response.status not in {401, 403}):
            return None
        if self.failing is not None and self.failing.times is not None:
            left = self.failing.times - 1
            self.failing = replace(self.failing, times=left) if left > 0 else None
        return response

    def _snapshot(self, allowance: Allowance, now: float) -> Snapshot:
        return Snapshot(
            pools=self.levels(now) if self.cached is None else self.cached,
            reserved=(self.reserved.at(now) if self.reserved else None) or 0.0,
            frozen=(self.frozen.at(now) if self.frozen else None) or 0.0,
            allowance=allowance,
            processing=max(self.processing, self.latency),
        )


def still_accounts() -> dict[str, Account]:
    """Return one account per vendor, each at the figures of the vendor's page, where nothing moves."""
    hundreds = Pool(200.0, kept={"oneTime": 100.0})
    return {
        "impressionwise": Account(Impressionwise(), {"default": Pool(136_012.0)}, processing=0.41),
        "agiletelecom": Account(AgileTelecom(), {"default": Pool(10.324)}),
        "oceanio": Account(
            OceanIo(), {"standard": hundreds, "email": hundreds, "phone": hundreds}, Limits(per_day=1000)
        ),
        "leadmagic": Account(LeadMagic(), {"default": Pool(15_432.50)}),
        "trueverify": Account(
            TrueVerify(),
            {
                "default": Pool(
                    9850.0,
                    used_before=150.0,
                    kept={"bonus": 250.0, "free": 100.0, "subscription": 5000.0},
                )
            },
        ),
    }
