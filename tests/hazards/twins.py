"""The same context class made twice, one of them watched, and the same operation on both."""

from __future__ import annotations

import copy
import functools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from otel_handoff import HandoffInstrumentor
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.telemetry import Telemetry

Operation = Callable[[Any, Any], Any]
"""Does something with a class and a fresh instance of it; what it returns (or raises) is compared."""

MODES = ("pin", "observe")

copy.copy(Context())  # copyreg keeps `__slotnames__` on a class from the first copy on

ASKED: list[str] = []
"""Every name that a `__getattr__` was asked for."""


def _dataclass(**options: Any) -> Any:
    # `order` has no default, so that the class has no such attribute; `attempt` has one.
    @dataclass(**options)
    class Ctx:
        order: Order
        attempt: str | None = None
        shared: dict[str, object] = field(default_factory=dict[str, object])

    return Ctx


def _plain() -> Any:
    return _dataclass()


def _frozen() -> Any:
    return _dataclass(frozen=True)


def _slots() -> Any:
    return _dataclass(slots=True)


def _frozen_slots() -> Any:
    return _dataclass(frozen=True, slots=True)


def _custom_init() -> Any:
    class Ctx:
        def __init__(self, order: Order, *, attempt: str | None = None) -> None:
            """Make one."""
            self.order = order
            self.attempt = attempt

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Ctx) and (self.order, self.attempt) == (other.order, other.attempt)

        def __repr__(self) -> str:
            return f"Ctx({self.order!r}, {self.attempt!r})"

    return Ctx


def _class_defaults() -> Any:
    class Ctx:
        order: Order = Order("default")
        attempt: str | None = "default"

        def __init__(self, order: Order | None = None) -> None:
            if order is not None:
                self.order = order

    return Ctx


def _property() -> Any:
    class Ctx:
        def __init__(self, order: Order, attempt: str | None = None) -> None:
            self._order = order
            self.attempt = attempt

        @property
        def order(self) -> Order:
            """The order."""
            return self._order

        @order.setter
        def order(self, order: Order) -> None:
            if type(order) is not Order:
                raise TypeError("not an order")
            self._order = order

    return Ctx


def _read_only_property() -> Any:
    class Ctx:
        attempt = None

        def __init__(self, order: Order) -> None:
            self._order = order

        @property
        def order(self) -> Order:
            return self._order

    return Ctx


def _cached_property() -> Any:
    class Ctx:
        attempt = None

        def __init__(self, order: Order) -> None:
            self._first = order

        @functools.cached_property
        def order(self) -> Order:
            """The order, looked up once."""
            return self._first

    return Ctx


def _fallback() -> Any:
    class Ctx:
        def __init__(self, order: Order) -> None:
            self.order = order

        def __getattr__(self, name: str) -> Any:
            ASKED.append(name)
            if name.startswith("__"):
                raise AttributeError(name)
            return f"no {name}"

    return Ctx


