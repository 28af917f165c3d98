"""Which provider types there are: the built-in ones, and those of other installed distributions."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from exporter.providers.agiletelecom import AgileTelecom
from exporter.providers.base import INTERFACE_VERSION, Provider
from exporter.providers.impressionwise import Impressionwise
from exporter.providers.leadmagic import LeadMagic
from exporter.providers.oceanio import OceanIo
from exporter.providers.settings import ProviderSettings
from exporter.providers.trueverify import TrueVerify

ENTRY_POINT_GROUP: Final = "credits_exporter.providers"

ProviderType = type[Provider[Any]]
Loader = Callable[[], ProviderType]

_BUILT_IN: Final[tuple[ProviderType, ...]] = (Impressionwise, AgileTelecom, OceanIo, LeadMagic, TrueVerify)


class ProviderTypes:
    """Provider types by name; each is loaded when it is asked for.

    So a third-party distribution that can't be imported costs only those who use its type.
    """

    def __init__(self, loaders: Mapping[str, Loader]) -> None:
        self._loaders = dict(loaders)

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def get(self, name: str) -> ProviderType:
        """Return the type of that name; raise LookupError that says why it can't be used."""
        if name not in self._loaders:
            raise LookupError(f"{name!r} is not a known provider type; known are {', '.join(self._loaders)}")
        return self._loaders[name]()


def provider_types() -> ProviderTypes:
    """Return the types that this installation knows. A built-in name can't be taken by a distribution."""
    return ProviderTypes(_installed(entry_points(group=ENTRY_POINT_GROUP)) | _built_in())


def _built_in() -> dict[str, Loader]:
    return {provider.type_name: _already(provider) for provider in _BUILT_IN} | {"http": _http}


def _http() -> ProviderType:
    from exporter.providers.http import HttpProvider  # noqa: PLC0415 - only who describes a vendor needs JMESPath

    return HttpProvider


def _already(provider: ProviderType) -> Loader:
    return lambda: provider


def _installed(points: Iterable[EntryPoint]) -> dict[str, Loader]:
    points = list(points)
    claims = Counter(point.name for point in points)
    return {point.name: partial(_load, point, claims[point.name]) for point in points}


def _load(point: EntryPoint, claims: int) -> ProviderType:
    """Return the class that an entry point names; raise LookupError that names the distribution if unfit."""
    if claims > 1:
        raise LookupError(f"provider type {point.name!r} is claimed by {claims} installed distributions")
    reason: str | None
    try:
        found = point.load()
    except Exception as error:  # noqa: BLE001 - importing other people's code may raise anything
        reason = f"it can't be imported ({type(error).__name__}: {error})"
    else:
        reason = _unfitness(found, point.name)
    if reason is None:
        return found  # type: ignore[no-any-return]  # checked by hand
    distribution = point.dist.name if point.dist else "an unknown distribution"
    raise LookupError(
        f"provider type {point.name!r} of {distribution} ({point.value}) can't be used: {reason}"
    )


def _unfitness(found: Any, name: str) -> str | None:
    """Say in what way something is not a provider class for the present interface; None if it is."""
    if not (inspect.isclass(found) and issubclass(found, Provider)):
        return "it is not a subclass of exporter.providers.base.Provider"
    version = getattr(found, "interface_version", None)
    if version != INTERFACE_VERSION:
        return f"its interface_version is {version}, but this exporter's is {INTERFACE_VERSION}"
    if inspect.isabstract(found):
        return f"it doesn't define {', '.join(sorted(found.__abstractmethods__))}"
    if getattr(found, "type_name", None) != name:
        return f"its type_name is not {name!r}"
    model = getattr(found, "settings_model", None)
    if not (inspect.isclass(model) and issubclass(model, ProviderSettings)):
        return "its settings_model is not a subclass of exporter.providers.settings.ProviderSettings"
    return None
