"""The exporter as its users run it, in a process of its own, and what the kernel says of it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.vendor_sim import ROOT

_LISTENING = re.compile(r"event=listening .*?url=http://127\.0\.0\.1:(\d+)|url=http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Exporter:
    """A running exporter; ``ready_after`` is the time from its start, in seconds."""

    pid: int
    port: int
    ready_after: float

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self, key: str = "VmHWM") -> float:
        """Return its resident memory: the highest so far, or with ``VmRSS`` at present."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{key}:")[2].split()[0]) / 1024

    def threads(self) -> int:
        """Count its threads."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def descriptors(self) -> int:
        """Count its open files and sockets."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextmanager
def exporter(config: Path, *flags: str, command: tuple[str, ...] = ()) -> Iterator[Exporter]:
    """Run ``serve`` on this configuration until the block ends; ``command`` goes before the interpreter."""
    arguments = [
        *command, sys.executable, "-m", "exporter", "serve", f"--config.file={config}",
        "--web.listen-address=127.0.0.1:0", "--config.auto-reload-interval=0s", *flags,
    ]  # fmt: skip
    began = time.perf_counter()
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield Exporter(process.pid, _port(process.stderr), time.perf_counter() - began)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _port(log: Iterator[str]) -> int:
    for line in log:
        if found := _LISTENING.search(line):
            return int(found[1] or found[2])
    raise RuntimeError("the exporter did not start")
