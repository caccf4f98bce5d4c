"""The slip: what goes along with a row's work to another process, so that what is done there can be compared.

A small JSON object of primitives, with a version. It is written here, and read on the far side as what it is there:
untrusted input. It is bounded, taken apart strictly, compared, and never loaded as anything else.
`docs/slip.md` has it as a convention.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanContext, TraceFlags, TraceState

from otel_handoff.host.ids import same
from otel_handoff.record.hashing import Hash, hashed
from otel_handoff.record.locations import Frames, Place
from otel_handoff.record.mismatch import Write
from otel_handoff.record.semconv import Primitive, attribute_value
from otel_handoff.record.submission import Submission

VERSION: Final = 1

LONGEST: Final = 8_192
"""Characters of a slip. What is longer is not read, and not written."""

MOST_IDS: Final = 64
_MOST_CULPRITS: Final = 8
_LONGEST_NAME: Final = 128
_LONGEST_PLACE: Final = 256
_LONGEST_ID: Final = 1_024
"""An id that is longer goes as its hash."""
_LONGEST_STATE: Final = 512
_MOST: Final = 2**63 - 1
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_KEY: Final = re.compile(r"[0-9a-f]{0,8}")
_SHORTER: Final = ("tracestate", "culprits")
"""What is left out first where a slip would be too long."""

Id = Primitive | None
Refused = Callable[[str], object]
"""Is told in a few words why a slip is not read."""


class Culprit(NamedTuple):
    """The write that put a wrong id there, as the process saw it that the row was handed over in.

    Attributes:
        field: which was written.
        value: the id that it put there.
        thread_name: the writing thread.
        time_unix_nano: when, in nanoseconds since the epoch.
        place: where.
        number: of the submission that it was made for; 0 where none followed.
        ids: of that submission.
    """

    field: str
    value: Id
    thread_name: str
    time_unix_nano: int
    place: str
    number: int
    ids: Mapping[str, Id]


@dataclass(frozen=True)
class Slip:
    """What is known of a row's hand-over in another process.

    Attributes:
        boundary: the boundary's name.
        process: which process, as `web-1:4711`.
        number: counts submissions in that process, from 1.
        time_unix_nano: when, by that machine's clock.
        thread_name: by which thread.
        place: where, as `shop/orders.py:12 in enqueue`.
        ids: field name -> its id, or the hash of it.
        hashed: the fields of which it is the hash.
        key: tells whether the key of these hashes is one's own.
        traceparent: of the span that was current, as W3C has it; or an empty string.
        tracestate: likewise.
        culprits: where its argument was another row's by the time that it was serialised, the writes that made it so.
    """

    boundary: str
    process: str
    number: int
    time_unix_nano: int
    thread_name: str
    place: str
    ids: Mapping[str, Id]
    hashed: frozenset[str] = frozenset()
    key: str = ""
    traceparent: str = ""
    tracestate: str = ""
    culprits: tuple[Culprit, ...] = ()

    @property
    def frames(self) -> Frames:
        """Where it was handed over."""
        return ((Place(self.place, is_host=True), 0),) if self.place else ()

    @property
    def context(self) -> Context:
        """An OpenTelemetry context of its trace."""
        found = _TRACEPARENT.fullmatch(self.traceparent)
        if found is None:
            return Context()
        state = TraceState.from_header([self.tracestate]) if self.tracestate else None
        span = SpanContext(int(found[1], 16), int(found[2], 16), True, TraceFlags(int(found[3], 16)), state)
        return trace.set_span_in_context(NonRecordingSpan(span), Context()) if span.is_valid else Context()

    def write_of(self, name: str, value: object) -> Write | None:
        """Return the culprit that put `value` into the field `name`."""
        is_hash = name in self.hashed
        culprit = next(
            (one for one in self.culprits if one.field == name and (is_hash or same(one.value, value))), None
        )
        if culprit is None:
            return None
        frames: Frames = ((Place(culprit.place, is_host=True), 0),) if culprit.place else ()
        submission = None
        if culprit.number:
            submission = Submission(
                culprit.number,
                self.boundary,
                MappingProxyType(dict(culprit.ids)),
                culprit.thread_name,
                culprit.time_unix_nano,
                frames,
                self.context,
            )
        return Write(name, value, culprit.thread_name, culprit.time_unix_nano, submission, frames)


# -- which process this is

_here: list[tuple[int, str]] = []


def this_process() -> str:
    """Return the name of this process, which is another in a fork of it: `web-1:4711`."""
    pid = os.getpid()
    if not _here or _here[-1][0] != pid:
        host = _printable(socket.gethostname(), 100) or "unknown"
        _here[:] = [(pid, f"{host}:{pid}")]
    return _here[-1][1]


# -- writing

_encode: Final = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode  # made once: `dumps` makes others


def write(
    submission: Submission,
    culprits: Sequence[Write] = (),
    span: Span | None = None,
    *,
    unresolved: Collection[str] = (),
) -> str | None:
    """Return the slip of a row; None where it would be too long, which takes some dozen long ids.

    Args:
        submission: what it was handed over with.
        culprits: the writes that made its argument another row's, where it is: one for each field.
        span: stands for its leaving; without, the one counts that was current when it was handed over.
        unresolved: the fields of which no id is known: they are left out, where null would be one.
    """
    try:
        ids, hashes = _ids_of(submission, submission.hash, unresolved)
    except ValueError:  # a number of ten thousand digits has no text
        return None
    told: dict[str, Any] = {
        "version": VERSION,
        "boundary": submission.boundary,
        "process": this_process(),
        "number": submission.number,
        "time": submission.time_unix_nano,
        "thread": _printable(submission.thread_name, _LONGEST_NAME),
        "place": _printable(submission.location, _LONGEST_PLACE),
        "ids": ids,
    }
    if hashes:
        told["hashed"] = hashes
        if submission.hash is not None and submission.hash.sign:
            told["key"] = submission.hash.sign
    parent = (span or INVALID_SPAN).get_span_context()
    if not parent.is_valid:
        parent = trace.get_current_span(submission.otel_context).get_span_context()
    if parent.is_valid:
        told["traceparent"] = f"00-{parent.trace_id:032x}-{parent.span_id:016x}-{int(parent.trace_flags):02x}"
        if parent.trace_state and len(state := parent.trace_state.to_header()) <= _LONGEST_STATE:
            told["tracestate"] = state
    if culprits:
        told["culprits"] = [_culprit(each, submission.hash) for each in culprits[:_MOST_CULPRITS]]
    text = _encode(told)
    for name in _SHORTER:
        if len(text) > LONGEST and told.pop(name, None) is not None:
            text = _encode(told)
    return text if len(text) <= LONGEST and len(ids) <= MOST_IDS else None


def amended(text: str, culprits: Sequence[Write], hash_: Hash | None) -> str:
    """Return a slip that came along, and is sent on, with other culprits; itself where it would be too long."""
    told: dict[str, Any] = {
        **json.loads(text),
        "culprits": [_culprit(each, hash_) for each in culprits[:_MOST_CULPRITS]],
    }
    changed = _encode(told)
    return changed if len(changed) <= LONGEST else text


def _ids_of(
    submission: Submission, hash_: Hash | None, unresolved: Collection[str] = ()
) -> tuple[dict[str, Id], list[str]]:
    ids: dict[str, Id] = {}
    hashes: list[str] = []
    for name, value in submission.ids.items():
        if name in unresolved:
            continue
        ids[name], is_hash = _id(value, hash_)
        if is_hash:
            hashes.append(name)
    return ids, hashes


def _id(value: object, hash_: Hash | None) -> tuple[Id, bool]:
    if value is None:
        return None, False
    if hash_ is not None:
        return hash_(value), True
    primitive = value.isoformat() if isinstance(value, (date, time)) else attribute_value(value)
    if isinstance(primitive, float) and not math.isfinite(primitive):
        return str(primitive), False
    if isinstance(primitive, int) and not -_MOST <= primitive <= _MOST:
        primitive = str(primitive)
    if isinstance(primitive, str):
        primitive = str.__str__(primitive)
        if len(primitive) > _LONGEST_ID:
            return Hash()(primitive), True
        if not _is_text(primitive):  # what telemetry takes no more than this does
            return primitive.encode("utf-8", "backslashreplace").decode(), False
    return primitive, False


def _culprit(write: Write, hash_: Hash | None) -> dict[str, Any]:
    ids, number = {}, 0
    if write.submission is not None:
        number = write.submission.number
        ids = _ids_of(write.submission, hash_)[0]
    return {
        "field": write.field,
        "value": _id(write.value, hash_)[0],
        "thread": _printable(write.thread_name, _LONGEST_NAME),
        "time": write.time_unix_nano,
        "place": _printable(write.location, _LONGEST_PLACE),
        "number": number,
        "ids": ids,
    }


def _printable(text: str, most: int) -> str:
    text = text[:most]
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)


# -- reading


class _Unread(Exception):  # noqa: N818  it goes no further
    pass


def read(text: object, refused: Refused) -> Slip | None:
    """Return what a slip says. It may come from anybody, and be anything: then None, and `refused` is told why."""
    try:
        return _read(text)
    except _Unread as why:
        refused(str(why))
    except (ValueError, RecursionError):  # no JSON, a number of ten thousand digits, or a thousand brackets
        refused("it is no JSON")
    return None


def _read(text: object) -> Slip:
    if type(text) is not str:
        raise _Unread("it is no text")
    if len(text) > LONGEST:
        raise _Unread("it is too long")
    told = _decode(text)
    if type(told) is not dict:
        raise _Unread("it is no object")
    told = cast("dict[str, Any]", told)
    version = told.get("version")
    if type(version) is not int or version < 1:
        raise _Unread("it has no version")
    if version > VERSION:
        raise _Unread("it is of a later version")
    hashes: Any = told.get("hashed", [])
    ids = _read_ids(told.get("ids"))
    if type(hashes) is not list or not all(type(name) is str for name in cast("list[Any]", hashes)):
        raise _Unread("hashed is not as it should be")
    names = frozenset(cast("list[str]", hashes))
    if not all(isinstance(ids.get(name), str) for name in names):
        raise _Unread("hashed is not as it should be")
    parent = _read_text(told, "traceparent", 55, optional=True)
    if parent and _TRACEPARENT.fullmatch(parent) is None:
        raise _Unread("traceparent is not as it should be")
    key = _read_text(told, "key", 8, optional=True)
    if _KEY.fullmatch(key) is None:
        raise _Unread("key is not as it should be")
    culprits: Any = told.get("culprits", [])
    if type(culprits) is not list or len(cast("list[Any]", culprits)) > _MOST_CULPRITS:
        raise _Unread("culprits is not as it should be")
    return Slip(
        boundary=_read_text(told, "boundary", _LONGEST_NAME),
        process=_read_text(told, "process", _LONGEST_NAME),
        number=_read_number(told, "number", 1),
        time_unix_nano=_read_number(told, "time", 0),
        thread_name=_read_text(told, "thread", _LONGEST_NAME),
        place=_read_text(told, "place", _LONGEST_PLACE),
        ids=ids,
        hashed=names,
        key=key,
        traceparent=parent,
        tracestate=_read_text(told, "tracestate", _LONGEST_STATE, optional=True),
        culprits=tuple(map(_read_culprit, cast("list[Any]", culprits))),
    )


def _read_culprit(told: Any) -> Culprit:
    if type(told) is not dict:
        raise _Unread("culprits is not as it should be")
    told = cast("dict[str, Any]", told)
    return Culprit(
        _read_text(told, "field", _LONGEST_NAME),
        _read_id(told.get("value"), "culprits"),
        _read_text(told, "thread", _LONGEST_NAME),
        _read_number(told, "time", 0),
        _read_text(told, "place", _LONGEST_PLACE),
        _read_number(told, "number", 0),
        _read_ids(told.get("ids")),
    )


def _read_ids(told: Any) -> Mapping[str, Id]:
    if type(told) is not dict or len(cast("dict[str, Any]", told)) > MOST_IDS:
        raise _Unread("ids is not as it should be")
    ids: dict[str, Id] = {}
    for name, value in cast("dict[str, Any]", told).items():
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise _Unread("ids is not as it should be")
        ids[name] = _read_id(value, "ids")
    return ids


def _read_id(value: Any, what: str) -> Id:
    if value is None or type(value) is bool or type(value) is float:
        return value
    if type(value) is int and -_MOST <= value <= _MOST:
        return value
    if type(value) is str and len(value) <= 6 * _LONGEST_ID and _is_text(value):
        return value
    raise _Unread(f"{what} is not as it should be")


def _read_text(told: Mapping[str, Any], name: str, most: int, *, optional: bool = False) -> str:
    value = told.get(name, "" if optional else None)
    if type(value) is not str or len(value) > most or not value.isprintable():
        raise _Unread(f"{name} is not as it should be")
    return value


def _read_number(told: Mapping[str, Any], name: str, least: int) -> int:
    value = told.get(name)
    if type(value) is not int or not least <= value <= _MOST:
        raise _Unread(f"{name} is not as it should be")
    return value


def _no_constant(_: str) -> Any:
    raise _Unread("it has a number that is none")


_decode: Final = json.JSONDecoder(parse_constant=_no_constant).decode  # made once, as above


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def ids_of(slip: Slip, own: Hash | None) -> dict[str, object]:
    """Return the ids of a slip, to be compared: what came as a hash is equal to what has that hash.

    Those are left out that cannot be compared: their hashes have another key than `own`.
    """
    hash_ = Hash() if not slip.key else own if own is not None and own.sign == slip.key else None
    ids: dict[str, object] = {name: value for name, value in slip.ids.items() if name not in slip.hashed}
    if hash_ is not None:
        ids |= {name: hashed(cast("str", slip.ids[name]), hash_) for name in slip.hashed}
    return ids
