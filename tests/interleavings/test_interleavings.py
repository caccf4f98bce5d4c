"""Every interleaving of elspeth.md §1, in every mode: the trail, the mismatches, and all telemetry, exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.interleavings.expectations import CALL, CASES, CLEAN_CASES, Case, ids
from tests.interleavings.harness import NODE, RUN, Outcome, Report, SeenLog, SeenSpan, run
from tests.telemetry import Telemetry

EVERY_CASE = pytest.mark.parametrize("case", [*CASES, *CLEAN_CASES], ids=str)
INSTRUMENTED = pytest.mark.parametrize("case", [case for case in (*CASES, *CLEAN_CASES) if case.mode != "off"], ids=str)

ERRORS = ("used", "blocked")


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """What came of the cases that have run, by their names."""
    return {}


@pytest.fixture
def outcome(case: Case, outcomes: dict[str, Outcome], tmp_path: Path) -> Outcome:
    """Run the case, once for all that is asked of it."""
    if str(case) not in outcomes:
        telemetry = Telemetry()
        try:
            outcomes[str(case)] = run(case.scenario, tmp_path, telemetry, mode=case.mode, watch=case.watch)
        finally:
            telemetry.shutdown()
    return outcomes[str(case)]


def test_each_case_has_a_name_of_its_own() -> None:
    """Or one would be asked what another came to."""
    assert len({str(case) for case in (*CASES, *CLEAN_CASES)}) == len([*CASES, *CLEAN_CASES])


@EVERY_CASE
def test_the_landscape(case: Case, outcome: Outcome) -> None:
    """Each call stands under the state that this mode lets it stand under, and each attempt ended as it should."""
    assert outcome.calls == list(case.expected.calls)
    assert outcome.attempts == case.expected.attempts
    assert outcome.raised == case.expected.raised


@EVERY_CASE
def test_the_results(case: Case, outcome: Outcome) -> None:
    """Each result is emitted under these ids, and delivered or dropped."""
    assert outcome.routed == list(case.expected.routed)


@EVERY_CASE
def test_the_mismatches(case: Case, outcome: Outcome) -> None:
    """These mismatches are reported, with both sides, place and culprit, and no others."""
    assert outcome.reports == list(case.expected.reports)
    assert outcome.internal_errors == 0


@EVERY_CASE
def test_the_row_spans(case: Case, outcome: Outcome) -> None:
    """Each submission has one row span, with its ids, and the mismatches that no call span carries; marked for all."""
    assert outcome.row_spans == ({} if case.mode == "off" else {of: row_span(case, of) for of in case.submitted})


@EVERY_CASE
def test_the_links(case: Case, outcome: Outcome) -> None:
    """Each leads to the row that the culprit wrote for, if that had begun by then, which is chance."""
    for label, span in [*outcome.row_spans.items(), *outcome.client_spans.items()]:
        blamed = [f"row {culprit['state_id']}" for culprit in culprits(case.expected.reports, label)]
        assert [to for to, _ in span.links if to not in blamed] == []
        assert [attributes["handoff.submission.id"] for _, attributes in span.links] == [
            str(to).removeprefix("row ") for to, _ in span.links
        ]


@EVERY_CASE
def test_the_call_spans(case: Case, outcome: Outcome) -> None:
    """Each call, recorded, refused or blocked, has one span as long as the call took."""
    assert outcome.client_spans == ({} if case.mode == "off" else call_spans(case))
    assert outcome.client_durations_ms == pytest.approx([5.0] * len(outcome.client_spans))


@EVERY_CASE
def test_the_log_records(case: Case, outcome: Outcome) -> None:
    """Each mismatch is a log record of its severity, with the event's attributes, on the span that carries it."""
    assert outcome.logs == [
        SeenLog(
            event_name="handoff.mismatch.found",
            severity="ERROR ERROR" if report.outcome in ERRORS else "WARN WARN",
            attributes=event(report, case.mode),
            span=carrier(report),
            whole=True,
        )
        for report in case.expected.reports
    ]


