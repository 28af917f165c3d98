"""The interface of a provider. Public: third parties' providers build on it.

A provider is the few lines that build its request and a pure ``parse(response) -> Reading``.
It never opens a connection, reads a clock or logs: calls go through the :class:`Call` that it is
given, and whatever goes wrong is a :class:`~exporter.model.FetchError` with one of the reasons.

A distribution adds provider types by naming classes in its entry points::

    [project.entry-points."credits_exporter.providers"]
    acme = "acme_credits:AcmeProvider"

The name is the ``type`` in the configuration and the class's ``type_name``; the class says by its
``interface_version`` which interface it was written for. ``INTERFACE_VERSION`` rises when a provider
written for the present interface would stop working.

The interface is this module, :mod:`exporter.model`, :class:`exporter.secret.Secret`, and of
``exporter.providers`` the modules ``settings``, ``answers`` and ``credentials``; everything else may
change with any release. ``tests/providers/third_party`` is a whole distribution of that kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from exporter.model import Reading, VendorRequest, VendorResponse
from exporter.providers.settings import ProviderSettings
from exporter.secret import Secret

INTERFACE_VERSION: Final = 1


class Call(Protocol):
    """Sends one request within the call's deadline."""

    def __call__(self, request: VendorRequest) -> VendorResponse:
        """Return the answer, whatever its status; raise FetchError if there was none."""


S = TypeVar("S", bound=ProviderSettings)


class Provider(ABC, Generic[S]):
    """One account at one vendor.

    Class attributes describe the type: ``type_name`` is its name in the configuration, ``settings_model``
    the keys that an entry takes, ``default_base_url`` is None where the user must give one,
    ``default_refresh_interval`` is in seconds, ``documentation`` links the vendor's page.
    """

    type_name: ClassVar[str]
    settings_model: ClassVar[type[ProviderSettings]]
    default_base_url: ClassVar[str | None] = None
    default_refresh_interval: ClassVar[float] = 300.0
    documentation: ClassVar[str] = ""
    # Deliberately without a value: a class that inherited it would always claim to be up to date.
    interface_version: ClassVar[int]

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @abstractmethod
    def request(self) -> VendorRequest:
        """Return the request for the balance; the same object each time, so that it is prepared once."""

    @abstractmethod
    def parse(self, response: VendorResponse) -> Reading:
        """Return the reading that an answer holds; pure. Raise FetchError if it holds none."""

    def fetch(self, call: Call) -> Reading:
        """Ask the vendor and return the reading; one call unless a vendor needs more."""
        return self.parse(call(self.request()))

    def accepts_key(self, call: Call) -> bool | None:
        """Tell whether the vendor accepts the credentials; None where it has no way to ask."""
        return None

    def secrets(self) -> Iterator[Secret]:
        """Yield every secret that this provider's requests may hold: as configured, and as sent."""
        yield from self.settings.secrets()
        request = self.request()
        for value in (*request.headers.values(), *request.params.values()):
            if isinstance(value, Secret):
                yield value

    def url(self, path: str) -> str:
        """Return the vendor's path below ``base_url``, which may carry a path of its own."""
        return f"{self.settings.base_url}{path}"
