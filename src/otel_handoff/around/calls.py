"""What a worker records and routes: a span for each external call, and a check of the ids that it carries."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import CoroutineType
from typing import Any, Final, Protocol, cast

from opentelemetry.trace import INVALID_SPAN
from opentelemetry.util.types import AttributeValue

from otel_handoff.around.engine import Engine
from otel_handoff.around.filing import Filing, Given
from otel_handoff.around.late_spans import LateCall, LateRow
from otel_handoff.boundary import Call
from otel_handoff.handover.lease import Lease, active, judged_for
from otel_handoff.host.bound import Written
from otel_handoff.host.following import can_be_read, expression, no_tuple
from otel_handoff.host.guard import guard
from otel_handoff.host.outside import pass_on
from otel_handoff.host.parameters import RETURNED, Are, Parameters, Read, Reads
from otel_handoff.host.paths import parse
from otel_handoff.host.places import places
from otel_handoff.host.standin import stand_in
from otel_handoff.host.suggest import nearest
from otel_handoff.host.wrapping import Patch, Wrap
from otel_handoff.judge.detector import Detector
from otel_handoff.record import semconv
from otel_handoff.record.mismatch import HandoffMismatchError

_logger = logging.getLogger("otel_handoff")

_PLAIN: Final = frozenset({str, int, float, bool})
"""What is an attribute as it is."""


class CalledOutside(Protocol):
    """Tells that a call was made outside of the boundary's rows; whether no more needs to be said of it."""

    def __call__(self, call: DeclaredCall, *, nested: bool) -> bool:  # noqa: D102
        ...


class DeclaredCall:
    """A `Call` of a boundary, and what is known of it; outside of this detector's rows it passes straight through.

    Attributes:
        call: as declared.
        in_batches: whether a worker may hold several rows together, of which it names one.
        seen: whether it was ever made while a row was worked on.
        outside: is called where it is made outside of the boundary's rows, until it returns True: that is told by then.
        unread: is called with the fields whose ids are not among what it was called with.
        patches: its wrappers; at most one of them is attached.
    """

    def __init__(
        self,
        call: Call,
        detector: Detector,
        engine: Engine,
        *,
        outside: CalledOutside,
        unread: Callable[[DeclaredCall, Lease, list[str]], None],
        in_batches: bool = False,
    ) -> None:
        self.call: Call = call
        self.in_batches: bool = in_batches
        self.seen: bool = False
        self.outside: CalledOutside | None = outside
        self.unread: Callable[[DeclaredCall, Lease, list[str]], None] = unread
        self._detector = detector
        self._engine = engine
        self._told: set[tuple[str, str]] = set()
        self.patches: list[Patch] = places(call.targets, self._wrapper)

    def called_outside(self, lease: Lease | None) -> None:
        """It is made outside of the boundary's rows; perhaps in one of another boundary's, which may compare it."""
        if lease is not None and not lease.detector.compares.isdisjoint(self.call.targets):
            return
        if self.outside is not None and self.outside(self, nested=lease is not None):
            self.outside = None

    def _wrapper(self, target: str) -> Wrap:
        def wrap(function: Any, parameters: Parameters) -> Any:
            self._warn_of_what_leads_nowhere(target, parameters)
            if self.call.evidence == "read":
                return stand_in(function, ReadFunction(self, self._detector, parameters))
            return stand_in(function, CallFunction(self, self._detector, self._engine, parameters, target))

        return wrap

    def _warn_of_what_leads_nowhere(self, target: str, parameters: Parameters) -> None:
        for what, paths in (("ids", self.call.ids), ("attributes", self.call.attributes)):
            for name, path in paths.items():
                if not parameters.leads(path, returned=what == "ids") and (what, name) not in self._told:
                    self._told.add((what, name))
                    root = parse(path).root
                    _logger.warning(
                        "Call %r: %s[%r]: %s has no parameter %r, where %r starts: it is not compared.%s",
                        self.call.target,
                        what,
                        name,
                        target,
                        root,
                        path,
                        nearest(root, parameters.names),
                    )


