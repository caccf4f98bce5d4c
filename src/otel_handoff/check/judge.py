"""The funnel: spans in, findings out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from otel_handoff.check import earlier
from otel_handoff.check.again import Again
from otel_handoff.check.carried import Carried
from otel_handoff.check.checked import Checked, count
from otel_handoff.check.columns import Columns
from otel_handoff.check.finding import Culprit, Finding, ids_of, is_exposure
from otel_handoff.check.found import found
from otel_handoff.check.spelt import is_same
from otel_handoff.check.store import (
    CALL,
    FOREIGN,
    GAP,
    ROW,
    SENT,
    SPANLESS,
    UNCHECKED,
    UNCOUNTED,
    UNSENT,
    Column,
    Store,
    has_list,
    packed,
    unpacked,
)
from otel_handoff.record import semconv
from otel_handoff.record.gaps import Gap, gap_of
from otel_handoff.record.hashing import PREFIX
from otel_handoff.traces.otlp import Attributes, SpanRecord, Value

Aliases = Mapping[str, Mapping[str, str]]
"""Boundary -> the name under which others put an id on their spans -> the field."""

_LONGEST_ID: Final = 512
"""Longer values are kept only where a detector reported them."""
_LONGEST_REASON: Final = 100
_MOST_DIGITS: Final = 20
_INT64: Final = 1 << 63
_MOST_ROWS: Final = 1 << 31

_OURS: Final = (
    *(semconv.SUBMISSION_ID, semconv.SUBMISSION_TIME, semconv.QUEUE_DURATION, semconv.UNCHECKED_REASON),
    semconv.JUDGED_ROWS,
)
"""Nobody else's spans have one of these beside a boundary."""

# Asked for of each span.
_BOUNDARY: Final = semconv.BOUNDARY
_MISMATCH: Final = semconv.MISMATCH
_MARKED: Final = earlier.MISMATCH
_NUMBER: Final = semconv.SUBMISSION_ID
_TIME: Final = semconv.SUBMISSION_TIME
_REASON: Final = semconv.UNCHECKED_REASON
_UNWATCHED: Final = semconv.UNWATCHED
_HOME: Final = semconv.SUBMISSION_PROCESS
_DURATION: Final = semconv.QUEUE_DURATION

_PROCESS: Final = ("service.instance.id", "process.pid")
_ITS_HOST: Final = ("host.id", "host.name", "container.id", "service.name")


