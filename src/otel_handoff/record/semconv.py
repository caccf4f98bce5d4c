"""The names of all telemetry that this package emits, each attribute with its type and meaning.

No name is the beginning of another, up to a dot: a store that nests them has room for both. The tables of
docs/telemetry.md are made of these: `python -m tests.docs.telemetry --write`.
"""

from enum import Enum
from typing import Final, TypeAlias

from otel_handoff.host.outside import pass_on

SCOPE: Final = "otel_handoff"
SCHEMA: Final = "https://opentelemetry.io/schemas/1.44.0"
"""The version of the general conventions whose names are used here, of `code`, `error`, `exception` and `thread`."""

# On the row span and on alerts.
BOUNDARY: Final = "handoff.boundary"
"""string: the boundary"""
SUBMISSION_ID: Final = "handoff.submission.id"
"""int: counts submissions in the process, from 1"""
SUBMISSION_TIME: Final = "handoff.submission.time_unix_nano"
"""int, ns since the epoch: when the row was handed over"""
SUBMISSION_THREAD: Final = "handoff.submission.thread.name"
"""string: by which thread"""
SUBMISSION_LOCATION: Final = "handoff.submission.location"
"""string: where: `engine/transform.py:431 in execute`"""
SUBMISSION_PROCESS: Final = "handoff.submission.process"
"""string: the process that handed it over, `web-1:4711`; only if the row left it, on both sides"""
DELIVERY: Final = "handoff.delivery"
"""int: of a row from another process, which delivery of its work this is, from 1, where that is counted: retries are"""
QUEUE_DURATION: Final = "handoff.queue.duration"
"""double, s: from submission to the start of the work"""
STALE: Final = "handoff.stale"
"""boolean: whether the work ran after its submission was given up (evicted, superseded); on a row span only if so"""
CALL_TARGET: Final = "handoff.call.target"
"""string: the function that recorded or routed, or the span concerned"""

# On a mismatch: the span, its event and the log record.
MISMATCH: Final = "handoff.mismatch.found"
"""boolean: `true`; also the name of the event and of the log record"""
MISMATCH_FIELDS: Final = "handoff.mismatch.fields"
"""string[]: the fields that disagree"""
MISMATCH_EVIDENCE: Final = "handoff.mismatch.evidence"
"""string: how it is known: `start`, `end`, `read`, `span`, `call`, `result`"""
MISMATCH_OUTCOME: Final = "handoff.mismatch.outcome"
"""string: what came of it: `used`, `blocked`, `prevented`, `exposed`"""
MISMATCH_SPAN: Final = "handoff.mismatch.span.id"
"""string, hex: on a row's span, once a call's mismatch stood there: the span that tells this one"""
MISMATCH_OCCURRENCE: Final = "handoff.mismatch.occurrence"
"""int: how many mismatches like this one the process has had, this one included"""
MISMATCH_TORN: Final = "handoff.mismatch.torn"
"""boolean: `true` if the ids that were read for a record are not of one submission"""
MODE: Final = "handoff.mode"
"""string: `pin`, `observe` or `strict`"""
CULPRIT_LOCATION: Final = "handoff.culprit.location"
"""string: where the wrong value was written"""
CULPRIT_THREAD: Final = "handoff.culprit.thread.name"
"""string: by which thread"""
CULPRIT_TIME: Final = "handoff.culprit.time_unix_nano"
"""int, ns since the epoch: when"""
CULPRIT_FIELD: Final = "handoff.culprit.field"
"""string: the field that was written"""
CULPRIT_SUBMISSION_ID: Final = "handoff.culprit.submission.id"
"""int: the submission that it was written for; on a span 0: not known, and another mismatch stood there before"""