@EVERY_CASE
def test_what_is_not_known(case: Case, outcome: Outcome) -> None:
    """Every row is judged, in every field. An id that a worker leaves on its copy is told, once."""
    assert outcome.unchecked == ([("left_on_copy", True)] if left_on_copy(case) else [])


@INSTRUMENTED
def test_the_metrics(case: Case, outcome: Outcome) -> None:
    """Each field of each mismatch is counted, and nothing is left in flight."""
    mismatches = Counter(
        ("elspeth", report.evidence, field, report.outcome)
        for report in case.expected.reports
        for field in report.observed
    )
    assert outcome.counts == {
        "handoff.mismatches": dict(mismatches),
        "handoff.submissions": {("elspeth",): len(case.submitted)},
        "handoff.queue.duration": {("elspeth",): len(case.submitted)},
        "handoff.stale_work": {("elspeth",): len(case.stale)} if case.stale else {},
        "handoff.in_flight": {},
    }
    assert outcome.series == {"handoff.mismatches": 5 * 15, "handoff.stale_work": 1, "handoff.in_flight": 1}


# -- what a mismatch looks like in telemetry, written out


def carrier(report: Report) -> str:
    """Return the span that carries a mismatch: the call's own, or the row's."""
    return f"{'call' if report.evidence == 'call' else 'row'} {report.of}"


def ids_of(of: str) -> dict[str, object]:
    """Return the submission-time ids as span attributes."""
    return {f"elspeth.{field}": value for field, value in ids(of).items()}


def details(index: int | None) -> dict[str, object]:
    """Return what is told of a call."""
    if index is None:
        return {}
    return {"elspeth.call.index": index, "elspeth.call.type": "http", "elspeth.call.status": "success"}


def event(report: Report, mode: str) -> dict[str, object]:
    """Return the attributes of the event and of the log record."""
    attributes: dict[str, object] = {
        "handoff.boundary": "elspeth",
        "handoff.mode": mode,
        "handoff.submission.id": report.of,
        "handoff.submission.time_unix_nano": "an int",
        "handoff.submission.thread.name": "MainThread",
        "handoff.submission.location": "accept",
        "handoff.mismatch.fields": tuple(report.observed),
        "handoff.mismatch.evidence": report.evidence,
        "handoff.mismatch.outcome": report.outcome,
        "code.file.path": "a file",
        "code.line.number": "a line",
        "code.function.name": report.where,
        "handoff.mismatch.occurrence": "a count",
        **({"handoff.mismatch.torn": True} if report.torn else {}),
        "handoff.stale": report.stale,
        "thread.name": report.thread,
        **ids_of(report.of),
        **{f"handoff.expected.{field}": value for field, value in report.expected.items()},
        **observed(report),
        **details(report.index),
    }
    if report.target:
        attributes["handoff.call.target"] = report.target
    culprit = report.culprit
    if culprit is not None:
        attributes["handoff.culprit.field"] = culprit.field
        attributes["handoff.culprit.location"] = culprit.where
        attributes["handoff.culprit.thread.name"] = culprit.thread
        attributes["handoff.culprit.time_unix_nano"] = "an int"
        if culprit.submission is not None:
            attributes["handoff.culprit.submission.id"] = culprit.submission["state_id"]
            for field, value in culprit.submission.items():
                attributes[f"handoff.culprit.ids.{field}"] = value
    return attributes


def observed(report: Report) -> dict[str, object]:
    """Return the observed ids; None is told as a word, for no attribute can be None."""
    return {f"handoff.observed.{field}": value or "None" for field, value in report.observed.items()}


