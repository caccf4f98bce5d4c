"""One mismatch in words, and as JSON-ready primitives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from otel_handoff.record.locations import Frames, describe, of_host
from otel_handoff.record.semconv import attribute_value
from otel_handoff.record.submission import Submission

if TYPE_CHECKING:
    from otel_handoff.record.mismatch import Mismatch, Write

_RULE = "=" * 66


class _Happened(Protocol):
    """What some thread did at some time: a submission, a use or a write, live or read back from a span."""

    @property
    def thread_name(self) -> str: ...
    @property
    def time_unix_nano(self) -> int: ...


class _Handed(_Happened, Protocol):
    """A submission."""

    @property
    def number(self) -> int: ...
    @property
    def boundary(self) -> str: ...


class _Written(_Happened, Protocol):
    """A write."""

    @property
    def field(self) -> str: ...
    @property
    def value(self) -> object: ...


class _Told(_Happened, Protocol):
    """A mismatch."""

    @property
    def evidence(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def stale(self) -> bool: ...
    @property
    def torn(self) -> bool: ...
    @property
    def target(self) -> str: ...
    @property
    def details(self) -> Mapping[str, object]: ...
    @property
    def expected(self) -> Mapping[str, object]: ...
    @property
    def observed(self) -> Mapping[str, object]: ...


_HEADLINES = {
    ("call", "used"): "a call was filed under ids of another submission",
    ("call", "blocked"): "a call under ids of another submission was blocked",
    ("call", "prevented"): "a call would have been filed under ids of another submission",
    ("call", "exposed"): "a call under ids of another submission failed",
    ("result", "used"): "a result was routed under ids of another submission",
    ("result", "blocked"): "a result under ids of another submission was blocked",
    ("result", "prevented"): "a result would have been routed under ids of another submission",
    ("result", "exposed"): "a result under ids of another submission was refused",
    ("read", "used"): "the worker read ids of another submission",
    ("read", "prevented"): "the worker would have read ids of another submission",
    ("span", "used"): "a span carries ids of another submission",
}

ADVICE = {
    "used": "Do: correct the records named here, then set OTEL_HANDOFF_MODE=pin, which hands each worker its own copy.",
    "blocked": "Do: read the ids from the submitted row, not from the shared context, or copy the context per row.",
    "prevented": "Do: nothing is wrong in the trail; without pin mode it would be. Have the host copy its context.",
    "exposed": "Do: check what the worker does with these fields; no use of the wrong id is known.",
}


def headline(mismatch: _Told) -> str:
    """Return what happened, in one line with both sides."""
    what = _HEADLINES.get((mismatch.evidence, mismatch.outcome), "the context moved on while the worker ran")
    sides = ", ".join(
        f"{name}={show(mismatch.observed[name])} instead of {show(value)}" for name, value in mismatch.expected.items()
    )
    return f"{what}: {sides}"


def as_text(mismatch: Mismatch) -> str:
    """Return the report: what was filed where, both threads, the write that did it, and what to do."""
    submission = mismatch.submission
    since = submission.time_unix_nano
    lines = [
        _RULE,
        f"HANDOFF MISMATCH ({mismatch.outcome}): {headline(mismatch)}",
        submitted(submission),
        f"    {show_ids(submission.ids)}",
        *_stack(submission.frames, 1),
        *used(mismatch, since, VERBS.get(mismatch.outcome, "Seen")),
    ]
    lines += _stack(mismatch.frames, 5)
    lines += _culprit(mismatch.culprit, since)
    if mismatch.trace_id:
        lines.append(f"  Trace {mismatch.trace_id:032x}, span {mismatch.span_id:016x}")
    lines += [f"  {ADVICE.get(mismatch.outcome, '')}", _RULE]
    return "\n".join(lines)


def as_line(mismatch: Mismatch) -> str:
    """Return one line, for a mismatch like one that was reported before."""
    submission, culprit = mismatch.submission, mismatch.culprit
    details = f" ({show_ids(mismatch.details)})" if mismatch.details else ""
    return (
        f"HANDOFF MISMATCH ({mismatch.outcome}), {mismatch.occurrence:,} like it so far: {headline(mismatch)};"
        f" submitted as #{submission.number} on boundary {submission.boundary!r}: {show_ids(submission.ids)};"
        f" {mismatch.target or mismatch.evidence}{details} at {mismatch.location};"
        f" overwritten at {culprit.location if culprit else 'a place not seen'}"
    )


VERBS = {"used": "Used", "blocked": "Blocked", "prevented": "Prevented"}


def submitted(submission: _Handed) -> str:
    """Return the line that tells who handed the row over, and when."""
    # Both are unknown where a trace has neither the row's span nor the event of the mismatch.
    thread = f" by thread {show(submission.thread_name)}" if submission.thread_name else ""
    time = f" at {show_clock(submission.time_unix_nano)}" if submission.time_unix_nano else ""
    return f"  Submitted as #{submission.number} on boundary {show(submission.boundary)}{thread}{time}"


def used(mismatch: _Told, since: int, verb: str) -> Iterator[str]:
    """Yield the lines that tell what was done with the wrong id: by whom, when, and in which call."""
    thread = f" by thread {show(mismatch.thread_name)}" if mismatch.thread_name else ""
    stale = ", as stale work" if mismatch.stale else ""
    yield f"  {verb} ({mismatch.evidence}){thread} {show_after(since, mismatch.time_unix_nano)}{stale}"
    if mismatch.target:
        details = f" ({show_ids(mismatch.details)})" if mismatch.details else ""
        yield f"    {mismatch.target}{details}"
    if mismatch.torn:
        yield "    Torn: the ids that were read for it are not of one submission."


def overwritten(write: _Written, since: int) -> str:
    """Return the line that tells who put the wrong value there, and when."""
    return (
        f"  Overwritten by thread {show(write.thread_name)} {show_after(since, write.time_unix_nano)}:"
        f" {write.field} = {show(write.value)}"
    )


def _culprit(write: Write | None, since: int) -> list[str]:
    if write is None:
        return ["  Overwritten by: not seen (no write of this field is on record)"]
    lines = [overwritten(write, since)]
    if write.submission is not None:
        lines.append(f"    for submission #{write.submission.number}: {show_ids(write.submission.ids)}")
    return lines + _stack(write.frames, 4)


def _stack(frames: Frames, depth: int) -> list[str]:
    shown = of_host(frames)[:depth]
    return [f"    {'at' if level == 0 else 'by'} {describe(*frame)}" for level, frame in enumerate(shown)]


def show_ids(ids: Mapping[str, object]) -> str:
    """Return `name='value', ...`."""
    return ", ".join(f"{name}={show(value)}" for name, value in ids.items())


def show(value: object) -> str:
    """Return `value` for people, its control characters escaped."""
    # A host's own __repr__ may raise.
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__}: __repr__ raised {type(error).__name__}>"


def show_clock(time_unix_nano: int) -> str:
    """Return a time, in nanoseconds since the epoch, in ISO 8601, UTC."""
    # Whole microseconds: a float of nanoseconds since 1970 is not exact.
    seconds, rest = divmod(time_unix_nano, 1_000_000_000)
    time = datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest // 1000)
    return time.isoformat(timespec="microseconds")


def show_after(since: int, time_unix_nano: int) -> str:
    """Return `"1.234 ms after submission"`, or the time itself where that of the submission is not known."""
    if not since:
        return f"at {show_clock(time_unix_nano)}"
    milliseconds = (time_unix_nano - since) / 1e6
    return f"{abs(milliseconds):.3f} ms {'after' if milliseconds >= 0 else 'before'} submission"


def as_dict(mismatch: Mismatch) -> dict[str, object]:
    """Return `mismatch` as primitives, lists and dicts."""
    return {
        "headline": headline(mismatch),
        "evidence": mismatch.evidence,
        "outcome": mismatch.outcome,
        "stale": mismatch.stale,
        "expected": _plain(mismatch.expected),
        "observed": _plain(mismatch.observed),
        "thread_name": mismatch.thread_name,
        "location": mismatch.location,
        "time_unix_nano": mismatch.time_unix_nano,
        "target": mismatch.target,
        "details": _plain(mismatch.details),
        "torn": mismatch.torn,
        "occurrence": mismatch.occurrence,
        "submission": _submission_as_dict(mismatch.submission),
        "culprit": _write_as_dict(mismatch.culprit),
        "trace_id": f"{mismatch.trace_id:032x}",
        "span_id": f"{mismatch.span_id:016x}",
    }


def _submission_as_dict(submission: Submission | None) -> dict[str, object] | None:
    return submission and {
        "number": submission.number,
        "boundary": submission.boundary,
        "ids": _plain(submission.ids),
        "thread_name": submission.thread_name,
        "time_unix_nano": submission.time_unix_nano,
        "location": submission.location,
    }


def _write_as_dict(write: Write | None) -> dict[str, object] | None:
    return write and {
        "field": write.field,
        "value": _primitive(write.value),
        "thread_name": write.thread_name,
        "location": write.location,
        "time_unix_nano": write.time_unix_nano,
        "submission": _submission_as_dict(write.submission),
    }


def _plain(ids: Mapping[str, object]) -> dict[str, object]:
    return {name: _primitive(value) for name, value in ids.items()}


def _primitive(value: object) -> object:
    return None if value is None else attribute_value(value)
