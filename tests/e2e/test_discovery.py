"""A real Prometheus finds every provider through /sd, and asks each type at its own interval."""

from pathlib import Path

import pytest
import yaml

from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator
from tests.e2e.exporter_process import config_of, serving
from tests.e2e.processes import eventually, get_json, prometheus
from tests.tools import generations

SCARCE = "oceanio"  # limits requests per day, so it is asked less often
PROVIDERS = {"impressionwise", "agiletelecom", "oceanio", "leadmagic", "trueverify"}


def job(name: str, address: str, interval: str, action: str) -> dict[str, object]:
    """Return a scrape job that keeps or drops the scarce type of what the exporter offers."""
    return {
        "job_name": name,
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "http_sd_configs": [{"url": f"http://{address}/sd", "refresh_interval": "1s"}],
        "relabel_configs": [
            {"source_labels": ["provider_type"], "regex": SCARCE, "action": action},
            {"source_labels": ["__param_target"], "target_label": "instance"},
        ],
    }


@pytest.fixture(scope="module", params=generations("prometheus"), ids=lambda tool: tool.generation)
def scraped(request, tmp_path_factory) -> str:
    """Run vendors, exporter and Prometheus; return Prometheus' URL once every target was scraped."""
    binary = request.param.require()
    folder: Path = tmp_path_factory.mktemp("discovery")
    config = folder / "credits-exporter.yml"
    with SimulatorServer(Simulator()) as vendors:
        config.write_text(config_of(vendors.simulator, vendors.base_url))
        with serving(folder, f"--config.file={config}", "--web.listen-address=127.0.0.1:0") as exporter:
            address = exporter.url.removeprefix("http://")
            jobs = [job("credits-often", address, "1s", "drop"), job("credits-rarely", address, "3s", "keep")]
            (folder / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": jobs}))
            with prometheus(binary, folder / "prometheus.yml", folder) as url:
                eventually(lambda: len(series(url, "up == 1")) == len(PROVIDERS), "all targets up", 30)
                yield url


def series(url: str, query: str) -> list[dict[str, str]]:
    """Return the labels of the series that a query finds."""
    result = get_json(f"{url}/api/v1/query?query={query.replace(' ', '%20').replace('=', '%3D')}")
    return [found["metric"] for found in result["data"]["result"]]


def test_every_provider_is_a_target_of_its_own(scraped):
    """Each provider is one target, scraped by /probe, named by its provider in ``instance``."""
    targets = get_json(f"{scraped}/api/v1/targets")["data"]["activeTargets"]
    assert {target["labels"]["instance"] for target in targets} == PROVIDERS
    assert {target["health"] for target in targets} == {"up"}
    assert all("/probe?target=" in target["scrapeUrl"] for target in targets)


def test_each_type_has_the_interval_of_its_job(scraped):
    """Relabelling by ``provider_type`` sorts the targets into two jobs with intervals of their own."""
    targets = get_json(f"{scraped}/api/v1/targets")["data"]["activeTargets"]
    intervals = {target["labels"]["instance"]: target["scrapeInterval"] for target in targets}
    assert intervals == {name: "3s" if name == SCARCE else "1s" for name in PROVIDERS}


def test_every_balance_arrives_under_its_target(scraped):
    """Each target holds its own provider's series and no other's; the type stays as a label."""
    found = series(scraped, "credits_balance")
    assert {labels["provider"] for labels in found} == PROVIDERS
    assert all(labels["instance"] == labels["provider"] for labels in found)
    assert all(labels["provider_type"] == labels["provider"] for labels in found)


def test_a_target_has_no_series_of_the_exporter_itself(scraped):
    """Those would be there once per provider."""
    assert series(scraped, "credits_exporter_build_info") == []
