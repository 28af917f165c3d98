"""A real Prometheus over backfilled blocks: samples in, recording rules evaluated, expressions queried."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.bench.forecast.demand import STEP_SECONDS
from tests.bench.forecast.rules import Recording

_RAW_BLOCK = "4374h"     # 2h * 3^7: promtool reads the whole text once for each block
_RULES_BLOCK = "486h"    # 2h * 3^5: fewer than the 11,000 steps that one range query may have
_CHUNK_STEPS = 5000
_RULES_RUN = 3600
_BINARIES = Path(os.environ.get("PROMETHEUS_3", ".cache/prometheus-3")) / "usr" / "bin"


class Database:
    """A folder of blocks, and the commands that fill and ask it."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._rules = folder / "layer.rules.yml"  # one path, so that every layer is evaluated at the same offset
        self._folder = folder
        self._data.mkdir()
        self._url = ""

    def _promtool(self, *arguments: str) -> None:
        command = [str(_BINARIES / "promtool"), "tsdb", "create-blocks-from", "--quiet", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")

    def evaluation_offset(self, start: int) -> int:
        """Return the seconds after each full step at which rules are evaluated here.

        Prometheus spreads groups over their interval by a hash of name and file. Samples written at this
        offset are fresh at every evaluation, as they are not later than a scrape interval in practice.
        """
        self.record([Recording("offset", "vector(1)")], start, start + _RULES_RUN)
        with self.querying():
            first = self._get("/api/v1/query", query="offset[1h]", time=start + _RULES_RUN)[0]["values"]
        assert isinstance(first, list)
        return int(first[0][0]) % STEP_SECONDS

    def load(self, samples: Path) -> None:
        """Turn OpenMetrics text into blocks."""
        self._promtool(f"--max-block-duration={_RAW_BLOCK}", "openmetrics", str(samples), str(self._data))

    def record(self, layer: list[Recording], start: int, end: int) -> None:
        """Evaluate recording rules over what is there already, and keep the result as blocks."""
        rules = [{"record": rule.name, "expr": rule.expr} for rule in layer]
        group = {"name": "layer", "interval": f"{STEP_SECONDS}s", "rules": rules}
        self._rules.write_text(yaml.safe_dump({"groups": [group]}))
        with self._serving() as url:
            self._promtool(
                f"--max-block-duration={_RULES_BLOCK}", "rules", f"--url={url}", f"--start={start}", f"--end={end}",
                f"--output-dir={self._data}", str(self._rules),
            )

    @contextmanager
    def _serving(self) -> Iterator[str]:
        ready = self._folder / "prometheus.log"
        config = self._folder / "prometheus.yml"
        config.write_text("{}\n")
        port = _free_port()
        with ready.open("w") as log:
            process = subprocess.Popen(
                [str(_BINARIES / "prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self._data}",
                 "--storage.tsdb.retention.time=100y", "--query.timeout=30m", "--query.max-samples=500000000",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdout=log, stderr=log,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _await(f"{url}/-/ready", process)
            yield url
        finally:
            process.terminate()
            process.wait()

    @contextmanager
    def querying(self) -> Iterator["Database"]:
        """Keep one Prometheus up for the queries within."""
        with self._serving() as self._url:
            yield self

    def _get(self, path: str, **parameters: object) -> list[dict[str, object]]:
        with urlopen(f"{self._url}{path}?{urlencode(parameters)}") as answer:
            result: list[dict[str, object]] = json.load(answer)["data"]["result"]
        return result

    def when_true(self, expr: str, start: int, end: int, step: int) -> dict[str, list[int]]:
        """Return for every provider the evaluations (Unix seconds, every `step`) that gave a result."""
        found: dict[str, list[int]] = {}
        for begin in range(start, end, _CHUNK_STEPS * step):
            last = min(end, begin + (_CHUNK_STEPS - 1) * step)
            answer = self._get("/api/v1/query_range", query=expr, start=begin, end=last, step=step)
            for series in answer:
                labels, values = series["metric"], series["values"]
                assert isinstance(labels, dict)
                assert isinstance(values, list)
                found.setdefault(labels["provider"], []).extend(int(moment) for moment, _ in values)
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"Prometheus did not become ready at {url}; its log is prometheus.log")