def marks(reports: list[Report], span: str) -> dict[str, object]:
    """Return what mismatches leave on a span: errors before warnings, its own before those of its calls."""
    if not reports:
        return {}
    first = max(reports, key=lambda report: (report.outcome in ERRORS, carrier(report) == span))
    culprit = first.culprit.submission if first.culprit is not None else None
    return {
        **({"error.type": "handoff_mismatch"} if first.outcome in ERRORS else {}),
        **({"handoff.culprit.submission.id": culprit["state_id"]} if culprit is not None else {}),
        **({"handoff.mismatch.span.id": carrier(first)} if any(carrier(report) != span for report in reports) else {}),
        "handoff.mismatch.found": True,
        "handoff.mismatch.fields": tuple(first.observed),
        "handoff.mismatch.evidence": first.evidence,
        "handoff.mismatch.outcome": first.outcome,
        "handoff.submission.location": "accept",
        **observed(first),
    }


def culprits(reports: Sequence[Report], of: str) -> list[Mapping[str, object]]:
    """Return the ids of the submissions that the culprits of one wrote for."""
    found = [report.culprit for report in reports if report.of == of]
    return [culprit.submission for culprit in found if culprit is not None and culprit.submission is not None]


def status(reports: list[Report], raised: str | None) -> str:
    """Return a span's status."""
    return "ERROR" if raised or any(report.outcome in ERRORS for report in reports) else "UNSET"


def row_span(case: Case, of: str) -> SeenSpan:
    """Return the span of one attempt."""
    reports = [report for report in case.expected.reports if report.of == of]
    raised = case.expected.work_raised.get(of)
    return SeenSpan(
        name="process elspeth",
        kind="CONSUMER",
        parent="run",
        attributes={
            "handoff.boundary": "elspeth",
            "handoff.submission.id": of,
            "handoff.submission.time_unix_nano": "an int",
            "handoff.submission.thread.name": "MainThread",
            "handoff.queue.duration": "seconds",
            "thread.name": "scripted-worker_1" if (case.name, of) in SECOND_WORKER else "scripted-worker_0",
            "elspeth.run_id": RUN,
            "elspeth.node_id": NODE,
            **ids_of(of),
            **({"handoff.stale": True} if of in case.stale else {}),
            **(LEFT if left_on_copy(case) else {}),
            **({} if case.watch or case.mode == "pin" else {"handoff.unwatched": True}),
            **marks(reports, f"row {of}"),
            **({"error.type": raised} if raised else {}),
        },
        mismatches=[event(report, case.mode) for report in reports if carrier(report) == f"row {of}"],
        other_events=["exception"] if raised else [],
        status=status(reports, raised),
    )


def left_on_copy(case: Case) -> bool:
    """Whether the worker writes an id to its own copy, where the submitter does not see it."""
    return (case.name, case.mode) == ("own_write", "pin")


LEFT: dict[str, object] = {
    "handoff.unchecked.reason": "left_on_copy",
    "handoff.unchecked.fields": ("node_id",),
    "handoff.unchecked.pinned": True,
}


SECOND_WORKER = {("b1", "A1"), ("b2", "B0")}


def call_spans(case: Case) -> dict[str, SeenSpan]:
    """Return the span of each attempt's call: it has one index, and one mismatch at most."""
    expected = case.expected
    indices = {call.made_by: call.index for call in expected.calls}
    indices |= {of: 0 for of, error in expected.raised.items() if error == "IntegrityError"}
    indices |= {report.of: report.index or 0 for report in expected.reports if report.target == CALL}
    return {of: call_span(case, of, index) for of, index in indices.items()}


def call_span(case: Case, of: str, index: int) -> SeenSpan:
    """Return the span of the call that attempt `of` made."""
    reports = [report for report in case.expected.reports if carrier(report) == f"call {of}"]
    refused = case.expected.raised.get(of) if not any(report.outcome == "blocked" for report in reports) else None
    return SeenSpan(
        name=CALL,
        kind="INTERNAL",
        parent=f"row {of}",
        attributes={
            "handoff.boundary": "elspeth",
            "handoff.submission.id": of,
            **ids_of(of),
            **details(index),
            **marks(reports, f"call {of}"),
            **({"error.type": refused} if refused else {}),
        },
        mismatches=[event(report, case.mode) for report in reports],
        other_events=["exception"] if refused else [],
        status=status(reports, refused),
    )