class ReadFunction:
    """Remembers the ids that a worker takes for its next call."""

    def __init__(self, declared: DeclaredCall, detector: Detector, parameters: Parameters) -> None:
        self._declared = declared
        self._detector = detector
        before, after = _by_when(declared.call, parameters)
        self._ids = parameters.reads(before)
        self._returned = parameters.reads(after) if after else None

    def __call__(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note the ids and call through."""
        lease = judged_for(self._detector)
        if lease is None or lease.detector is not self._detector:
            return wrapped(*args, **kwargs)
        self._declared.seen = True
        ids: dict[str, Any] = {}
        with guard:
            ids = self._ids(args, kwargs, instance)
            self._detector.take(lease, ids)
        result = wrapped(*args, **kwargs)
        if self._returned is not None:
            with guard:
                found = self._returned(args, {**kwargs, RETURNED: result}, instance)
                self._detector.take(lease, {**ids, **found})
        return result


class CallFunction:
    """Stands between the worker and one `Call`, at one of its targets.

    Attributes:
        evidence: what a wrong id in it is.
        name: the target, without its module.
        detector: judges its ids.
        engine: makes its spans.
        ids: reads the ids off its arguments.
        returned: reads those off what it returns, which are known only then; None where there are none.
        attributes: reads what else its span says.
        latency_ms: reads how long the external call took, in milliseconds, if an argument says so.
        is_right: whether a call has the very ids of its row, as most have, and nothing more is to be said of it.
    """

    def __init__(
        self, declared: DeclaredCall, detector: Detector, engine: Engine, parameters: Parameters, target: str
    ) -> None:
        call = declared.call
        self._declared = declared
        self.evidence: str = call.evidence
        self.name: str = target.rpartition(":")[2]
        self.detector: Detector = detector
        self.engine: Engine = engine
        before, after = _by_when(call, parameters)
        self.ids: Reads = parameters.reads(before)
        self.returned: Reads | None = parameters.reads(after) if after else None
        self._filed = frozenset((target, path) for target in call.targets for path in call.ids.values())
        self.is_right = self._rightly(parameters.are(before)) if not (after or declared.in_batches) else _never
        self.attributes: Reads = parameters.reads(call.attributes)
        self.latency_ms: Read | None = parameters.reader(call.latency_ms) if call.latency_ms else None

    def __call__(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Check the ids, call through, and say what became of it."""
        lease = active.get()
        if lease is not None and self.is_right(lease, args, kwargs, instance):
            return wrapped(*args, **kwargs)
        return self.closely(wrapped, instance, args, kwargs)

    def body(self, shape: Written) -> tuple[str, dict[str, object]]:
        """Make what is done where the function is looked up and called, as most are."""
        paths = {name: parse(path) for name, path in self._declared.call.ids.items()}
        same = " and ".join(
            f"{expression(path.parts[0], path.parts[1:])} is ids_[{name!r}]" for name, path in paths.items()
        )
        known = {*shape.others, *shape.keywords}
        if (
            self._declared.in_batches
            or not can_be_read(same)
            or any(path.module or path.parts[0] not in known for path in paths.values())
        ):
            return f"return {shape.through()}\n", {}
        detector, is_call = self.detector, self.evidence == "call"
        as_usual = ["lease_.detector is detector_", "not lease_.ended", "detector_.enabled", "Lease_.provoker is None"]
        as_usual += ["lease_.span is no_span_"] if is_call else []  # else it has a span, too
        as_usual += ["not lease_.noted"] if detector.takes else []
        finish = "        if right_:\n            finish_(lease_)\n"
        if detector.pins:  # a copy does not go on to another row
            finish = (
                "        was_ = lease_.values\n"
                "        if right_ and was_ and lease_.along is None and lease_.kind.holds(lease_.handed, was_):\n"
                "            lease_.finished = True\n"
                "        elif right_:\n"
                "            finish_(lease_)\n"
            )
        call = f"        return {shape.call()}\n"
        if not detector.watched:  # judged late: see there
            call = (
                f"        result_ = {shape.call()}\n"
                "        if lease_.pinned and not lease_.kind.has(lease_.context, lease_.roots):\n"
                f"            late_(lease_, {shape.args()}, {shape.kwargs()}, {shape.instance})\n"
                "        return result_\n"
            )
        lines = (
            "lease_ = active_()\n"
            f"if lease_ is not None and {' and '.join(as_usual)}:\n"
            "    try:\n"
            "        ids_ = lease_.ids\n"
            f"        right_ = {same or True}\n" + ("" if is_call else finish) + "    except Exception as error_:\n"
            "        pass_on_(error_)\n"
            "        right_ = False\n"
            "    if right_:\n"
            "        declared_.seen = True\n"
            f"{call}"
            f"return {shape.through()}\n"
        )
        return lines, {
            "active_": active.get,
            "declared_": self._declared,
            "detector_": detector,
            "finish_": detector.finish,
            "late_": self._late,
            "Lease_": Lease,
            "no_span_": INVALID_SPAN,
            "other": no_tuple,
            "pass_on_": pass_on,
        }

    def _late(self, lease: Lease, args: tuple[Any, ...], kwargs: dict[str, Any], instance: Any) -> None:
        # It had the right ids, and its row's context has moved on: was it spared others?
        with guard:
            ids = self.ids(args, kwargs, instance)
            Filing(self, lease, (args, kwargs, instance), ids, {}, torn=False, late=None).end(None)

    def closely(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do so where that is not known to be right."""
        lease = judged_for(self.detector)
        if lease is None or lease.detector is not self.detector or not self.detector.enabled:
            if self._declared.outside is not None and self.detector.enabled:
                with guard:
                    self._declared.called_outside(lease)
            return wrapped(*args, **kwargs)
        self._declared.seen = True
        if lease is not active.get() and self._is_known_within():
            return wrapped(*args, **kwargs)
        if (provoker := lease.provoker) is not None:
            provoker.hold(lease, f"call {self.name}")
        filing = None
        blocked = None
        try:
            filing = self._filing(lease, instance, args, kwargs)
            if filing is not None and self.detector.strict:
                blocked = filing.block()
        except Exception as error:
            guard.met(error)
        if blocked is not None:
            raise HandoffMismatchError(blocked)
        if filing is None:
            return wrapped(*args, **kwargs)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            filing.end(error)
            raise
        given = args, kwargs, instance
        if self.returned is not None and type(result) is CoroutineType:
            return self._to_be_awaited(cast("CoroutineType[Any, Any, Any]", result), filing, given)
        return self._ended(result, filing, given)

    def _ended(self, result: Any, filing: Filing | LateCall, given: Given) -> Any:
        args, kwargs, instance = given
        if self.returned is not None and type(filing) is Filing:
            with guard:
                returned = {**kwargs, RETURNED: result}  # a None says nothing
                filing.returned(self.returned(args, returned, instance) if result is not None else {})
        filing.end(None)
        if type(filing) is Filing and filing.is_to_raise is not None:
            raise HandoffMismatchError(filing.is_to_raise)
        return result

    def _to_be_awaited(
        self, coroutine: CoroutineType[Any, Any, Any], filing: Filing | LateCall, given: Given
    ) -> CoroutineType[Any, Any, Any]:
        # What it returns is known when it has been awaited.
        async def awaited() -> Any:
            try:
                result = await coroutine
            except BaseException as error:
                filing.end(error)
                raise
            return self._ended(result, filing, given)

        waiting = awaited()
        waiting.__name__, waiting.__qualname__ = coroutine.__name__, coroutine.__qualname__
        return waiting

    def _is_known_within(self) -> bool:
        # Whether the row within compares the very same: it is that one's id, which may rightly be another.
        now = active.get()
        return now is not None and not now.detector.filed.isdisjoint(self._filed)

    def _rightly(self, are: Are) -> Callable[..., bool]:
        # It is asked for each call: what it knows from the start it is not to look up.
        declared, detector, is_call = self._declared, self.detector, self.evidence == "call"
        watched, takes = detector.watched, detector.takes

        def is_right(lease: Lease, args: tuple[Any, ...], kwargs: dict[str, Any], instance: Any = None) -> bool:
            if (
                lease.detector is not detector
                or lease.ended
                or (is_call and lease.span is not INVALID_SPAN)  # it has a span, too
                or not detector.enabled
                or not (watched or not lease.pinned)  # judged late: see there
                or (takes and lease.noted)
                or Lease.provoker is not None
            ):
                return False
            try:
                if not are(args, kwargs, len(args), lease.ids, instance):
                    return False
                if not is_call:
                    detector.finish(lease)
            except Exception as error:
                pass_on(error)
                return False  # then one by one
            declared.seen = True
            return True

        return is_right

    def unread(self, lease: Lease, ids: Mapping[str, object]) -> None:
        """Tell which of the ids of a call are not where they were declared."""
        self._declared.unread(self._declared, lease, [name for name in self._declared.call.ids if name not in ids])

    def _filing(
        self, lease: Lease, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Filing | LateCall | None:
        detector = self.detector
        ids = self.ids(args, kwargs, instance)
        if lease.batch is not None:
            lease = detector.named(lease, lease.batch, ids)
        if ids.__class__ is not dict and self.returned is None:
            self.unread(lease, ids)
        wrong = detector.wrong_in_call(lease, ids)
        if self.evidence == "call":
            torn, spanned = detector.is_torn(lease, ids), self.engine.traced and lease.span is not INVALID_SPAN
        else:
            torn = spanned = False
            detector.finish(lease)
        row = lease.span
        given = args, kwargs, instance
        late = self._late_call(row, given) if spanned and type(row) is LateRow else None
        if not (wrong or (spanned and late is None) or detector.judges_results_late(lease) or self.returned):
            return late  # None, as most are: there is nothing to say of it afterwards
        filing = Filing(self, lease, given, ids, wrong, torn=torn, late=late)
        if late is None and spanned:
            filing.start_span()
        return filing

    def began(self, given: Given) -> tuple[int, int | None]:
        """Return when the external call began, and when it ended if it has: what follows is its recording."""
        now = time.time_ns()
        milliseconds = self.latency_ms(*given) if self.latency_ms is not None else None
        return (now - int(milliseconds * 1e6), now) if isinstance(milliseconds, (int, float)) else (now, None)

    def details(self, given: Given) -> dict[str, AttributeValue]:
        """Return what the boundary declares of it, as attributes."""
        found: dict[str, Any] = self.attributes(*given)
        if _PLAIN.issuperset(map(type, found.values())):
            return found
        return {name: semconv.attribute_value(value) for name, value in found.items() if value is not None}

    def _late_call(self, row: LateRow, given: Given) -> LateCall:
        begun, ended = (time.time_ns(), None) if self.latency_ms is None else self.began(given)
        return LateCall(row, self.name, begun, ended, self.details(given))


def _by_when(call: Call, parameters: Parameters) -> tuple[dict[str, str], dict[str, str]]:
    # The paths of the ids that are known before it is made, and of those that it returns.
    after = {name: path for name, path in call.ids.items() if parameters.is_of_result(path)}
    return {name: path for name, path in call.ids.items() if name not in after}, after


def _never(*_: object) -> bool:
    return False
