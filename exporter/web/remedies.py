"""What a failure usually means and what mends it: one sentence for a person who is woken by it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from exporter.config import Account
from exporter.fields import format_duration
from exporter.model import Reason
from exporter.secret import Secret

# Secrets of an entry that the vendor never sees.
_NOT_CREDENTIALS: Final = frozenset({"proxy_url"})


def remedy(account: Account, reason: Reason) -> str:
    """Return what to do about a failure; names of keys and accounts stand in backquotes."""
    return _REMEDIES[reason](account)


def credential_keys(settings: BaseModel) -> tuple[str, ...]:
    """Return the keys of an entry under which its credentials stand: ``api_key``, ``oauth1.token``."""
    return tuple(key for key in _secret_keys(settings, "") if key not in _NOT_CREDENTIALS)


def _secret_keys(value: Any, key: str) -> Iterator[str]:
    match value:
        case Secret():
            yield key
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secret_keys(getattr(value, name), f"{key}.{name}".lstrip("."))
        case Mapping():
            for name, item in value.items():
                yield from _secret_keys(item, f"{key}.{name}")


def _credentials(account: Account) -> str:
    keys = [f"`{key}`" for key in credential_keys(account.settings)]
    whose = f"of `{account.name}`"
    return f"{_and(keys)} {whose}" if keys else f"the credentials {whose}"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _host(account: Account) -> str:
    url = next(iter(account.settings.called_urls()), "")
    return f"`{urlsplit(url).hostname}`" if url else "the vendor's host"


def _unauthorized(account: Account) -> str:
    return (
        f"Check {_credentials(account)}: wrong, expired or revoked? A secret file is read again when it "
        "changes; a value from the environment needs a restart."
    )


def _forbidden(account: Account) -> str:
    return (
        f"Check the rights of {_credentials(account)}, and whether the vendor admits calls from this "
        "exporter's IP address."
    )


def _insufficient(account: Account) -> str:
    return f"Top up `{account.name}`: the vendor itself says that its credits are used up."


def _rate_limited(account: Account) -> str:
    interval = format_duration(account.refresh_interval)
    return (
        f"Who else uses {_credentials(account)}? If it is this exporter alone, raise `refresh_interval` "
        f"of `{account.name}` (now {interval}). It waits as long as the vendor asks."
    )


def _timeout(account: Account) -> str:
    return (
        f"Is the vendor slow, or the way to {_host(account)} blocked? If it is always this slow, raise "
        f"`timeout` of `{account.name}` (now {format_duration(account.timeout)})."
    )


def _connection(account: Account) -> str:
    return f"Check name resolution, firewall and proxy between the exporter and {_host(account)}."


def _tls(account: Account) -> str:
    return (
        f"Check the certificate of {_host(account)}: expired, for another name, or signed by an authority "
        f"that is not known here? A private one goes into `tls_config.ca_file` of `{account.name}`."
    )


def _redirect(account: Account) -> str:
    return (
        f"Check the URL of `{account.name}`: the vendor has moved, or a proxy wants a log-in. "
        "Redirects are never followed, because the key would travel with them."
    )


def _client_error(account: Account) -> str:
    return f"Check the URL and the other settings of `{account.name}` against the vendor's documentation."


def _server_error(account: Account) -> str:
    return (
        "The vendor's own trouble, as far as can be seen from here: look at its status page. "
        "The exporter keeps asking."
    )


def _bad_response(account: Account) -> str:
    return (
        f"Run `credits-exporter try --provider {account.name}` to see the answer. If the vendor has "
        "changed its API, a newer exporter may know it."
    )


def _too_large(account: Account) -> str:
    return f"Check the URL of `{account.name}`: this looks like a web page, not like the vendor's API."


def _internal(account: Account) -> str:
    return "A bug in the exporter: please report it with the traceback that the log shows as `provider_bug`."


_REMEDIES: Final[Mapping[Reason, Callable[[Account], str]]] = {
    Reason.UNAUTHORIZED: _unauthorized,
    Reason.FORBIDDEN: _forbidden,
    Reason.INSUFFICIENT_CREDITS: _insufficient,
    Reason.RATE_LIMITED: _rate_limited,
    Reason.TIMEOUT: _timeout,
    Reason.CONNECTION: _connection,
    Reason.TLS: _tls,
    Reason.REDIRECT: _redirect,
    Reason.CLIENT_ERROR: _client_error,
    Reason.SERVER_ERROR: _server_error,
    Reason.BAD_RESPONSE: _bad_response,
    Reason.TOO_LARGE: _too_large,
    Reason.INTERNAL: _internal,
}
