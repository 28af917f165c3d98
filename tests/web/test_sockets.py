"""Listen addresses as people type them, sockets as systemd passes them."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from exporter.web import sockets
from exporter.web.sockets import (
    ListenAddress,
    ListenError,
    close_all,
    open_listeners,
    parse_listen_address,
    systemd_listeners,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":10440", "", 10440),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:9000", "::1", 9000),
        ("[::]:9000", "::", 9000),
        ("[fe80::1%eth0]:9000", "fe80::1%eth0", 9000),
        ("localhost:65535", "localhost", 65535),
    ],
)
def test_an_address_is_read_as_go_reads_it(text: str, host: str, port: int) -> None:
    """Every form that Prometheus users know parses, and prints as it was typed."""
    address = parse_listen_address(text)
    assert address == ListenAddress(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no port"),
        ("10440", "has no port"),
        ("localhost", "has no port"),
        (":", "number from 0 to 65535"),
        (":65536", "number from 0 to 65535"),
        (":-1", "number from 0 to 65535"),
        (":" + "9" * 5000, "number from 0 to 65535"),
        (":http", "number from 0 to 65535"),
        (":\u0661\u0662", "number from 0 to 65535"),
        ("::1:9000", "goes in brackets"),
        ("[::1]", "goes in brackets"),
        ("[::1:9000", "goes in brackets"),
        ("[localhost]:9000", "only an IPv6 address"),
        ("http://localhost:9000", "goes in brackets"),
        ("a host:9000", "not a host name"),
        ("host/path:9000", "not a host name"),
    ],
)
def test_a_wrong_address_says_what_would_be_right(text: str, complaint: str) -> None:
    """A wrong address is refused with the address and the remedy."""
    with pytest.raises(ListenError, match=complaint) as caught:
        parse_listen_address(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("address", [":0", "127.0.0.1:0", "[::1]:0"])
def test_a_listener_says_that_it_is_tcp(address: str) -> None:
    """The event loop switches Nagle's delay off only for sockets that name the protocol."""
    (listener,) = open_listeners([parse_listen_address(address)])
    with listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_without_host_answers_on_both_families(host: str) -> None:
    """``:PORT`` listens on IPv4 and IPv6 at once, as Go programs do."""
    listeners = open_listeners([parse_listen_address(":0")])
    try:
        with socket.create_connection((host, listeners[0].getsockname()[1]), timeout=5):
            pass
    finally:
        close_all(listeners)


@pytest.mark.parametrize("missing", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_host_without_ipv6_is_served_on_ipv4(missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no IPv6, ``:PORT`` falls back to IPv4."""
    real = sockets._listen

    def without_ipv6(family: int, place: tuple[str, int]) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(missing, os.strerror(missing))
        return real(family, place)

    monkeypatch.setattr(sockets, "_listen", without_ipv6)
    (listener,) = open_listeners([parse_listen_address(":0")])
    with listener:
        assert listener.family == socket.AF_INET


def test_every_busy_port_is_named_and_nothing_stays_open() -> None:
    """All addresses that fail are reported at once, and the good ones are closed again."""
    (busy,) = open_listeners([ListenAddress("127.0.0.1", 0)])
    (probe,) = open_listeners([ListenAddress("127.0.0.1", 0)])
    port, free = busy.getsockname()[1], probe.getsockname()[1]
    probe.close()
    taken = ListenAddress("127.0.0.1", port)
    with busy, pytest.raises(ListenError) as caught:
        open_listeners([taken, ListenAddress("127.0.0.1", free), ListenAddress("no-such-host.invalid", 1)])
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"can't listen on 127.0.0.1:{port}: the port is in use")
    assert second.startswith("can't listen on no-such-host.invalid:1: ")
    close_all(open_listeners([ListenAddress("127.0.0.1", free)]))


@pytest.mark.parametrize(
    ("host", "complaint"),
    [("192.0.2.1", "no interface of this host"), ("x" * 64 + ".example", "can't listen")],
)
def test_an_impossible_host_is_one_clear_line(host: str, complaint: str) -> None:
    """An address that the host doesn't have, or a name that no host can have, is one line of error."""
    with pytest.raises(ListenError, match=complaint) as caught:
        open_listeners([ListenAddress(host, 0)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "tls", "start"),
    [("127.0.0.1", False, "http://127.0.0.1:"), ("::1", True, "https://[::1]:")],
)
def test_a_bound_socket_is_shown_as_a_url(host: str, tls: bool, start: str) -> None:
    """The bound address, with the port that the kernel chose, is a URL that can be opened."""
    (listener,) = open_listeners([ListenAddress(host, 0)])
    with listener:
        assert sockets.url(listener, tls=tls) == f"{start}{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"},
    ],
)
def test_a_start_without_systemd_sockets_is_refused(environ: dict[str, str]) -> None:
    """Sockets meant for another process, or none at all, are an error that names the remedy."""
    with pytest.raises(ListenError, match=r"start the service by its \.socket unit"):
        systemd_listeners(environ)


_CHILD = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
from exporter.web.sockets import ListenError, systemd_listeners, url
try:
    listeners = systemd_listeners()
except ListenError as error:
    sys.exit(str(error))
print(*(url(listener, tls=False) for listener in listeners))
print(sorted(name for name in os.environ if name.startswith("LISTEN_")))
print(*(listener.get_inheritable() for listener in listeners))
"""


def _start_as_systemd_does(*passed: socket.socket) -> subprocess.CompletedProcess[str]:
    """Run a child whose descriptors 3, 4, … are the given sockets."""

    def move() -> None:
        high = [os.dup2(each.fileno(), 100 + index) for index, each in enumerate(passed)]
        for index, fd in enumerate(high):
            os.dup2(fd, 3 + index, inheritable=True)

    return subprocess.run(
        [sys.executable, "-c", _CHILD],
        env=os.environ | {"LISTEN_FDS": str(len(passed))},
        preexec_fn=move,
        close_fds=False,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_sockets_opened_by_systemd_are_taken_over(tmp_path: os.PathLike[str]) -> None:
    """TCP and UNIX sockets are served as they are; the variables don't reach child processes."""
    path = os.path.join(tmp_path, "web.sock")  # noqa: PTH118 - a UNIX socket's name is a string
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        done = _start_as_systemd_does(tcp, unix)
        port = tcp.getsockname()[1]
    assert done.stdout.splitlines() == [f"http://127.0.0.1:{port} unix:{path}", "[]", "False False"]


def _datagram() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    return bound


@pytest.mark.parametrize("make", [_datagram, socket.socket], ids=["datagram", "not-listening"])
def test_a_descriptor_that_cannot_accept_is_refused(make: Callable[[], socket.socket]) -> None:
    """A socket unit with the wrong type is an error that says which settings it needs."""
    with make() as passed:
        done = _start_as_systemd_does(passed)
    assert done.returncode == 1
    assert "needs ListenStream= and Accept=no" in done.stderr
