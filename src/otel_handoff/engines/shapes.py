"""What is known of a Celery task's parameters: before it is made, and before its arguments are all there."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, Final

from otel_handoff.around.leaving import Departing
from otel_handoff.around.shared import Shared
from otel_handoff.host.following import follow
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parse, parts
from otel_handoff.host.plainly import MISSING

PACKAGES: Final = ("celery", "kombu", "billiard")
"""What is handed over and published in them is so by whoever calls them."""

AHEAD: Final[Any] = object()
"""In the place of an argument that comes later, before those that are there."""

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


class Unclear(Exception):  # noqa: N818  it goes no further
    """The context may be among the arguments, and it is not known which of them it is."""


def _anything(*args: Any, **kwargs: Any) -> None:
    """Stands for a task that is known here by its name alone."""


class TaskShape:
    """What is known of one task's parameters: where its context is, and which arguments are still to come."""

    def __init__(self, shared: Shared, parameters: Parameters | None, function: Any) -> None:
        """Read the signature once; without parameters, a task is known by its name alone."""
        parameters = parameters or Parameters(_anything, bound=False)
        boundary = shared.boundary
        self.departing: Departing = Departing(shared, parameters, PACKAGES)
        self._read: Callable[..., Any] = parameters.reader(boundary.place)
        self._is_argument = parameters.is_argument(boundary.place)
        self._name = boundary.place
        self._fields = [parts(path) for path in boundary.fields.values()]
        self._ids = boundary.ids
        self._is_said = set(boundary.fields) <= set(boundary.ids)
        self._most = len(parameters.positions)
        self._signature: inspect.Signature | None = None
        raw = getattr(function, "__func__", function)
        if raw is not None:
            signature = inspect.signature(raw)
            first = list(signature.parameters.values())[1 if parameters.bound else 0 :]
            self._signature = signature.replace(parameters=first)

    def context(self, args: Any, kwargs: Any) -> Any:
        """Return the context among the arguments; `MISSING` where it is none of them."""
        return self._read(tuple(args), kwargs) if self._is_argument else MISSING

    def ahead(self, args: Args, kwargs: Kwargs, *, whole: bool) -> int | None:
        """Return how many arguments will come before these, in a signature that may not be `whole`.

        Returns:
            None where the context is none of these, or what else says which row it is: it is not handed over yet.

        Raises:
            Unclear: where it cannot be told.
        """
        if self._signature is None:  # of one that is known by its name alone, arguments are known by theirs
            if parse(self._name).root in kwargs:
                return 0
            if args:
                raise Unclear
            return None
        fit = [n for n in range(1 if whole else self._most + 1) if self._binds((AHEAD,) * n + args, kwargs)]
        there = {n: self.departing.context_of(None, (AHEAD,) * n + args, kwargs) for n in fit}
        there = {n: each for n, each in there.items() if not (each is AHEAD or each is MISSING or each is None)}
        if self._ids and any(ahead > 0 for ahead in there):
            return self._said(there, args, kwargs)
        if len({id(each) for each in there.values()}) <= 1:
            return next(iter(there), None)
        # Of several that it may be, it is the one in which its fields are.
        found = {n: sum(follow(each, way) is not MISSING for way in self._fields) for n, each in there.items()}
        best = [n for n, number in found.items() if number == max(found.values())]
        if len(best) > 1:
            raise Unclear
        return best[0]

    def _said(self, there: dict[int, Any], args: Args, kwargs: Kwargs) -> int | None:
        # Which arguments say which row it is depends on how many are still to come.
        said = {n: self.departing.said((AHEAD,) * n + args, kwargs) for n in there}
        whole = [n for n, ids in said.items() if len(ids) == len(self._ids) and AHEAD not in list(ids.values())]
        if len(whole) == 1:
            return whole[0]
        if whole or not self._is_said:
            raise Unclear
        return None

    def _binds(self, args: Args, kwargs: Kwargs) -> bool:
        try:
            self._signature.bind(*args, **kwargs)  # pyright: ignore[reportOptionalMemberAccess]
        except TypeError:
            return False
        return True


def unmade(name: str) -> tuple[Callable[..., Any], bool] | None:
    """Return the function of a task that Celery has yet to make, and whether it is bound to the task.

    It is not made for our sake: that would have the app's configuration read before its time.
    """
    state: Any = sys.modules.get("celery._state")
    if state is None:
        return None
    with guard:
        apps: list[Any] = list(state._get_active_apps())
        for app in apps:
            for proxy in list(app._pending):
                given, options = _kept(proxy, "args"), _kept(proxy, "kwargs")
                if given and _name(app, given[0], options) == name:
                    return given[0], bool(options.get("bind"))
        for later in list(state._on_app_finalizers) if apps else ():  # of `shared_task`
            kept: dict[str, Any] = (
                dict(inspect.getclosurevars(later).nonlocals) if getattr(later, "__closure__", None) else {}
            )
            function, options = kept.get("fun"), kept.get("options")
            if callable(function) and options is not None and _name(apps[0], function, options) == name:
                return function, bool(options.get("bind"))
    return None


def _kept(proxy: Any, what: str) -> Any:
    try:
        return object.__getattribute__(proxy, f"_Proxy__{what}")
    except AttributeError:  # it is made by now
        return None


def _name(app: Any, function: Any, options: Any) -> str:
    return str(options.get("name") or app.gen_task_name(function.__name__, function.__module__))
