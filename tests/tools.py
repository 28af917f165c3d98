"""The real Prometheus and Alertmanager that tests run against: where they are, and what if not.

Debian's installed release is one generation; the folder named by the environment variable
``PROMETHEUS_3`` (filled by ``.ci/fetch-prometheus-3``) is the other.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Tool:
    """One executable of one generation."""

    name: str
    generation: str
    path: str | None

    def require(self) -> str:
        """Return the executable's path; a missing one skips the test, and fails it where CI=true."""
        if self.path is None:
            reason = f"{self.name} ({self.generation}) is not installed"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return self.path


def generations(name: str) -> list[Tool]:
    """Return the tool of the installed release and of the 3.x generation, whether present or not."""
    folder = Path(os.environ.get("PROMETHEUS_3", ".cache/prometheus-3")).resolve() / "usr" / "bin"
    newer = folder / name
    return [
        Tool(name, "installed", shutil.which(name)),
        Tool(name, "3.x", str(newer) if newer.exists() else None),
    ]
