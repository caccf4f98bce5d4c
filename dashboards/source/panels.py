"""What both dashboards are made of."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common, prometheus, stat, table, tempo, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, DatasourceVariable, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    DataSourceRef,
)
from grafana_foundation_sdk.models.dashboard import DashboardLink as Link
from grafana_foundation_sdk.models.dashboard import Threshold
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.tempo import SearchTableType

PROMETHEUS: Final = DataSourceRef("prometheus", "${datasource}")
TEMPO: Final = DataSourceRef("tempo", "${datasource}")
OVERVIEW: Final = "otel-handoff-overview"
TRACES: Final = "otel-handoff-traces"


def datasource(kind: str) -> DatasourceVariable:
    """Return the variable by which a reader picks the data source, of Grafana's type `kind`."""
    return DatasourceVariable("datasource").label("Data source").type(kind)


class _InSight(DashboardLink):
    """The SDK knows one placement, a menu. Without any, the link stands at the top."""

    def build(self) -> Link:
        link = super().build()
        link.placement = None  # pyright: ignore[reportAttributeAccessIssue]
        return link


def link(title: str, uid: str, boundary: str) -> DashboardLink:
    """Return a link to the other dashboard, with the time range and the boundary kept, which is told as `boundary`."""
    return _InSight(title).url(f"/d/{uid}?{boundary}").icon("dashboard").keep_time(True)


def number(title: str, description: str, expr: str, alarming: str | None) -> stat.Panel:
    """Return one figure. It is green at zero, and of the `alarming` colour above; None: it alarms nobody."""
    steps = [Threshold(None, "green" if alarming else "blue")]
    if alarming:
        steps.append(Threshold(1, alarming))
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .span(3)
        .height(4)
        .unit("short")
        .no_value("no process")
        .color_mode(BigValueColorMode.BACKGROUND if alarming else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .thresholds(ThresholdsConfig().steps(steps))
        .with_target(prometheus.Dataquery().expr(expr).instant().ref_id("A"))
    )


def graph(title: str, description: str, unit: str, *queries: tuple[str, str], width: int = 12) -> timeseries.Panel:
    """Return lines over time, one target for each `(expression, legend)`."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .span(width)
        .height(8)
        .unit(unit)
        .min(0)
        .fill_opacity(10)
        .legend(common.VizLegendOptions().show_legend(True))
    )
    for letter, (expr, legend) in zip("ABCDEF", queries, strict=False):
        panel.with_target(prometheus.Dataquery().expr(expr).legend_format(legend).range().ref_id(letter))
    return panel


def list_of(title: str, description: str, expr: str, width: int = 12) -> table.Panel:
    """Return a table of the series that an expression gives now."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .span(width)
        .height(8)
        .with_target(prometheus.Dataquery().expr(expr).instant().format(PromQueryFormat.TABLE).ref_id("A"))
    )


def spans(title: str, description: str, traceql: str) -> table.Panel:
    """Return a table of the spans that a TraceQL query finds; Grafana links each to its trace."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(TEMPO)
        .span(24)
        .height(9)
        .filterable(True)
        .with_target(
            tempo.Dataquery()
            .query_type("traceql")
            .query(traceql)
            .table_type(SearchTableType.SPANS)
            .limit(100)
            .spss(20)
            .filters([])
            .ref_id("A")
        )
    )
