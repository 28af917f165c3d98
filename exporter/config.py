"""The configuration file → one frozen, validated :class:`Config`; every error at once, with file:line:key.

Precedence of what an entry and ``global`` both may say: the entry's own key, else ``global``, else
the type's default.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from exporter.config_errors import explain, known_keys, suggestion
from exporter.config_values import FileSecrets, Stamp, expand, stamp
from exporter.fields import Count, Duration, PositiveDuration
from exporter.providers.base import Provider
from exporter.providers.registry import ProviderTypes
from exporter.providers.settings import ProviderSettings, RunwayThresholds, Section, Thresholds
from exporter.secret import Secret
from exporter.tls import TlsSettings, client_context
from exporter.transport import EnvironmentProxies, TransportSettings
from exporter.yamlsource import Document, Key, Problem, SourceError, dotted, load, parse

_Model = TypeVar("_Model", bound=BaseModel)
_Value = TypeVar("_Value")


class GlobalSettings(Section):
    """The keys under ``global``: defaults for all entries. Durations are seconds."""

    refresh_interval: Duration | None = None
    max_concurrency: Count = Field(default=64, ge=1, le=4096)
    timeout: PositiveDuration = 10.0
    max_staleness: PositiveDuration = 3600.0
    thresholds: Thresholds = Thresholds()
    runway_thresholds: RunwayThresholds = RunwayThresholds.model_validate({"warning": "7d", "critical": "1d"})


@dataclass(frozen=True)
class Account:
    """One provider entry with everything resolved; equal to another if it is asked and shown the same.

    Durations are seconds. ``thresholds`` are those of single pools, ``default_thresholds`` hold for
    the others.
    """

    name: str
    settings: ProviderSettings
    refresh_interval: float
    timeout: float
    max_staleness: float
    default_thresholds: Thresholds
    runway_thresholds: RunwayThresholds
    tls_files: tuple[Stamp, ...]
    provider: Provider[Any] = field(compare=False)
    transport: TransportSettings = field(compare=False)

    def thresholds_of(self, pool: str) -> Thresholds:
        """Return the thresholds of a pool: its own, else the global ones."""
        return self.settings.thresholds.get(pool, self.default_thresholds)


@dataclass(frozen=True)
class Config:
    """A whole valid configuration; ``files`` are those that it was made from, with their stamps."""

    accounts: Mapping[str, Account]
    settings: GlobalSettings
    files: Mapping[Path, Stamp] = field(compare=False)

    @property
    def max_concurrency(self) -> int:
        """How many vendor calls may run at the same time."""
        return self.settings.max_concurrency

    def as_shown(self) -> dict[str, Any]:
        """Return the configuration as it runs, for people: durations as written, secrets masked."""
        return {
            "global": self.settings.model_dump(mode="json", exclude_none=True),
            "providers": [
                account.settings.model_dump(mode="json", exclude_none=True, by_alias=True)
                for account in self.accounts.values()
            ],
        }

    def secrets(self) -> Iterator[Secret]:
        """Yield every secret of every account."""
        for account in self.accounts.values():
            yield from account.provider.secrets()


def load_config(path: Path, environment: Mapping[str, str], types: ProviderTypes) -> Config:
    """Read and validate a configuration file.

    Raises :class:`~exporter.yamlsource.SourceError` with every problem: of the YAML (the rest can't
    be judged then), or of values, environment, secret files, TLS files and names together.
    """
    files = {path: stamp(path)}
    return _Builder(load(path), path.parent, files, environment, types).build()


def parse_config(text: str, name: str, environment: Mapping[str, str], types: ProviderTypes) -> Config:
    """Validate a configuration given as text; ``name`` stands for the file in errors."""
    return _Builder(parse(text, name), Path(), {}, environment, types).build()


class _Builder:
    """Gathers problems while it turns a document into a configuration."""

    def __init__(
        self,
        document: Document,
        folder: Path,
        files: Mapping[Path, Stamp],
        environment: Mapping[str, str],
        types: ProviderTypes,
    ) -> None:
        self._document = document
        self._folder = folder
        self._types = types
        self._data, self._problems = expand(document, environment)
        self._unset = {problem.key for problem in self._problems}
        self._file_secrets = FileSecrets(document, self._folder, self._problems, dict(files))
        self._contexts: dict[TlsSettings, ssl.SSLContext] = {}
        self._environment_proxies = EnvironmentProxies()

    def build(self) -> Config:
        top = self._mapping(self._data if self._data is not None else {}, ())
        for name in top.keys() - {"global", "providers"}:
            hint = suggestion(name, ["global", "providers"])
            self._problem((name,), f"is not a known key{hint}")
        given = {} if top.get("global") is None else top["global"]
        defaults = self._validated(GlobalSettings, given, ("global",)) or GlobalSettings()
        accounts = self._accounts(top.get("providers"), defaults)
        if self._problems:
            by_line = sorted(self._problems, key=lambda problem: problem.line or 0)
            raise SourceError([self._with_provider(problem) for problem in by_line])
        return Config(accounts, defaults, self._file_secrets.files)

    def _accounts(self, entries: Any, defaults: GlobalSettings) -> dict[str, Account]:
        if not isinstance(entries, list) or not entries:
            self._problem(("providers",), "should be a list with at least one provider")
            return {}
        accounts: dict[str, Account] = {}
        taken: dict[str, Key] = {}
        for index, entry in enumerate(entries):
            key = ("providers", index)
            if not isinstance(entry, dict):
                self._problem(key, "should be a mapping of keys")
                continue
            settings, provider_class = self._entry(dict(entry), key)
            if settings is None or provider_class is None:
                continue
            if settings.name in taken:
                line = self._document.line(taken[settings.name])
                self._problem(
                    (*key, "name"),
                    f"{settings.name!r} is also the name of the provider on line {line}; names must differ",
                )
                continue
            taken[settings.name] = key
            account = self._account(settings, provider_class, defaults, key)
            if account is not None:
                accounts[account.name] = account
        return accounts

    def _entry(
        self, entry: dict[str, Any], key: Key
    ) -> tuple[ProviderSettings | None, type[Provider[Any]] | None]:
        type_name = entry.get("type")
        if not isinstance(type_name, str):
            self._problem((*key, "type"), "is required: what kind of provider this is")
            return None, None
        if type_name not in set(self._types):
            self._problem((*key, "type"), f"is not a known type{suggestion(type_name, self._types)}")
            return None, None
        try:
            provider_class = self._types.get(type_name)
        except LookupError as error:
            self._problem((*key, "type"), str(error))
            return None, None
        entry.setdefault("name", type_name)
        if provider_class.default_base_url is not None:
            entry.setdefault("base_url", provider_class.default_base_url)
        entry = self._file_secrets.resolve(entry, provider_class.settings_model, key)
        self._resolve_tls_paths(entry)
        return self._validated(provider_class.settings_model, entry, key), provider_class

    def _account(
        self,
        settings: ProviderSettings,
        provider_class: type[Provider[Any]],
        defaults: GlobalSettings,
        key: Key,
    ) -> Account | None:
        try:
            context = self._context(settings.tls_config)
        except ValueError as error:
            self._problem((*key, "tls_config"), str(error))
            return None
        try:
            provider = provider_class(settings)
        except Exception as error:  # noqa: BLE001 - third parties' code; its text may hold a secret
            self._problem(key, f"the provider's own code fails to start ({type(error).__name__})")
            return None
        tls = settings.tls_config
        interval = _first(settings.refresh_interval, defaults.refresh_interval)
        return Account(
            name=settings.name,
            settings=settings,
            refresh_interval=_first(interval, provider_class.default_refresh_interval),
            timeout=_first(settings.timeout, defaults.timeout),
            max_staleness=_first(settings.max_staleness, defaults.max_staleness),
            default_thresholds=defaults.thresholds,
            runway_thresholds=_first(settings.runway_thresholds, defaults.runway_thresholds),
            tls_files=tuple(stamp(Path(file)) for file in (tls.ca_file, tls.cert_file, tls.key_file) if file),
            provider=provider,
            transport=TransportSettings(
                settings.name, context, tls.server_name, settings.proxy_url, self._environment_proxies
            ),
        )

    def _context(self, tls: TlsSettings) -> ssl.SSLContext:
        """Return the TLS context for these settings; entries with the same settings share one."""
        if tls not in self._contexts:
            self._contexts[tls] = client_context(tls)
        return self._contexts[tls]

    def _resolve_tls_paths(self, entry: dict[str, Any]) -> None:
        """Make the paths under ``tls_config`` relative to the configuration file, and watch the files."""
        tls = entry.get("tls_config")
        if not isinstance(tls, dict):
            return
        entry["tls_config"] = tls = dict(tls)
        for name in ("ca_file", "cert_file", "key_file"):
            if isinstance(tls.get(name), str):
                path = self._folder / tls[name]
                self._file_secrets.files[path] = stamp(path)
                tls[name] = str(path)

    def _mapping(self, value: Any, key: Key) -> dict[str, Any]:
        if isinstance(value, dict):
            return dict(value)
        self._problem(key, "should be a mapping of keys")
        return {}

    def _validated(self, model: type[_Model], data: Any, key: Key) -> _Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                self._schema_problem(model, detail, key)
            return None

    def _schema_problem(self, model: type[BaseModel], detail: ErrorDetails, key: Key) -> None:
        path = (*key, *detail["loc"])
        if dotted(path) in self._unset:
            return  # the unset variable is the cause, and is reported
        self._problem(path, explain(detail, known_keys(model, detail["loc"])))

    def _with_provider(self, problem: Problem) -> Problem:
        """Return a problem of an entry with the name of its provider, where it has one."""
        entry_index = re.match(r"providers\[(\d+)\]", problem.key)
        entry = self._data["providers"][int(entry_index[1])] if entry_index else None
        name = entry.get("name") or entry.get("type") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            return problem
        return replace(problem, message=f"{problem.message} (provider {name})")

    def _problem(self, key: Key, message: str) -> None:
        self._problems.append(self._document.problem(key, message))


def _first(value: _Value | None, default: _Value) -> _Value:
    return default if value is None else value
