"""What every simulated vendor is: credentials to check, failures it documents, an answer to give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from exporter.demo.limits import Allowance
from exporter.demo.message import Request, Response
from exporter.demo.pools import Level


@dataclass(frozen=True)
class Snapshot:
    """An account at one moment; ``processing`` is how long the vendor says it worked, in seconds."""

    pools: Mapping[str, Level]
    reserved: float = 0.0
    frozen: float = 0.0
    allowance: Allowance = field(default_factory=Allowance)
    processing: float = 0.0


class Vendor(Protocol):
    """One vendor's API for the holder of one set of credentials. Every method is a function of its input."""

    @property
    def type(self) -> str:
        """The provider type in the exporter's configuration."""

    @property
    def routes(self) -> Mapping[str, str]:
        """The method of each path; the balance's path first."""

    @property
    def failures(self) -> Mapping[str, Response]:
        """The answers that the vendor documents for failures, by a name for each."""

    def settings(self) -> dict[str, Any]:
        """Return the configuration keys that hold these credentials."""

    def refusal(self, request: Request) -> Response | None:
        """Return the answer to a request without the right credentials, None if they are right."""

    def answer(self, path: str, account: Snapshot) -> Response:
        """Return the answer to a request on one of the routes."""
