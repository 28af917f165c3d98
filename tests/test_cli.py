"""The command line: what is understood, what is refused and in which words."""

import re

import pytest

from exporter import __version__, cli
from exporter.log import LogFormat, LogLevel
from exporter.web.app import TAKEN_PATHS

COMMANDS = ["serve", "check", "once", "demo", "try", "vendors", "schema"]


def parsed(*arguments: str):
    """Return what a command line means."""
    return cli.make_parser().parse_args(arguments)


def test_serve_has_its_defaults():
    """Without flags the exporter reads the default file and looks for changes every half minute."""
    options = parsed("serve")
    assert str(options.config_file) == "credits-exporter.yml"
    assert (options.telemetry_path, options.max_requests) == ("/metrics", 40)
    assert (options.auto_reload_interval, options.timeout_offset) == (30.0, 0.5)
    assert (options.log_level, options.log_format) == (LogLevel.INFO, LogFormat.LOGFMT)
    assert not options.enable_lifecycle
    assert not options.systemd_socket
    assert options.listen_addresses is None


def test_flags_are_written_in_either_way():
    """``--flag=value`` and ``--flag value`` mean the same, and listen addresses add up."""
    first = parsed("serve", "--config.file=x.yml", "--web.listen-address=:1", "--web.listen-address=[::1]:2")
    second = parsed("serve", "--config.file", "x.yml", "--web.listen-address", ":1", "--web.listen-address", "[::1]:2")
    assert vars(first) == vars(second)
    assert [str(address) for address in first.listen_addresses] == [":1", "[::1]:2"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["serve", "--web.listen-address", "10440"], "argument --web.listen-address: listen address '10440' has no port"),
        (["serve", "--web.max-requests", "many"], "argument --web.max-requests: should be a whole number"),
        (["serve", "--web.max-requests", "-1"], "argument --web.max-requests: should be a whole number"),
        (["serve", "--timeout-offset", "soon"], "argument --timeout-offset: should be a duration such as"),
        (["serve", "--config.auto-reload-interval", "30"], "argument --config.auto-reload-interval: should be a dur"),
        (["serve", "--web.telemetry-path", "metrics"], "argument --web.telemetry-path: should be a path such as"),
        (["serve", "--web.telemetry-path", "/{x}"], "argument --web.telemetry-path: should be a path such as"),
        (["demo", "--log.level", "loud"], "argument --log.level: "),
        (["serve", "--web.listen", ":1"], "unrecognized arguments: --web.listen :1"),
        (["check", "--log.level", "info"], "unrecognized arguments: --log.level info"),
        (["frobnicate"], "argument COMMAND: invalid choice: 'frobnicate'"),
        (["try"], "the following arguments are required: --provider"),
    ],
)  # fmt: skip
def test_a_wrong_flag_is_told_by_name(arguments, complaint, capsys):
    """A usage error names the flag and what would be right, and is exit 2."""
    with pytest.raises(SystemExit) as end:
        parsed(*arguments)
    assert end.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(TAKEN_PATHS))
def test_the_metrics_cannot_take_another_pages_place(path, capsys):
    """A telemetry path that hides health, discovery or reload is refused."""
    with pytest.raises(SystemExit):
        parsed("serve", f"--web.telemetry-path={path}")
    assert f"{path} is taken" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--config.file", "x"], ["--web.enable-lifecycle"], []])
def test_flags_alone_mean_serve(given, monkeypatch):
    """Where no command is named, it is ``serve``."""
    served = []
    monkeypatch.setattr(cli, "_serve", lambda options: served.append(options) or 0)
    assert cli.main(given) == 0
    assert len(served) == 1


@pytest.mark.parametrize("arguments", [["--version"], *([command, "--version"] for command in COMMANDS)])
def test_every_command_tells_the_version(arguments, capsys):
    """``--version`` works with and without a command."""
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 0
    assert capsys.readouterr().out == f"credits-exporter {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    """``--help`` names each flag with its meaning and its default."""
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: credits-exporter {command} ")
    flags = re.findall(r"^  (--[a-z.-]+)(.*(?:\n {5,}.*)*)", shown, re.MULTILINE)
    assert all(re.search(r"[a-z]{3}", text) for _, text in flags)
    assert not re.search(r"default: (None|False)", shown)
