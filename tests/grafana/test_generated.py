"""What is committed is what the generator writes."""

from pathlib import Path

import pytest
import yaml

from grafana.__main__ import generated
from grafana.dashboard import UID
from tests.grafana import board

FILES = generated()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_committed_file_is_a_fresh_generation(path: Path) -> None:
    """Nobody edited a generated file, or the generator without running it."""
    stale = f"{path.name} is not what the generator writes: run `python -m grafana` and commit the result"
    assert path.read_text(encoding="utf-8") == FILES[path], stale


def test_the_config_map_carries_the_dashboard_for_the_sidecar() -> None:
    """The manifest holds the very file, under the label that Grafana's sidecar looks for."""
    text = Path("grafana/kubernetes/credits-dashboard.yaml").read_text(encoding="utf-8")
    manifest = yaml.safe_load(text)
    assert (manifest["apiVersion"], manifest["kind"]) == ("v1", "ConfigMap")
    assert manifest["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert manifest["data"] == {"credits.json": board.PATH.read_text(encoding="utf-8")}
    assert len(text.encode()) < 262_144, "kubectl apply copies it into an annotation of 256 KiB at most"


def test_the_frame_of_the_dashboard() -> None:
    """Classic JSON that provisioning takes as it is: stable uid, not editable, one week, shared crosshair."""
    document = board.load()
    assert document["id"] is None
    assert document["uid"] == UID == "credits"
    assert document["editable"] is False
    assert document["graphTooltip"] == 1
    assert document["time"] == {"from": "now-7d", "to": "now"}
    assert document["refresh"] == "5m"
    assert "__inputs" not in document
    assert "kind" not in document
    assert document["schemaVersion"] >= 39
