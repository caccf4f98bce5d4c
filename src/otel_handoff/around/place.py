"""Where the shared object of a boundary is, as one of its functions comes to it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from otel_handoff.around.several import Places, Several
from otel_handoff.boundary import Boundary
from otel_handoff.handover.lease import Lease
from otel_handoff.host.parameters import Parameters, Read
from otel_handoff.host.paths import parse
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.host.suggest import nearest


class Nothing:
    """In the place of what is shared, where there is no such thing: of each row another."""

    __slots__ = ("__weakref__",)


class Place:
    """The place that a boundary names, seen from its submit function, or from its work function.

    Attributes:
        is_argument: whether it is an argument of this function itself, which a copy can be given for.
        is_several: whether there are several such objects.
        is_of_instance: whether it starts at the object whose method this function is.
        position: of that argument, where it is given by position.
        read: reads it off the arguments of a call.
    """

    def __init__(self, boundary: Boundary, parameters: Parameters) -> None:
        self._path = path = boundary.places[0]
        self.is_several: bool = len(boundary.places) > 1
        self._parameters = parameters
        self._is_any = bool(boundary.fields)
        is_one = self._is_any and not self.is_several
        self._is_everywhere = bool(parse(path).module) and not self.is_several
        self.is_argument: bool = is_one and parameters.is_argument(path)
        self.is_of_instance: bool = parameters.is_of_instance(boundary.places)
        self.position: int = parameters.positions.get(path, sys.maxsize) if is_one else sys.maxsize
        self.read: Read = Places(boundary.places, parameters).read if self.is_several else parameters.reader(path)

    def variable(self) -> ContextVar[Any] | None:
        """Return the ContextVar that has what is shared, for which a copy can be given as well."""
        return self._parameters.variable(self._path) if self._is_any and self._is_everywhere else None

    def submitted(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the shared object of a row that is handed over; `MISSING` or None where it is not there."""
        return self.read(args, kwargs, instance) if self._is_any else Nothing()

    def given(self, lease: Lease, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the shared object as the worker of `lease` comes to it; `MISSING` where that is not known.

        Under whichever name it is given, it is that; and what is no argument is what is there now.
        """
        if not self._is_any or self.is_several or class_of(lease.context) is Nothing:
            return MISSING
        if self.is_argument:
            return self.read(args, kwargs)
        for value in (*args, *kwargs.values(), instance):
            if id(value) == lease.expected and (lease.context is None or class_of(value) is class_of(lease.context)):
                return value
        if self._is_everywhere or (self.is_of_instance and instance is lease.instance):
            found = self.read(args, kwargs, instance)
            return MISSING if found is None else found
        return MISSING

    def called_with(self, row: Lease, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the shared object that a worker of `row` calls the work function with, which it may choose.

        It is that of `row` where it is given no other. What is at a place that is the same for all, another thread may
        have put there.
        """
        if not self._is_any or class_of(row.context) is Nothing:
            return row.handed
        if self.is_argument:
            return self.read(args, kwargs)
        values = (*args, *kwargs.values(), instance)
        if any(value is row.handed or value is row.context for value in values):
            return row.handed
        there = self.read(args, kwargs, instance)
        if there is MISSING:  # it has another name here
            alike = [value for value in values if class_of(value) is class_of(row.context)]
            return alike[0] if len(alike) == 1 else row.handed
        if self.is_several:
            return row.handed if isinstance(there, Several) and there.is_as(row.context) else there
        is_same = instance is row.instance if self.is_of_instance else self._is_everywhere and self.variable() is None
        return row.handed if there is None or is_same else there


def meant(path: str, function: Any, names: Iterable[str]) -> str:
    """Return what was perhaps meant by a place that no call of `function` has; it may be a global of its module."""
    root = parse(path).root
    there = getattr(inspect.unwrap(function), "__globals__", {})
    if hint := nearest(root, names):
        return hint
    return f" Did you mean '{there.get('__name__')}:{path}'?" if root in there else ""


def what_has_it(boundary: Boundary) -> str:
    """Return how to declare what has the shared object, of which reads may be seen; empty where it is nothing known."""
    place, _, last = boundary.place.rpartition(".")
    if not place or not last.isidentifier() or boundary.pins == "copy":
        return ""
    fields = ", ".join(
        f"{name!r}: '{last}{'' if path[0] == '[' else '.'}{path}'" for name, path in boundary.fields.items()
    )
    return f" Declare what has it: Boundary(context={place!r}, fields={{{fields}}})."
