"""``check`` and ``once`` as processes: what they print, where, and their exit status."""

import json
import os
import pty
import select
import stat
import subprocess
import time
from pathlib import Path

import pytest

from exporter.demo.server import SimulatorServer
from exporter.demo.simulator import Simulator
from tests.e2e.exporter_process import COMMAND, PATIENCE, config_of, environment, run

BAD = """\
global:
  tiemout: 3s
providers:
  - type: leadmagic
    name: mails
    api_key_file: missing
  - type: impressionwise
    password: ${UNSET_OF_THE_TEST}
  - type: nonsense
"""


@pytest.fixture(scope="module")
def vendors():
    """Serve simulated vendors, one account each, at rest."""
    with SimulatorServer(Simulator()) as server:
        yield server


@pytest.fixture
def config_file(vendors, tmp_path):
    """Return a configuration file of three accounts that all answer, after the test too."""
    path = tmp_path / "c.yml"
    path.write_text(config_of(vendors.simulator, vendors.base_url, "leadmagic", "oceanio", "agiletelecom"))
    yield path
    for name in vendors.simulator.accounts:
        vendors.simulator.recover(name)


@pytest.fixture
def bad_file(tmp_path):
    """Return a configuration file with several errors."""
    path = tmp_path / "bad.yml"
    path.write_text(BAD)
    return path


def on_terminal(*arguments: str) -> tuple[int, str]:
    """Run a command on a pseudo-terminal; return its exit status and what it showed."""
    mine, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment()
        )
    finally:
        os.close(theirs)
    shown = b""
    deadline = time.monotonic() + PATIENCE
    with os.fdopen(mine, "rb", buffering=0) as terminal:
        while time.monotonic() < deadline and select.select([terminal], [], [], PATIENCE)[0]:
            try:
                data = terminal.read(65536)
            except OSError:  # what Linux says once the other side is closed
                break
            if not data:
                break
            shown += data
    return process.wait(PATIENCE), shown.decode()


@pytest.mark.parametrize("command", [["serve"], ["once"]])
def test_a_bad_configuration_is_told_error_by_error(bad_file, command):
    """Every error at once with file, line and key; exit 2, no traceback, no value."""
    done = run(*command, "--config.file", bad_file)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    prefix = f"credits-exporter: {bad_file}"
    assert lines[0] == f"{prefix}:2: global.tiemout: is not a known key; did you mean timeout?"
    folder = bad_file.parent
    assert (
        f"{prefix}:6: providers[0].api_key_file: {folder / 'missing'} can't be read: No such file or directory "
        "(provider mails)"
    ) in lines
    assert any("UNSET_OF_THE_TEST is not set" in line for line in lines)
    assert any("providers[2].type: is not a known type" in line for line in lines)
    assert all(line.startswith(prefix) for line in lines)


def test_a_missing_configuration_says_which_file(tmp_path):
    """Without a file at the default place the error names the place."""
    done = run(cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "credits-exporter: credits-exporter.yml: does not exist; --config.file says where it is\n"
    )


