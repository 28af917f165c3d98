"""Provider types: the built-in ones, and those that other distributions name in entry points."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.providers.base import INTERFACE_VERSION, Provider
from exporter.providers.registry import provider_types
from tests.providers.support import answer

BUILT_IN = ["agiletelecom", "impressionwise", "leadmagic", "oceanio", "trueverify"]

GOOD = f"""
from exporter.model import Pool, Reading, VendorRequest
from exporter.providers.answers import json_object, number
from exporter.providers.base import Provider
from exporter.providers.settings import ProviderSettings

class Acme(Provider[ProviderSettings]):
    type_name = "acme"
    settings_model = ProviderSettings
    default_base_url = "https://api.acme.example"
    interface_version = {INTERFACE_VERSION}

    def __init__(self, settings):
        super().__init__(settings)
        self._request = VendorRequest(self.url("/balance"))

    def request(self):
        return self._request

    def parse(self, response):
        return Reading({{"default": Pool(number(json_object(response)["left"]))}})
"""

type_install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type_install:
    """Install a distribution of one module that names a provider in its entry points."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(distribution: str, code: str, name: str = "acme", attribute: str = "Acme") -> None:
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[credits_exporter.providers]\n{name} = {module}:{attribute}\n"
        )
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def refusal(name: str) -> str:
    """Return what is said of a type that can't be used, having seen that the others still can."""
    types = provider_types()
    assert all(issubclass(types.get(built_in), Provider) for built_in in BUILT_IN)
    with pytest.raises(LookupError) as caught:
        types.get(name)
    return str(caught.value)


def test_the_five_vendors_are_built_in() -> None:
    """Each has its name, and an unknown name is answered with all of them."""
    assert set(BUILT_IN) <= set(provider_types())
    message = refusal("acme")
    assert message.startswith("'acme' is not a known provider type; known are ")
    assert all(name in message for name in BUILT_IN)


def test_an_installed_type_is_found(install: type_install) -> None:
    """A distribution's provider is used like a built-in one."""
    install("acme-credits", GOOD)
    assert "acme" in list(provider_types())
    acme = provider_types().get("acme")
    settings = acme.settings_model(type="acme", name="acme", base_url=acme.default_base_url)
    assert acme(settings).parse(answer('{"left": 7}')).pools["default"].balance == 7


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("import missing_library", "ModuleNotFoundError: No module named", id="import fails"),
        pytest.param("raise RuntimeError('broken')", "RuntimeError: broken", id="module fails"),
        pytest.param("x = 1 +", "SyntaxError", id="no Python"),
        pytest.param("Other = 1", "AttributeError", id="class is missing"),
        pytest.param("Acme = 1", "not a subclass of exporter.providers.base.Provider", id="no class"),
        pytest.param(
            "class Acme: ...", "not a subclass of exporter.providers.base.Provider", id="other class"
        ),
        pytest.param(
            GOOD.replace(f"interface_version = {INTERFACE_VERSION}", "interface_version = 0"),
            f"its interface_version is 0, but this exporter's is {INTERFACE_VERSION}",
            id="older interface",
        ),
        pytest.param(
            GOOD.replace("interface_version =", "version ="),
            f"its interface_version is None, but this exporter's is {INTERFACE_VERSION}",
            id="unnamed interface",
        ),
        pytest.param(GOOD.replace("def parse", "def read"), "it doesn't define parse", id="abstract"),
        pytest.param(GOOD.replace('"acme"', '"other"'), "its type_name is not 'acme'", id="another name"),
        pytest.param(
            GOOD.replace("settings_model = ProviderSettings", "settings_model = dict"),
            "its settings_model is not a subclass",
            id="settings of another kind",
        ),
    ],
)
def test_an_unfit_type_is_an_error_where_it_is_used(code: str, message: str, install: type_install) -> None:
    """The error names type, distribution and defect; all other types still work."""
    install("acme-credits", code)
    said = refusal("acme")
    assert said.startswith("provider type 'acme' of acme-credits (acme_credits:Acme) can't be used: ")
    assert message in said


def test_a_type_of_two_distributions_is_ambiguous(install: type_install) -> None:
    """Which of two is meant can't be told, so neither is taken."""
    install("acme-credits", GOOD)
    install("acme-other", GOOD)
    assert refusal("acme") == "provider type 'acme' is claimed by 2 installed distributions"


def test_a_built_in_type_can_not_be_taken(install: type_install) -> None:
    """An entry point named like a built-in type doesn't replace it."""
    install("evil-credits", GOOD, name="leadmagic")
    assert provider_types().get("leadmagic").__module__ == "exporter.providers.leadmagic"
