# ruff: noqa: A003  hosts call their ids so
"""Contexts whose id lies one or two levels down, each kind with how it is changed in place, read and replaced."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any


class Desk:
    """A context."""

    result: Any = None

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)


class Order:
    """An inner object."""

    def __init__(self, id_: Any = "A") -> None:
        self.id = id_
        self.result: Any = None

    def described(self) -> Any:
        """Read the id in a method."""
        return self.id


class SlotsOrder:
    """It has no `__dict__`."""

    __slots__ = ("id", "result")

    def __init__(self, id_: Any = "A") -> None:
        self.id = id_


@dataclass
class DataOrder:
    """It is no frozen one."""

    id: Any = "A"
    result: Any = None


@dataclass(frozen=True)
class Frozen:
    """It cannot be changed, though what it holds can."""

    order: Any = field(default_factory=Order)


@dataclass(frozen=True)
class FrozenOrder:
    """It cannot be changed at all."""

    id: Any = "A"


class OverADict:
    """Its id is a property, whose values lie in a dict."""

    def __init__(self, id_: Any = "A") -> None:
        self.values = {"id": id_}

    @property
    def id(self) -> Any:
        """Its id."""
        return self.values["id"]

    @id.setter
    def id(self, id_: Any) -> None:
        self.values["id"] = id_


class Outer:
    """It holds an inner object."""

    def __init__(self, order: Any = None) -> None:
        self.order = Order() if order is None else order


class DictOfItsOwn(dict[Any, Any]):
    """A dict of the host's own class."""


@dataclass(frozen=True)
class Kind:
    """A kind of context.

    Attributes:
        make: makes one, of order A.
        path: of its id.
        write: writes an id in place.
        read: reads it.
        leave: leaves a result in the innermost container or object.
        left: what was left there.
        seen: whether the read and the write are seen.
        copied: whether a pinned worker has a copy of something on the way.
    """

    make: Callable[[], Any]
    path: str
    write: Callable[[Any, Any], object]
    read: Callable[[Any], Any]
    leave: Callable[[Any], object]
    left: Callable[[Any], Any]
    seen: bool
    copied: bool


def in_object(make: Callable[[], Any], path: str, inner: Callable[[Any], Any]) -> Kind:
    """An id in an object that is watched."""
    return Kind(
        make,
        path,
        lambda ctx, id_: setattr(inner(ctx), "id", id_),
        lambda ctx: inner(ctx).id,
        lambda ctx: setattr(inner(ctx), "result", "done"),
        lambda ctx: inner(ctx).result,
        seen=True,
        copied=False,
    )


def in_container(make: Callable[[], Any], path: str, inner: Callable[[Any], Any], key: Any) -> Kind:
    """An id in a dict or list."""
    return Kind(
        make,
        path,
        lambda ctx, id_: inner(ctx).__setitem__(key, id_),
        lambda ctx: inner(ctx)[key],
        lambda ctx: inner(ctx).__setitem__("result", "done") if isinstance(key, str) else inner(ctx).append("done"),
        lambda ctx: inner(ctx).get("result") if isinstance(key, str) else inner(ctx)[-1],
        seen=False,
        copied=True,
    )


KINDS: dict[str, Kind] = {
    "an object": in_object(lambda: Desk(order=Order()), "order.id", lambda ctx: ctx.order),
    "slots": in_object(lambda: Desk(order=SlotsOrder()), "order.id", lambda ctx: ctx.order),
    "a dataclass": in_object(lambda: Desk(order=DataOrder()), "order.id", lambda ctx: ctx.order),
    "a property": in_object(lambda: Desk(order=OverADict()), "order.id", lambda ctx: ctx.order),
    "two levels": in_object(lambda: Desk(outer=Outer()), "outer.order.id", lambda ctx: ctx.outer.order),
    "beneath a frozen one": in_object(lambda: Desk(token=Frozen()), "token.order.id", lambda ctx: ctx.token.order),
    "beneath a tuple": in_object(lambda: Desk(args=(Order(),)), "args.0.id", lambda ctx: ctx.args[0]),
    "an object in a dict": in_object(
        lambda: Desk(meta={"order": Order()}), "meta.order.id", lambda ctx: ctx.meta["order"]
    ),
    "a dict": in_container(lambda: Desk(meta={"id": "A"}), "meta.id", lambda ctx: ctx.meta, "id"),
    "a dict of its own": in_container(lambda: Desk(meta=DictOfItsOwn(id="A")), "meta.id", lambda ctx: ctx.meta, "id"),
    "a default dict": in_container(lambda: Desk(meta=defaultdict(list, id="A")), "meta.id", lambda ctx: ctx.meta, "id"),
    "an ordered dict": in_container(lambda: Desk(meta=OrderedDict(id="A")), "meta.id", lambda ctx: ctx.meta, "id"),
    "a list": in_container(lambda: Desk(ids=["A"]), "ids.0", lambda ctx: ctx.ids, 0),
    "a deque": in_container(lambda: Desk(ids=deque(["A"])), "ids.0", lambda ctx: ctx.ids, 0),
    "a dict in a dict": in_container(
        lambda: Desk(meta={"in": {"id": "A"}}), "meta.in.id", lambda ctx: ctx.meta["in"], "id"
    ),
    "a dict in an object": in_container(
        lambda: Desk(order=Desk(meta={"id": "A"})), "order.meta.id", lambda ctx: ctx.order.meta, "id"
    ),
    "a dict of dicts": in_container(lambda: {"meta": {"id": "A"}}, "meta.id", lambda ctx: ctx["meta"], "id"),
    "a namespace": replace(
        in_object(lambda: Desk(order=SimpleNamespace(id="A")), "order.id", lambda ctx: ctx.order),
        seen=False,
        copied=True,
    ),
    "a namespace of lists": in_container(lambda: SimpleNamespace(ids=["A"]), "ids.0", lambda ctx: ctx.ids, 0),
}
