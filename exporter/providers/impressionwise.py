"""Impressionwise: service credits, with the credentials in the query and a form-encoded answer."""

from typing import Final, Literal
from urllib.parse import parse_qsl

from pydantic import Field

from exporter.model import DEFAULT_POOL, Pool, Reading, Reason, VendorRequest, VendorResponse
from exporter.providers.answers import check_status, fail, first_number, readable_number
from exporter.providers.base import Provider
from exporter.providers.settings import ProviderSettings
from exporter.secret import Secret

_BYTE_ORDER_MARK: Final = "\ufeff"


class ImpressionwiseSettings(ProviderSettings):
    """The account code and the portal's password.

    The vendor's page calls the password ``PWD`` in its table and ``PSW`` in its URLs; its knowledge
    base says ``PSW`` throughout.
    """

    code: str = Field(min_length=1)
    password: Secret
    password_param: Literal["PSW", "PWD"] = "PSW"  # noqa: S105 - the name of a parameter


class Impressionwise(Provider[ImpressionwiseSettings]):
    """``GET /creditscheck.aspx`` → ``CODE=BBF&CREDITS=136012&TTP=0.41``, TTP in seconds.

    Status and content type of an error are undocumented; its text begins with ``WRONG``.
    """

    type_name = "impressionwise"
    settings_model = ImpressionwiseSettings
    default_base_url = "https://post.impressionwise.com"
    default_refresh_interval = 60.0
    documentation = "https://impressionwise.com/Credits-API.html"

    def __init__(self, settings: ImpressionwiseSettings) -> None:
        super().__init__(settings)
        self._request = VendorRequest(
            self.url("/creditscheck.aspx"),
            params={"CODE": settings.code, settings.password_param: settings.password},
        )

    def request(self) -> VendorRequest:
        """Return the request for the balance."""
        return self._request

    def parse(self, response: VendorResponse) -> Reading:
        """Return the one pool; keys come in any order and case."""
        text = response.body.decode(errors="replace").strip().removeprefix(_BYTE_ORDER_MARK).strip()
        fields = {
            name.strip().upper(): value.strip() for name, value in parse_qsl(text, keep_blank_values=True)
        }
        # This API answers a bare WRONG_CREDENTIALS, its siblings result=WRONG_PSW and result=RETRY.
        verdict = fields.get("RESULT", text).upper()
        if verdict.startswith("WRONG"):
            fail(response, Reason.UNAUTHORIZED, "the vendor refuses code and password")
        if verdict == "RETRY":
            fail(response, Reason.SERVER_ERROR, "the vendor can't answer now and asks to try again")
        check_status(response)
        pool = Pool(first_number(fields.get("CREDITS")))
        return Reading({DEFAULT_POOL: pool}, upstream_seconds=readable_number(fields.get("TTP")))
