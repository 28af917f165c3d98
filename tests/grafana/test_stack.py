"""The stack of compose.yaml and Grafana's provisioning files: valid, pinned, loopback only, and in step."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana import board
from tests.grafana.server import free_port, wait_until
from tests.tools import generations

COMPOSE = yaml.safe_load(Path("compose.yaml").read_text(encoding="utf-8"))
PROMETHEUS = yaml.safe_load(Path("grafana/compose/prometheus.yml").read_text(encoding="utf-8"))
ALERTMANAGER = Path("grafana/compose/alertmanager.yml")
RULES = Path("alerts/credits.rules.yml")
SERVICES = COMPOSE["services"]
EACH = pytest.mark.parametrize("name", SERVICES)

ALERT = {
    "status": "firing",
    "startsAt": "2026-07-01T08:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "labels": {"alertname": "CreditsExhausted", "provider": "sms", "pool": "default"},
    "annotations": {"description": "Provider sms,\n  pool default: 0 left."},
}


def provisioned(kind: str) -> Any:
    """Return a provisioning file."""
    return yaml.safe_load(Path(f"grafana/provisioning/{kind}/credits.yml").read_text(encoding="utf-8"))


def compose_command() -> list[str]:
    """Return a Compose that can check the file: the plug-in, Debian's package, or the one unpacked for CI."""
    plugin, docker = ["docker", "compose"], shutil.which("docker")
    if docker and subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
        return plugin
    unpacked = Path(os.environ.get("PROMETHEUS_3", ".cache/prometheus-3")).resolve()
    for candidate in (str(unpacked / "usr/libexec/docker/cli-plugins/docker-compose"), "docker-compose"):
        if shutil.which(candidate):
            return [candidate]
    if os.environ.get("CI") == "true":
        pytest.fail("Docker Compose is not installed")
    pytest.skip("Docker Compose is not installed")


