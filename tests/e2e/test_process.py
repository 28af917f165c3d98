"""The server as a process: start, scrape, reload, logs, stop."""

import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from exporter import __version__
from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator
from tests.e2e.exporter_process import COMMAND, PATIENCE, config_of, run, serving
from tests.e2e.processes import eventually

LISTEN = "--web.listen-address=127.0.0.1:0"


@pytest.fixture
def vendors():
    """Serve simulated vendors, one account each, at rest."""
    with SimulatorServer(Simulator()) as server:
        yield server


@pytest.fixture
def config_file(vendors, tmp_path):
    """Return a configuration file of all simulated accounts."""
    path = tmp_path / "credits-exporter.yml"
    path.write_text(config_of(vendors.simulator, vendors.base_url))
    return path


def write(vendors, path, *names, **more):
    """Write a configuration of some accounts."""
    path.write_text(config_of(vendors.simulator, vendors.base_url, *names, **more))


def test_serve_is_scraped_and_stops_on_sigterm(config_file, tmp_path):
    """The whole way: every provider answers, nothing odd is logged, SIGTERM ends it with 0."""
    with serving(tmp_path, "serve", f"--config.file={config_file}", LISTEN) as exporter:
        assert exporter.value("credits_balance", provider="leadmagic") == 15_432.5
        ups = {name: exporter.value("credits_provider_up", provider=name) for name in exporter.providers()}
        assert ups == dict.fromkeys(["impressionwise", "agiletelecom", "oceanio", "leadmagic", "trueverify"], 1)
        assert exporter.status("/-/healthy") == exporter.status("/-/ready") == exporter.status("/") == 200
        exporter.signal(signal.SIGTERM)
        assert exporter.wait() == 0
    assert {event["level"] for event in exporter.events()} == {"info"}
    assert exporter.events()[0]["event"] == "listening"


def test_without_a_command_it_serves(config_file, tmp_path):
    """``credits-exporter --config.file …`` is ``serve``."""
    with serving(tmp_path, "--config.file", config_file, LISTEN) as exporter:
        assert exporter.status("/-/ready") == 200
        exporter.signal(signal.SIGINT)
        assert exporter.wait() == 0


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_debug_logs_one_line_per_vendor_call_without_its_url(vendors, tmp_path, log_format):
    """Status, duration and bytes are told; the password, which travels in a query, is not."""
    path = tmp_path / "c.yml"
    write(vendors, path, "impressionwise", "leadmagic")
    vendors.simulator.fail("leadmagic", "server_error")
    arguments = [f"--config.file={path}", LISTEN, "--log.level=debug", f"--log.format={log_format}"]
    with serving(tmp_path, *arguments) as exporter:
        exporter.text()
        exporter.signal(signal.SIGTERM)
        assert exporter.wait() == 0
    calls = {event["provider"]: event for event in exporter.named("vendor_call")}
    assert len(exporter.named("vendor_call")) == 2
    assert {name: int(call["status"]) for name, call in calls.items()} == {"impressionwise": 200, "leadmagic": 500}
    assert all(int(call["bytes"]) > 0 and float(call["duration_seconds"]) > 0 for call in calls.values())
    (failing,) = exporter.named("provider_failing")
    assert (failing["level"], failing["provider"], failing["reason"]) == ("warning", "leadmagic", "server_error")
    log = exporter.log.read_text()
    for hidden in ("?", "PSW", *vendors.simulator.accounts["impressionwise"].vendor.settings().values()):
        assert hidden not in log
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", event["ts"]) for event in exporter.events())


def test_sighup_reloads_and_a_bad_configuration_changes_nothing(vendors, tmp_path):
    """A good file is taken up; a bad one is logged with its errors and shows in the metric."""
    path = tmp_path / "c.yml"
    write(vendors, path, "leadmagic", "impressionwise")
    with serving(tmp_path, f"--config.file={path}", LISTEN, "--config.auto-reload-interval=0s") as exporter:
        assert exporter.providers() == {"leadmagic", "impressionwise"}
        write(vendors, path, "leadmagic", "oceanio")
        exporter.signal(signal.SIGHUP)
        eventually(lambda: exporter.named("config_reloaded"), "the reload", PATIENCE)
        assert exporter.providers() == {"leadmagic", "oceanio"}

        path.write_text("providers:\n  - type: leadmagic\n  - type: nonsense\n")
        exporter.signal(signal.SIGHUP)
        eventually(lambda: len(exporter.named("config_reload_failed")) == 2, "its errors logged", PATIENCE)
        assert exporter.value("credits_exporter_config_last_reload_successful") == 0
        assert exporter.providers() == {"leadmagic", "oceanio"}
        problems = [event["problem"] for event in exporter.named("config_reload_failed")]
        assert f"{path}:2: providers[0].api_key: is required (provider leadmagic)" in problems
        assert "c.yml:3: providers[1].type" in exporter.text("/")

        write(vendors, path, "leadmagic")
        exporter.signal(signal.SIGHUP)
        eventually(lambda: exporter.providers() == {"leadmagic"}, "the mended file", PATIENCE)
        assert exporter.value("credits_exporter_config_last_reload_successful") == 1


