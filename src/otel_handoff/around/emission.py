"""What a thread of the host's own emits, after the workers: it is to be the result that it has just taken out.

A worker's result is known by what it hands in, as an object. The buffer that it waits in has that object until it is
released; which submission it belongs to is remembered as long, beside the buffer, and goes with it.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, Final, NamedTuple

import wrapt

from otel_handoff.around.engine import Engine
from otel_handoff.boundary import Boundary, Emission
from otel_handoff.handover.lease import judged_lease
from otel_handoff.host.following import walk
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parts
from otel_handoff.host.plainly import MISSING
from otel_handoff.host.wrapping import Patch
from otel_handoff.judge.coverage import Coverage
from otel_handoff.judge.detector import Detector
from otel_handoff.record import semconv
from otel_handoff.record.mismatch import HandoffMismatchError, Mismatch
from otel_handoff.record.submission import Submission

Parts = tuple[Any, ...]


class _Kept(NamedTuple):
    handed: object  # held, so that no other object gets its id
    submission: Submission
    stale: bool


class _Released(threading.local):
    """What the running thread has taken out: the parts that belong to it, and whose it is."""

    now: Parts | None = None
    before: Parts | None = None
    kept: _Kept | None = None


class Emitting:
    """Follows the results of one boundary, from the worker to the emission."""

    def __init__(
        self, boundary: Boundary, emission: Emission, detector: Detector, engine: Engine, coverage: Coverage
    ) -> None:
        self._boundary = boundary.name
        self._emission = emission
        self._detector = detector
        self._coverage = coverage
        self._engine = engine
        self._cures = engine.settings.mode == "pin"
        self._name = emission.emit.target.rpartition(":")[2]
        self._released_path = parts(emission.released)
        self._part_paths = [parts(path) for path in emission.parts.values()]
        self._out: Final = _Released()
        self._buffers: dict[int, tuple[weakref.ref[Any], dict[int, _Kept]]] = {}
        self.patches: tuple[Patch, ...] = (
            Patch(emission.complete, self._wrap_complete),
            Patch(emission.release, self._wrap_release),
            Patch(emission.emit.target, self._wrap_emit),
        )
        """What wraps the three functions."""

    # -- a worker hands a result in

    def _wrap_complete(self, function: Any, parameters: Parameters) -> Any:
        handed_in = parameters.reader(self._emission.result)

        def complete(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            key, buffer = 0, None
            lease = judged_lease()
            if lease is not None and lease.detector is self._detector:
                with guard:
                    handed = handed_in(args, kwargs, instance)
                    buffer = self._buffer(instance)
                    if handed is not MISSING and buffer is not None:
                        key = id(handed)
                        buffer[key] = _Kept(handed, lease.submission, lease.stale)
            try:
                return wrapped(*args, **kwargs)
            except BaseException:
                if buffer is not None:  # it was not taken: nobody will release it
                    buffer.pop(key, None)
                raise

        return wrapt.FunctionWrapper(function, complete)

    def _buffer(self, instance: Any) -> dict[int, _Kept] | None:
        # What is remembered of the results in one buffer, for as long as that lives. No lock: it goes in a finalizer.
        number = id(instance)
        found = self._buffers.get(number)
        if found is not None and found[0]() is instance:
            return found[1]

        def forget(ref: weakref.ref[Any]) -> None:
            left = self._buffers.get(number)
            if left is not None and left[0] is ref:
                self._buffers.pop(number, None)

        try:
            ref = weakref.ref(instance, forget)
        except TypeError:
            return None
        made: tuple[weakref.ref[Any], dict[int, _Kept]] = (ref, {})
        if found is not None:  # of an earlier object at this address
            self._buffers.pop(number, None)
        return self._buffers.setdefault(number, made)[1]

    # -- the host's thread takes it out

    def _wrap_release(self, function: Any, _parameters: Parameters) -> Any:
        def release(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            out = self._out
            if out.now is not None:
                out.before, out.now, out.kept = out.now, None, None
            released = wrapped(*args, **kwargs)
            if self._detector.enabled:
                with guard:
                    handed = walk(released, self._released_path)
                    found = self._buffers.get(id(instance))
                    kept = found[1].pop(id(handed), None) if found is not None and found[0]() is instance else None
                    out.now = tuple(walk(handed, path) for path in self._part_paths)
                    out.kept = kept if kept is not None and kept.handed is handed else None
            return released

        return wrapt.FunctionWrapper(function, release)

    # -- and emits it

    def _wrap_emit(self, function: Any, parameters: Parameters) -> Any:
        readers = [parameters.reader(name) for name in self._emission.parts]
        ids_of = parameters.reads(self._emission.emit.ids)

        def emit(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            out, blocked = self._out, None
            if out.before is not None and self._detector.enabled:
                try:
                    given = tuple(read(args, kwargs, instance) for read in readers)
                    if not _are(given, out.now) and _are(given, out.before):
                        if out.kept is None or out.now is None:
                            # Under the ids of a row whose result was emitted already, and no other is taken out.
                            self._coverage.miss("no_submission", detail=self._name)
                            self._coverage.tell()
                        elif (found := self._judge(out.kept, ids_of(args, kwargs, instance))) is not None:
                            blocked = found if self._detector.strict else None
                            if self._cures:
                                for name, part in zip(self._emission.parts, out.now, strict=True):
                                    args, kwargs = parameters.replace(name, part, args, kwargs)
                except Exception as error:
                    guard.met(error)
            if blocked is not None:
                raise HandoffMismatchError(blocked)
            return wrapped(*args, **kwargs)

        return wrapt.FunctionWrapper(function, emit)

    def _judge(self, kept: _Kept, ids: dict[str, object]) -> Mismatch | None:
        # It is emitted under the ids of the one before. A span of its own tells it: the row's has ended.
        submission = kept.submission
        outcome = "prevented" if self._cures else "blocked" if self._detector.strict else "used"
        span = self._engine.tracer.start_span(self._name, submission.otel_context)
        try:
            if span.is_recording():
                ids_of_row = submission.attributes
                span.set_attributes(
                    {semconv.BOUNDARY: self._boundary, semconv.SUBMISSION_ID: submission.number, **ids_of_row}
                )
            return self._detector.emitted(
                submission, ids, stale=kept.stale, outcome=outcome, target=self._name, span=span
            )
        finally:
            span.end()


def _are(given: Parts, parts: Parts | None) -> bool:
    return parts is not None and all(one is other for one, other in zip(given, parts, strict=True))
