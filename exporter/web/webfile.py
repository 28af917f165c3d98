"""The web configuration of a running server: re-read when it, a certificate or the client CA changes."""

import logging
from pathlib import Path

from exporter.web.webconfig import WebConfig, load_web_config
from exporter.yamlsource import Problem, SourceError

_log = logging.getLogger(__name__)

_Signature = tuple[tuple[int, int, int] | None, ...]


class WebConfigFile:
    """Holds the last good web configuration of a file.

    What it never does while running is to switch TLS or authentication off: a file that is being written
    may be empty for a moment, and plain HTTP must not be what that means.
    """

    def __init__(self, path: Path) -> None:
        """Load the file. Raises :class:`SourceError` with every problem of it."""
        self._path = path
        self._complaint = ""
        self.current: WebConfig = load_web_config(path)
        # Stamps are taken before reading, so that a change while reading is seen at the next look; which
        # certificates to stamp is known only now.
        self._seen = self._signature()
        self.current = load_web_config(path)

    def refresh(self) -> None:
        """Re-read the files if they changed; a failure keeps what is in use and is logged once."""
        signature = self._signature()
        if signature == self._seen and not self._complaint:
            return
        self._seen = signature
        try:
            fresh = load_web_config(self._path)
            self._refuse_switch(fresh)
        except SourceError as error:
            self._complain(error)
            return
        self.current = fresh
        self._complaint = ""
        _log.info("web_config_reloaded", extra={"file": str(self._path)})

    def _refuse_switch(self, fresh: WebConfig) -> None:
        problems = []
        if bool(self.current.tls) != bool(fresh.tls):
            problems.append(("tls_server_config", "on" if fresh.tls else "off"))
        if self.current.users and not fresh.users:
            problems.append(("basic_auth_users", "off"))
        if problems:
            raise SourceError(
                [
                    Problem(str(self._path), None, key, f"is switched {to} by a restart only")
                    for key, to in problems
                ]
            )

    def _complain(self, error: SourceError) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            for problem in error.problems:
                _log.error("web_config_reload_failed", extra={"problem": str(problem)})

    def _signature(self) -> _Signature:
        certificates = self.current.tls.files if self.current.tls else ()
        return tuple(map(_stamp, (self._path, *certificates)))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is written or replaced; Kubernetes swaps a symbolic link."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
