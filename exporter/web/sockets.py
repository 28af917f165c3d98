"""Listening sockets: from ``--web.listen-address`` or inherited from systemd.

Addresses read as Go programs read them, because that is what Prometheus users type: ``:10440`` is every
address of both families, ``[::1]:9000`` and ``127.0.0.1:0`` are one address each.
"""

import errno
import os
import socket
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Final

BACKLOG: Final = 1024

# https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html: SD_LISTEN_FDS_START
_FIRST_SYSTEMD_FD: Final = 3

_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_REMEDIES: Final = {
    errno.EADDRINUSE: "the port is in use; stop the other process or choose another --web.listen-address",
    errno.EACCES: "permission denied; ports below 1024 need the capability CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "no interface of this host has that address",
}


class ListenError(Exception):
    """An address that can't be understood or listened on; the text says which and what would be right."""


@dataclass(frozen=True)
class ListenAddress:
    """One address to listen on; an empty host means every address of the machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Parse ``:PORT``, ``HOST:PORT`` or ``[IPv6]:PORT``. Raises :class:`ListenError`."""
    wrong = f"listen address {text!r}"
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ListenError(f"{wrong} has no port; write :10440, 127.0.0.1:10440 or [::1]:10440")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise ListenError(f"{wrong}: only an IPv6 address goes in brackets")
    elif ":" in host or "[" in host or "]" in host:
        raise ListenError(f"{wrong}: an IPv6 address goes in brackets, like [::1]:10440")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ListenError(f"{wrong}: the port should be a number from 0 to 65535")
    if any(character.isspace() or character == "/" for character in host):
        raise ListenError(f"{wrong}: {host!r} is not a host name or address")
    return ListenAddress(host, int(port))


def open_listeners(addresses: Sequence[ListenAddress]) -> list[socket.socket]:
    """Bind and listen on every address, in order.

    Raises :class:`ListenError` with a line for each address that failed; then none stays open.
    """
    listeners: list[socket.socket] = []
    problems: list[str] = []
    for address in addresses:
        try:
            listeners.append(_open(address))
        except socket.gaierror as error:
            problems.append(f"can't listen on {address}: {address.host!r} has no address ({error.strerror})")
        except OSError as error:
            reason = _REMEDIES.get(error.errno or 0, error.strerror)
            problems.append(f"can't listen on {address}: {reason}")
        except UnicodeError:
            problems.append(f"can't listen on {address}: {address.host!r} is not a host name")
    if problems:
        close_all(listeners)
        raise ListenError("\n".join(problems))
    return listeners


def close_all(listeners: Sequence[socket.socket]) -> None:
    """Close listening sockets."""
    for listener in listeners:
        listener.close()


def systemd_listeners(environ: MutableMapping[str, str] | None = None) -> list[socket.socket]:
    """Return the sockets that systemd opened for this process, by ``LISTEN_PID`` and ``LISTEN_FDS``.

    The variables are removed, so that no child process takes the sockets for its own. Raises
    :class:`ListenError` where the process was not started by a socket unit.
    """
    variables = os.environ if environ is None else environ
    pid, count = variables.pop("LISTEN_PID", ""), variables.pop("LISTEN_FDS", "")
    variables.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdigit() or int(count) < 1:
        raise ListenError(
            "--web.systemd-socket: no sockets were passed by systemd (LISTEN_PID, LISTEN_FDS); "
            "start the service by its .socket unit"
        )
    listeners: list[socket.socket] = []
    for fd in range(_FIRST_SYSTEMD_FD, _FIRST_SYSTEMD_FD + int(count)):
        try:
            listeners.append(_inherit(fd))
        except ListenError:
            close_all(listeners)
            raise
    return listeners


def url(listener: socket.socket, *, tls: bool) -> str:
    """Return what a listening socket is bound to: ``http://127.0.0.1:10440``, ``unix:/run/x.sock``."""
    name = listener.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{os.fsdecode(name)}"
    return f"{'https' if tls else 'http'}://{ListenAddress(name[0], name[1])}"


def _open(address: ListenAddress) -> socket.socket:
    if address.host:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # One socket, IPv4 first, as Go does for a name with several addresses.
        family, _, _, _, place = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return _listen(family, place)
    try:
        return _listen(socket.AF_INET6, ("::", address.port))
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise
        return _listen(socket.AF_INET, ("0.0.0.0", address.port))  # noqa: S104 - every address was asked for


def _listen(family: int, place: tuple[str | int, ...] | tuple[int, bytes]) -> socket.socket:
    # Naming TCP matters: asyncio sets TCP_NODELAY only on sockets that say so, accepted ones included.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Only the wildcard serves both families; the option changes nothing for one IPv6 address.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(place)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _inherit(fd: int) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        listener = socket.socket(fileno=fd)
    except OSError as error:
        raise ListenError(
            f"--web.systemd-socket: file descriptor {fd} is not a socket ({error.strerror})"
        ) from None
    is_stream = listener.type == socket.SOCK_STREAM
    if not is_stream or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.close()
        raise ListenError(
            f"--web.systemd-socket: file descriptor {fd} is not a listening stream socket; "
            "the .socket unit needs ListenStream= and Accept=no"
        )
    listener.setblocking(False)
    return listener
