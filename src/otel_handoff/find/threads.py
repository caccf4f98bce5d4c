"""A thread that is started."""

from __future__ import annotations

from threading import Timer
from typing import Any, Final

from otel_handoff.find.begin import THREAD, begin, context_of, run
from otel_handoff.find.rows import Row, current
from otel_handoff.handover.directly import Args, Kwargs, peeled
from otel_handoff.host.plainly import dict_of

_starting: Final[dict[int, Row]] = {}
"""By the identity of the thread, from its start until it runs: a host's own may have no hash."""


def start(wrapped: Any, thread: Any, args: Args, kwargs: Kwargs) -> Any:
    """A thread is started: what it is to run is handed over."""
    given, rest, named = _given_to(thread)
    row = begin(THREAD, given, rest, named)
    if row is None:
        return wrapped(*args, **kwargs)
    _starting[id(thread)] = row
    try:
        return wrapped(*args, **kwargs)
    except BaseException:  # it did not start
        _starting.pop(id(thread), None)
        raise


def runs(wrapped: Any, thread: Any, args: Args, kwargs: Kwargs) -> Any:
    """It runs, on the new thread."""
    row = _starting.pop(id(thread), None)
    if row is None:
        current.set(None)  # a thread may start with the variables of the one that starts it
        return wrapped(*args, **kwargs)
    given, rest, _ = _given_to(thread)
    return run(row, wrapped, args, kwargs, context=context_of(peeled(given, rest)))


def _given_to(thread: Any) -> tuple[Any, Args, Kwargs]:
    values = dict_of(thread)
    names = ("function", "args", "kwargs") if isinstance(thread, Timer) else ("_target", "_args", "_kwargs")
    given, rest, named = (values.get(name) for name in names)
    if given is None:
        return thread.run, (), {}
    return given, tuple(rest or ()), dict(named or {})