# Made once: `json.dumps` makes one for each call that is not of its defaults.
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Judge:
    """Takes spans, in any order; then says what was there, and what is wrong.

    Attributes:
        store: all of it, for whoever wants to see what was around.
        columns: after `finish`: what a list of the wrong records needs.

    Raises:
        sqlite3.Error: from each method, when the disk is full.
    """

    def __init__(self, aliases: Aliases) -> None:
        """Take an attribute for an id also where `aliases` says so."""
        self._aliases = aliases
        self._carried = Carried(name for of_boundary in aliases.values() for name in of_boundary)
        self.store = Store()
        self.columns = Columns()
        self._again = Again(self.store)
        self._unread = 0
        self._last: tuple[dict[str, Any], str | None] = {}, None
        self._exporter: tuple[dict[str, Any], str, int] = {}, "", 0

    def close(self) -> None:
        """Forget everything."""
        self.store.close()

    # -- taking spans in

    def add(self, span: SpanRecord) -> None:
        """Take one span."""
        values = span.attributes
        boundary = values.get(_BOUNDARY)
        if boundary is not None:
            if isinstance(boundary, str) and 0 < len(boundary) <= _LONGEST_ID:
                self._add_ours(span, boundary)
                return
            self._unread += any(name in values for name in _OURS)
        trace, own, parent, start, end = span.trace_id, span.span_id, span.parent_span_id, span.start_ns, span.end_ns
        kept = _packed(values), "", self._carried.by_another(values), 0
        self.store.add(
            (FOREIGN, trace, own, parent, "", "", "", "", 0, start, end, 0, span.name, *kept),
            self._reports(span) if span.events or _MISMATCH in values or _MARKED in values else (),
        )

    def _add_ours(self, span: SpanRecord, boundary: str) -> None:
        """Take one that has a boundary: of otel-handoff's, but for what it tags of others."""
        values = span.attributes
        number, time = values.get(_NUMBER), values.get(_TIME)
        kind, ids, unchecked, gap, spanless, carried = FOREIGN, "", None, None, None, ""
        home, delivery = values.get(_HOME), 0
        if home is not None and _DURATION not in values and _REASON not in values and _is_sent(values):
            is_failed = semconv.ERROR_TYPE in values and _MISMATCH not in values
            kind, number, time = UNSENT if is_failed else SENT, _number(number), _number(time)
        elif type(number) is int and _REASON not in values and (time is None or type(time) is int):  # as most are
            kind = CALL if time is None else ROW
        else:
            number, time = _number(number), _number(time)
            reason = values.get(_REASON)
            if isinstance(reason, str):
                unchecked = _unchecked(reason, values)
            if unchecked is not None and _DURATION not in values:
                kind = UNCHECKED  # no work was seen, and perhaps no submission
                gap = _gap(boundary, unchecked[0], values)
                if gap is not None:
                    kind, unchecked = GAP, None
            elif isinstance(number, int):
                kind = ROW if isinstance(time, int) else CALL
            elif (spanless := _spanless(boundary, values)) is not None:
                kind = SPANLESS
            if kind == FOREIGN or (reason is not None and unchecked is None and gap is None):
                self._unread += any(name in values for name in _OURS)
        if kind == CALL:
            carried = self._carried.by_call(boundary, values)
        elif kind in (ROW, UNCHECKED, SENT, UNSENT):
            told = {name: str(id_) for name, id_ in ids_of(boundary, values).items()}
            ids, carried = _json(told), self._carried.by_row(boundary, told) if kind == ROW else ""
        ours: tuple[Column, ...] = "", "", "", ""
        if kind != FOREIGN:
            number = number if isinstance(number, int) else ""
            time = time if isinstance(time, int) else ""
            trace = span.trace_id if kind != SPANLESS else ""
            process = self._process(span.resource) or trace
            if isinstance(home, str) and home:  # it was handed over elsewhere, or leaves
                process = _json({_HOME: home[:_LONGEST_ID]})
                delivery = _number(values.get(semconv.DELIVERY, UNCOUNTED))
            ours = process, boundary, number, time
        unwatched = 0
        if values.get(_UNWATCHED) is True:
            self.store.unwatched, unwatched = True, 1
        trace, own, parent, start, end = span.trace_id, span.span_id, span.parent_span_id, span.start_ns, span.end_ns
        kept = _packed(values, boundary if kind == CALL else ""), ids, carried, self._source(span)
        self.store.add(
            (
                kind,
                trace,
                own,
                parent,
                *ours,
                delivery if type(delivery) is int else UNCOUNTED,
                start,
                end,
                unwatched,
                span.name,
                *kept,
            ),
            self._reports(span) if span.events or _MISMATCH in values or _MARKED in values else (),
            unchecked,
            gap,
            spanless,
        )

    def _process(self, resource: dict[str, Any]) -> str | None:
        # Spans of one resource come together. One is kept, not more: it may be of any size.
        if self._last[0] is not resource:
            told = {name: resource[name] for name in _PROCESS if name in resource}
            told.update({name: resource[name] for name in _ITS_HOST if told and name in resource})
            self._last = resource, _json(told) if told else None
        return self._last[1]

    def _source(self, span: SpanRecord) -> int:
        resource, version, source = self._exporter
        if resource is not span.resource or version != span.version:
            told = [str(span.resource.get(name, ""))[:_LONGEST_ID] for name in ("service.name", *_PROCESS)]
            source = self.store.source(told[0], told[1] or told[2], span.version)
            self._exporter = span.resource, span.version, source
        return source

    @staticmethod
    def _reports(span: SpanRecord) -> list[tuple[int, bytearray, bool, str | None]]:
        told = [(event.time_ns, event.attributes) for event in span.events if event.name in (_MISMATCH, _MARKED)]
        if span.attributes.get(_MISMATCH, span.attributes.get(_MARKED)) is not True:
            return [_report(time, report) for time, report in told]
        mark, teller = _mark_of(span.attributes), span.attributes.get(semconv.MISMATCH_SPAN, span.span_id)
        if teller != span.span_id:
            of_another = _report(span.end_ns, _marked(span.attributes), str(teller))
            return [*(_report(time, report) for time, report in told), of_another]
        if all(mark != _mark_of(report) for _, report in told):
            # The detector told no more of a storm, or something on the way dropped the event, or most of it.
            index = next((at for at, (_, report) in enumerate(told) if not _is_whole(report)), len(told))
            time, left = told[index] if index < len(told) else (span.end_ns, {})
            told[index : index + 1] = [(time, {**left, **_marked(span.attributes)})]
        return [_report(time, report) for time, report in told]

    # -- judging

    def finish(self) -> Checked:
        """Nothing more comes: judge."""
        store = self.store
        store.settle()
        outlived = self._compare()
        store.look_up(self._used_ids())
        self._again.settle()
        return count(store, outlived, self._unread)

    def _compare(self) -> int:
        """Note the spans that disagree with their row; return how many that outlived it do."""
        outlived = 0
        row_id, expected = None, dict[str, tuple[str, str]]()
        pairs = self.store.db.execute(
            "SELECT span.id, span.kind, span.name, span.attributes, span.start > row.end, row.id, row.ids, row.boundary"
            " FROM under JOIN spans AS span ON span.id = under.span JOIN spans AS row ON row.id = under.row"
            " WHERE span.id <> row.id AND NOT coalesce(span.carried = row.carried OR span.carried = ?, 0)"
            " AND NOT EXISTS (SELECT * FROM unchecked WHERE unchecked.span = row.id AND NOT partly)"
            " ORDER BY under.span",
            (self._carried.none,),
        )
        for span, kind, name, attributes, late, row, row_ids, boundary in pairs:
            if row != row_id:
                row_id, expected = row, self._expected(boundary, json.loads(row_ids))
            observed = self._disagreeing(boundary, expected, unpacked(attributes), row)
            if not observed:
                continue
            if late and kind == FOREIGN:
                # A thread that a worker started and that outlives the work: it cannot be known whom it serves now.
                outlived += 1
            elif not self._is_reported(span, row, kind, name, observed):
                self.store.db.execute(
                    "INSERT INTO odd VALUES (?, ?, ?, ?, 1)"
                    " ON CONFLICT (row, name, observed) DO UPDATE SET spans = spans + 1",
                    (span, row, f"{name} {span}" if kind == CALL else name, _json(observed)),
                )
        return outlived

    def _expected(self, boundary: str, ids: dict[str, str]) -> dict[str, tuple[str, str]]:
        """Return the attributes in which a span below a row may carry its ids: of each the field, and the row's id."""
        expected = {f"{boundary}.{name}": (name, id_) for name, id_ in ids.items()}
        for alias, name in self._aliases.get(boundary, {}).items():
            if name in ids:
                expected[alias] = name, ids[name]
        return expected

    def _disagreeing(
        self, boundary: str, expected: dict[str, tuple[str, str]], carried: dict[str, Any], row: int
    ) -> dict[str, str]:
        observed: dict[str, Any] = {}
        for attribute, (name, id_) in expected.items():
            value = carried.get(attribute)
            if value is not None and value != id_ and _differ(id_, str(value)):
                observed[name] = value
        if not observed:
            return observed
        # As most agree letter by letter, what the row had as a number is looked up only here.
        (attributes,) = self.store.db.execute("SELECT attributes FROM spans WHERE id = ?", (row,)).fetchone()
        submitted: dict[str, Any] = unpacked(attributes)
        return {
            name: str(value)
            for name, value in observed.items()
            if _cut(id_ := expected[f"{boundary}.{name}"][1]) != value
            and not is_same(submitted.get(f"{boundary}.{name}", id_), value)
        }

    def _is_reported(self, span: int, row: int, kind: str, name: str, observed: dict[str, str]) -> bool:
        """Whether a detector reported the same: on the call itself, or for a span of others on the row."""
        carriers = self.store.db.execute("SELECT attributes FROM reports WHERE span IN (?, ?)", (span, row))
        for (attributes,) in carriers:
            report: dict[str, Any] = unpacked(attributes)
            evidence, target = report.get(semconv.MISMATCH_EVIDENCE), report.get(semconv.CALL_TARGET, name)
            if (evidence, target) == ("call" if kind == CALL else "span", name) and all(
                _cut(str(report.get(semconv.OBSERVED + field))) == value for field, value in observed.items()
            ):
                return True
        return False

    def _used_ids(self) -> Generator[tuple[str, str, str]]:
        for number, finding in enumerate(found(self.store)):
            self._again.note(number, finding)
            self.columns.add(finding)
            if finding.is_record or finding.evidence == "span":
                for name, value in finding.observed.items():
                    yield finding.submission.boundary, name, str(value)

    # -- telling

    def findings(self) -> Iterator[Finding]:
        """After `finish`: yield all that was found: what a detector reported first, in the order of the files.

        Not each is a mismatch (`Finding.is_mismatch`): some are exposures, some part of another.
        """
        spanless = {name for (name,) in self.store.db.execute("SELECT DISTINCT boundary FROM spanless")}
        for number, finding in enumerate(found(self.store)):
            culprit = finding.culprit
            filed: Mapping[str, Any] = culprit.ids if culprit else {}
            boundary = finding.submission.boundary
            unknown: list[str] = []
            if finding.is_record or finding.evidence == "span":
                for name, value in finding.observed.items():
                    row = self.store.row_with(boundary, name, str(value))
                    if row is None:
                        unknown += [name] * (boundary not in spanless)  # else a row in order may have had it
                    elif str(filed.get(name)) != str(value):
                        filed = json.loads(row[0])
                    elif culprit is not None and culprit.number is None:
                        culprit = self._numbered(finding, culprit, row)
            if any(str(filed.get(name)) != str(value) for name, value in finding.observed.items()):
                filed = {}  # a mixture, or an id that nobody is known to have
            yield replace(
                finding,
                culprit=culprit,
                unknown=tuple(unknown),
                filed=filed,
                again=self._again.parts(number),
                is_again=self._again.is_part(number),
            )

    def _numbered(self, finding: Finding, culprit: Culprit, row: tuple[str, int, Column]) -> Culprit:
        """Return the write with the number of its submission, which a field named `id` has taken the place of."""
        ids, number, process = row
        if json.loads(ids) != {name: str(id_) for name, id_ in culprit.ids.items()}:
            return culprit
        is_it = process == self.store.process_of(finding.trace_id, finding.span_id)
        return replace(culprit, number=number) if is_it else culprit


