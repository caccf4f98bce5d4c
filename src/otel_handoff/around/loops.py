"""A loop that takes items off a queue and does the work itself: an item's row lasts until the next is taken."""

from __future__ import annotations

import inspect
from contextvars import ContextVar, Token
from threading import get_ident
from typing import Any, Final, cast

from opentelemetry import context as context_api

from otel_handoff.around.between import Between, can_be_replaced, replaced
from otel_handoff.around.handed import HandOver, InPlace, Noted, OnItem
from otel_handoff.around.running import Run
from otel_handoff.around.shared import Shared
from otel_handoff.boundary import Boundary
from otel_handoff.handover.lease import Batch, Lease, active
from otel_handoff.handover.stepwise import STEPWISE, stepped
from otel_handoff.host.guard import guard
from otel_handoff.host.identity import ByIdentity
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parts
from otel_handoff.host.plainly import MISSING, by_index, class_of, dict_of, may_be_context, says_nothing, stored
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch

ITEM: Final = "item"
"""Where a path starts that is on what was put into the queue."""


def _put(item: Any) -> None:
    pass


_DECLARED: Final = Parameters(_put, bound=False)
"""It is called so in a declaration, whatever the queue calls it."""

LIMIT: Final = 10_000
"""Items of one queue of which it is known what they were put in with."""

_STREAMS: Final = "anyio.streams.memory"
_PROCESSES: Final = "multiprocessing.queues"
_PUT: Final = {
    "queue": ("get", "put"),
    "asyncio": ("get_nowait", "put_nowait"),  # by which both `get` and `put` go in the end
    "asyncio.queues": ("get_nowait", "put_nowait"),
    _PROCESSES: ("get", "put"),
    _STREAMS: ("receive", "send_nowait"),
}
_SENDS: Final = {"MemoryObjectReceiveStream": "MemoryObjectSendStream"}

looping: Final[ContextVar[LoopRun | None]] = ContextVar("otel_handoff_looping", default=None)
"""The loop that the running thread or task is in."""


def targets_of(boundary: Boundary) -> tuple[str, str, str]:
    """Return what puts an item in, what takes it out, and what says that it is done, where the queue has that."""
    takes = cast("str", boundary.takes)
    module, _, path = takes.partition(":")
    if module == "multiprocessing":  # there it is a function that makes one
        module = _PROCESSES
    owner, _, name = path.rpartition(".")
    get, put = _PUT.get(module, (name, ""))
    if name not in ("get", "get_nowait", "receive", "receive_nowait"):
        get = name
    puts = boundary.submit or f"{module}:{_SENDS.get(owner, owner)}.{put}"
    return puts, f"{module}:{owner}.{get}" if owner else takes, f"{module}:{owner}.task_done" if owner else ""


