"""What is put into a queue, and who takes it out again: its row lasts until the next is taken, or it is done."""

from __future__ import annotations

import sys
import weakref
from collections import deque
from typing import Any, Final, cast

from otel_handoff.find.begin import begin_item
from otel_handoff.find.rows import Row, current
from otel_handoff.handover.directly import Args, Kwargs
from otel_handoff.host.guard import guard

_queued: Final[dict[int, tuple[Any, deque[Row]]]] = {}
"""By the identity of what is in a queue, which is kept: else another may have that. What is thrown away stays here."""

_MOST_QUEUED: Final = 10_000

_consumers: Final[dict[int, weakref.ref[Row]]] = {}
"""By the identity of a queue: who takes from it, if that is a row itself, as a thread's loop is."""


def put(way: str, wrapped: Any, queue: Any, args: Args, kwargs: Kwargs) -> Any:
    """Something is put into a queue."""
    item = args[0] if args else next(iter(kwargs.values()), None)
    row = begin_item(way, item, _consumer_of(queue))
    if row is None:
        return wrapped(*args, **kwargs)
    if len(_queued) >= _MOST_QUEUED:
        _queued.clear()
    rows = _queued.setdefault(id(item), (item, deque()))[1]
    rows.append(row)
    try:
        return wrapped(*args, **kwargs)
    except BaseException:  # it is full
        if row in rows:
            rows.remove(row)
        raise


def seal(way: str, wrapped: Any, _queue: Any, args: Args, kwargs: Kwargs) -> Any:
    """Something is put into a queue to another process, which pickles it later."""
    if args and (row := begin_item(way, args[0])) is not None:
        args = (Sealed(args[0], row), *args[1:])
    return wrapped(*args, **kwargs)


def _consumer_of(queue: Any) -> Row | None:
    # The row of who takes from a queue: what that was started with, it has for each item.
    ref = _consumers.get(id(queue))
    row = ref() if ref is not None else None
    return row if row is not None and row.takes_from is queue else None


def get(_way: str, wrapped: Any, queue: Any, args: Args, kwargs: Kwargs) -> Any:
    """The next is taken out: what was taken before is done."""
    _over(queue)
    base = current.get()
    if base is not None:
        base.takes_from = queue
        _consumers[id(queue)] = weakref.ref(base)
    item = wrapped(*args, **kwargs)
    _, rows = _queued.get(id(item), (None, None))
    if rows:
        try:
            row = rows.popleft()
        except IndexError:  # another thread took it
            return item
        if not rows:
            _queued.pop(id(item), None)
        with guard:
            row.source, row.base = queue, base
            row.group.took(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
            row.begin()
        current.set(row)
    return item


def done(_way: str, wrapped: Any, queue: Any, args: Args, kwargs: Kwargs) -> Any:
    """Somebody says so."""
    _over(queue)
    return wrapped(*args, **kwargs)


def _over(queue: Any) -> None:
    row = current.get()
    if row is not None and row.source is queue:
        current.set(row.base)
        with guard:
            row.end()


class Sealed:
    """Stands for what goes to another process, until it is pickled."""

    __slots__ = ("_item", "_row")

    def __init__(self, item: Any, row: Row) -> None:
        self._item = item
        self._row = row

    def __reduce_ex__(self, protocol: Any) -> Args:
        with guard:
            self._row.pickles()
        return cast, (None, self._item)
