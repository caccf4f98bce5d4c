"""A thread that is started: what it is to run is handed over."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from threading import Thread, Timer
from typing import Any, Final

from otel_handoff.handover.callables import hand_over
from otel_handoff.handover.calling import is_plain
from otel_handoff.handover.directly import Args, Handed, Kwargs, found_in, peeled, taking
from otel_handoff.handover.enclosing import Expected, expecting
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import class_of, dict_of, lookup

starting: Final[ContextVar[tuple[Thread, Expected] | None]] = ContextVar("otel_handoff_starting", default=None)
"""The thread that is being started here, and what recognises the worker on it."""

_TARGET: Final = ("_target", "_args", "_kwargs")
_TIMED: Final = ("function", "args", "kwargs")


class _Timed(Handed):
    """What a timer has until it calls it; whoever looks at the timer afterwards finds what was put there."""

    _self_undo: Callable[[], None]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._self_undo()
        return super().__call__(*args, **kwargs)


class Started:
    """What is done around the start of one thread: `undo` where it did not start."""

    def __init__(self, thread: Thread) -> None:
        """Hand over what it is to run."""
        self._before: dict[str, Any] = {}
        self._thread = thread
        self.expected: Expected | None = None
        if thread.ident is not None:
            return  # it was started already, which is an error
        values = dict_of(thread)
        for names, kind in ((_TARGET, Handed), *([(_TIMED, _Timed)] if isinstance(thread, Timer) else [])):
            if values.get(names[0]) is not None:
                given, args, kwargs = (values.get(name) for name in names)
                handed = hand_over(given, tuple(args or ()), dict(kwargs or {}), kind)
                if handed[0] is not given:
                    self._before = {name: values[name] for name in names if name in values}
                    if kind is _Timed:
                        handed[0]._self_undo = self.undo
                    values.update(zip(names, handed, strict=True))
                    return
        if "run" not in values and (run := lookup(class_of(thread), "run")) is not vars(Thread)["run"]:
            self._run(run)

    def _run(self, run: Any) -> None:
        bound = run.__get__(self._thread, class_of(self._thread)) if hasattr(run, "__get__") else run
        layers = peeled(bound, ())
        found = found_in(layers, ())
        if found is None:
            self.expected = None if is_plain(bound, ()) else expecting(layers, (), {})
            return
        begun = found.takes.begin(self._thread, (), {})
        if begun is not None:
            self.expected = Expected.of(found.takes, begun[0])

    def undo(self) -> None:
        """It did not start."""
        dict_of(self._thread).update(self._before)


def giving_threads(wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Return what is called around `Thread.start`: it hands over, and then does what `wrapper` does."""

    def given(wrapped: Any, thread: Thread, args: Args, kwargs: Kwargs) -> Any:
        started = None
        if taking:
            with guard:
                started = Started(thread)
        if started is None:
            return wrapper(wrapped, thread, args, kwargs)
        token = starting.set(None if started.expected is None else (thread, started.expected))
        try:
            return wrapper(wrapped, thread, args, kwargs)
        except BaseException:
            started.undo()
            raise
        finally:
            starting.reset(token)

    return given
