"""A provider type whose answers tests write: readings, errors, bugs, or a function that may block."""

from collections.abc import Callable, Iterable

from exporter.config import Config, parse_config
from exporter.model import FetchError, Pool, Reading, Reason, VendorRequest, VendorResponse
from exporter.providers.base import Provider
from exporter.providers.registry import ProviderTypes
from exporter.providers.settings import ProviderSettings

Outcome = Reading | Exception | Callable[[], Reading]


def reading(balance: float, pool: str = "default") -> Reading:
    """Return a reading of one pool."""
    return Reading({pool: Pool(balance)})


def failure(reason: Reason = Reason.SERVER_ERROR, retry_after: float | None = None) -> FetchError:
    """Return a failed call."""
    return FetchError(reason, "the test says so", retry_after=retry_after)


class Script:
    """What each account answers, call by call; the last answer is repeated."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Outcome]] = {}
        self.calls: dict[str, int] = {}

    def answer(self, name: str, *outcomes: Outcome) -> None:
        """Set the answers of an account from its next call on."""
        self.answers[name] = list(outcomes)

    def play(self, name: str) -> Reading:
        """Answer one call."""
        self.calls[name] = self.calls.get(name, 0) + 1
        outcomes = self.answers.get(name) or [reading(100)]
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome if isinstance(outcome, Reading) else outcome()

    def types(self) -> ProviderTypes:
        """Return the registry that knows the type ``scripted``."""
        script = self

        class Scripted(Provider[ProviderSettings]):
            type_name = "scripted"
            settings_model = ProviderSettings
            default_base_url = "https://vendor.example"
            default_refresh_interval = 60.0

            def request(self) -> VendorRequest:
                return VendorRequest(self.url("/"))

            def parse(self, response: VendorResponse) -> Reading:
                return reading(float(response.body))

            def fetch(self, call: object) -> Reading:
                return script.play(self.settings.name)

        return ProviderTypes({"scripted": lambda: Scripted})

    def config(self, *names: str, settings: str = "", entry: Iterable[str] = ()) -> Config:
        """Return a configuration of scripted accounts; ``settings`` and ``entry`` are further YAML."""
        lines = [f"global: {{{settings}}}", "providers:"]
        for name in names or ("a",):
            lines += [f"  - name: {name}", "    type: scripted", *(f"    {line}" for line in entry)]
        return parse_config("\n".join(lines), "test.yml", {}, self.types())
