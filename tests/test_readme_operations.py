"""What the README gives to copy works: flags exist, manifests fit together, Prometheus accepts its part."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli import make_parser
from exporter.clock import SystemClock
from exporter.config import load_config
from exporter.providers.registry import provider_types
from exporter.self_metrics import SelfMetrics
from exporter.web.app import TAKEN_PATHS
from tests.test_log import EVENTS
from tests.tools import generations

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
KINDS = {"Secret", "ConfigMap", "Deployment", "Service", "ServiceMonitor"}


def blocks(language: str) -> list[str]:
    """Return the README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def documents() -> list[Any]:
    """Return every YAML document of the README."""
    return [document for block in blocks("yaml") for document in yaml.safe_load_all(block)]


def manifests() -> dict[str, Any]:
    """Return the Kubernetes objects by kind."""
    found = [document for document in documents() if isinstance(document, dict) and "kind" in document]
    kinds = [document["kind"] for document in found]
    assert set(kinds) == KINDS
    assert len(kinds) == len(KINDS)
    return dict(zip(kinds, found, strict=True))


def scrape_configs() -> list[str]:
    """Return the blocks that are configuration of Prometheus."""
    return [block for block in blocks("yaml") if block.startswith("scrape_configs:")]


def container() -> dict[str, Any]:
    """Return the one container of the Deployment."""
    (only,) = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return only


def commands() -> list[str]:
    """Return every command line of the exporter in shell blocks and unit files."""
    shell = "\n".join(block.replace("\\\n", " ") for block in blocks("sh"))
    started = [unit["Service"]["ExecStart"] for unit in units() if "Service" in unit]
    pattern = r"^(?:\S*/)?credits-exporter(?: [^#|;&\n]*)?"
    return re.findall(pattern, shell, re.MULTILINE) + started


def units() -> list[configparser.RawConfigParser]:
    """Return the unit files."""
    parsed = []
    for block in blocks("ini"):
        unit = configparser.RawConfigParser(strict=True)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(block)
        parsed.append(unit)
    return parsed


def test_every_yaml_block_is_yaml():
    """What stands in the README as YAML can be parsed."""
    assert len(documents()) >= 10


@pytest.mark.parametrize("command", commands())
def test_every_command_can_be_typed(command):
    """Commands and flags in shell blocks and unit files exist."""
    arguments = [word for word in shlex.split(command)[1:] if word != "…"]
    if not arguments or arguments[0].startswith("-"):
        arguments = ["serve", *arguments]
    make_parser().parse_args(arguments)