def config_of(**environment: str) -> Any:
    """Return what Compose makes of the file; what it refuses fails the test with its own words."""
    command = [*compose_command(), "-f", "compose.yaml", "config"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def test_compose_accepts_the_file() -> None:
    """The file is valid, and every service is there."""
    assert set(config_of()["services"]) == {"exporter", "prometheus", "alertmanager", "inbox", "grafana"}


def test_one_variable_brings_the_real_configuration(tmp_path: Path) -> None:
    """CREDITS_CONFIG names the folder that is mounted; without it an empty volume is, and the demo runs."""
    assert "no-config" in str(config_of()["services"]["exporter"]["volumes"])
    volumes = config_of(CREDITS_CONFIG=str(tmp_path))["services"]["exporter"]["volumes"]
    assert str(tmp_path) in str(volumes)


@pytest.mark.parametrize(("configured", "runs"), [(False, "demo"), (True, "serve --config.file={config}")])
def test_the_exporter_serves_the_configuration_that_is_there(
    tmp_path: Path, configured: bool, runs: str
) -> None:
    """The command runs the demo in an empty folder, and the exporter where there is a configuration."""
    config = tmp_path / "credits-exporter.yml"
    if configured:
        config.touch()
    fake = tmp_path / "bin" / "credits-exporter"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    (script,) = SERVICES["exporter"]["command"]
    script = script.replace("$$", "$").replace("/etc/credits-exporter", str(tmp_path))
    done = subprocess.run(
        [*SERVICES["exporter"]["entrypoint"], script], capture_output=True, text=True, check=True,
        env={"PATH": f"{fake.parent}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.strip() == runs.format(config=config)


@EACH
def test_service_is_pinned_healthy_and_on_loopback(name: str) -> None:
    """Every image has a version, every service a health check, and nothing listens beyond this machine."""
    service = SERVICES[name]
    assert "build" in service or re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["ports"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "network_mode" not in service


@EACH
def test_mounted_files_exist_and_are_read_only(name: str) -> None:
    """What a service reads from the work tree is there, and cannot be written."""
    for volume in SERVICES[name].get("volumes", []):
        source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
        if source.startswith("./"):
            assert Path(source).exists(), source
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("tool", generations("promtool"), ids=lambda tool: tool.generation)
def test_prometheus_scrapes_and_alerts(tool: Any, tmp_path: Path) -> None:
    """Prometheus accepts its file, finds the rules where they are mounted, and names their job."""
    promtool = tool.require()
    (tmp_path / "credits.rules.yml").write_bytes(RULES.read_bytes())
    text = Path("grafana/compose/prometheus.yml").read_text(encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus", str(tmp_path)))
    command = [promtool, "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = PROMETHEUS["scrape_configs"]
    assert set(re.findall(r'up\{job="([^"]+)"\}', RULES.read_text(encoding="utf-8"))) == {job["job_name"]}
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["prometheus"]["volumes"])
    assert [mounted["./alerts/credits.rules.yml"]] == PROMETHEUS["rule_files"]


@pytest.mark.parametrize("tool", generations("amtool"), ids=lambda tool: tool.generation)
def test_alertmanager_accepts_its_file(tool: Any) -> None:
    """The configuration made from the real routes is valid."""
    command = [tool.require(), "check-config", str(ALERTMANAGER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_addresses_agree() -> None:
    """Each service asks the others by name at the port that they publish."""
    files = ("compose/alertmanager.yml", "compose/prometheus.yml", "provisioning/datasources/credits.yml")
    text = "\n".join(Path("grafana", file).read_text(encoding="utf-8") for file in files)
    asked = re.findall(rf"\b({'|'.join(SERVICES)}):(\d+)", text)
    assert {name for name, _ in asked} == {"exporter", "prometheus", "alertmanager", "inbox"}
    for name, port in asked:
        assert [port] == [published.rsplit(":", 1)[1] for published in SERVICES[name]["ports"]]


def test_grafana_knows_its_data_sources() -> None:
    """The data source's interval is the scrape interval, so that rates have no gaps; alerts are found."""
    prometheus, alertmanager = provisioned("datasources")["datasources"]
    assert prometheus["type"] == "prometheus"
    assert prometheus["isDefault"] is True
    assert prometheus["jsonData"]["timeInterval"] == PROMETHEUS["global"]["scrape_interval"]
    assert board.seconds(prometheus["jsonData"]["timeInterval"]) == board.SCRAPE_INTERVAL
    assert prometheus["jsonData"]["alertmanagerUid"] == alertmanager["uid"]


def test_grafana_shows_the_dashboard_at_home() -> None:
    """The dashboard comes from the mounted folder, is the home page, and the browser cannot change it."""
    (provider,) = provisioned("dashboards")["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    assert mounted["./grafana/dashboards"] == provider["options"]["path"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/{board.PATH.name}"


@dataclass(frozen=True)
class Inbox:
    """The running inbox and what it wrote to its log."""

    port: int
    log: list[str]

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        """Return the status and text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body)
        with connection.getresponse() as response:
            answer = response.status, response.read().decode()
        connection.close()
        return answer


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Run the inbox as compose does, on a free port."""
    port = free_port()
    script = Path("grafana/compose/inbox.py").read_text(encoding="utf-8")
    script = script.replace("PORT = 8080", f"PORT = {port}")
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    log: list[str] = []
    reader = threading.Thread(target=lambda: log.extend(process.stdout or []))
    reader.start()
    running = Inbox(port, log)
    try:
        wait_until(lambda: _listens(running), "the inbox")
        yield running
    finally:
        process.terminate()
        process.wait(timeout=10)
        reader.join(timeout=10)
        process.stdout.close()


def _listens(inbox: Inbox) -> bool:
    try:
        return inbox.ask("GET", "/")[0] == 200
    except OSError:
        return False


def test_the_inbox_shows_what_arrived(inbox: Inbox) -> None:
    """A message is one line on the page and in the log: receiver, state, alert, account, words."""
    assert inbox.ask("GET", "/") == (200, "No alert yet.\n")
    message = json.dumps({"version": "4", "alerts": [ALERT]}).encode()
    assert inbox.ask("POST", "/pager", message) == (200, "")
    line = (
        "2026-07-01T08:00:00Z  → pager  FIRING  CreditsExhausted  sms/default  "
        "Provider sms, pool default: 0 left.\n"
    )
    assert inbox.ask("GET", "/") == (200, line)
    wait_until(lambda: inbox.log, "a line in the log")
    assert inbox.log == [line]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"alerts": [{}]}', b'{"alerts": 1}'])
def test_the_inbox_refuses_what_is_no_message(inbox: Inbox, body: bytes) -> None:
    """Anything else is refused and shown to nobody."""
    assert inbox.ask("POST", "/pager", body)[0] == 400
    assert inbox.ask("GET", "/") == (200, "No alert yet.\n")


@pytest.mark.parametrize("tool", generations("prometheus-alertmanager"), ids=lambda tool: tool.generation)
def test_alertmanager_delivers_to_the_inbox(tool: Any, tmp_path: Path, inbox: Inbox) -> None:
    """A real Alertmanager with compose's configuration sends the Watchdog to the inbox as the heartbeat."""
    config = ALERTMANAGER.read_text(encoding="utf-8").replace("inbox:8080", f"127.0.0.1:{inbox.port}")
    (tmp_path / "alertmanager.yml").write_text(config)
    address = f"127.0.0.1:{free_port()}"
    command = [
        tool.require(), f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}",
        f"--web.listen-address={address}", "--cluster.listen-address=",
    ]  # fmt: skip
    with (tmp_path / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _sent(address, {"alertname": "Watchdog", "severity": "info"}), "Alertmanager")
        wait_until(lambda: inbox.log, "the heartbeat in the inbox")
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert re.search("→ heartbeat  FIRING  Watchdog", inbox.log[0])


def _sent(address: str, labels: dict[str, str]) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        body = json.dumps([{"labels": labels}])
        connection.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