def _is_sent(values: Attributes) -> bool:
    # A call span has no time of a submission.
    return type(_number(values.get(_NUMBER))) is int and type(_number(values.get(_TIME))) is int


def _is_whole(report: Attributes) -> bool:
    return any(name.startswith(semconv.OBSERVED) for name in report)


def _report(time: int, attributes: Attributes, teller: str | None = None) -> tuple[int, bytearray, bool, str | None]:
    evidence, outcome = attributes.get(semconv.MISMATCH_EVIDENCE), attributes.get(semconv.MISMATCH_OUTCOME)
    return time, packed(attributes), is_exposure(evidence, outcome), teller


def _unchecked(reason: str, values: Attributes) -> tuple[str, int, bool, bool]:
    rows = values.get(semconv.UNCHECKED_ROWS)
    rows = min(max(rows, 1), _MOST_ROWS) if isinstance(rows, int) else 1
    partly = semconv.UNCHECKED_FIELDS in values  # in the other fields it was judged
    return reason[:_LONGEST_REASON], rows, values.get(semconv.UNCHECKED_PINNED) is True, partly


def _gap(boundary: str, reason: str, values: Attributes) -> Gap | None:
    detail = values.get(semconv.UNCHECKED_DETAIL)
    of_a_row = semconv.SUBMISSION_ID in values
    return gap_of(boundary, reason, detail if isinstance(detail, str) else "", has_span=False, of_a_row=of_a_row)