@pytest.mark.parametrize("tool", generations("promtool"), ids=lambda tool: tool.generation)
@pytest.mark.parametrize("number", range(3))
def test_prometheus_accepts_each_way_to_scrape(number, tool, tmp_path):
    """One target, a target per provider, and many replicas: promtool finds nothing wrong."""
    assert len(scrape_configs()) == 3
    path = tmp_path / "prometheus.yml"
    path.write_text(scrape_configs()[number])
    done = subprocess.run(
        [tool.require(), "check", "config", path], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alert_rules_find_their_job():
    """Every way to scrape ends in the job that the rules look for."""
    for block in scrape_configs():
        for job in yaml.safe_load(block)["scrape_configs"]:
            renamed = [rule["replacement"] for rule in job.get("relabel_configs", []) if rule.get("target_label") == "job"]
            assert (renamed or [job["job_name"]]) == ["credits-exporter"]


def test_no_account_is_scraped_twice_or_never():
    """The jobs that sort by provider type keep and drop by the same condition."""
    jobs = [job for job in yaml.safe_load(scrape_configs()[1])["scrape_configs"] if "http_sd_configs" in job]
    sorting = [
        (rule["source_labels"], rule["regex"], rule["action"])
        for job in jobs
        for rule in job["relabel_configs"]
        if rule.get("action") in {"keep", "drop"}
    ]
    assert {action for *_, action in sorting} == {"keep", "drop"}
    assert len({(tuple(labels), regex) for labels, regex, _ in sorting}) == 1
    assert sorting[0][1] in set(provider_types())


def test_the_own_metrics_that_are_asked_for_exist():
    """Each name is one that the exporter tells of itself, so that no vendor is called for it."""
    (names,) = [
        job["params"]["name[]"] for job in yaml.safe_load(scrape_configs()[1])["scrape_configs"] if "params" in job
    ]
    own = {sample.name for family in SelfMetrics(SystemClock()).collect() for sample in family.samples}
    assert set(names) <= own


def test_the_deployment_starts_the_exporter_with_flags_that_exist():
    """The arguments parse, and the configuration is the file that is mounted."""
    options = make_parser().parse_args(container()["args"])
    mounts = {mount["mountPath"] for mount in container()["volumeMounts"]}
    assert str(options.config_file.parent) in mounts
    assert options.config_file.name in manifests()["ConfigMap"]["data"]


def test_the_probes_ask_paths_that_exist():
    """Readiness and liveness are asked at their paths, through the port that is served."""
    probes = {name: container()[name]["httpGet"] for name in ("readinessProbe", "livenessProbe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "readinessProbe": "/-/ready", "livenessProbe": "/-/healthy",
    }  # fmt: skip
    assert {probe["path"] for probe in probes.values()} <= TAKEN_PATHS
    (port,) = container()["ports"]
    assert {probe["port"] for probe in probes.values()} == {port["name"]}


def test_the_pod_has_no_rights_that_it_does_not_need():
    """Not root, a root file system that can't be written, no capabilities, no token of the cluster."""
    spec = manifests()["Deployment"]["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65534
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip


def test_the_configuration_of_the_manifests_is_valid(tmp_path):
    """Every secret file that it names is a key of the mounted Secret."""
    mount = next(mount for mount in container()["volumeMounts"] if mount["name"] == "secrets")
    for name, value in manifests()["Secret"]["stringData"].items():
        (tmp_path / name).write_text(value)
    text = manifests()["ConfigMap"]["data"]["credits-exporter.yml"]
    path = tmp_path / "credits-exporter.yml"
    path.write_text(text.replace(mount["mountPath"], str(tmp_path)))
    config = load_config(path, {}, provider_types())
    revealed = {secret.reveal() for account in config.accounts.values() for secret in account.settings.secrets()}
    assert revealed == set(manifests()["Secret"]["stringData"].values())


def test_service_and_monitor_select_the_pod():
    """Labels, selectors and the port's name agree from the monitor down to the container."""
    objects = manifests()
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert objects["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert objects["Service"]["spec"]["selector"] == labels
    monitor = objects["ServiceMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"] == objects["Service"]["metadata"]["labels"]
    (service_port,) = objects["Service"]["spec"]["ports"]
    assert service_port["targetPort"] == container()["ports"][0]["name"]
    assert [endpoint["port"] for endpoint in monitor["endpoints"]] == [service_port["name"]]
    volumes = {volume["name"]: volume for volume in objects["Deployment"]["spec"]["template"]["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    assert volumes["secrets"]["secret"]["secretName"] == objects["Secret"]["metadata"]["name"]


def test_there_is_time_to_drain():
    """Neither Kubernetes nor systemd kills before the ten seconds of a drain are over."""
    spec = manifests()["Deployment"]["spec"]["template"]["spec"]
    (service,) = [unit for unit in units() if "Service" in unit]
    assert spec["terminationGracePeriodSeconds"] > 10
    assert int(service["Service"]["TimeoutStopSec"]) > 10


def test_the_units_belong_together():
    """The service requires the socket and takes it, on the default port; a reload is SIGHUP."""
    socket, service = units()
    assert socket["Socket"]["ListenStream"] == "10440"
    assert service["Unit"]["Requires"] == "credits-exporter.socket"
    assert "--web.systemd-socket" in service["Service"]["ExecStart"]
    assert service["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Service"]["DynamicUser"] == "yes"


def test_the_table_of_events_is_complete():
    """Every event that is logged stands in the table with its level, and no other."""
    table = re.search(r"^\| event \| level \| when \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", README, re.MULTILINE)
    told: dict[str, str] = {}
    for row in table[1].splitlines():
        names, levels, _ = (cell.strip() for cell in row.strip("|").split("|", 2))
        listed, ranks = re.findall(r"`(\w+)`", names), levels.split(", ")
        told.update(zip(listed, ranks * len(listed) if len(ranks) == 1 else ranks, strict=False))
    assert told == EVENTS
