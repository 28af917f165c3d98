"""A third party's distribution, built and installed beside the exporter's own wheel, from the command line."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HERE = Path(__file__).parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both wheels installed, built from the sources without a network."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-index", "--no-deps"]
    projects = [str(HERE.parents[1]), str(HERE / "third_party")]
    subprocess.run(
        [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(wheels), *projects], check=True
    )
    subprocess.run(
        [*pip, "install", *offline, "--target", str(site), *map(str, wheels.glob("*.whl"))], check=True
    )
    return site


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Run:
    """Run the installed exporter, far from the sources."""
    environment = {**os.environ, "PYTHONPATH": str(site), "ACME_KEY": "canary-k3y"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "exporter", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


class Vendor(BaseHTTPRequestHandler):
    """The vendor: five credits for the right key."""

    def do_GET(self) -> None:
        """Answer."""
        accepted = self.path == "/credits" and self.headers["Authorization"] == "Bearer canary-k3y"
        body = json.dumps({"departments": {"sales": {"left": 5}}} if accepted else {}).encode()
        self.send_response(200 if accepted else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def vendor_url() -> Iterator[str]:
    """The vendor's URL on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Vendor) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_installed_type_is_used_like_a_built_in_one(run: Run, vendor_url: str, tmp_path: Path) -> None:
    """It is checked, asked, exported, shown and listed, with its secrets masked."""
    entry = {"type": "acme", "api_key": "${ACME_KEY}", "base_url": vendor_url}
    (tmp_path / "credits-exporter.yml").write_text(json.dumps({"providers": [entry]}))
    checked = run("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    collected = run("once")
    assert collected.returncode == 0
    assert 'credits_balance{pool="sales",provider="acme"} 5.0' in collected.stdout
    tried = run("try", "--provider", "acme")
    assert (tried.returncode, "pool sales: balance 5 credits" in tried.stdout) == (0, True)
    assert "Authorization: Bearer <secret>" in tried.stdout
    assert "canary" not in "".join((checked.stdout, collected.stdout, collected.stderr, tried.stdout))


def test_its_keys_are_judged_by_its_own_model(run: Run, tmp_path: Path) -> None:
    """With file, line and key, as everywhere."""
    (tmp_path / "credits-exporter.yml").write_text("providers:\n  - type: acme\n    departement: sales\n")
    checked = run("check")
    assert checked.returncode == 1
    assert "credits-exporter.yml:2: providers[0].api_key: is required (provider acme)" in checked.stderr
    assert "providers[0].departement: is not a known key; did you mean department?" in checked.stderr


def test_it_is_listed_and_in_the_schema(run: Run) -> None:
    """Beside the built-in types and the catalogue, which the exporter's wheel holds."""
    listed = {vendor["type"]: vendor for vendor in json.loads(run("vendors", "--format", "json").stdout)}
    assert [key["name"] for key in listed["acme"]["keys"]] == ["api_key", "department"]
    assert {"leadmagic", "http", "twilio"} <= listed.keys()
    definitions = json.loads(run("schema").stdout)["$defs"]
    assert "department" in definitions["type-acme"]["properties"]
    assert "account_sid" in definitions["type-twilio"]["properties"]
