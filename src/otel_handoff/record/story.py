"""One mismatch in words, and as JSON-ready primitives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from otel_handoff.record.locations import Frames, describe, of_host
from otel_handoff.record.semconv import attribute_value
from otel_handoff.record.shown import show, show_after, show_clock, show_ids
from otel_handoff.record.submission import Submission

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


class _Culprit(_Written, Protocol):
    """A write, live."""

    @property
    def submission(self) -> Submission | None: ...
    @property
    def location(self) -> str: ...
    @property
    def frames(self) -> Frames: ...


class _Reported(_Told, Protocol):
    """A mismatch, live: `record.mismatch` has it."""

    @property
    def submission(self) -> Submission: ...
    @property
    def culprit(self) -> _Culprit | None: ...
    @property
    def location(self) -> str: ...
    @property
    def frames(self) -> Frames: ...
    @property
    def occurrence(self) -> int: ...
    @property
    def mode(self) -> str: ...
    @property
    def trace_id(self) -> int: ...
    @property
    def span_id(self) -> int: ...


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
    "used in pin": "Do: correct the records named here. The mode is pin already, but the wrong id did not come by way "
    "of the worker's copy: see at the write named here how both sides get at it (an inner object, `self`, a global).",
    "blocked": "Do: read the ids from the submitted row, not from the shared context, or copy the context per row.",
    "prevented": "Do: nothing is wrong in the trail; without pin mode it would be. Have the host copy its context.",
    "exposed": "Do: check what the worker does with these fields; no use of the wrong id is known.",
}


def advice(outcome: str, mode: str = "") -> str:
    """Return what to do: it depends on what came of the wrong id, and in which mode."""
    return ADVICE.get(f"{outcome} in {mode}") or ADVICE.get(outcome, "")


def title(mismatch: _Told) -> str:
    """Return what it is: a context that merely moved on is no mismatch."""
    if mismatch.outcome == "exposed" and mismatch.evidence in ("start", "end"):
        return "HANDOFF EXPOSURE"
    return f"HANDOFF MISMATCH ({mismatch.outcome})"


def what(mismatch: _Told) -> str:
    """Return what happened, without an id."""
    return _HEADLINES.get((mismatch.evidence, mismatch.outcome), "the context moved on while the worker ran")


def headline(mismatch: _Told) -> str:
    """Return what happened, in one line with both sides."""
    sides = ", ".join(
        f"{name}={show(mismatch.observed[name])} instead of {show(value)}" for name, value in mismatch.expected.items()
    )
    return f"{what(mismatch)}: {sides}"


def as_text(mismatch: _Reported) -> str:
    """Return the report: what was filed where, both threads, the write that did it, and what to do."""
    submission = mismatch.submission
    since = submission.time_unix_nano
    lines = [
        _RULE,
        f"{title(mismatch)}: {headline(mismatch)}",
        submitted(submission),
        f"    {show_ids(submission.ids)}",
        *_stack(submission.frames, 1),
        *used(mismatch, since, VERBS.get(mismatch.outcome, "Seen")),
    ]
    lines += _stack(mismatch.frames, 5)
    lines += _culprit(mismatch.culprit, since)
    if mismatch.trace_id:
        lines.append(f"  Trace {mismatch.trace_id:032x}, span {mismatch.span_id:016x}")
    lines += [f"  {advice(mismatch.outcome, mismatch.mode)}", _RULE]
    return "\n".join(lines)


def as_line(mismatch: _Reported) -> str:
    """Return one line, for a mismatch like one that was reported before."""
    submission, culprit = mismatch.submission, mismatch.culprit
    details = f" ({show_ids(mismatch.details)})" if mismatch.details else ""
    return (
        f"{title(mismatch)}, {mismatch.occurrence:,} like it so far: {headline(mismatch)};"
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


def _culprit(write: _Culprit | None, since: int) -> list[str]:
    if write is None:
        return ["  Overwritten by: not seen (no write of this field is on record)"]
    lines = [overwritten(write, since)]
    if write.submission is not None:
        lines.append(f"    for submission #{write.submission.number}: {show_ids(write.submission.ids)}")
    return lines + _stack(write.frames, 4)


def _stack(frames: Frames, depth: int) -> list[str]:
    shown = of_host(frames)[:depth]
    return [f"    {'at' if level == 0 else 'by'} {describe(*frame)}" for level, frame in enumerate(shown)]


def as_dict(mismatch: _Reported) -> dict[str, object]:
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
        "mode": mismatch.mode,
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


def _write_as_dict(write: _Culprit | None) -> dict[str, object] | None:
    if write is None:
        return None
    return {
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
    if value is None:
        return None
    # Of the very type: with one that is made from it, as numpy's float, its module would go along.
    plain = attribute_value(value)
    if isinstance(plain, str):
        return str.__str__(plain)
    if isinstance(plain, bool):
        return plain
    return int.__int__(plain) if isinstance(plain, int) else float.__float__(plain)
