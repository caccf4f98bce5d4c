"""What Celery is asked to publish: the row of a task begins there, and is compared as it goes."""

from __future__ import annotations

import sys
from typing import Any, Final, Protocol, cast

from otel_handoff.around.arriving import flush
from otel_handoff.around.leaving import Leaving, ids_wrong, restored
from otel_handoff.around.shared import Shared
from otel_handoff.engines.delayed import Delayed, due
from otel_handoff.handover.departures import serialised
from otel_handoff.handover.lease import Lease, active
from otel_handoff.host import imports
from otel_handoff.host.current import no_lease
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import same
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parts
from otel_handoff.host.plainly import MISSING
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch
from otel_handoff.record import slip

HEADER: Final = "handoff"
"""The message header that a slip travels in."""

_MOST_NESTED: Final = 16

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Options = dict[str, Any]


class Posted(str):  # noqa: SLOT000  it has some
    """The header of a row that has not left yet: it travels with its signature, and its lease with it.

    Wherever it is written it is text; once it is published, that is the slip.
    """

    lease: Lease | None = None
    """Without, it was handed over when it could not be told with what: it is a row that is not known."""
    leave: Any
    at: str
    """The task's name."""
    ahead: int = 0
    """How many arguments come before those of its signature."""
    told: str | None = None
    """The slip, once it is published."""

    def __copy__(self) -> Posted:
        return self

    def __deepcopy__(self, memo: Any) -> Posted:
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str.__str__(self),)

    def sent(self) -> None:
        """It goes to another process before it is published: nothing is known of it there."""


class Publishes(Protocol):
    """A boundary whose work is a Celery task: `engines.celery`."""

    leaving: Leaving

    @property
    def shared_state(self) -> Shared: ...  # noqa: D102
    def matches(self, name: str) -> bool: ...  # noqa: D102
    def take(self, task: Any) -> None: ...  # noqa: D102
    def shape(self, name: str) -> Any: ...  # noqa: D102
    def missed_row(self, reason: str) -> None: ...  # noqa: D102
    def depart(  # noqa: D102
        self, name: str, args: Args, kwargs: Kwargs, *, early: bool = False, whole: bool = True
    ) -> Any: ...


