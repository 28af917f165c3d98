"""A provider type of a third party: what its distribution holds."""

from exporter.model import Pool, Reading, VendorRequest, VendorResponse
from exporter.providers.answers import as_object, check_status, first_number, json_object
from exporter.providers.base import Provider
from exporter.providers.credentials import bearer
from exporter.providers.settings import ProviderSettings
from exporter.secret import Secret


class AcmeSettings(ProviderSettings):
    """An API key, and the department whose credits are meant."""

    api_key: Secret
    department: str = "sales"


class Acme(Provider[AcmeSettings]):
    """``GET /credits`` → ``{"departments": {"sales": {"left": 5}}}``."""

    type_name = "acme"
    settings_model = AcmeSettings
    default_base_url = "https://api.acme.example"
    documentation = "https://acme.example/docs"
    interface_version = 1

    def __init__(self, settings: AcmeSettings) -> None:
        super().__init__(settings)
        self._request = VendorRequest(
            self.url("/credits"), headers={"Authorization": bearer(settings.api_key)}
        )

    def request(self) -> VendorRequest:
        """Return the request for the balance."""
        return self._request

    def parse(self, response: VendorResponse) -> Reading:
        """Return the pool of the department."""
        check_status(response)
        departments = as_object(json_object(response).get("departments"))
        name = self.settings.department
        return Reading({name: Pool(first_number(as_object(departments.get(name)).get("left")))})