class Inner:
    """What a delegating context delegates to."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.attempt = None


def _delegating() -> Any:
    class Ctx:
        __slots__ = ("_inner",)

        def __init__(self, order: Order) -> None:
            self._inner = Inner(order)

        def __getattr__(self, name: str) -> Any:
            ASKED.append(name)
            if name == "_inner":
                raise AttributeError(name)
            return getattr(self._inner, name)

    return Ctx


def _slots_by_hand() -> Any:
    class Ctx:
        __slots__ = ("__weakref__", "attempt", "order")

        def __init__(self, order: Order) -> None:
            self.order = order

    return Ctx


def _slots_below_a_dict() -> Any:
    class Base:
        __slots__ = ("order",)
        order: Order

    class Ctx(Base):
        attempt = None

        def __init__(self, order: Order) -> None:
            self.order = order

    return Ctx


def _slots_without_the_field() -> Any:
    class Ctx:
        __slots__ = ("order",)

        def __init__(self, order: Order) -> None:
            self.order = order

    return Ctx


def _overriding() -> Any:
    @dataclass
    class Base:
        order: Order
        attempt: str | None = "base"

    @dataclass
    class Ctx(Base):
        attempt: str | None = "own"

        @property
        def number(self) -> str:
            return super().order.id if hasattr(Base, "order") else "none"

    return Ctx


def _checking_setattr() -> Any:
    class Ctx:
        attempt: str | None = None

        def __init__(self, order: Order) -> None:
            self.order = order

        def __setattr__(self, name: str, value: object) -> None:
            if value == "bad":
                raise ValueError(name)
            super().__setattr__(name, value)

        def __delattr__(self, name: str) -> None:
            if name == "attempt":
                raise ValueError(name)
            super().__delattr__(name)

    return Ctx


FLAVOURS: dict[str, Callable[[], Any]] = {
    make.__name__.strip("_"): make
    for make in (
        _plain,
        _frozen,
        _slots,
        _frozen_slots,
        _custom_init,
        _class_defaults,
        _property,
        _read_only_property,
        _cached_property,
        _fallback,
        _delegating,
        _slots_by_hand,
        _slots_below_a_dict,
        _slots_without_the_field,
        _overriding,
        _checking_setattr,
    )
}


def make(flavour: str) -> Any:
    """A new class of a flavour, as importable as if it had been written at the top of this module."""
    cls: Any = FLAVOURS[flavour]()
    cls.__qualname__ = "Ctx"
    globals()["Ctx"] = cls
    copy.copy(cls(order=Order("A")))  # copyreg keeps `__slotnames__` on a class from the first copy on
    return cls


def outcome(operation: Operation, cls: Any, ctx: Any) -> Any:
    """What an operation returns, or how it fails."""
    globals()["Ctx"] = cls
    try:
        found = operation(cls, ctx)
    except Exception as error:
        found = type(error), _without_addresses(str(error))
    return _without_addresses(found) if isinstance(found, str) else found


def _without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def own(value: Any) -> dict[str, Any]:
    """`vars`, typed."""
    return cast("dict[str, Any]", vars(value))


def difference(expected: Any, seen: Any, where: str = "") -> list[str]:
    """Where two outcomes differ."""
    if isinstance(expected, (list, tuple)) and isinstance(seen, (list, tuple)):
        mine, theirs = cast("list[Any]", expected), cast("list[Any]", seen)
        if len(mine) == len(theirs):
            pairs = enumerate(zip(mine, theirs, strict=True))
            return [found for n, (one, other) in pairs for found in difference(one, other, f"{where}[{n}]")]
    return [] if expected == seen else [f"{where}: {expected!r} became {seen!r}"]


def is_watched(cls: Any) -> bool:
    """Whether a field of the class is watched."""
    return any(type(cast("dict[str, Any]", vars(c)).get("order")).__name__ == "WatchedField" for c in cls.__mro__)


def assert_unchanged(
    flavour: str, mode: str, telemetry: Telemetry, operation: Operation, *, goes_around: bool = False
) -> None:
    """The operation gives the same on a twin that nobody watches, and on one that is or was.

    It is tried in a worker on the context that was handed to it, on the submitting thread while the row is in flight,
    on an instance that has nothing to do with any row, and after `uninstrument()`.
    """

    def fresh() -> tuple[Any, Any]:
        cls = make(flavour)
        return cls, instance(cls)

    def instance(cls: Any) -> Any:
        ctx = cls(order=Order("A"))
        for name in ("order", "attempt"):
            getattr(ctx, name, None)  # as whoever hands it over: a cached property is looked up by now
        return ctx

    def check(seen: Any, where: str) -> None:
        found = difference(expected, seen)
        assert not found, f"{where}: {'; '.join(found)}"

    expected = outcome(operation, *fresh())
    check(outcome(operation, *fresh()), "the operation itself is repeatable")

    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary()], **telemetry.options)
    pool = Pool()
    go = threading.Event()

    def wait(_order: Order, _ctx: Any) -> None:
        assert go.wait(WAIT)

    try:
        cls, ctx = fresh()
        before: dict[str, Any] = dict(own(cls))
        seen = pool.enqueue(Order("A"), ctx, lambda _order, ctx: outcome(operation, cls, ctx)).result(WAIT)
        assert is_watched(cls) or flavour == "delegating"
        check(seen, "in the worker")
        assert goes_around or telemetry.mismatches == []  # nobody else wrote anything
        check(outcome(operation, cls, instance(cls)), "on another instance")
        in_flight_cls, in_flight = fresh()
        future = pool.enqueue(Order("A"), in_flight, wait)
        try:
            check(outcome(operation, in_flight_cls, in_flight), "while in flight")
        finally:
            go.set()
        future.result(WAIT)
    finally:
        go.set()
        HandoffInstrumentor().uninstrument()
        pool.close()
    assert_restored(cls, before)
    check(outcome(operation, cls, instance(cls)), "after uninstrument")


_LEFT_BY_PYTHON = {"__annotate_func__", "__annotations_cache__"}  # by 3.14, where somebody has asked for annotations


def assert_restored(cls: Any, before: dict[str, Any]) -> None:
    """The class has the very attributes that it had, in the order that it had them."""
    now = {name: value for name, value in own(cls).items() if name in before or name not in _LEFT_BY_PYTHON}
    assert list(now) == list(before)
    assert [name for name, value in before.items() if now[name] is not value] == []
    assert not is_watched(cls)
