"""What several commands share: exit codes, the configuration from the command line, errors in words."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from exporter.config import Config, load_config
from exporter.providers.registry import provider_types
from exporter.yamlsource import Problem, SourceError

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def configured(path: Path) -> Config:
    """Load the configuration with the environment's variables; raises SourceError with every problem."""
    if not path.exists():
        raise SourceError([Problem(str(path), None, "", "does not exist; --config.file says where it is")])
    return load_config(path, os.environ, provider_types())


def complain(problems: Iterable[object]) -> None:
    """Write one line for each problem to standard error."""
    for problem in problems:
        for line in str(problem).splitlines():
            sys.stderr.write(f"credits-exporter: {line}\n")