def _spanless(boundary: str, values: Attributes) -> tuple[str, int, int, int] | None:
    names = semconv.JUDGED_ROWS, semconv.JUDGED_UNWATCHED, semconv.JUDGED_LOST
    counts = [_number(values.get(name, 0)) for name in names]
    if semconv.JUDGED_ROWS not in values or not all(type(count) is int and count >= 0 for count in counts):
        return None
    rows, unwatched, lost = (min(cast("int", count), _MOST_ROWS) for count in counts)
    return boundary, rows, unwatched, lost


def _number(value: Value | None) -> Value | None:
    """Return a number that was made a text or a fraction on its way."""
    if value is None or isinstance(value, int):
        return value
    is_text = isinstance(value, str) and value.isdecimal() and len(value) < _MOST_DIGITS
    if not (is_text or (isinstance(value, float) and value.is_integer())):
        return value
    number = int(cast("str | float", value))
    return number if abs(number) < _INT64 else value


def _cut(text: str) -> str:
    """Return a long text as what is kept of it, which tells it from others all the same."""
    if len(text) <= _LONGEST_ID:
        return text
    digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
    return f"{text[:_LONGEST_ID]}... ({len(text):,} letters, sha256 {digest[:32]})"


def _mark_of(report: Attributes) -> list[Value | None]:
    # Not the ids: a limit may have cut them to another length on the span than in the event.
    return [report.get(name) for name in (semconv.MISMATCH_EVIDENCE, semconv.MISMATCH_OUTCOME, semconv.MISMATCH_FIELDS)]