def test_check_says_that_all_is_well(config_file):
    """A good file is one line on standard output, and exit 0."""
    done = run("check", "--config.file", config_file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{config_file}: ok, 3 providers\n", "")


def test_check_tells_every_error_of_both_files(bad_file, tmp_path):
    """The configuration's and the web configuration's errors come together; exit 1."""
    web = tmp_path / "web.yml"
    web.write_text("tls_server_config: {cert_file: none.crt}\n")
    done = run("check", "--config.file", bad_file, "--web.config.file", web)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert {line.split(":")[1].strip() for line in lines[:-1]} == {str(bad_file), str(web)}
    assert lines[-1] == f"credits-exporter: {len(lines) - 1} problems found"


def test_check_as_json_is_for_scripts(bad_file, config_file):
    """Problems come with file, line, key and message; nothing goes to standard error."""
    bad = run("check", "--config.file", bad_file, "--format", "json")
    assert (bad.returncode, bad.stderr) == (1, "")
    report = json.loads(bad.stdout)
    assert report["valid"] is False
    assert report["problems"][0] == {
        "file": str(bad_file), "line": 2, "key": "global.tiemout",
        "message": "is not a known key; did you mean timeout?",
    }  # fmt: skip
    good = run("check", "--config.file", config_file, "--format", "json")
    assert good.returncode == 0
    assert json.loads(good.stdout) == {
        "valid": True, "providers": ["leadmagic", "oceanio", "agiletelecom"], "problems": [],
    }  # fmt: skip


def test_check_live_prints_plain_columns_into_a_pipe(vendors, config_file):
    """Every pool of every vendor has a line; a failing one has its reason, and exit 1."""
    vendors.simulator.fail("agiletelecom", "server_error")
    done = run("check", "--config.file", config_file, "--live")
    assert (done.returncode, done.stderr) == (1, "")
    rows = [line.split(maxsplit=5) for line in done.stdout.splitlines()]
    assert rows[0] == ["PROVIDER", "POOL", "BALANCE", "UNIT", "LATENCY", "VERDICT"]
    assert [row[:4] for row in rows[1:]] == [
        ["leadmagic", "default", "15432.5", "credits"],
        ["oceanio", "standard", "200", "credits"],
        ["oceanio", "email", "200", "credits"],
        ["oceanio", "phone", "200", "credits"],
        ["agiletelecom", "-", "-", "-"],
    ]
    assert rows[-1][5].split(maxsplit=1)[1] == "server_error: the vendor's server fails (code 8)"
    assert "\x1b" not in done.stdout


def test_check_live_succeeds_where_every_vendor_answers(config_file):
    """All answered is exit 0."""
    done = run("check", "--config.file", config_file, "--live")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_live_as_json(vendors, config_file):
    """Scripts get balances as numbers and reasons as names."""
    vendors.simulator.fail("leadmagic", "unauthorized")
    done = run("check", "--config.file", config_file, "--live", "--format=json")
    assert (done.returncode, done.stderr) == (1, "")
    live = {result["provider"]: result for result in json.loads(done.stdout)["live"]}
    assert live["oceanio"]["pools"]["email"] == {"balance": 200.0, "unit": "credits"}
    assert (live["oceanio"]["ok"], live["oceanio"]["reason"]) == (True, None)
    assert (live["leadmagic"]["ok"], live["leadmagic"]["reason"]) == (False, "unauthorized")
    assert live["leadmagic"]["verdict"] == "the vendor refuses the API key; the vendor refuses the key"


def test_check_live_is_a_table_on_a_terminal(vendors, config_file):
    """On a terminal the verdict is coloured."""
    vendors.simulator.fail("agiletelecom", "server_error")
    status, shown = on_terminal("check", "--config.file", str(config_file), "--live")
    assert status == 1
    assert "\x1b[32mok" in shown
    assert "\x1b[31mserver_error" in shown
    assert "15432.5" in shown


def test_check_live_asks_nobody_while_the_files_are_wrong(vendors, tmp_path):
    """A file with an error is told before any vendor is called."""
    asked = len(vendors.simulator.received("leadmagic"))
    path = tmp_path / "c.yml"
    path.write_text(config_of(vendors.simulator, vendors.base_url, "leadmagic") + "\nextra: 1\n")
    assert run("check", "--config.file", path, "--live").returncode == 1
    assert len(vendors.simulator.received("leadmagic")) == asked


def test_once_prints_the_page(config_file):
    """One collection goes to standard output, without the exporter's own metrics; exit 0."""
    done = run("once", "--config.file", config_file)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'credits_balance{pool="default",provider="leadmagic"} 15432.5\n' in done.stdout
    assert "credits_exporter_" not in done.stdout


def test_once_writes_the_page_though_a_provider_failed(vendors, config_file, tmp_path):
    """What is known is written, the failure is logged, and the exit status is 1."""
    vendors.simulator.fail("leadmagic", "server_error")
    output = tmp_path / "credits.prom"
    done = run("once", "--config.file", config_file, "--output", output)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("event=provider_failing provider=leadmagic reason=server_error") == 1
    page = output.read_text()
    assert 'credits_provider_up{provider="leadmagic"} 0.0' in page
    assert 'credits_provider_up{provider="oceanio"} 1.0' in page


def test_once_replaces_its_file_as_a_whole(config_file, tmp_path):
    """The new file takes the old one's place, readable for the textfile collector, nothing left beside it."""
    folder = tmp_path / "textfile"
    folder.mkdir()
    output = folder / "credits.prom"
    output.write_text("old")
    before = output.stat().st_ino
    assert run("once", "--config.file", config_file, "--output", output).returncode == 0
    assert output.stat().st_ino != before
    assert stat.S_IMODE(output.stat().st_mode) == 0o644
    assert output.read_text().endswith("\n")
    assert list(folder.iterdir()) == [output]


def test_once_says_where_it_cannot_write(config_file, tmp_path):
    """A folder that isn't there is one line, and a usage error."""
    output = tmp_path / "nowhere" / "credits.prom"
    done = run("once", "--config.file", config_file, "--output", output)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"credits-exporter: {output} can't be written: No such file or directory\n"


@pytest.mark.parametrize("arguments", [["once"], ["check"], ["check", "--live"], ["check", "--format=json"]])
def test_a_reader_that_has_gone_is_no_traceback(config_file, arguments):
    """``credits-exporter once | head -0`` ends quietly, with the status of a broken pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        done = subprocess.run(
            [*COMMAND, *arguments, "--config.file", str(config_file)],
            stdout=output, stderr=subprocess.PIPE, env=environment(), text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(("arguments", "status"), [(["once"], 2), (["check"], 1), (["vendors"], 2)])
def test_a_full_disk_is_one_line(config_file, arguments, status):
    """Output that can't be written is told in one line, without a traceback."""
    given = [*arguments] if arguments == ["vendors"] else [*arguments, "--config.file", str(config_file)]
    with Path("/dev/full").open("wb") as output:
        done = subprocess.run(
            [*COMMAND, *given],
            stdout=output, stderr=subprocess.PIPE, env=environment(), text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert done.stderr == "credits-exporter: the output can't be written: No space left on device\n"
    assert done.returncode == status
