"""``python -m grafana``: write the dashboard and the manifest that carries it."""

from pathlib import Path

from grafana import dashboard, kubernetes

HERE = Path(__file__).parent


def generated() -> dict[Path, str]:
    """Return every generated file with its text."""
    document = dashboard.render()
    return {
        HERE / "dashboards" / "credits.json": document,
        HERE / "provisioning" / "kubernetes" / "credits-dashboard.yaml": kubernetes.render(document),
    }


def main() -> None:
    """Write what is generated."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
