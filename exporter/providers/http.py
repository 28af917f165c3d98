"""``type: http``: a vendor described in the configuration; also what the catalogue's vendors are made of."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import Field, model_validator

from exporter.model import Reading, VendorRequest, VendorResponse
from exporter.providers.base import INTERFACE_VERSION, Provider
from exporter.providers.http_reading import AnswerReader, Finding
from exporter.providers.http_request import HttpRequest, build
from exporter.providers.http_response import HttpResponse
from exporter.providers.request_text import RequestText
from exporter.providers.settings import ProviderSettings, Section
from exporter.secret import NAMED_SECRETS, Redactor, Secret

CredentialName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

_BASIC: Final = "Basic "


class HttpDescription(Section):
    """What is sent and how the answer is read."""

    request: HttpRequest
    response: HttpResponse


class HttpSettings(ProviderSettings):
    """A vendor's request and answer; ``{name}`` in the request stands for the credential of that name.

    ``base_url`` replaces scheme and host of ``request.url``, for a proxy in front of the vendor.
    """

    request: HttpRequest
    response: HttpResponse
    credentials: Annotated[Mapping[CredentialName, Secret], NAMED_SECRETS] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _credentials_are_used(self) -> Self:
        unused = sorted(self.credentials.keys() - self.request.placeholders())
        if unused:
            name = unused[0]
            raise ValueError(f"credentials.{name} is not used; write {{{name}}} where it goes in request")
        return self

    def called_urls(self) -> Iterator[str]:
        """Yield the URL that the request goes to."""
        yield self.request.address(self.base_url)


S = TypeVar("S", bound=ProviderSettings)


class DescribedProvider(Provider[S]):
    """A provider made of a description and the credentials that it names."""

    def __init__(self, settings: S, description: HttpDescription, credentials: Mapping[str, Secret]) -> None:
        super().__init__(settings)
        self._description = description
        values = {name: secret.reveal() for name, secret in credentials.items()}
        self._request = build(description.request, values, settings.base_url)
        self._reader = AnswerReader(description.response, Redactor(self.secrets()))

    def request(self) -> VendorRequest:
        """Return the request for the balance."""
        return self._request

    def parse(self, response: VendorResponse) -> Reading:
        """Return what the description finds in the answer."""
        return self._reader.read(response)

    def body(self, response: VendorResponse) -> Any:
        """Return the body as expressions see it; raise FetchError for one that can't be read."""
        return self._reader.body(response)

    def explain(self, response: VendorResponse) -> Iterator[Finding]:
        """Yield what each expression finds in the answer; raise FetchError where it is unreadable."""
        return self._reader.explain(response)

    def secrets(self) -> Iterator[Secret]:
        """Yield what is secret; not every text of the request, as ``application/json`` is none."""
        yield from (secret for secret in self.settings.secrets() if not isinstance(secret, RequestText))
        yield from self._description.request.secrets()
        authorization = self._request.headers.get("Authorization")
        if isinstance(authorization, Secret) and authorization.reveal().startswith(_BASIC):
            yield Secret(authorization.reveal().removeprefix(_BASIC))


class HttpProvider(DescribedProvider[HttpSettings]):
    """A vendor described in YAML, by JMESPath expressions over its answer."""

    type_name = "http"
    settings_model = HttpSettings
    documentation = "https://jmespath.org/specification.html"
    interface_version = INTERFACE_VERSION

    def __init__(self, settings: HttpSettings) -> None:
        description = HttpDescription(request=settings.request, response=settings.response)
        super().__init__(settings, description, settings.credentials)
