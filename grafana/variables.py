"""The dashboard's variables, each narrowed by the ones before it, and its top-up annotations."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import dashboard

from exporter import metrics
from grafana.queries import POOL, of_pool
from grafana.style import BLUE, DATASOURCE

ALL = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])


def variables() -> list[builders.DatasourceVariable | builders.QueryVariable]:
    """Return the variables in the order of the page."""
    datasource = builders.DatasourceVariable("datasource").label("Data source").type("prometheus")
    up, balance = metrics.UP.name, metrics.BALANCE.name
    target = 'job=~"$job", instance=~"$instance"'
    return [
        datasource,
        _label("job", "Job", up, ""),
        _label("instance", "Instance", up, 'job=~"$job"'),
        _label("provider", "Provider", up, target),
        _label("pool", "Pool", balance, f'{target}, provider=~"$provider"'),
    ]


def _label(name: str, title: str, metric: str, matchers: str) -> builders.QueryVariable:
    """Offer the values of one label; All is ``.+``, which also matches what appears later."""
    selector = f"{metric}{{{matchers}}}" if matchers else metric
    expression = f"label_values({selector}, {name})"
    variable = builders.QueryVariable(name).label(title).datasource(DATASOURCE)
    variable.query({"query": expression, "refId": name}).definition(expression)
    variable.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable.sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    return variable.multi(True).include_all(True).all_value(".+").current(ALL)


def topup_annotations(panels: list[int]) -> builders.AnnotationQuery:
    """Mark each top-up on the given panels, at the very time when it was first seen.

    The metric's value is that time, so the annotation takes its time from the value (milliseconds).
    """
    expression = f"max by ({POOL}) ({of_pool(metrics.LAST_TOPUP)}) * 1000"
    annotation = builders.AnnotationQuery().name("Top-ups").datasource(DATASOURCE).enable(True)
    annotation.icon_color(BLUE).expr(expression).use_value_for_time(True).step("5m")
    annotation.title_format("Top-up").text_format("{{provider}} / {{pool}}").tag_keys("provider,pool")
    annotation.target(prometheus.Dataquery().expr(expression).ref_id("Anno").range())
    return annotation.filter(builders.AnnotationPanelFilter().exclude(False).ids(panels))
