"""What this package puts on spans, and on the events and log records about them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from otel_handoff.handover.lease import Lease
from otel_handoff.record import semconv
from otel_handoff.record.locations import Frames, place_of
from otel_handoff.record.semconv import (  # what each row says is not looked up in the module
    BOUNDARY,
    QUEUE_DURATION,
    SUBMISSION_ID,
    SUBMISSION_THREAD,
    SUBMISSION_TIME,
    THREAD_NAME,
)
from otel_handoff.record.submission import Submission

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def submission_attributes(submission: Submission) -> dict[str, AttributeValue]:
    """Return the whole submission as attributes: number, time, thread, place and ids."""
    said: dict[str, AttributeValue] = {
        semconv.BOUNDARY: submission.boundary,
        semconv.SUBMISSION_ID: submission.number,
        semconv.SUBMISSION_TIME: submission.time_unix_nano,
        semconv.SUBMISSION_THREAD: submission.thread_name,
        semconv.SUBMISSION_LOCATION: submission.location,
        **submission.attributes,
    }
    if submission.process:
        said[semconv.SUBMISSION_PROCESS] = submission.process
    return said


def sent_attributes(submission: Submission, process: str) -> dict[str, AttributeValue]:
    """Return what the span of a row says that leaves this process."""
    return {**submission_attributes(submission), semconv.SUBMISSION_PROCESS: process}


def row_attributes(submission: Submission, queued: float, *, full: bool) -> dict[str, AttributeValue]:
    """Return what the span of a row says that waited for `queued` seconds; `full`: also what nobody needs of it."""
    said: dict[str, AttributeValue] = {
        BOUNDARY: submission.boundary,
        SUBMISSION_ID: submission.number,
        SUBMISSION_TIME: submission.time_unix_nano,
        SUBMISSION_THREAD: submission.thread_name,
        **submission.attributes,
        QUEUE_DURATION: queued,
        THREAD_NAME: threading.current_thread().name,
    }
    if submission.process:
        said[semconv.SUBMISSION_PROCESS] = submission.process
        if submission.delivery:
            said[semconv.DELIVERY] = submission.delivery
    if full:
        said[semconv.SUBMISSION_LOCATION] = submission.location
        said[semconv.THREAD_ID] = threading.get_ident()
    return said


def call_attributes(submission: Submission, details: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Return what the span of a call says."""
    said: dict[str, AttributeValue] = {
        BOUNDARY: submission.boundary,
        SUBMISSION_ID: submission.number,
        **submission.attributes,
        **details,
    }
    if submission.process:
        said[semconv.SUBMISSION_PROCESS] = submission.process
    return said


def add_rows_around(span: Span, lease: Lease) -> None:
    """Put the ids of the rows on a span within which `lease` is worked on, if there are any."""
    for row in (*reversed(lease.outers), lease):
        span.set_attributes(row.submission.attributes)


def code_attributes(frames: Frames) -> dict[str, AttributeValue]:
    """Return where something happened, as the general conventions have it."""
    place = place_of(frames)
    if place is None:
        return {}
    return dict(zip((semconv.CODE_FILE, semconv.CODE_LINE, semconv.CODE_FUNCTION), place, strict=True))


def lead_to(submission: Submission, span: Span) -> None:
    """Link a span to that of the row of `submission`, if there is one by now."""
    if submission.row is not None:
        span.add_link(submission.row.get_span_context(), {semconv.SUBMISSION_ID: submission.number})


def carried(span: Span | ReadableSpan) -> Mapping[str, AttributeValue] | None:
    """Return what a span of an SDK carries; None where it keeps nothing, or does not say."""
    attributes: Mapping[str, AttributeValue] | None = getattr(span, "attributes", None)
    # A plain dict: the SDK's own takes ten times as long to go through.
    return attributes.copy() if isinstance(attributes, MappingProxyType) else attributes