class Loop:
    """A boundary whose work function is a loop.

    Attributes:
        patches: its wrappers, but for that of the loop itself.
        elsewhere: whether something that may be a row was taken by others, and the loop was not seen to take any.
        placeless: what the loop took had no context where that is declared to be, nor was it but a sign to end.
    """

    def __init__(self, shared: Shared) -> None:
        self.shared: Shared = shared
        self._boundary = boundary = shared.boundary
        self._tail = parts(boundary.place)[1:]
        self._roots = shared.kinds.roots
        self._notes: ByIdentity[Any, dict[int, list[tuple[Any, Noted | Lease]]]] = ByIdentity()
        self._ours: ByIdentity[Any, bool] = ByIdentity()
        self._hand_over: HandOver | None = None
        self._in_place: HandOver | None = None
        self._has_run = False
        self._has_taken = False
        self.elsewhere: bool = False
        self.placeless: bool = False
        shared.keeps_context = False  # where it can be done, the item is given a copy
        puts, takes, done = targets_of(boundary)
        module = takes.partition(":")[0]
        self._is_own = module not in _PUT
        self._leaves = module == _PROCESSES
        self._between: Between | None = None
        self.patches: list[Patch] = [Patch(puts, self._wrap_put), Patch(takes, self._wrap_take)]
        if done:
            self.patches.append(_Perhaps(done, lambda function, _: stand_in(function, self._done)))

    # -- an item is put in

    def _wrap_put(self, function: Any, parameters: Parameters) -> Any:
        self._hand_over, self._in_place = OnItem(self.shared, _DECLARED), InPlace(self.shared, _DECLARED)
        self._between = between = Between(self.shared, _DECLARED) if self._leaves else None
        first = next(iter(parameters.positions), ITEM)

        def put(wrapped: Any, queue: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            note, instance = None, _ends_of(queue)
            if self.shared.detector.enabled:
                with guard:
                    item = parameters.get(first, args, kwargs)
                    context = self._context_in(item)
                    if context is not MISSING:
                        handed = note = (
                            self._note(instance, item, context)
                            if between is None
                            else between.seal(item, self._tail, context)
                        )
                        if handed is not item:
                            args, kwargs = parameters.replace(first, handed, args, kwargs)
            try:
                return wrapped(*args, **kwargs)
            except BaseException:
                if note is not None:  # it is full, say
                    left = self._noted(instance, note)
                    if isinstance(left, Lease):
                        left.close()
                raise

        return stand_in(function, put)

    def _context_in(self, item: Any) -> Any:
        # What has no such place, or no context there, is no row: a poison pill, or another's item. None of their code
        # is run for it.
        value = stored(item, by_index(item, self._tail))
        return value if value is not MISSING and may_be_context(value, self._roots) else MISSING

    def _note(self, queue: Any, item: Any, context: Any) -> Any:
        # Remember what it is put in with, and return it; in `pin`, of a tuple that the context is in, one with a copy.
        # It is a row where the loop is known to take from this queue; else nothing is said of it until it does.
        copies = can_be_replaced(item, self._tail)
        hand_over = cast("HandOver", self._hand_over if copies else self._in_place)
        noted: Noted | Lease
        if self._is_own or queue in self._ours:
            noted, handed = hand_over.item(context, item)
        else:
            noted = hand_over.note(context, certain=copies, call=(None, (item,), {}))
            handed = noted.handed
        item = replaced(item, self._tail, context, handed)
        notes = self._notes.get(queue)
        if notes is None:
            self._notes[queue] = notes = {}
        notes.setdefault(id(item), []).append((item, noted))
        while len(notes) > LIMIT:
            notes.pop(next(iter(notes)), None)
        return item

    def _noted(self, queue: Any, item: Any) -> Noted | Lease | None:
        # What an item was put in with, which leaves the queue. Of one that is in it twice, only a plain queue says
        # which is first.
        notes = self._notes.get(queue)
        found = notes.get(id(item)) if notes else None
        if notes is None or not found:
            return None
        is_first = len(found) == 1 or class_of(queue).__name__ == "Queue"
        noted = found.pop(0)[1]
        if not found:
            notes.pop(id(item), None)
        return noted if is_first else None

    # -- it is taken out

    def _wrap_take(self, function: Any, _parameters: Parameters) -> Any:
        is_async = inspect.iscoroutinefunction(inspect.unwrap(function))

        def take(wrapped: Any, queue: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            run, instance = self._running(), _ends_of(queue)
            if run is None and instance not in self._notes:
                return wrapped(*args, **kwargs)
            if run is not None:
                run.goes_on(instance)
            if is_async:
                return self._awaited(wrapped(*args, **kwargs), instance)
            item = wrapped(*args, **kwargs)
            self._took(instance, item)
            return item

        return stand_in(function, take)

    async def _awaited(self, taking: Any, queue: Any) -> Any:
        item = await taking
        self._took(queue, item)
        return item

    def _took(self, queue: Any, item: Any) -> None:
        with guard:
            noted = self._noted(queue, item)
            came = self._between.text_of(item) if self._between is not None else None
            run = self._running()
            if run is None:
                if noted is not None:
                    self._took_elsewhere(queue)
                return
            context = self._context_in(item)
            if context is MISSING:
                self.placeless = not self._has_taken and (self.placeless or self._should_have(item))
                return
            self._has_taken, self.placeless, self.elsewhere = True, False, False
            self._ours[queue] = True
            lease = self._between.came(came, context) if self._between is not None else None
            if lease is not None:
                run.takes(queue, lease, context)
                return
            if noted is None or self._hand_over is None:
                run.stays(queue)
                self.shared.missed_submission("no_submission")
                self.shared.coverage.tell()
                return
            if isinstance(noted, Lease):
                noted.receive(context)
            else:
                noted = self._hand_over.begin_noted(noted, context)
                noted.handed = context
                self._hand_over.pin_at_read(noted)
            run.takes(queue, noted, context)

    def _took_elsewhere(self, queue: Any) -> None:
        # Another's; or it is for the loop, which waits for a task of its own that takes it: which row it goes on with
        # then, nobody knows.
        loop = looping.get()
        if loop is not None and loop.loop is self and (queue in self._ours or not self._has_taken):
            self.shared.gap("no_worker", self.shared.boundary.work, "a task that it began took an item for it")
            self.shared.coverage.tell()
        else:
            self.elsewhere = not self._has_run or self.elsewhere

    def _should_have(self, item: Any) -> bool:
        # A pill may well have no context: it is nothing of its own, or has a None there.
        return not says_nothing(item) and stored(item, by_index(item, self._tail)) is not None

    def _done(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        run = self._running()
        if run is not None:
            run.has_done(instance)
        return wrapped(*args, **kwargs)

    def _running(self) -> LoopRun | None:
        run = looping.get()
        return run if run is not None and run.loop is self and run.here == get_ident() else None

    # -- the loop

    def wrap(self, function: Any) -> Any:
        """Return what stands for the loop's function."""
        return stand_in(function, self._run)

    def _run(self, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.shared.detector.enabled:
            return wrapped(*args, **kwargs)
        run, self._has_run, self.elsewhere = LoopRun(self), True, False
        entered = run.enter()
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            run.end(entered, error)
            raise
        if type(result) in STEPWISE:
            run.leave(entered)
            return stepped(result, run)
        run.end(entered, None)
        return result


class _Perhaps(Patch):
    """A function that a queue may well not have."""

    def miss(self, found: Any, hint: str = "") -> None:
        """Nothing is amiss."""


Entered = tuple["Token[LoopRun | None]", "int | None"]
"""What a step of a loop is left with."""


class LoopRun:
    """One call of the loop's function, on its thread or task.

    Attributes:
        loop: whose.
        here: the thread that it runs on, while it does.
    """

    def __init__(self, loop: Loop) -> None:
        self.loop: Loop = loop
        self.here: int | None = None
        self._queue: Any = None
        self._rows: list[tuple[Lease, Run, Any]] = []
        self._batch: Batch | None = None

    def enter(self) -> Entered:
        """The loop runs, until it ends or waits."""
        before, self.here = self.here, get_ident()
        return looping.set(self), before

    def leave(self, entered: Entered, /) -> None:
        """It waits."""
        token, self.here = entered
        looping.reset(token)

    def end(self, entered: Entered, error: BaseException | None, /) -> None:
        """It has ended: so has the row of its last item."""
        self.leave(entered)
        self.finish(error)

    def let_go(self) -> None:
        """It will not go on."""
        self.finish(GeneratorExit())

    def interrupted(self) -> None:
        """A step of it did not begin."""

    def goes_on(self, queue: Any) -> None:
        """It takes the next item of a queue: with that of this one it is done; where it works on several, with all."""
        if queue is self._queue and (self._batch is None or self._batch.worked):
            self.finish(None)

    def has_done(self, queue: Any) -> None:
        """It has done what it took of a queue, or of several things one."""
        if self._batch is not None:
            self._batch.worked = True
        elif queue is self._queue:
            self.finish(None)

    def stays(self, queue: Any) -> None:
        """It has taken an item of which nobody knows when it was put in."""
        if self._batch is None:
            self.finish(None)
        self._queue = queue

    def takes(self, queue: Any, lease: Lease, context: Any) -> None:
        """It has taken the item of a row."""
        self.stays(queue)
        if lease.context is None:
            lease.context = context
        if (provoker := Lease.provoker) is not None:
            provoker.hold(lease, "start")
        if self.loop.shared.boundary.batch:
            self._batch = self._batch or Batch()
            self._batch.add(lease)
        running = self.loop.shared.running.begin(lease)
        self._rows.append((lease, running, context_api.get_current()))
        if self._batch is not None:
            self._share(self._batch, lease)

    def _share(self, batch: Batch, lease: Lease) -> None:
        # What it reads off a context that several of them share is one row's at most: that of its last.
        shared = self.loop.shared
        sharing = [row for row in batch.rows if row.context is lease.context and row.at_read]
        if len(sharing) > 1 and not shared.detector.expected.covers():
            for row in sharing:
                if row.flaw is None:
                    shared.running.leaves(row, "one_context", is_spared=False)

    def finish(self, error: BaseException | None) -> None:
        """The rows are done, or the loop is: with `error`, or without."""
        batch, self._batch = self._batch, None
        while self._rows:
            self._finish(self._rows.pop(), error)
        if batch is not None:
            batch.rows.clear()  # they keep each other no longer

    def _finish(self, row: tuple[Lease, Run, Any], error: BaseException | None) -> None:
        with guard:
            lease, (span, token, otel_token, again, said), context = row
            if active.get() is not lease:  # it ends elsewhere, as what nobody awaits any more does
                token = active.set(active.get())
                otel_token = None
            elif context_api.get_current() is not context:
                otel_token = None  # the host has put something of its own there since, or taken ours off
            self.loop.shared.running.end(lease, (span, token, otel_token, again, said), error)


def _ends_of(queue: Any) -> Any:
    # What both ends of a stream have in common; a queue is both.
    return dict_of(queue).get("_state", queue) if class_of(queue).__module__ == _STREAMS else queue