# On the span and log record of a row that could not be judged, or only in part.
EVENT_UNCHECKED: Final = "handoff.row.unchecked"
"""The name of the log record."""
UNCHECKED_REASON: Final = "handoff.unchecked.reason"
"""string: why the row could not be judged"""
UNCHECKED_FIELDS: Final = "handoff.unchecked.fields"
"""string[]: the fields that could not be compared, where the others were"""
UNCHECKED_ROWS: Final = "handoff.unchecked.rows"
"""int: how many rows an `unchecked` span stands for; on a log record, how many there were so far"""
UNCHECKED_PINNED: Final = "handoff.unchecked.pinned"
"""boolean: whether the row was pinned all the same"""
UNCHECKED_DETAIL: Final = "handoff.unchecked.detail"
"""string: the part of the declaration that was not met: told once, for all rows"""
UNWATCHED: Final = "handoff.unwatched"
"""boolean: `true` if the row's reads are not seen: it was judged at its start, calls and end"""

# On the span that says how many rows were judged which have none: with `spans=mismatch`.
JUDGED_ROWS: Final = "handoff.judged.rows"
"""int: how many rows were judged, and in order, since the last such span"""
JUDGED_UNWATCHED: Final = "handoff.judged.unwatched"
"""int: how many of them were judged at their start, calls and end alone; if any"""
JUDGED_LOST: Final = "handoff.judged.lost"
"""int: how many rows that disagreed, or were not judged, have no sampled span; if any"""
CALLS_BEYOND: Final = "handoff.calls.beyond"
"""int: on the row's span: how many calls have no span"""

# On the test alert of `otel-handoff doctor`, which is no mismatch.
TEST: Final = "handoff.test"
"""boolean: `true`; also the name of its span event and of its log record"""

# A field's name follows these prefixes.
EXPECTED: Final = "handoff.expected."
"""as the id: what was submitted, for each field that disagrees"""
OBSERVED: Final = "handoff.observed."
"""as the id: what the worker saw or used instead"""
CULPRIT_ID: Final = "handoff.culprit.ids."
"""as the id: the ids of the submission that the write was made for"""

# From the general semantic conventions.
THREAD_ID: Final = "thread.id"
"""int: the worker"""
THREAD_NAME: Final = "thread.name"
"""string: the worker"""
CODE_FILE: Final = "code.file.path"
"""string: where the worker was: the file, with the folder that it is in"""
CODE_LINE: Final = "code.line.number"
"""int: the line"""
CODE_FUNCTION: Final = "code.function.name"
"""string: the function; from Python 3.11 on with its class"""
ERROR_TYPE: Final = "error.type"
"""string: on a span that is an ERROR: `handoff_mismatch`, or the class of what the work or the call raised"""
EVENT_EXCEPTION: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
"""string: the class of what was raised, with its module"""
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
"""string: where, as Python prints it, without the message"""

# Metrics.
METRIC_SUBMISSIONS: Final = "handoff.submissions"
METRIC_SENT: Final = "handoff.sent_rows"
METRIC_ARRIVED: Final = "handoff.arrived_rows"
METRIC_MISMATCHES: Final = "handoff.mismatches"
METRIC_UNTOLD: Final = "handoff.untold_mismatches"
METRIC_QUEUE_DURATION: Final = "handoff.queue.duration"
METRIC_IN_FLIGHT: Final = "handoff.in_flight"
METRIC_STALE_WORK: Final = "handoff.stale_work"
METRIC_INTERNAL_ERRORS: Final = "handoff.internal_errors"
METRIC_UNCHECKED: Final = "handoff.unchecked_rows"

# Of the attributes of metric points, those that no span has. Never an id: the number of series is bounded.
FIELD: Final = "handoff.mismatch.field"
"""string: one of `handoff.mismatch.fields`"""


Primitive: TypeAlias = str | bool | int | float


def attribute_value(value: object) -> Primitive:
    """Return `value` as an OpenTelemetry attribute value: an enum's value, or the `str()` of what is no primitive."""
    if type(value) is str:
        return value
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, (str, bool, int, float)):
        return value
    try:
        return str(value)
    except Exception as error:  # a host's __str__ may raise
        pass_on(error)
        return f"<{type(value).__name__}: __str__ raised {type(error).__name__}>"
