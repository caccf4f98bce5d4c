"""Dask: a function that becomes a task of a cluster has its row's slip beside it, as an annotation of the task.

`Client.submit` and `map` serialise a task in the call. What `delayed` makes is serialised when it is computed, and its
annotation with it: there it is compared. A worker finds the annotation on its task; without otel-handoff, nobody
looks at it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import Any, Final

from otel_handoff.around.leaving import also, elsewhere
from otel_handoff.handover.callables import hand_over
from otel_handoff.handover.departures import serialised
from otel_handoff.handover.directly import Args, Kwargs, taking
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.sent import Beside, asked, leaving, parted
from otel_handoff.handover.standard import is_work
from otel_handoff.host import imports
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import class_of
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch

ANNOTATION: Final = "handoff"
"""Of a task, under which a slip travels."""

_PACKAGES: Final = ("dask", "distributed")
_CONTAINERS: Final = (dict, list, tuple, set)
"""What `delayed` makes another one of at once, where it has other tasks in it."""

_due: Final[ContextVar[Sequence[Lease | None]]] = ContextVar("otel_handoff_dask_due", default=())
"""The rows of the tasks that the running thread is about to send, in their order."""

_sending: Final[ContextVar[object]] = ContextVar("otel_handoff_dask_sending", default=None)
"""Stands for one graph that the running thread serialises."""


class Posted(str):  # noqa: SLOT000  it has some
    """The annotation of a task that was made, and is sent later: then it is the slip."""

    lease: Lease
    told: str = ""
    """The slip, once it is sent."""
    sent_with: object = None
    """The graph that it was last sent with: to serialise that may take a second try."""

    def __copy__(self) -> Posted:
        return self

    def __deepcopy__(self, memo: Any) -> Posted:
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        sending = _sending.get()
        if sending is not None and self.sent_with is not sending:
            self.sent_with, self.told = sending, ""
            with guard:
                self.told = _slip_of(self.lease) or ""
        return str, (self.told if sending is not None else "",)


class Dask:
    """Where Dask takes functions, and where a worker finds what came with them."""

    def __init__(self) -> None:
        self._patches = (
            Patch("distributed.client:Client.submit", _wrapping(_submit)),
            Patch("distributed.client:Client.map", _wrapping(_map)),
            Patch("distributed.client:Client._graph_to_futures", _wrapping(_send)),
            Patch("dask.delayed:call_function", _wrapping(_delayed)),
        )

    def apply(self) -> None:
        """Look at what it takes."""
        for patch in self._patches:
            patch.apply()
        asked.append(_came)
        for module in ("dask.delayed", "distributed.client"):
            imports.listen(module, _is_there)

    def remove(self) -> None:
        """Give Dask its own functions back."""
        for patch in self._patches:
            patch.remove()
        if _came in asked:
            asked.remove(_came)
        for module in ("dask.delayed", "distributed.client"):
            imports.stop(module, _is_there)


def _is_there(module: Any) -> None:
    also.update(_PACKAGES)
    elsewhere.add(module.Delayed if module.__name__ == "dask.delayed" else module.Future)


def _wrapping(wrapper: Any) -> Any:
    def wrap(function: Any, _parameters: Parameters) -> Any:
        return stand_in(function, wrapper)

    return wrap


def _slip_of(lease: Lease) -> str | None:
    return lease.detector.leave(lease)


# -- what is handed over


def _submit(wrapped: Any, client: Any, args: Args, kwargs: Kwargs) -> Any:
    rows: list[Lease | None] = []
    if taking and args:
        with guard:
            given, rest, kwargs = _handed(args[0], args[1:], kwargs, _options(class_of(client), "submit"))
            given, lease = parted(given)
            args, rows = (given, *rest), [lease]
    return _with_rows(rows, wrapped, args, kwargs)


def _map(wrapped: Any, client: Any, args: Args, kwargs: Kwargs) -> Any:
    rows: list[Lease | None] = []
    work, *iterables = args or (None,)
    # With a size of batches, it calls itself with each of these. Of iterators it takes none.
    is_whole = not kwargs.get("batch_size") and not any(isinstance(one, Iterator) for one in iterables)
    if taking and iterables and is_whole and is_work(work):
        with guard:
            rows, args, kwargs = _each(work, iterables, kwargs, _options(class_of(client), "map"))
    return _with_rows(rows, wrapped, args, kwargs)


def _each(
    work: Any, args: Sequence[Any], kwargs: Kwargs, options: frozenset[str]
) -> tuple[list[Lease | None], Args, Kwargs]:
    rows: list[Lease | None] = []
    items = list(zip(*args, strict=False))
    given, named, replaced = work, kwargs, list[Args]()
    for item in items:
        handed, rest, others = _handed(work, item, kwargs, options)
        handed, lease = parted(handed)
        rows.append(lease)
        replaced.append(rest)
        if len(rows) == 1:  # what all of them share, each has as the first has it
            given, named = handed, others
    if all(new is old for new, old in zip(replaced, items, strict=True)):
        return rows, (given, *args), named
    return rows, (given, *(list(column) for column in zip(*replaced, strict=True))), named


def _delayed(wrapped: Any, _instance: Any, args: Args, kwargs: Kwargs) -> Any:
    # func, func_token, args, kwargs
    if not taking or len(args) < 4:
        return wrapped(*args, **kwargs)
    posted: Posted | None = None
    with guard:
        given, rest, named = _handed(args[0], tuple(args[2]), args[3], frozenset(("dask_key_name", "pure")))
        lease = parted(given)[1]
        if lease is not None:
            posted = Posted()
            posted.lease = lease
            args = (given, args[1], rest, named, *args[4:])
    if posted is None:
        return wrapped(*args, **kwargs)
    with _annotated(posted):
        made = wrapped(*args, **kwargs)
    with guard:
        if class_of(posted.lease.handed) in _CONTAINERS and not _is_given(made, posted.lease.handed):
            posted.lease.handed = None  # what becomes of the host's own does not concern the task
    return made


def _is_given(made: Any, container: Any) -> bool:
    task = made.dask[made.key]
    return any(each is container for each in (*task.args, *task.kwargs.values()))


def _handed(given: Any, args: Args, kwargs: Kwargs, options: frozenset[str]) -> tuple[Any, Args, Kwargs]:
    # Begins a row; what is an option of Dask's own is no argument of the work function.
    going = leaving(given)
    if going is not given:
        return going, args, kwargs
    named = {name: value for name, value in kwargs.items() if name not in options}
    given, args, replaced = hand_over(given, args, named, Beside)
    return given, args, kwargs if replaced is named else {**kwargs, **replaced}


@cache
def _options(cls: Any, name: str) -> frozenset[str]:
    return frozenset(inspect.signature(getattr(cls, name)).parameters)


# -- what is sent


def _with_rows(rows: Sequence[Lease | None], wrapped: Any, args: Args, kwargs: Kwargs) -> Any:
    token = _due.set(rows)
    try:
        return wrapped(*args, **kwargs)
    finally:
        _due.reset(token)


def _send(wrapped: Any, _client: Any, args: Args, kwargs: Kwargs) -> Any:
    rows = _due.get()
    due, sending = _due.set(()), _sending.set(object())
    try:
        return serialised(_written, (wrapped, rows, args, kwargs), {})
    finally:
        _sending.reset(sending)
        _due.reset(due)


def _written(wrapped: Any, rows: Sequence[Lease | None], args: Args, kwargs: Kwargs) -> Any:
    texts = dict[Any, str]()
    if any(row is not None for row in rows):
        with guard:
            keys: Sequence[Any] = args[1] if len(args) > 1 else kwargs["keys"]
            for key, row in zip(keys, rows, strict=True):
                text = _slip_of(row) if row is not None else None
                if text is not None:
                    texts[key] = text
    if not texts:
        return wrapped(*args, **kwargs)
    with _annotated(texts.get):  # the scheduler asks it for each task; it is pickled as the dict that it is of
        return wrapped(*args, **kwargs)


def _annotated(value: Any) -> Any:
    base: Any = import_module("dask.base")
    return base.annotate(**{ANNOTATION: value})


# -- what came


def _came() -> str | None:
    module: Any = sys.modules.get("distributed.worker")
    if module is None:
        return None
    try:
        worker = module.get_worker()
        task = worker.state.tasks[worker.get_current_task()]
    except (ValueError, KeyError):  # this is no worker, or none of its threads that run tasks
        return None
    annotations: Any = task.annotations or {}
    return annotations.get(ANNOTATION) or ""
