"""Which provider types there are: built in, in the catalogue, and of other installed distributions."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
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
        self._loaded: dict[str, ProviderType] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def get(self, name: str) -> ProviderType:
        """Return the type of that name; raise LookupError that says why it can't be used."""
        if name not in self._loaders:
            raise LookupError(f"{name!r} is not a known provider type; known are {', '.join(self._loaders)}")
        if name not in self._loaded:
            self._loaded[name] = self._loaders[name]()
        return self._loaded[name]


def catalogue_folder() -> Traversable:
    """Return the folder of the catalogue: one YAML file for each vendor."""
    return files("exporter.providers") / "catalogue"


def provider_types(catalogue: Traversable | None = None) -> ProviderTypes:
    """Return the types that this installation knows; ``catalogue`` is another folder of vendors' files.

    A distribution can't take the name of a type that we have ourselves.
    """
    ours = _built_in() | _catalogue(catalogue or catalogue_folder())
    theirs = _installed(entry_points(group=ENTRY_POINT_GROUP))
    return ProviderTypes(ours | {name: theirs[name] for name in theirs if name not in ours})


def _built_in() -> dict[str, Loader]:
    return {provider.type_name: _already(provider) for provider in _BUILT_IN} | {"http": _http}


def _http() -> ProviderType:
    from exporter.providers.http import HttpProvider  # noqa: PLC0415 - only who describes a vendor needs JMESPath

    return HttpProvider


def _catalogue(folder: Traversable) -> dict[str, Loader]:
    """Return the vendors of a folder; a file is read when its type is used."""
    vendors = sorted((file for file in folder.iterdir() if file.name.endswith(".yml")), key=_name)
    return {_name(file): partial(_vendor, file) for file in vendors}


def _name(file: Traversable) -> str:
    return file.name.removesuffix(".yml")


def _vendor(file: Traversable) -> ProviderType:
    from exporter.providers.vendor_file import load_vendor  # noqa: PLC0415 - as for http

    return load_vendor(file)


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
