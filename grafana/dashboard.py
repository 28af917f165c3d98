"""The dashboard: its frame, its links, and the rows put together."""

import json
from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from grafana.queries import RUNBOOKS
from grafana.rows import answer, balance, consumption, exporter, limits, pools, providers
from grafana.variables import topup_annotations, variables

UID = "credits"
TITLE = "Vendor credits"


def render() -> str:
    """Return the dashboard as classic JSON, as Grafana's file provisioning and its sidecars expect it."""
    built = json.loads(json.dumps(_build().build(), cls=JSONEncoder))
    # The SDK leaves a missing id out; null tells Grafana to match by uid instead.
    document: dict[str, Any] = {"id": None, **built}
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _build() -> builders.Dashboard:
    board = builders.Dashboard(TITLE).uid(UID).readonly().tags(["credits", "prometheus"])
    board.description("Prepaid vendor credits: what is left, how long it lasts, how fresh the figures are.")
    board.tooltip(models.DashboardCursorSync.CROSSHAIR).timezone("browser")
    board.time("now-7d", "now").refresh("5m")
    board.variables(list(variables()))
    board.annotations([topup_annotations([balance.BALANCE_PANEL])])
    board.link(_link("Runbooks", RUNBOOKS, "doc", "What to do about each alert"))
    board.link(_link("Alerts", answer.ALERTS_PAGE, "bolt", "Alerts about credits, firing or not"))
    for row in (answer, pools, balance, consumption, limits):
        _add_row(board, row.ID, row.TITLE, row.panels(), collapsed=False)
    for row in (providers, exporter):
        _add_row(board, row.ID, row.TITLE, row.panels(), collapsed=True)
    return board


def _add_row(
    board: builders.Dashboard,
    row_id: int,
    title: str,
    panels: Sequence[Builder[models.Panel]],
    *,
    collapsed: bool,
) -> None:
    """Add a row; Grafana wants the panels of a collapsed one inside it, and of an open one after it."""
    row = builders.Row(title).id(row_id).collapsed(collapsed)
    if collapsed:
        for panel in panels:
            row.with_panel(panel)
    board.with_row(row)
    if not collapsed:
        for panel in panels:
            board.with_panel(panel)


def _link(title: str, url: str, icon: str, tooltip: str) -> builders.DashboardLink:
    link = builders.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url)
    return link.icon(icon).tooltip(tooltip).target_blank(True)
