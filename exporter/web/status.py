"""The status page: every provider and pool for a person, without JavaScript."""

from html import escape

from exporter.refresh import AccountView, Snapshot


def status_page(snapshot: Snapshot, now: float, telemetry_path: str) -> str:
    """Return the page as HTML; ``now`` is a Unix timestamp."""
    rows = "".join(_rows(view) for view in snapshot.views)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>credits-exporter</title></head><body>'
        f'<h1>credits-exporter</h1><p><a href="{escape(telemetry_path)}">Metrics</a></p>'
        "<table><tr><th>Provider</th><th>Pool</th><th>Balance</th><th>State</th></tr>"
        f"{rows}</table></body></html>"
    )


def _rows(view: AccountView) -> str:
    state = escape(view.failure.detail if view.failure else "ok" if view.up else "not asked yet")
    pools = view.reading.pools.items() if view.reading else [("", None)]
    return "".join(
        f"<tr><td>{escape(view.account.name)}</td><td>{escape(name)}</td>"
        f"<td>{'' if pool is None or pool.balance is None else pool.balance}</td><td>{state}</td></tr>"
        for name, pool in pools
    )
