"""One mismatch, as a detector reported it on a span or as it was found in the spans."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from otel_handoff.check import earlier
from otel_handoff.record import semconv
from otel_handoff.record.mismatch import ERRORS
from otel_handoff.record.shown import show
from otel_handoff.record.story import headline

WORK: Final = "work"
"""The evidence that only spans have: two row spans of one submission, or one that is another than was sent."""

UNTOLD: Final = "not told"
"""The evidence, the outcome or the id where a report does not say: it is a mismatch all the same."""

_OUR_NAMES: Final = frozenset(value for name, value in vars(semconv).items() if name.isupper())

Ids = Mapping[str, Any]


@dataclass(frozen=True)
class Submitted:
    """The submission, as far as it is told."""

    number: int
    boundary: str
    ids: Ids
    thread_name: str = ""
    time_unix_nano: int = 0
    location: str = ""


@dataclass(frozen=True)
class Culprit:
    """The write that put the wrong value there, and the submission it was made for; `ids` may be empty."""

    field: str
    value: Any
    thread_name: str
    location: str
    time_unix_nano: int
    number: int | None = None
    ids: Ids = dataclasses.field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Finding:
    """A mismatch. The names are those of `otel_handoff.Mismatch`, where it has them.

    Attributes:
        found_by: `detector`, which reported it while it happened, or `check`.
        spans: how many spans show the same; more than one only for evidence `span`, and `work`: how many workers.
        unknown: the observed fields whose value no submission in the files carries.
        filed: the ids of the submission whose ids were used, where it is known.
        again: how and where the row met the same wrong ids again, without a record of it.
        is_again: whether this is told as part of another, which has it in `again`.
        mode: of the detector, where it says so.
    """

    submission: Submitted
    evidence: str
    outcome: str
    expected: Ids
    observed: Ids
    trace_id: str
    span_id: str
    found_by: str = "check"
    stale: bool = False
    torn: bool = False
    thread_name: str = ""
    time_unix_nano: int = 0
    location: str = ""
    target: str = ""
    details: Ids = dataclasses.field(default_factory=dict[str, Any])
    culprit: Culprit | None = None
    spans: int = 1
    unknown: tuple[str, ...] = ()
    filed: Ids = dataclasses.field(default_factory=dict[str, Any])
    again: tuple[str, ...] = ()
    is_again: bool = False
    mode: str = ""

    @property
    def is_mismatch(self) -> bool:
        """Whether it counts: it is neither an exposure nor part of another."""
        return not self.is_exposure and not self.is_again

    @property
    def is_exposure(self) -> bool:
        """Whether the context had merely moved on while the worker ran: that is no mismatch, but worth a note."""
        return is_exposure(self.evidence, self.outcome)

    @property
    def is_error(self) -> bool:
        """Whether a wrong id took effect or had to be blocked, as far as is known."""
        return self.outcome in ERRORS or self.outcome == UNTOLD

    @property
    def is_record(self) -> bool:
        """Whether a record of the audit trail is wrong by it: a call or result that was filed under wrong ids."""
        return self.outcome == "used" and self.evidence in ("call", "result")

    @property
    def headline(self) -> str:
        """What happened, in one line."""
        if self.evidence == WORK and self.observed:
            sides = ", ".join(
                f"{name}={show(id_)} instead of {show(self.expected[name])}" for name, id_ in self.observed.items()
            )
            return f"what was worked on is another row than was sent: {sides}"
        if self.evidence == WORK:
            return f"{self.spans} workers claimed one submission"
        if self.evidence == UNTOLD or not self.observed:
            return "a mismatch, of which the span does not tell all"
        return headline(self)

    def names(self, id_: str) -> bool:
        """Whether either side has `id_`: the submission, the one whose ids were used, or the span that says so."""
        culprit: Ids = self.culprit.ids if self.culprit else {}
        sides = (self.submission.ids, self.expected, self.observed, self.filed, culprit)
        return id_.lower() in (self.trace_id, self.span_id) or any(
            str(value) == id_ for side in sides for value in side.values()
        )

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-ready primitives, in the shape of `Mismatch.as_dict()` and a little more."""
        plain: dict[str, object] = {"headline": self.headline}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            plain[each.name] = dict(vars(value)) if isinstance(value, (Submitted, Culprit)) else value
        return plain


