"""From a file of the catalogue to a provider type like a built-in one.

A file holds what ``type: http`` takes, with the credentials that a user has to give, and what people
want to know of the vendor.
"""

import functools
from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, create_model, model_validator

from exporter.fields import PositiveDuration, web_url
from exporter.providers.base import INTERFACE_VERSION, Provider
from exporter.providers.http import CredentialName, DescribedProvider, HttpDescription
from exporter.providers.settings import ProviderSettings, Section
from exporter.secret import Secret
from exporter.yamlsource import SourceError, dotted, parse

_SUFFIX: Final = ".yml"


class Credential(Section):
    """One credential that an account of the vendor needs."""

    description: str = Field(min_length=1)


class VendorFile(Section):
    """A file of the catalogue. ``refresh_interval`` is in seconds."""

    vendor: str = Field(min_length=1)
    documentation: Annotated[str, AfterValidator(web_url)]
    refresh_interval: PositiveDuration
    notes: Sequence[str] = ()
    credentials: Annotated[Mapping[CredentialName, Credential], Field(min_length=1)]
    http: HttpDescription

    @model_validator(mode="after")
    def _credentials_are_those_of_the_request(self) -> Self:
        named, used = set(self.credentials), self.http.request.placeholders()
        if named != used:
            odd = ", ".join(sorted(named ^ used))
            raise ValueError(f"credentials and what stands in braces in http.request differ in {odd}")
        taken = named & set(ProviderSettings.model_fields)
        if taken:
            raise ValueError(
                f"credentials can't be called {', '.join(sorted(taken))}: every entry has that key"
            )
        return self


class CatalogueProvider(DescribedProvider[ProviderSettings]):
    """A vendor of the catalogue."""

    vendor_file: ClassVar[VendorFile]

    def __init__(self, settings: ProviderSettings) -> None:
        file = self.vendor_file
        credentials = {name: getattr(settings, name) for name in file.credentials}
        super().__init__(settings, file.http, credentials)


def load_vendor(file: Traversable) -> type[Provider[Any]]:
    """Return the provider type that a file describes; raise LookupError that says what is wrong with it."""
    name = file.name.removesuffix(_SUFFIX)
    try:
        return _provider_type(name, file.read_text(encoding="utf-8"))
    except SourceError as error:
        reason = str(error)
    except ValidationError as error:
        told = [f"{dotted(detail['loc'])}: {detail['msg']}" for detail in error.errors()]
        reason = f"{file.name}: {'; '.join(told)}"
    except (OSError, UnicodeDecodeError) as error:
        reason = f"{file.name} can't be read ({type(error).__name__})"
    raise LookupError(f"provider type {name!r} can't be used: {reason}")


@functools.cache
def _provider_type(name: str, text: str) -> type[Provider[Any]]:
    """Return one class for one text: after a reload, accounts of an unchanged type are unchanged too."""
    file = VendorFile.model_validate(parse(text, f"{name}{_SUFFIX}").data)
    origin = urlsplit(file.http.request.url.reveal())
    return type(
        name.title().replace("_", ""),
        (CatalogueProvider,),
        {
            "__doc__": f"{file.vendor}, as {name}{_SUFFIX} describes it.",
            "type_name": name,
            "settings_model": _settings_model(name, file),
            "default_base_url": f"{origin.scheme}://{origin.netloc}",
            "default_refresh_interval": file.refresh_interval,
            "documentation": file.documentation,
            "interface_version": INTERFACE_VERSION,
            "vendor_file": file,
        },
    )


def _settings_model(name: str, file: VendorFile) -> type[ProviderSettings]:
    fields: dict[str, Any] = {
        credential: (Secret, Field(description=told.description))
        for credential, told in file.credentials.items()
    }
    return create_model(
        f"{name.title().replace('_', '')}Settings",
        __base__=ProviderSettings,
        __doc__=f"An account at {file.vendor}.",
        **fields,
    )
