"""The overview, on Prometheus: whether anything is filed under the wrong row, and how the hand-off is doing."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, QueryVariable, Row
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataTransformerConfig,
    VariableRefresh,
    VariableSort,
)

from dashboards.source.panels import OVERVIEW, PROMETHEUS, TRACES, datasource, graph, link, list_of, number

_AT: Final = 'job=~"$job", instance=~"$instance"'
_OF: Final = f'{_AT}, handoff_boundary=~"$boundary"'
_TOTAL: Final = (
    "The highest total of each process in this time range, added up. Nothing at all means that no instrumented process "
    "was scraped."
)


def _choice(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
    )


def _highest(metric: str, selector: str) -> str:
    return f"sum(max_over_time({metric}{{{selector}}}[$__range]))"


def _came(metric: str, by: str, selector: str = _OF, within: str = "$__rate_interval") -> str:
    return f"sum by ({by}) (increase({metric}{{{selector}}}[{within}]))"


def _mismatches(by: str) -> str:
    return _came("handoff_mismatches_total", by)


def _rate(metric: str) -> str:
    return f"sum(rate({metric}{{{_OF}}}[$__rate_interval]))"


def _by_boundary(what: str, metric: str, selector: str = _OF) -> tuple[str, str]:
    rate = f"rate({metric}{{{selector}}}[$__rate_interval])"
    return f"sum by (handoff_boundary) ({rate})", f"{{{{handoff_boundary}}}}: {what}"


def _quantile(share: float) -> tuple[str, str]:
    rate = f"rate(handoff_queue_duration_seconds_bucket{{{_OF}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (le) ({rate}))", f"{share:.0%}"


def _totals() -> Table:
    by = "job, instance, handoff_boundary, handoff_mismatch_evidence, handoff_mismatch_outcome, handoff_mismatch_field"
    return list_of(
        "Mismatches since each process started",
        "Only what is above zero.",
        f"sum by ({by}) (handoff_mismatches_total{{{_OF}}} > 0)",
        width=16,
    ).with_transformation(DataTransformerConfig("organize", options={"excludeByName": {"Time": True}}))


def board() -> Dashboard:
    """Return the dashboard."""
    sent = _came("handoff_sent_rows_total", "handoff_boundary", within="$__range")
    arrived = _came("handoff_arrived_rows_total", "handoff_boundary", within="$__range")
    return (
        Dashboard("otel-handoff / overview")
        .uid(OVERVIEW)
        .description("Rows handed to worker threads, and whether each was worked on under its own ids.")
        .tags(["otel-handoff"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .link(link("Traces", TRACES, "var-boundary=${boundary:pipe}"))  # a regular expression there
        .with_variable(datasource("prometheus"))
        .with_variable(_choice("job", "Job", "label_values(handoff_submissions_total, job)"))
        .with_variable(
            _choice("instance", "Instance", 'label_values(handoff_submissions_total{job=~"$job"}, instance)')
        )
        .with_variable(
            _choice("boundary", "Boundary", f"label_values(handoff_submissions_total{{{_AT}}}, handoff_boundary)")
        )
        .annotation(
            AnnotationQuery()
            .name("Alerts")
            .datasource(PROMETHEUS)
            .enable(True)
            .icon_color("red")
            .expr('ALERTS{alertname=~"Handoff.+", alertstate="firing", job=~"$job", instance=~"$instance"}')
            .title_format("{{alertname}}")
            .text_format(
                "{{handoff_boundary}} {{handoff_mismatch_evidence}} {{handoff_mismatch_outcome}} "
                "{{handoff_unchecked_reason}}"
            )
        )
        .with_panel(
            number(
                "Wrong ids that took effect",
                f"If the evidence is call or result, records are wrong. Counted once for each field. {_TOTAL}",
                _highest("handoff_mismatches_total", f'{_OF}, handoff_mismatch_outcome="used"'),
                "red",
            )
        )
        .with_panel(
            number(
                "Blocked",
                f"Mode strict raised; the row failed. {_TOTAL}",
                _highest("handoff_mismatches_total", f'{_OF}, handoff_mismatch_outcome="blocked"'),
                "red",
            )
        )
        .with_panel(
            number(
                "Prevented",
                f"No record is known to be wrong: the wrong id was spared, or the call under it failed. {_TOTAL}",
                _highest(
                    "handoff_mismatches_total",
                    f'{_OF}, handoff_mismatch_outcome=~"prevented|exposed", handoff_mismatch_evidence!~"start|end"',
                ),
                "orange",
            )
        )
        .with_panel(
            number(
                "Not checked",
                f"Rows that could not be judged: whether they are right is not known. {_TOTAL}",
                _highest("handoff_unchecked_rows_total", _OF),
                "orange",
            )
        )
        .with_panel(
            number(
                "Exposures",
                f"The context moved on while a worker ran, and no use of a wrong id is known: no mismatch. {_TOTAL}",
                _highest("handoff_mismatches_total", f'{_OF}, handoff_mismatch_evidence=~"start|end"'),
                None,
            )
        )
        .with_panel(
            number(
                "Stale work",
                f"Work for a submission that had been given up, or replaced by a retry. {_TOTAL}",
                _highest("handoff_stale_work_total", _OF),
                "orange",
            )
        )
        .with_panel(
            number(
                "Errors of otel-handoff itself",
                f"The pipeline is not affected; some checks are missing. {_TOTAL}",
                _highest("handoff_internal_errors_total", _AT),
                "orange",
            )
        )
        .with_panel(
            number(
                "Rows in flight",
                "Handed over, and neither done nor dropped, nor gone to another process.",
                f"sum(handoff_in_flight{{{_OF}}})",
                None,
            )
        )
        .with_row(Row("Mismatches"))
        .with_panel(
            graph(
                "By outcome",
                "How many came. used and blocked are errors.",
                "short",
                (_mismatches("handoff_mismatch_outcome"), "{{handoff_mismatch_outcome}}"),
                width=8,
            )
        )
        .with_panel(
            graph(
                "By evidence",
                "How it is known: a call or result under wrong ids, a wrong read, a span, the context at start or end.",
                "short",
                (_mismatches("handoff_mismatch_evidence"), "{{handoff_mismatch_evidence}}"),
                width=8,
            )
        )
        .with_panel(
            graph(
                "By field",
                "Which ids disagreed. One mismatch counts once for each.",
                "short",
                (
                    _mismatches("handoff_boundary, handoff_mismatch_field"),
                    "{{handoff_boundary}}.{{handoff_mismatch_field}}",
                ),
                width=8,
            )
        )
        .with_panel(_totals())
        .with_panel(
            list_of(
                "Alerts",
                "What alerts/handoff.rules.yml says now.",
                f'ALERTS{{alertname=~"Handoff.+", {_AT}}}',
                width=8,
            ).with_transformation(
                DataTransformerConfig(
                    "organize", options={"excludeByName": {"Time": True, "Value": True, "__name__": True}}
                )
            )
        )
        .with_row(Row("The hand-off"))
        .with_panel(
            graph(
                "Rows handed over",
                "Submissions per second.",
                "ops",
                (
                    f"sum by (handoff_boundary) (rate(handoff_submissions_total{{{_OF}}}[$__rate_interval]))",
                    "{{handoff_boundary}}",
                ),
            )
        )
        .with_panel(
            graph(
                "Rows not checked, by reason",
                "How many came of which it is not known whether they are right. The runbook has each reason.",
                "short",
                (
                    _came("handoff_unchecked_rows_total", "handoff_boundary, handoff_unchecked_reason"),
                    "{{handoff_boundary}}: {{handoff_unchecked_reason}}",
                ),
            )
        )
        .with_panel(
            graph(
                "Rows handed over, and judged",
                "Per second. Judged is what is left without those that were not checked.",
                "ops",
                (_rate("handoff_submissions_total"), "handed over"),
                (
                    f"clamp_min({_rate('handoff_submissions_total')} - {_rate('handoff_unchecked_rows_total')}, 0)",
                    "judged",
                ),
            )
        )
        .with_panel(
            graph(
                "Rows in flight",
                "As above. A line that only climbs is a pool that does not keep up.",
                "short",
                (f"sum by (handoff_boundary) (handoff_in_flight{{{_OF}}})", "{{handoff_boundary}}"),
            )
        )
        .with_panel(
            graph(
                "Queue time",
                "From a row's submission to the start of its work. The longer, the further its context moves on.",
                "s",
                _quantile(0.5),
                _quantile(0.95),
                _quantile(0.99),
            )
        )
        .with_panel(
            graph(
                "Stale work, and errors of otel-handoff itself",
                "How many came.",
                "short",
                (_came("handoff_stale_work_total", "handoff_boundary"), "stale work, {{handoff_boundary}}"),
                (_came("handoff_internal_errors_total", "job", _AT), "internal errors, {{job}}"),
            )
        )
        .with_row(Row("Across processes"))
        .with_panel(
            graph(
                "Rows sent, arrived, and differing",
                "Per second. Each delivery arrives. What differs is counted once for each field, where it was seen, "
                "also of rows that stay.",
                "ops",
                _by_boundary("sent", "handoff_sent_rows_total"),
                _by_boundary("arrived", "handoff_arrived_rows_total"),
                _by_boundary("differing", "handoff_mismatches_total", f'{_OF}, handoff_mismatch_evidence!~"start|end"'),
            )
        )
        .with_panel(
            graph(
                "Sent, and not arrived",
                "In this time range. What waits in a queue is among them, and what went to a worker that is not "
                "scraped, or has no otel-handoff.",
                "short",
                (f"clamp_min({sent} - {arrived}, 0)", "{{handoff_boundary}}"),
            )
        )
    )
