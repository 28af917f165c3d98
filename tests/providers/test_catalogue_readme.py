"""What the README says of the catalogue: its table is the catalogue, and its steps add a vendor."""

import re
from pathlib import Path

import pytest

from exporter.providers.registry import catalogue_folder, provider_types
from tests.providers.test_catalogue import check_sample

README = Path("README.md").read_text()


def section(heading: str) -> str:
    """Return the README's text below a heading."""
    return README.split(f"\n### {heading}\n", 1)[1].split("\n### ", 1)[0]


def test_the_table_is_the_catalogue() -> None:
    """Every vendor with its credentials and its documentation, and none that doesn't exist."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| \[.*?\]\((.*?)\) \|", section("The catalogue"), re.MULTILINE)
    told = {name: (re.findall(r"`(\w+)`", credentials), url) for name, credentials, url in rows}
    types = provider_types()
    names = [file.name.removesuffix(".yml") for file in catalogue_folder().iterdir()]
    assert told == {
        name: (list(types.get(name).vendor_file.credentials), types.get(name).documentation) for name in names
    }


def test_the_steps_to_add_a_vendor_add_one(tmp_path: Path) -> None:
    """The file and the samples that are shown work as they stand."""
    file, good, bad = re.findall(r"^```yaml\n(.*?)^```", section("Add a vendor"), re.MULTILINE | re.DOTALL)
    (tmp_path / "acme.yml").write_text(file)
    folder = tmp_path / "samples" / "acme"
    folder.mkdir(parents=True)
    for name, text in (("good", good), ("bad", bad)):
        (folder / f"{name}.yml").write_text(text)
        check_sample(folder / f"{name}.yml", tmp_path)


@pytest.mark.parametrize(
    "key", ["json", "basic_auth", "credentials", "success", "frozen", "used_total", "iso8601"]
)
def test_the_description_of_http_names_its_keys(key: str) -> None:
    """Who writes an entry finds them there."""
    assert key in section("Any vendor in YAML")