def _marked(carried: Attributes) -> Attributes:
    """Return a mark without what is left of one that it has taken the place of: a warning that an error came after."""
    fields = carried.get(semconv.MISMATCH_FIELDS)
    if not isinstance(fields, list):
        return carried
    names = {semconv.OBSERVED + str(field) for field in fields}
    return {name: value for name, value in carried.items() if name in names or not name.startswith(semconv.OBSERVED)}


def _differ(expected: str, observed: str) -> bool:
    # A hash, and an id that others put there as it is, say nothing of each other; the detector has compared them.
    return expected != observed and expected.startswith(PREFIX) == observed.startswith(PREFIX)


def _packed(values: Attributes, boundary: str = "") -> bytearray:
    """Return `values` packed, without lists and long texts; of a call of `boundary`, also a long id: what tells it."""
    kept = packed(values)
    if len(kept) <= _LONGEST_ID and not has_list(kept):  # nothing within is longer
        return kept
    short = {
        name: value
        for name, value in values.items()
        if (len(value) <= _LONGEST_ID if isinstance(value, str) else not isinstance(value, list))
    }
    if len(short) == len(values):
        return kept
    if boundary:
        short.update({f"{boundary}.{name}": _cut(str(id_)) for name, id_ in ids_of(boundary, values).items()})
    return packed(short)
