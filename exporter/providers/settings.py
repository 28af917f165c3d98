"""What every provider entry takes, whatever its type."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from exporter.fields import Duration, Flag, Number, PositiveDuration, is_plain_http_to_others, web_url
from exporter.secret import Secret
from exporter.tls import TlsSettings

WebUrl = Annotated[str, AfterValidator(web_url)]


def _base_url(value: str) -> str:
    if "?" in value or "#" in value:
        raise ValueError("should have no query and no fragment; the vendor's path is appended to it")
    return web_url(value).rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class Section(BaseModel):
    """A mapping of the configuration: frozen, strict, without unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class Thresholds(Section):
    """Balances, in the pool's unit, below which a pool is low."""

    warning: Number | None = None
    critical: Number | None = None

    @model_validator(mode="after")
    def _critical_is_the_lower_one(self) -> Self:
        _check_order(self.warning, self.critical)
        return self


class RunwayThresholds(Section):
    """Times to exhaustion, in seconds, below which a pool is running short: how long a top-up takes."""

    warning: PositiveDuration | None = None
    critical: PositiveDuration | None = None

    @model_validator(mode="after")
    def _critical_is_the_lower_one(self) -> Self:
        _check_order(self.warning, self.critical)
        return self


def _check_order(warning: float | None, critical: float | None) -> None:
    if warning is not None and critical is not None and critical > warning:
        raise ValueError("critical should not be above warning")


def _check_proxy(url: str) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("should be an http:// or https:// URL with a host")
    try:
        unquote(parts.netloc.rpartition("@")[0]).encode("latin-1")  # as requests sends them
    except UnicodeEncodeError:
        raise ValueError("should hold credentials that Latin-1 can write") from None


class ProviderSettings(Section):
    """The keys of an entry under ``providers``; each type adds its credentials.

    Durations are seconds. What is None comes from ``global``, else from the type.
    """

    type: str
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    allow_http: Flag = Field(default=False, description="Let credentials travel in the clear.")
    base_url: BaseUrl | None = Field(default=None, description="Where the vendor is, or a proxy before it.")
    refresh_interval: Duration | None = Field(
        default=None, description="Lowest time between two calls; 0s: at every scrape."
    )
    timeout: PositiveDuration | None = Field(default=None, description="Of one call, connect to last byte.")
    max_staleness: PositiveDuration | None = Field(
        default=None, description="How long the last good reading is shown while the vendor fails."
    )
    thresholds: Mapping[str, Thresholds] = Field(default_factory=dict, description="By pool.")
    runway_thresholds: RunwayThresholds | None = Field(
        default=None, description="Times to exhaustion: how long a top-up takes."
    )
    topup_url: WebUrl | None = Field(default=None, description="Shown in alerts and on the dashboard.")
    tls_config: TlsSettings = TlsSettings()
    proxy_url: Secret | None = None

    @field_validator("base_url")
    @classmethod
    def _base_url_is_encrypted(cls, base_url: str | None, info: ValidationInfo) -> str | None:
        # Beside the entry's other errors. An allow_http that is itself wrong is told first.
        if base_url is not None and not info.data.get("allow_http", True):
            _check_encrypted(base_url)
        return base_url

    @model_validator(mode="after")
    def _credentials_travel_encrypted(self) -> Self:
        for url in self.called_urls():
            if not self.allow_http:
                _check_encrypted(url)
        return self

    @field_validator("proxy_url")
    @classmethod
    def _proxy_is_one_that_we_can_use(cls, proxy_url: Secret | None) -> Secret | None:
        if proxy_url is not None:
            _check_proxy(proxy_url.reveal())
        return proxy_url

    def called_urls(self) -> Iterator[str]:
        """Yield the URLs that requests of this entry go to."""
        if self.base_url:
            yield self.base_url

    def secrets(self) -> Iterator[Secret]:
        """Yield every secret that stands in this entry, nested ones included."""
        return _secrets_in(self)


def _check_encrypted(url: str) -> None:
    if is_plain_http_to_others(url):
        raise ValueError(
            "the URL should be https, or the entry should say allow_http: true; "
            "over http the credentials travel in the clear"
        )


def _secrets_in(value: Any) -> Iterator[Secret]:
    match value:
        case Secret():
            yield value
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets_in(getattr(value, name))
        case Mapping():
            for item in value.values():
                yield from _secrets_in(item)
        case list() | tuple():
            for item in value:
                yield from _secrets_in(item)