def from_report(report: Mapping[str, Any], row: Ids | None, trace_id: str, span_id: str, time: int) -> Finding:
    """Read back what a detector put on a span; a limit on attributes may have left anything out.

    Args:
        report: the attributes of the event of a mismatch, or the mark on the span.
        row: the ids of the submission, from its row span, where that is known.
        trace_id: of the span.
        span_id: likewise.
        time: the event's, or the end of the span, in nanoseconds since the epoch.
    """
    boundary = _text(report, semconv.BOUNDARY)
    observed = _after(report, semconv.OBSERVED)
    if not observed:
        fields = report.get(semconv.MISMATCH_FIELDS)
        observed = {str(name): UNTOLD for name in cast("list[Any]", fields)} if isinstance(fields, list) else {}
    prefix, known = f"{boundary}.", row or {}
    own = ids_of(boundary, report)
    ids = {name: value for name, value in own.items() if (name in row if row is not None else "." not in name)}
    not_details = {*_OUR_NAMES, *(prefix + name for name in ids)}
    return Finding(
        submission=Submitted(
            _whole(report, semconv.SUBMISSION_ID),
            boundary,
            ids,
            _text(report, semconv.SUBMISSION_THREAD),
            _whole(report, semconv.SUBMISSION_TIME),
            _text(report, semconv.SUBMISSION_LOCATION),
        ),
        evidence=_text(report, semconv.MISMATCH_EVIDENCE) or UNTOLD,
        outcome=_text(report, semconv.MISMATCH_OUTCOME) or UNTOLD,
        # An id that was None is left out of what the row carries, but not of the report.
        expected={name: report.get(semconv.EXPECTED + name, ids.get(name, known.get(name))) for name in observed},
        observed=observed,
        trace_id=trace_id,
        span_id=span_id,
        found_by="detector",
        stale=report.get(semconv.STALE) is True,
        torn=report.get(semconv.MISMATCH_TORN) is True,
        mode=_text(report, semconv.MODE),
        thread_name=_text(report, semconv.THREAD_NAME),
        time_unix_nano=time,
        location=_location(report),
        target=_text(report, semconv.CALL_TARGET),
        details={
            name: value for name, value in report.items() if name not in not_details and not name.startswith("handoff.")
        },
        culprit=_culprit(report, observed, has_id="id" in {**ids, **observed}),
    )


def is_exposure(evidence: object, outcome: object) -> bool:
    """Whether that is known of a context which merely moved on: no use of a wrong id."""
    return outcome == "exposed" and evidence in ("start", "end")


def ids_of(boundary: str, carried: Ids) -> dict[str, Any]:
    """Return what `carried` has as `<boundary>.<name>`, by name."""
    prefix = f"{boundary}."
    # A boundary may be named as the first part of what is on every row span: `thread`, say.
    return {
        name.removeprefix(prefix): value
        for name, value in carried.items()
        if name.startswith(prefix) and name not in _OUR_NAMES
    }


def _culprit(report: Mapping[str, Any], observed: Ids, *, has_id: bool) -> Culprit | None:
    location = _text(report, semconv.CULPRIT_LOCATION)
    if not location:
        return None
    name = _text(report, semconv.CULPRIT_FIELD)
    number, ids = report.get(semconv.CULPRIT_SUBMISSION_ID), _after(report, semconv.CULPRIT_ID)
    if not ids:
        number, ids = earlier.culprit_of(report, has_id=has_id)
    return Culprit(
        field=name,
        value=observed.get(name),
        thread_name=_text(report, semconv.CULPRIT_THREAD),
        location=location,
        time_unix_nano=_whole(report, semconv.CULPRIT_TIME),
        number=number if isinstance(number, int) else None,
        ids=ids,
    )


def _location(report: Mapping[str, Any]) -> str:
    # As all others are told.
    path, function = _text(report, semconv.CODE_FILE), _text(report, semconv.CODE_FUNCTION)
    if not path:
        return _text(report, earlier.LOCATION)
    return f"{path}:{_whole(report, semconv.CODE_LINE)} in {function.rpartition('.')[2]}"


def _after(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _whole(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else 0
