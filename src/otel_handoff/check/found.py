"""The findings in a settled store: what detectors reported, spans that disagree, and submissions claimed twice.

Whose ids were used is not told yet.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, Final

from otel_handoff.check.finding import WORK, Finding, Submitted, from_report
from otel_handoff.check.spelt import is_same
from otel_handoff.check.store import CALL, Store, unpacked
from otel_handoff.record import semconv
from otel_handoff.record.hashing import PREFIX

_SUBMITTED: Final = (
    *(semconv.BOUNDARY, semconv.SUBMISSION_ID),
    *(semconv.SUBMISSION_TIME, semconv.SUBMISSION_THREAD, semconv.SUBMISSION_LOCATION),
)


def found(store: Store) -> Generator[Finding]:
    """Yield what a judge has noted: what a detector reported first, in the order of the files."""
    yield from _reported(store)
    yield from _odd(store)
    yield from _claims(store)
    yield from _others_than_sent(store)


def _reported(store: Store) -> Generator[Finding]:
    for attributes, time, trace, span, row, ids in store.db.execute(
        "SELECT reports.attributes, reports.time, spans.trace, spans.span, row.attributes, row.ids"
        " FROM reports JOIN spans ON spans.id = reports.span"
        " LEFT JOIN under ON under.span = spans.id LEFT JOIN spans AS row ON row.id = under.row"
        " ORDER BY reports.id"
    ):
        report: dict[str, Any] = unpacked(attributes)
        if row is not None and semconv.SUBMISSION_TIME not in report:  # the mark on a call's span does not tell
            carried: dict[str, Any] = unpacked(row)
            report = {**{name: carried[name] for name in _SUBMITTED if name in carried}, **report}
        yield from_report(report, ids and json.loads(ids), trace, span, time)


def _odd(store: Store) -> Generator[Finding]:
    for name, kind, start, attributes, trace, span, observed, count, row, ids in store.db.execute(
        "SELECT span.name, span.kind, span.start, span.attributes, span.trace, span.span, odd.observed,"
        " odd.spans, row.attributes, row.ids"
        " FROM odd JOIN spans AS span ON span.id = odd.span JOIN spans AS row ON row.id = odd.row ORDER BY odd.span"
    ):
        submission = submitted(unpacked(row), json.loads(ids))
        used: dict[str, str] = json.loads(observed)
        carried: dict[str, Any] = unpacked(attributes)
        prefix = f"{submission.boundary}."
        yield Finding(
            submission=submission,
            evidence="call" if kind == CALL else "span",
            outcome="used",
            expected={field: submission.ids[field] for field in used},
            observed=used,
            trace_id=trace,
            span_id=span,
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
        "SELECT count(*), max(start), trace, span, attributes, ids"
        " FROM twice JOIN spans USING (process, boundary, number, time, delivery)"
        " WHERE kind = 'row' AND NOT EXISTS (SELECT * FROM unchecked WHERE unchecked.span = spans.id)"
        " GROUP BY process, boundary, number, time, delivery HAVING count(*) > 1"
    ):
        carried: dict[str, Any] = unpacked(attributes)
        yield Finding(
            submission=submitted(carried, json.loads(ids)),
            evidence=WORK,
            outcome="exposed",
            expected={},
            observed={},
            trace_id=trace,
            span_id=span,
            stale=carried.get(semconv.STALE) is True,
            thread_name=str(carried.get(semconv.THREAD_NAME, "")),
            time_unix_nano=start,
            spans=count,
        )


def _others_than_sent(store: Store) -> Generator[Finding]:
    # What was worked on says of itself that it is another row than was sent: a slip was changed on its way, or work was
    # sent on by somebody with other arguments.
    for start, trace, span, attributes, sent, ids in store.db.execute(
        "SELECT row.start, row.trace, row.span, sent.attributes, sent.ids, row.ids"
        " FROM spans AS sent JOIN spans AS row USING (process, boundary, number)"
        " WHERE sent.kind = 'sent' AND row.kind = 'row' AND row.ids <> sent.ids ORDER BY row.id"
    ):
        expected, observed = json.loads(sent), json.loads(ids)
        wrong = {
            name: id_
            for name, id_ in observed.items()
            if name in expected
            and not is_same(expected[name], id_)
            and expected[name].startswith(PREFIX) == id_.startswith(PREFIX)
        }
        if wrong:
            yield Finding(
                submission=submitted(unpacked(attributes), expected),
                evidence=WORK,
                outcome="used",
                expected={name: expected[name] for name in wrong},
                observed=wrong,
                trace_id=trace,
                span_id=span,
                time_unix_nano=start,
            )


def submitted(row: dict[str, Any], ids: dict[str, str]) -> Submitted:
    """Return the submission that a row span tells, by its attributes and ids; or what stands for a row without one."""
    return Submitted(
        _whole(row, semconv.SUBMISSION_ID),
        row[semconv.BOUNDARY],
        ids,
        str(row.get(semconv.SUBMISSION_THREAD, "")),
        _whole(row, semconv.SUBMISSION_TIME),
        str(row.get(semconv.SUBMISSION_LOCATION, "")),
    )


def _whole(row: dict[str, Any], name: str) -> int:
    value = row.get(name)
    return value if isinstance(value, int) else 0
