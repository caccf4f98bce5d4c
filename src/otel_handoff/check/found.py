"""The findings in a settled store: what detectors reported, spans that disagree, and submissions claimed twice.

Whose ids were used is not told yet.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, Final

from otel_handoff.check.finding import WORK, Finding, Submitted, from_report
from otel_handoff.check.store import CALL, ROW, Store
from otel_handoff.record import semconv

_SUBMITTED: Final = (semconv.SUBMISSION_TIME, semconv.SUBMISSION_THREAD, semconv.SUBMISSION_LOCATION)


def found(store: Store) -> Generator[Finding]:
    """Yield what a judge has noted: what a detector reported first, in the order of the files."""
    yield from _reported(store)
    yield from _odd(store)
    yield from _claims(store)


def _reported(store: Store) -> Generator[Finding]:
    for attributes, time, trace, span, row, ids in store.db.execute(
        "SELECT reports.attributes, reports.time, hex(spans.trace), hex(spans.span), row.attributes, row.ids"
        " FROM reports JOIN spans ON spans.id = reports.span"
        " LEFT JOIN under ON under.span = spans.id LEFT JOIN spans AS row ON row.id = under.row"
        " ORDER BY reports.id"
    ):
        report: dict[str, Any] = json.loads(attributes)
        if row is not None and semconv.SUBMISSION_TIME not in report:  # the mark on a call's span does not tell
            carried: dict[str, Any] = json.loads(row)
            report.update({name: carried[name] for name in _SUBMITTED if name in carried})
        finding = from_report(report, ids and json.loads(ids), trace.lower(), span.lower(), time)
        if finding is not None:
            yield finding


def _odd(store: Store) -> Generator[Finding]:
    for name, kind, start, attributes, trace, span, observed, count, row, ids in store.db.execute(
        "SELECT span.name, span.kind, span.start, span.attributes, hex(span.trace), hex(span.span), odd.observed,"
        " odd.spans, row.attributes, row.ids"
        " FROM odd JOIN spans AS span ON span.id = odd.span JOIN spans AS row ON row.id = odd.row ORDER BY odd.span"
    ):
        submission = submitted(json.loads(row), json.loads(ids))
        used: dict[str, str] = json.loads(observed)
        carried: dict[str, Any] = json.loads(attributes)
        prefix = f"{submission.boundary}."
        yield Finding(
            submission=submission,
            evidence="call" if kind == CALL else "span",
            outcome="used",
            expected={field: submission.ids[field] for field in used},
            observed=used,
            trace_id=trace.lower(),
            span_id=span.lower(),
            thread_name=str(carried.get(semconv.THREAD_NAME, "")),
            time_unix_nano=start,
            target=name,
            details={
                key: value
                for key, value in carried.items()
                if kind == CALL and key.startswith(prefix) and key.removeprefix(prefix) not in submission.ids
            },
            spans=count,
        )


def _claims(store: Store) -> Generator[Finding]:
    for count, start, trace, span, attributes, ids in store.db.execute(
        "SELECT count(*), max(start), hex(trace), hex(span), attributes, ids FROM spans WHERE kind = ?"
        " GROUP BY process, boundary, number, time HAVING count(*) > 1",
        (ROW,),
    ):
        carried: dict[str, Any] = json.loads(attributes)
        yield Finding(
            submission=submitted(carried, json.loads(ids)),
            evidence=WORK,
            outcome="exposed",
            expected={},
            observed={},
            trace_id=trace.lower(),
            span_id=span.lower(),
            stale=carried.get(semconv.STALE) is True,
            thread_name=str(carried.get(semconv.THREAD_NAME, "")),
            time_unix_nano=start,
            spans=count,
        )


def submitted(row: dict[str, Any], ids: dict[str, str]) -> Submitted:
    """Return the submission that a row span tells: by its attributes, and by its ids."""
    return Submitted(
        row[semconv.SUBMISSION_ID],
        row[semconv.BOUNDARY],
        ids,
        str(row.get(semconv.SUBMISSION_THREAD, "")),
        row[semconv.SUBMISSION_TIME],
        str(row.get(semconv.SUBMISSION_LOCATION, "")),
    )
