"""The funnel: spans in, findings out."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from otel_handoff.check.finding import Finding
from otel_handoff.check.found import found
from otel_handoff.check.store import CALL, FOREIGN, ROW, Column, Store
from otel_handoff.record import semconv
from otel_handoff.record.hashing import PREFIX
from otel_handoff.traces.otlp import Attributes, SpanRecord, Value

Aliases = Mapping[str, Mapping[str, str]]
"""Boundary -> the name under which others put an id on their spans -> the field."""

_LONGEST_ID: Final = 512
"""Longer values are kept only where a detector reported them."""

_PROCESS: Final = ("service.instance.id", "process.pid")
_ITS_HOST: Final = ("host.id", "host.name", "container.id", "service.name")


# Made once: `json.dumps` makes one for each call that is not of its defaults.
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Checked:
    """What was there to be judged.

    Attributes:
        spans: all, each once.
        duplicates: spans that came again, by their ids.
        submissions: whose work is in the files.
        calls: recorded calls.
        foreign: spans of others under a submission.
        processes: that worked on submissions.
        unnamed: traces of processes whose resource does not tell which; each counts as a process of its own.
        boundaries: their names.
        calls_without_row: calls whose submission's row span is not in the files: what they carry was not compared.
        outlived: spans of others under a row span that disagree, but started after the work had ended: nobody's.
    """

    spans: int
    duplicates: int
    submissions: int
    calls: int
    foreign: int
    processes: int
    unnamed: int
    boundaries: list[str]
    calls_without_row: int
    outlived: int


class Judge:
    """Takes spans, in any order; then says what was there, and what is wrong.

    Attributes:
        store: all of it, for whoever wants to see what was around.

    Raises:
        sqlite3.Error: from each method, when the disk is full.
    """

    def __init__(self, aliases: Aliases) -> None:
        """Take an attribute for an id also where `aliases` says so."""
        self._aliases = aliases
        self.store = Store()
        self._last: tuple[dict[str, Any], str | None] = {}, None

    def close(self) -> None:
        """Forget everything."""
        self.store.close()

    # -- taking spans in

    def add(self, span: SpanRecord) -> None:
        """Take one span."""
        values = span.attributes
        trace = bytes.fromhex(span.trace_id)
        boundary, number = values.get(semconv.BOUNDARY), values.get(semconv.SUBMISSION_ID)
        kind, ids = FOREIGN, None
        ours: tuple[Column, ...] = (None, None, None, None)
        if isinstance(boundary, str) and _is_short(boundary) and isinstance(number, int):
            time = values.get(semconv.SUBMISSION_TIME)
            if isinstance(time, int):
                kind, prefix = ROW, f"{boundary}."
                ids = _json(
                    {name.removeprefix(prefix): str(id_) for name, id_ in values.items() if name.startswith(prefix)}
                )
            else:
                kind, time = CALL, None
            ours = self._process(span.resource) or trace, boundary, number, time
        parent = bytes.fromhex(span.parent_span_id) or None
        kept = _json({name: value for name, value in values.items() if _is_short(value)})
        self.store.add(
            (kind, trace, bytes.fromhex(span.span_id), parent, *ours, span.start_ns, span.end_ns, span.name, kept, ids),
            self._reports(span),
        )

    def _process(self, resource: dict[str, Any]) -> str | None:
        # Spans of one resource come together. One is kept, not more: it may be of any size.
        if self._last[0] is not resource:
            told = {name: resource[name] for name in _PROCESS if name in resource}
            told.update({name: resource[name] for name in _ITS_HOST if told and name in resource})
            self._last = resource, _json(told) if told else None
        return self._last[1]

    @staticmethod
    def _reports(span: SpanRecord) -> list[tuple[int, str]]:
        told = [event for event in span.events if event.name == semconv.MISMATCH]
        reports = [(event.time_ns, _json(event.attributes)) for event in told]
        if span.attributes.get(semconv.MISMATCH) is True:
            mark = _mark_of(span.attributes)
            if all(mark != _mark_of(event.attributes) for event in told):
                # The detector told no more of a storm, or something on the way dropped the event.
                reports.append((span.end_ns, _json(_marked(span.attributes))))
        return reports

    # -- judging

    def finish(self) -> Checked:
        """Nothing more comes: judge."""
        store = self.store
        store.settle()
        outlived = self._compare()
        store.look_up(self._used_ids())

        def one(question: str, *values: str) -> int:
            return store.db.execute(question, values).fetchone()[0]

        boundaries = store.db.execute(
            "SELECT DISTINCT boundary FROM spans WHERE boundary IS NOT NULL ORDER BY boundary"
        )
        return Checked(
            spans=one("SELECT count(*) FROM spans"),
            duplicates=store.duplicates,
            submissions=one(
                "SELECT count(*) FROM (SELECT DISTINCT process, boundary, number, time FROM spans WHERE kind = ?)", ROW
            ),
            calls=one("SELECT count(*) FROM spans WHERE kind = ?", CALL),
            foreign=one("SELECT count(*) FROM under JOIN spans ON spans.id = under.span WHERE spans.kind = ?", FOREIGN),
            processes=one("SELECT count(DISTINCT process) FROM spans WHERE typeof(process) = 'text'"),
            unnamed=one("SELECT count(DISTINCT process) FROM spans WHERE typeof(process) = 'blob'"),
            boundaries=[name for (name,) in boundaries],
            calls_without_row=one(
                "SELECT count(*) FROM spans WHERE kind = ? AND id NOT IN (SELECT span FROM under)", CALL
            ),
            outlived=outlived,
        )

    def _compare(self) -> int:
        """Note the spans that disagree with their row; return how many that outlived it do."""
        outlived = 0
        row_id, ids = None, dict[str, str]()
        pairs = self.store.db.execute(
            "SELECT span.id, span.kind, span.name, span.attributes, span.start > row.end, row.id, row.ids, row.boundary"
            " FROM under JOIN spans AS span ON span.id = under.span JOIN spans AS row ON row.id = under.row"
            " WHERE span.id <> row.id ORDER BY under.span"
        )
        for span, kind, name, attributes, late, row, row_ids, boundary in pairs:
            if row != row_id:
                row_id, ids = row, json.loads(row_ids)
            observed = self._disagreeing(boundary, ids, json.loads(attributes))
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

    def _disagreeing(self, boundary: str, ids: dict[str, str], carried: dict[str, Any]) -> dict[str, str]:
        observed: dict[str, str] = {}
        for name, expected in ids.items():
            value = carried.get(f"{boundary}.{name}")
            if value is not None and _differ(expected, str(value)):
                observed[name] = str(value)
        for alias, name in self._aliases.get(boundary, {}).items():
            value = carried.get(alias)
            if value is not None and name in ids and _differ(ids[name], str(value)):
                observed[name] = str(value)
        return observed

    def _is_reported(self, span: int, row: int, kind: str, name: str, observed: dict[str, str]) -> bool:
        """Whether a detector reported the same: on the call itself, or for a span of others on the row."""
        carriers = self.store.db.execute("SELECT attributes FROM reports WHERE span IN (?, ?)", (span, row))
        for (attributes,) in carriers:
            report: dict[str, Any] = json.loads(attributes)
            evidence, target = report.get(semconv.MISMATCH_EVIDENCE), report.get(semconv.CALL_TARGET, name)
            if (evidence, target) == ("call" if kind == CALL else "span", name) and all(
                str(report.get(semconv.OBSERVED + field)) == value for field, value in observed.items()
            ):
                return True
        return False

    def _used_ids(self) -> Generator[tuple[str, str, str]]:
        for finding in found(self.store):
            if finding.is_record or finding.evidence == "span":
                for name, value in finding.observed.items():
                    yield finding.submission.boundary, name, str(value)

    # -- telling

    def findings(self) -> Iterator[Finding]:
        """After `finish`: yield every mismatch, those that a detector reported first, in the order of the files."""
        for finding in found(self.store):
            filed: Mapping[str, Any] = finding.culprit.ids if finding.culprit else {}
            boundary = finding.submission.boundary
            unknown: list[str] = []
            if finding.is_record or finding.evidence == "span":
                for name, value in finding.observed.items():
                    row = self.store.row_with(boundary, name, str(value))
                    if row is None:
                        unknown.append(name)
                    if row is not None and str(filed.get(name)) != str(value):
                        filed = json.loads(row)
            if any(str(filed.get(name)) != str(value) for name, value in finding.observed.items()):
                filed = {}  # a mixture, or an id that nobody is known to have
            yield replace(finding, unknown=tuple(unknown), filed=filed)


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


def _is_short(value: object) -> bool:
    return not isinstance(value, (str, list)) or (isinstance(value, str) and len(value) <= _LONGEST_ID)