class Publishing:
    """Where Celery makes signatures and messages, for all boundaries at once."""

    def __init__(self) -> None:
        self._handoffs: list[Publishes] = []
        self._known: dict[str, Publishes | None] = {}
        self._patches = (
            Patch("celery.canvas:Signature.__init__", self._wrap_signature),
            Patch("celery.app.base:Celery.send_task", self._wrap_send),
            Patch("celery.app.task:Task.bind", self._wrap_bind),
        )
        self._delayed: list[Delayed] = []

    def take_in(self, handoff: Publishes) -> None:
        """A boundary is attached."""
        self._handoffs.append(handoff)
        self._known.clear()
        if len(self._handoffs) == 1:
            for patch in self._patches:
                patch.apply()
            imports.listen("celery.signals", self._connect)
            imports.listen("celery.app.task", self._look_for)
        self._take_what_is_there(handoff)

    def leave_out(self, handoff: Publishes) -> None:
        """It is attached no more."""
        if handoff not in self._handoffs:
            return
        self._handoffs.remove(handoff)
        self._known.clear()
        if not self._handoffs:
            for patch in self._patches:
                patch.remove()
            imports.stop("celery.signals", self._connect)
            imports.stop("celery.app.task", self._look_for)
            while self._delayed:
                self._delayed.pop().leave_out()
            self._disconnect()

    def of(self, name: Any) -> Publishes | None:
        """Return the boundary of a task."""
        if type(name) is not str:
            return None
        try:
            return self._known[name]
        except KeyError:
            found = next((handoff for handoff in self._handoffs if handoff.matches(name)), None)
            self._known[name] = found
            return found

    # -- tasks

    def _wrap_bind(self, function: Any, _parameters: Parameters) -> Any:
        def bound(wrapped: Any, cls: Any, args: Args, kwargs: Kwargs) -> Any:
            result = wrapped(*args, **kwargs)
            with guard:
                if args and self.of(getattr(cls, "name", None)) is not None:
                    task = args[0]._tasks.get(cls.name)
                    for handoff in self._handoffs:
                        handoff.take(task)
            return result

        return stand_in(function, bound)

    @staticmethod
    def _take_what_is_there(handoff: Publishes) -> None:
        state: Any = sys.modules.get("celery._state")
        with guard:
            for app in list(state._get_active_apps()) if state is not None else ():
                for task in list(app._tasks.values()):
                    handoff.take(task)

    def _look_for(self, module: Any) -> None:
        self._delayed = [Delayed(self, name, vars(module.Task)[name]) for name in ("delay", "apply_async")]
        for delayed in self._delayed:
            delayed.take_in()

    # -- signatures

    def _wrap_signature(self, function: Any, _parameters: Parameters) -> Any:
        def made(wrapped: Any, signature: Any, args: Args, kwargs: Kwargs) -> Any:
            wrapped(*args, **kwargs)
            task = args[0] if args else kwargs.get("task")
            if not isinstance(task, dict):  # else it is made of another one
                with guard:
                    self._begin(signature)

        return stand_in(function, made)

    def _begin(self, signature: Options) -> None:
        name, options = signature.get("task"), signature["options"]
        handoff = self.of(name)
        headers: Options = options.get("headers") or {}
        if handoff is None or HEADER in headers:
            return
        whole = bool(signature.get("immutable"))
        found = handoff.depart(str(name), tuple(signature["args"]), signature["kwargs"], early=True, whole=whole)
        if found is not None:
            posted, signature["args"], signature["kwargs"] = found
            options["headers"] = {**headers, HEADER: posted}

    # -- messages

    def _wrap_send(self, function: Any, parameters: Parameters) -> Any:
        def send(wrapped: Any, _app: Any, args: Args, kwargs: Kwargs) -> Any:
            name = args[0] if args else kwargs.get("name")
            handoff = self.of(name)
            if handoff is not None and handoff.shared_state.detector.enabled:
                with guard:
                    args, kwargs = self._send(handoff, str(name), parameters, args, kwargs)
            return serialised(wrapped, args, kwargs)

        return stand_in(function, send)

    def _send(
        self, handoff: Publishes, name: str, parameters: Parameters, args: Args, kwargs: Kwargs
    ) -> tuple[Args, Kwargs]:
        if len(args) < 3:  # as tasks do it, they are given in their places
            args, kwargs = _in_place(parameters, args, kwargs)
        given, named = tuple(args[1] or ()), dict(args[2] or {})
        headers: dict[str, Any] = dict(kwargs.get("headers") or {})
        text = headers.get(HEADER, due.get())
        due.set(None)  # it publishes one
        if type(text) is Posted:
            there = handoff.shape(name).context(given, named)
            lease = text.lease
            is_its_own = lease is None or there is MISSING or there is lease.handed or there is lease.context
            if is_its_own:
                if lease is not None:
                    handoff.shared_state.counts.submissions.add()
                headers[HEADER] = text
                return _with(args, kwargs, given, named, headers)
        elif text is not None:
            again = self._again(handoff, name, text, given, named)
            if again is not None:
                headers[HEADER], given, named = again
                return _with(args, kwargs, given, named, headers)
        found = handoff.depart(name, given, named)
        if found is None:
            headers.pop(HEADER, None)
            handoff.missed_row("context_unreadable")
        else:
            handoff.shared_state.counts.submissions.add()
            headers[HEADER], given, named = found
        return _with(args, kwargs, given, named, headers)

    def _again(
        self, handoff: Publishes, name: str, text: Any, given: Args, named: Kwargs
    ) -> tuple[Any, Args, Kwargs] | None:
        # What came with a message is sent on: a retry, or the rest of a chain. None where it is another row by now.
        lease: Lease | None = active.get()
        row = lease.slip if lease is not None and lease.detector is handoff.shared_state.detector else None
        mine = slip.read(text, _nothing)
        if lease is None or row is None or mine is None or (mine.process, mine.number) != (row.process, row.number):
            return text, given, named
        shape, boundary = handoff.shape(name), handoff.shared_state.boundary
        said = shape.departing.said(given, named)
        if any(not same(lease.ids[field], value) for field, value in said.items()):
            return None
        context = shape.context(given, named)
        if context is MISSING or context is None:
            return text, given, named
        with no_lease():
            wrong = {n: v for n, v in ids_wrong(handoff.shared_state, lease, context).items() if n not in boundary.ids}
            if not wrong:
                return text, given, named
            pins = handoff.shared_state.engine.settings.mode == "pin"
            culprits = handoff.leaving.tell(lease, wrong, lease.span, prevented=pins)
            if pins:
                for field in wrong:
                    context = restored(context, parts(boundary.fields[field]), lease.ids[field])
                given, named = shape.departing.replaced(context, given, named)
            elif culprits:
                text = slip.amended(text, culprits, lease.submission.hash)
        return text, given, named

    # -- as it is published

    def _connect(self, module: Any) -> None:
        module.before_task_publish.connect(self._publish, weak=False, dispatch_uid="otel_handoff")
        module.worker_process_shutdown.connect(self._flush, weak=False, dispatch_uid="otel_handoff")

    def _disconnect(self) -> None:
        module: Any = sys.modules.get("celery.signals")
        if module is not None:
            for signal in (module.before_task_publish, module.worker_process_shutdown):
                signal.disconnect(dispatch_uid="otel_handoff")

    def _publish(self, body: Any = None, headers: Any = None, **_: Any) -> None:
        with guard:
            if type(body) is not tuple or not isinstance(headers, dict):
                return
            message, told = cast("tuple[Any, ...]", body), cast("Options", headers)
            if len(message) < 3 or type(message[2]) is not dict:
                return
            args, kwargs, embed = message[0], message[1], cast("Options", message[2])
            self._leave(told, args, kwargs)
            for name, value in list(embed.items()):
                if value:  # the body of a chord goes along with each task of it, and is one row
                    embed[name] = self._nested(value, 0, once=name == "chord")
            if told.get("task") == "celery.chord_unlock":
                self._in_place(args, 0)

    @staticmethod
    def _leave(headers: Options, args: Any, kwargs: Any, *, once: bool = False) -> None:
        posted = headers.get(HEADER)
        if type(posted) is not Posted:
            return
        text = posted.told if once else None
        text = text or posted.leave(posted, args, kwargs)
        posted.told = text
        if text is None:
            del headers[HEADER]
        else:
            headers[HEADER] = text

    def _nested(self, found: Any, depth: int, *, once: bool) -> Any:
        # What goes along with a message, as it is serialised: of the host's own signatures nothing is changed.
        if depth > _MOST_NESTED:
            return found
        if isinstance(found, (list, tuple)):
            items = cast("list[Any] | tuple[Any, ...]", found)
            made = [self._nested(each, depth + 1, once=once) for each in items]
            return items if all(new is old for new, old in zip(made, items, strict=True)) else made
        if not isinstance(found, dict):
            return found
        signature = cast("Options", found)
        changed = {
            name: new
            for name, value in signature.items()
            if name != "options" and (new := self._nested(value, depth + 1, once=once)) is not value
        }
        options = self._options(signature, once=once)
        if options is not None:
            changed["options"] = options
        return {**signature, **changed} if changed else signature

    def _options(self, signature: Options, *, once: bool) -> Options | None:
        options: Any = signature.get("options")
        headers: Any = cast("Options", options).get("headers") if isinstance(options, dict) else None
        if not isinstance(headers, dict) or type(cast("Options", headers).get(HEADER)) is not Posted:
            return None
        told = dict(cast("Options", headers))
        self._leave(told, signature.get("args") or (), signature.get("kwargs") or {}, once=once)
        return {**cast("Options", options), "headers": told}

    def _in_place(self, found: Any, depth: int) -> None:
        # The body of a chord is an argument of what sends it on.
        if isinstance(found, (list, tuple)) and depth < _MOST_NESTED:
            for each in cast("list[Any]", found):
                self._in_place(each, depth + 1)
        elif isinstance(found, dict):
            signature = cast("Options", found)
            options = self._options(signature, once=True)
            if options is not None:
                signature["options"] = options
            self._in_place(list(signature.values()), depth + 1)

    @staticmethod
    def _flush(**_: Any) -> None:
        flush()  # a worker's process ends without more ado


def _in_place(parameters: Parameters, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    found: list[Any] = [*args]
    for name in ("name", "args", "kwargs")[len(args) :]:
        value = parameters.get(name, args, kwargs)
        found.append(None if value is MISSING else value)
        kwargs = {other: each for other, each in kwargs.items() if other != name}
    return tuple(found), kwargs


def _with(args: Args, kwargs: Kwargs, given: Args, named: Kwargs, headers: dict[str, Any]) -> tuple[Args, Kwargs]:
    return (args[0], given, named, *args[3:]), {**kwargs, "headers": headers}


def _nothing(_: str) -> None:
    pass


publishing: Final = Publishing()
