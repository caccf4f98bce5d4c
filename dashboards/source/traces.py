"""The trace board, on Tempo: the spans behind each mismatch, and what happened to one id."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, TextBoxVariable
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from dashboards.source.panels import OVERVIEW, TRACES, datasource, link, spans

_AT: Final = 'span.handoff.boundary =~ "$boundary"'
_WHO: Final = "span.handoff.boundary, span.handoff.submission.id, span.handoff.submission.thread.name, span.thread.name"
_WHAT: Final = "span.handoff.mismatch.outcome, span.handoff.mismatch.evidence"


def _mismatches(outcomes: str) -> str:
    return f'{{ span.handoff.mismatch.outcome =~ "{outcomes}" && {_AT} }} | select({_WHAT}, {_WHO})'


def board() -> Dashboard:
    """Return the dashboard."""
    return (
        Dashboard("otel-handoff / traces")
        .uid(TRACES)
        .description("The spans of rows that were worked on under wrong ids. Each leads to its trace.")
        .tags(["otel-handoff"])
        .readonly()
        .tooltip(DashboardCursorSync.OFF)
        .time("now-6h", "now")
        .timezone("browser")
        .link(link("Overview", OVERVIEW, "${boundary:queryparam}"))
        .with_variable(datasource("tempo"))
        .with_variable(TextBoxVariable("boundary").label("Boundary").default_value(".+"))
        .with_variable(TextBoxVariable("field").label("Field").default_value("elspeth.token_id"))
        .with_variable(TextBoxVariable("id").label("Id").default_value("token-0006"))
        .with_panel(
            spans(
                "Wrong ids that took effect, or were blocked",
                "The row, and the call if it was one. The event handoff.mismatch.found has both sides, and the write.",
                _mismatches("used|blocked"),
            )
        )
        .with_panel(
            spans(
                "Prevented or exposed",
                "The race is there, but no record is known to be wrong.",
                _mismatches("prevented|exposed"),
            )
        )
        .with_panel(
            spans(
                "Not checked",
                "Rows that could not be judged: whether they are right is not known. One span may stand for several.",
                f'{{ span.handoff.unchecked.reason =~ ".+" && {_AT} }}'
                f" | select(span.handoff.unchecked.reason, span.handoff.unchecked.fields, span.handoff.unchecked.rows, "
                f"span.handoff.unchecked.pinned, {_WHO})",
            )
        )
        .with_panel(
            spans(
                "Everything under one id",
                "Each span that a submission's ids stand on, also those of other instrumentations.",
                f'{{ span.$field = "$id" }} | select({_WHO}, span.handoff.mismatch.outcome)',
            )
        )
        .with_panel(
            spans(
                "Stale work",
                "Rows whose work ran after their submission was evicted, or replaced by a retry.",
                f"{{ span.handoff.stale = true && {_AT} }} | select({_WHO}, span.handoff.queue.duration)",
            )
        )
        .with_panel(
            spans(
                "Rows that waited for more than a second",
                "From submission to the start of the work.",
                f"{{ kind = consumer && span.handoff.queue.duration > 1.0 && {_AT} }}"
                f" | select({_WHO}, span.handoff.queue.duration)",
            )
        )
    )
