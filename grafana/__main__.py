"""``python -m grafana``: write the dashboard, the manifest that carries it, and compose's Alertmanager."""

from pathlib import Path

from grafana import configmap, dashboard, stack

HERE = Path(__file__).parent


def generated() -> dict[Path, str]:
    """Return every generated file with its text."""
    document = dashboard.render()
    return {
        HERE / "dashboards" / "credits.json": document,
        HERE / "kubernetes" / "credits-dashboard.yaml": configmap.render(document),
        HERE / "compose" / "alertmanager.yml": stack.render(HERE.parent / "alerts" / "alertmanager.yml"),
    }


def main() -> None:
    """Write what is generated."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