def test_a_changed_secret_file_is_taken_up_by_itself(vendors, tmp_path):
    """A key that is put right in its file works without anybody's doing, and ends the back-off."""
    secret, path = tmp_path / "key", tmp_path / "c.yml"
    secret.write_text("an old key\n".replace(" ", "-"))
    path.write_text(
        f"providers:\n  - {{type: leadmagic, base_url: '{vendors.base_url}/leadmagic', api_key_file: key}}\n"
    )
    with serving(tmp_path, f"--config.file={path}", LISTEN, "--config.auto-reload-interval=100ms") as exporter:
        assert exporter.value("credits_provider_error", reason="unauthorized") == 1
        secret.write_text(vendors.simulator.accounts["leadmagic"].vendor.settings()["api_key"] + "\n")
        eventually(lambda: exporter.value("credits_provider_up") == 1, "the new key in use", PATIENCE)
        assert exporter.value("credits_exporter_config_last_reload_successful") == 1


def hanging(vendors, exporter, seconds: float) -> list[str]:
    """Begin a scrape that waits so long for a vendor; return the list that its page will be put into."""
    pages: list[str] = []
    header = {"X-Prometheus-Scrape-Timeout-Seconds": str(seconds)}

    def scrape() -> None:
        try:
            pages.append(exporter.text(headers=header))
        except OSError as error:
            pages.append(f"lost: {error}")

    threading.Thread(target=scrape, daemon=True).start()
    eventually(lambda: vendors.simulator.received("leadmagic"), "the vendor's call", PATIENCE)
    return pages


def test_sigterm_lets_the_scrape_in_flight_finish_though_a_vendor_hangs(vendors, tmp_path):
    """Ready turns 503, the scrape is answered with what is known, and the process ends with 0."""
    path = tmp_path / "c.yml"
    write(vendors, path, "leadmagic", "impressionwise", timeout="60s")
    vendors.simulator.latency("leadmagic", 60)
    with serving(tmp_path, f"--config.file={path}", LISTEN, "--timeout-offset=1s") as exporter:
        pages = hanging(vendors, exporter, 5)
        exporter.signal(signal.SIGTERM)
        eventually(lambda: exporter.status("/-/ready") == 503, "not ready any more", PATIENCE, 0.02)
        assert exporter.status("/-/healthy") == 200
        assert exporter.wait() == 0
        eventually(lambda: pages, "the page", PATIENCE)
    assert 'credits_provider_up{provider="impressionwise"} 1.0' in pages[0]
    assert 'credits_provider_up{provider="leadmagic"} 0.0' in pages[0]


def test_a_second_signal_ends_it_at_once(vendors, tmp_path):
    """Whoever insists doesn't wait for the scrape in flight; the status tells the signal."""
    path = tmp_path / "c.yml"
    write(vendors, path, "leadmagic", timeout="60s")
    vendors.simulator.latency("leadmagic", 60)
    with serving(tmp_path, f"--config.file={path}", LISTEN) as exporter:
        pages = hanging(vendors, exporter, 60)
        exporter.signal(signal.SIGTERM)
        eventually(lambda: exporter.named("shutting_down"), "the drain", PATIENCE, 0.02)
        exporter.signal(signal.SIGTERM)
        assert exporter.wait() == 128 + signal.SIGTERM
        eventually(lambda: pages, "the scrape to be lost", PATIENCE)
    assert pages[0].startswith("lost: ")


def test_a_busy_port_is_one_clear_line(config_file):
    """The error says which address, and what would be right."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = run("serve", f"--config.file={config_file}", f"--web.listen-address={address}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"credits-exporter: can't listen on {address}: the port is in use; "
        "stop the other process or choose another --web.listen-address\n"
    )


def test_a_systemd_socket_is_served(config_file, tmp_path):
    """A socket that was opened before the start, as systemd hands it over, is the one that answers."""
    starter = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); "
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", starter, str(listener.fileno()), *COMMAND]
        arguments = ["serve", "--config.file", config_file, "--web.systemd-socket"]
        with serving(tmp_path, *arguments, command=command, pass_fds=(listener.fileno(),)) as exporter:
            assert exporter.url == f"http://127.0.0.1:{listener.getsockname()[1]}"
            assert exporter.status("/-/ready") == 200


def test_without_a_socket_from_systemd_the_flag_is_an_error(config_file):
    """Started by hand with --web.systemd-socket it says what is missing."""
    done = run("serve", "--config.file", config_file, "--web.systemd-socket")
    assert done.returncode == 1
    assert done.stderr.startswith("credits-exporter: --web.systemd-socket: no sockets were passed by systemd")
    assert done.stderr.count("\n") == 1


def test_the_demo_needs_nothing(tmp_path):
    """``demo`` serves five providers, a status page and discovery without any file or account."""
    with serving(tmp_path, "demo", LISTEN) as exporter:
        assert len(exporter.providers()) == 5
        assert exporter.value("credits_balance", provider="impressionwise") > 0
        page = exporter.text("/")
        assert all(name in page for name in exporter.providers())
        assert "demo-leadmagic-key" not in exporter.text("/config") + page
        exporter.signal(signal.SIGINT)
        assert exporter.wait() == 0


@pytest.mark.parametrize("command", [COMMAND, [str(Path(sys.executable).with_name("credits-exporter"))]])
def test_the_version_is_told(command):
    """Both ways to start it tell the version."""
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == f"credits-exporter {__version__}\n"
