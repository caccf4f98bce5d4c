"""An iterable whose items are handed over one by one: each is a row, with what it was when it was taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from opentelemetry import context as context_api
from opentelemetry import trace

from otel_handoff.handover.callables import hand_over
from otel_handoff.handover.directly import Args, Handed
from otel_handoff.host.guard import guard


class Item:
    """One item of an iterable, taken from it and handed over."""

    __slots__ = ("args", "handed")

    def __init__(self, handed: Any, args: Args) -> None:
        self.handed: Any = handed
        self.args: Args = args


def each(item: Item) -> Any:
    """Do what an item is for; afterwards it holds nothing."""
    handed, args = item.handed, item.args
    item.handed = item.args = cast("Any", None)  # the pool's list of what it has to do goes on holding the item
    return handed(*args)


class Items:
    """An iterable of which each item is handed over when it is taken."""

    def __init__(self, given: Any, iterable: Iterable[Any], *, starred: bool, kind: type[Handed] = Handed) -> None:
        self._kind = kind
        self._given = given
        self._iterable = iterable
        self._starred = starred
        self._context = context_api.get_current()

    def __iter__(self) -> Iterator[Any]:
        for item in self._iterable:
            yield self.of(item)

    def of(self, item: Any) -> Any:
        """Return what is put in the place of an item."""
        try:
            args: Args = tuple(item) if self._starred else (item,)
        except TypeError:  # as the worker will find, too
            return item
        handed: Any = self._given
        with guard:
            here = context_api.get_current()
            # A thread of the pool's may take it, which knows nothing of the trace in which it was called.
            is_there = here is self._context or trace.get_current_span(here).get_span_context().is_valid
            token = None if is_there else context_api.attach(self._context)
            try:
                handed, args, _ = hand_over(handed, args, {}, self._kind)
            finally:
                if token is not None:
                    context_api.detach(token)
        one = Item(handed, args)
        return (one,) if self._starred else one


class Sized(Items):
    """The same of one that has a length."""

    def __init__(self, given: Any, iterable: Any, *, starred: bool, kind: type[Handed] = Handed) -> None:
        super().__init__(given, iterable, starred=starred, kind=kind)
        self._length = len(iterable)

    def __len__(self) -> int:
        return self._length
