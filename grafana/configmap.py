"""The dashboard as a ConfigMap, for the sidecar that Grafana's Helm charts run beside it."""

import yaml

NAME = "credits-exporter-dashboard"


class _Block(str):
    """Text that is written as a literal block, so that the manifest reads like the JSON itself."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """The safe dumper, with literal blocks."""


_Dumper.add_representer(
    _Block, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
)


def render(document: str) -> str:
    """Return the manifest; the label is the one that the sidecar looks for by default."""
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "labels": {"app.kubernetes.io/name": "credits-exporter", "grafana_dashboard": "1"},
        },
        "data": {"credits.json": _Block(document)},
    }
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=1_000_000, allow_unicode=True)
