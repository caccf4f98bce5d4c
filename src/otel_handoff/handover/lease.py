"""A row in flight: the submission and what belongs to it, travelling with the work item."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span

from otel_handoff.handover.findings import Findings
from otel_handoff.host.current import active
from otel_handoff.host.fields import MISSING
from otel_handoff.record.submission import Submission

if TYPE_CHECKING:
    from otel_handoff.handover.written import WriteRecord
    from otel_handoff.host.contexts import Kind
    from otel_handoff.judge.detector import Detector

LEASE_KEY: Final = context_api.create_key("otel-handoff-lease")
"""The same in an OpenTelemetry context: whom a span belongs to is said by its parent context."""

BORROWED_KEY: Final = context_api.create_key("otel-handoff-borrowed")
"""The lease that a thread was started under. The thread may be a pool's and outlive the row: then it is nobody's."""


class Rows:
    """The rows of one boundary that are in flight. Every operation is one atomic step on a dict."""

    __slots__ = ("in_flight", "latest")

    def __init__(self) -> None:
        self.in_flight: dict[int, weakref.ref[Lease]] = {}
        self.latest: dict[object, weakref.ref[Lease]] = {}

    def leases(self) -> list[Lease]:
        """Return the leases in flight, oldest first."""
        return [lease for ref in list(self.in_flight.values()) if (lease := ref()) is not None]


class Provoker(Protocol):
    """Holds workers back on purpose, in tests: `otel_handoff.around.provoke`. None of it raises."""

    def submitted(self, lease: Lease) -> None:
        """A row was handed over."""

    def wrote(self, context: Any, root: str, value: Any) -> None:
        """A watched field of `context` is about to be written."""

    def evicted(self, lease: Lease) -> None:
        """A submission was given up."""

    def hold(self, lease: Lease, point: str) -> None:
        """A worker is at `point`: the start of its work, a call, or a result."""

    def reads(self, context: Any, root: str) -> None:
        """A worker is about to read a watched field."""

    def ended(self, lease: Lease) -> None:
        """The work on a row is done."""


class Lease:
    """One row in flight. Whoever holds the work item holds this; when the item is dropped, the lease closes itself.

    Attributes:
        submission: what the row was submitted with.
        detector: judges what the worker does.
        kind: how contexts of this class are read.
        context: the submitter's own context object; where the host hands its worker a copy, that copy.
        handed: what the worker gets: `context` itself, or its own copy (`pinned`).
        roots: attribute of the context -> the object it held at submission.
        record: the recent writes to `context`; None without watch.
        finished: whether the row is done: its result is handed in, or its work function returned.
        span: the row span, while the work runs.
    """

    __slots__ = (
        "__weakref__",
        "_findings",
        "_ref",
        "_rows",
        "context",
        "detector",
        "ended",
        "evicted",
        "finished",
        "handed",
        "key",
        "kind",
        "pinned",
        "record",
        "roots",
        "span",
        "stale_counted",
        "submission",
        "superseded",
    )

    provoker: ClassVar[Provoker | None] = None

    def __init__(
        self,
        submission: Submission,
        detector: Detector,
        rows: Rows,
        kind: Kind,
        context: Any,
        handed: Any,
        roots: dict[str, Any],
        record: WriteRecord | None,
        key: object,
    ) -> None:
        self.submission: Submission = submission
        self.detector: Detector = detector
        self.kind: Kind = kind
        self.context: Any = context
        self.handed: Any = handed
        self.pinned: bool = handed is not context
        self.roots: dict[str, Any] = roots
        self.record: WriteRecord | None = record
        self.key: object = key
        self.finished: bool = False
        self.span: Span = INVALID_SPAN
        self.evicted: bool = False
        self.superseded: bool = False
        self.stale_counted: bool = False
        self.ended: bool = False
        self._findings: dict[None, Findings] = {}
        self._rows = rows
        self._ref: weakref.ref[Lease] = weakref.ref(self)
        rows.in_flight[submission.number] = self._ref
        if key is not None:
            earlier = rows.latest.get(key)
            if earlier is not None:
                self._supersede(earlier)
            rows.latest[key] = self._ref

    @property
    def findings(self) -> Findings:
        """What is known of this row, begun if there was nothing. Two threads that begin it get the same."""
        return self._findings.get(None) or self._findings.setdefault(None, Findings())

    @property
    def has_findings(self) -> bool:
        """Whether there is anything to know."""
        return bool(self._findings)

    def _supersede(self, earlier: weakref.ref[Lease]) -> None:
        lease = earlier()
        if lease is not None and not lease.ended:
            lease.superseded = True

    @property
    def stale(self) -> bool:
        """Whether the submission was evicted, or superseded by a retry."""
        return self.evicted or self.superseded

    def receive(self, handed: Any) -> None:
        """The worker was given `handed`, or (`MISSING`) no context at all."""
        if self.context is None:  # it waited to be claimed
            self.context = handed
        if handed is MISSING:
            self.handed = self.context
            return
        if handed is not self.handed and self.handed is not None and type(handed) is type(self.context):
            # The host has copied by itself. What becomes of the context that was submitted is no concern of the worker.
            self.context, self.pinned = handed, False
        self.handed = handed

    def close(self) -> None:
        """The row is no longer in flight. Takes no lock: it may run in a finalizer."""
        if not self.ended:
            self.ended = True
            self._rows.in_flight.pop(self.submission.number, None)
            if self.key is not None and self._rows.latest.get(self.key) is self._ref:
                self._rows.latest.pop(self.key, None)

    def __del__(self) -> None:
        try:  # this is on every row's way
            if not self.ended:
                self.close()
        except AttributeError:  # an interrupt came while it was being made
            pass


def judged_lease() -> Lease | None:
    """Return the lease that the caller works under; None in a thread that outlived the row that started it."""
    lease = active.get()
    return None if lease is not None and is_outlived(lease, None) else lease


def is_outlived(lease: Lease, context: Context | None) -> bool:
    """Whether `context` (None: the current one) is that of a thread started under `lease`, whose row has ended."""
    return lease.ended and is_borrowed(lease, context)


def is_borrowed(lease: Lease, context: Context | None = None) -> bool:
    """Whether `context` (None: the current one) is that of a thread that a worker started under `lease`."""
    return context_api.get_value(BORROWED_KEY, context) is lease


def current_submission() -> Submission | None:
    """Return the submission that the calling thread or task works under, or None outside of work."""
    lease = judged_lease()
    return lease.submission if lease is not None else None
