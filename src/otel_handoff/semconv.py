"""The names of all telemetry that this package emits. docs/telemetry.md describes them as a convention."""

from enum import Enum
from typing import Final, TypeAlias

SCOPE: Final = "otel_handoff"

# On the row span and on alerts.
BOUNDARY: Final = "handoff.boundary"
SUBMISSION_ID: Final = "handoff.submission.id"
SUBMISSION_TIME: Final = "handoff.submission.time_unix_nano"
SUBMISSION_THREAD: Final = "handoff.submission.thread.name"
SUBMISSION_LOCATION: Final = "handoff.submission.location"
QUEUE_DURATION: Final = "handoff.queue.duration"
STALE: Final = "handoff.stale"
CALL_TARGET: Final = "handoff.call.target"

# On a mismatch: the span, its event and the log record.
MISMATCH: Final = "handoff.mismatch"
MISMATCH_FIELDS: Final = "handoff.mismatch.fields"
MISMATCH_EVIDENCE: Final = "handoff.mismatch.evidence"
MISMATCH_OUTCOME: Final = "handoff.mismatch.outcome"
MISMATCH_LOCATION: Final = "handoff.mismatch.location"
MISMATCH_TORN: Final = "handoff.mismatch.torn"
MISMATCH_OCCURRENCE: Final = "handoff.mismatch.occurrence"
CULPRIT_LOCATION: Final = "handoff.culprit.location"
CULPRIT_THREAD: Final = "handoff.culprit.thread.name"
CULPRIT_TIME: Final = "handoff.culprit.time_unix_nano"
CULPRIT_FIELD: Final = "handoff.culprit.field"
CULPRIT_SUBMISSION_ID: Final = "handoff.culprit.submission.id"

# A field's name follows these prefixes.
EXPECTED: Final = "handoff.expected."
OBSERVED: Final = "handoff.observed."
CULPRIT_ID: Final = "handoff.culprit.submission."

# From the general semantic conventions.
THREAD_ID: Final = "thread.id"
THREAD_NAME: Final = "thread.name"

# Metrics.
METRIC_SUBMISSIONS: Final = "handoff.submissions"
METRIC_MISMATCHES: Final = "handoff.mismatches"
METRIC_QUEUE_DURATION: Final = "handoff.queue.duration"
METRIC_IN_FLIGHT: Final = "handoff.in_flight"
METRIC_STALE_WORK: Final = "handoff.stale_work"
METRIC_INTERNAL_ERRORS: Final = "handoff.internal_errors"

# Attributes of the metric points. Never an id: the number of series is bounded.
FIELD: Final = "handoff.field"
EVIDENCE: Final = "handoff.evidence"
OUTCOME: Final = "handoff.outcome"


Primitive: TypeAlias = str | bool | int | float


def attribute_value(value: object) -> Primitive:
    """Return `value` as an OpenTelemetry attribute value: an enum's value, or the `str()` of what is no primitive."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, (str, bool, int, float)):
        return value
    try:
        return str(value)
    except Exception as error:  # a host's __str__ may raise
        return f"<{type(value).__name__}: __str__ raised {type(error).__name__}>"
