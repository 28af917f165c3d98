"""A simulator whose time stands still until a test moves it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from exporter.demo.message import Request, Response
from exporter.demo.simulator import Simulator


@dataclass
class FakeTime:
    """A clock that moves when told to."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the Unix time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the time on."""
        self.now += seconds


# The right credentials of each account, as headers or as a query.
KEYS = {
    "impressionwise": ("/creditscheck.aspx?CODE=BBF&PSW=demo%26pass%25word", {}),
    "agiletelecom": ("/services/sms/credit", {"x-api-key": "demo-agiletelecom-key"}),
    "oceanio": ("/v2/credits/balance", {"x-api-token": "demo-oceanio-token"}),
    "leadmagic": ("/v1/credits", {"x-api-key": "demo-leadmagic-key"}),
    "trueverify": ("/api/v1/credits/balance", {"authorization": "Bearer demo-trueverify-key"}),
}


@pytest.fixture
def fake_time() -> FakeTime:
    """Return the time that the simulator lives in."""
    return FakeTime()


@pytest.fixture
def simulator(fake_time: FakeTime) -> Simulator:
    """Return the five accounts at rest."""
    return Simulator(clock=fake_time)


@pytest.fixture
def ask(simulator: Simulator) -> Callable[..., Response]:
    """Ask an account of the simulator, with its right credentials unless told otherwise."""

    def ask(
        account: str, target: str | None = None, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> Response:
        right_target, right_headers = KEYS[account]
        url = f"http://vendors.test/{account}{right_target if target is None else target}"
        reply = simulator.handle(Request(method, url, right_headers if headers is None else headers))
        assert reply.response is not None
        return reply.response

    return ask
