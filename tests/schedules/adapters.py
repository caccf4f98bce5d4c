"""How the runner hands rows over to each host, and what is special about those that differ."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from tests.schedules.alone import Alone, InClosure, InMethod, InPartial
from tests.schedules.hosts import Holding, Parted, Pool, Queue, Worker
from tests.schedules.loops import Looping
from tests.schedules.records import Attempt, Got
from tests.schedules.scheduler import Scheduler
from tests.schedules.shapes import Generic, Host, Mixin
from tests.schedules.stepwise import (
    AsyncGenerators,
    AwaitedTwice,
    CoroutineQueue,
    Coroutines,
    Generators,
    Returning,
)
from tests.schedules.truth import Truth
from tests.schedules.unproven import Defaulting, Early, Noting, Stack
from tests.schedules.variants import (
    Awaited,
    AwaitedQueue,
    Base,
    Decorated,
    Deep,
    Elsewhere,
    Explicit,
    Extending,
    Fanning,
    Naming,
    Optional,
    Overriding,
    Registry,
    Remaking,
    Several,
    Sharing,
    Spelling,
    Spreading,
    Stamping,
    StampingQueue,
    Variant,
    Yielding,
)


class Varied(Generic):
    """One of the variants."""

    _host: Variant

    def __init__(
        self, kind: type[Variant], truth: Truth, scheduler: Scheduler, workers: int, slots: bool, mode: str
    ) -> None:
        super().__init__(kind, truth, scheduler, workers, slots)
        self.stamps = kind.stamps
        self.may = kind.may.get(mode, frozenset())
        self.at_read = kind.at_read and mode == "pin" and truth.watch

    def submit(self, attempt: Attempt, ctx: Any, job: Callable[..., object]) -> None:
        """Hand over; what is yet to run is driven, and others may run in between."""
        handing = self._host.enqueue(attempt, ctx, job)
        if handing is not None:
            self._truth.accepted(attempt)
            with contextlib.suppress(StopIteration):
                while True:
                    self._scheduler.pause()
                    handing.send(None)


class Deeply(Varied):
    """Its context has the ids in another object."""

    def context(self) -> Any:
        """Make a context."""
        return Holding()

    def reaches_by_class(self, root: int, *, slots: bool) -> bool:
        """Both."""
        return True


class InParts(Varied):
    """Its context has one of the ids in another object."""

    def context(self) -> Any:
        """Make a context."""
        return Parted()

    def reaches_by_class(self, root: int, *, slots: bool) -> bool:
        """What is in the other object."""
        return root == 1


class ByDefault(Varied):
    """Half of the rows are handed over without a context."""

    def submit(self, attempt: Attempt, ctx: Any, job: Callable[..., object]) -> None:
        """Hand over."""
        self._turns = not getattr(self, "_turns", False)
        if self._turns:
            self._host.ctx, attempt.unseen = ctx, True
            self._host.enqueue(attempt, job)  # type: ignore[call-arg, arg-type]
        else:
            self._host.enqueue(attempt, job, ctx)  # type: ignore[arg-type]


class Orderless(Varied):
    """Half of the rows have no order: the worker files what it knows otherwise."""

    def token(self, row: int | str) -> Any:
        """Make an order, or none."""
        self._turns = isinstance(row, int) and not getattr(self, "_turns", False)
        return None if self._turns else super().token(row)

    def filed(self, worker: Worker, gots: tuple[Got, Got]) -> tuple[object, object]:
        """Return the ids as they are filed."""
        order, attempt = super().filed(worker, gots)
        if order is None and worker.attempt.expected["order_id"] is None:
            order = f"known otherwise for {worker.attempt.label}"
        return order, attempt


class Spelt(Varied):
    """The attempts' ids are objects, of which the ledger gets a spelling."""

    def state(self, label: str) -> Any:
        """Make an id of one of several kinds."""
        self._count = getattr(self, "_count", 0) + 1
        kind = self._count % 4
        if kind == 0:
            return uuid.uuid5(uuid.NAMESPACE_OID, label)
        if kind == 1:
            return int.from_bytes(label.encode(), "big")
        if kind == 2:
            states: Any = Enum("State", {"of_" + label.replace(" ", "_"): f"value of {label}"})
            return next(iter(states))
        return label.encode()

    def again(self, state: Any) -> Any:
        """Make an equal one."""
        if isinstance(state, uuid.UUID):
            return uuid.UUID(state.hex)
        if isinstance(state, int):
            return int(str(state))
        return bytes(list(state)) if isinstance(state, bytes) else state

    def filed(self, worker: Worker, gots: tuple[Got, Got]) -> tuple[object, object]:
        """Return the ids as they are filed, each time in another way."""
        order, state = super().filed(worker, gots)
        self._count = getattr(self, "_count", 0) + 1
        spelt = spellings(state)
        chosen = spelt[self._count % len(spelt)]
        self._truth.spelt[chosen] = state
        return order, chosen


def spellings(state: Any) -> list[object]:
    """Return how an id is written down."""
    if isinstance(state, uuid.UUID):
        return [state, str(state), state.hex]
    if isinstance(state, bytes):
        return [state, state.hex(), state.decode()]
    if isinstance(state, Enum):
        return [state, state.value, state.name]
    if isinstance(state, int):
        return [state, str(state), hex(state)]
    return [state]


VARIANTS: Final[dict[str, type[Variant]]] = {
    kind.__name__.lower(): kind
    for kind in (
        *(Stamping, StampingQueue, Remaking, Defaulting, Overriding, Extending, Registry, Early, Decorated, Naming),
        *(Alone, InPartial, InClosure, InMethod),
        *(Noting, Explicit, Awaited, AwaitedQueue, Yielding, Stack, Fanning, Spreading, Looping, Optional, Spelling),
        *(Coroutines, Returning, AwaitedTwice, CoroutineQueue, Generators, AsyncGenerators),
        *(Deep, Several, Sharing, Elsewhere),
    )
}

DECLARED: Final[dict[str, type[Variant]]] = {
    name: Base if kind in (Overriding, Extending) else kind for name, kind in VARIANTS.items()
}
"""Those whose functions are named in the boundary."""


def make(kind: str, truth: Truth, scheduler: Scheduler, workers: int, *, slots: bool, mode: str) -> Host:
    """Return a host: `pool`, `queue`, `mixin`, or one of the variants."""
    if kind == "mixin":
        return Mixin(truth, scheduler, workers)
    if kind in VARIANTS:
        shapes: dict[str, type[Varied]] = {
            "defaulting": ByDefault,
            "optional": Orderless,
            "spelling": Spelt,
            "deep": Deeply,
            "several": InParts,
        }
        shape = shapes.get(kind, Varied)
        return shape(VARIANTS[kind], truth, scheduler, workers, slots, mode)
    return Generic(Pool if kind == "pool" else Queue, truth, scheduler, workers, slots)
