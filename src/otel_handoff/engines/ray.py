"""Ray: a task's row is handed over where `remote` is called, and worked on where Ray runs what came.

Ray's tracing has OpenTelemetry fill a carrier for each call, and reads it before the work. Functions and classes travel
by value: what a worker runs is found in what Ray has loaded, and not in its module.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from types import CellType, FunctionType, ModuleType
from typing import Any, Final

from otel_handoff.around.leaving import Departing, Leaving, elsewhere
from otel_handoff.boundary import Boundary
from otel_handoff.engines.carried import CarriedWorker
from otel_handoff.engines.remote import Named
from otel_handoff.handover.carriers import going, what_was_carried
from otel_handoff.handover.departures import serialised
from otel_handoff.handover.directly import Args, Kwargs
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.sent import Came
from otel_handoff.host import imports
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import class_of
from otel_handoff.host.standin import StandIn, stand_in
from otel_handoff.host.wrapping import Patch

_PACKAGES: Final = ("ray",)

_UNCARRIED: Final = "Ray's tracing is off, or OTEL_PROPAGATORS has no handoff"

_CELLS: Final = ("method", "function")
"""What Ray's own closures around a function of the host's call it."""


class RayHandoff(Named):
    """A boundary whose work is a task of Ray's, or a method of an actor."""

    def __init__(self, boundary: Boundary, engine: Any) -> None:
        self._departing: dict[str, tuple[Departing, bool]] = {}
        super().__init__(boundary, engine, rays)
        if engine.settings.remote:
            self.detector.leave = Leaving(self, _PACKAGES).leave

    def _patch_of_work(self) -> Patch:
        return _Executed(self.boundary.work)

    def depart(self, name: str, parameters: Callable[[], Parameters], args: Args, kwargs: Kwargs) -> Any:
        """Begin a row; return it, and what the task is to be called with; None where none begins here.

        Args:
            name: of the task.
            parameters: finds those of its function.
            args: what it is to be called with.
            kwargs: what it is to be called with by name.
        """
        if not self.detector.enabled:
            return None
        known = self._departing.get(name)
        if known is None:
            found = parameters()
            known = self._departing[name] = (
                Departing(self, found, _PACKAGES),
                bool(self.boundary.ids) and not found.is_argument(self.boundary.place),
            )
        departing, is_there = known
        if is_there:
            return None  # what its tasks share is where they run, and its arguments say which row it is
        begun = departing.depart(None, args, kwargs)
        if begun is not None:
            begun[0].missed = True  # nothing is amiss if it is not sent
            self.counts.submissions.add()
        elif not (self.boundary.ids and departing.is_elsewhere(None, args, kwargs)):
            self.missed_row("context_unreadable")
        return begun

    def left(self, lease: Lease) -> None:
        """Its work was given to Ray."""
        if not lease.posted:
            self.coverage.miss("other_process", lease.submission, pinned=lease.is_pinned, detail=_UNCARRIED)
        lease.close()

    def wrap(self, function: Any, called: str, *, is_method: bool) -> Any:
        """Return what is run in the place of what a worker was sent, which Ray has called so."""
        parameters = Parameters(function, bound=is_method)
        patch: Any = self._work_patch
        if not patch.attached:
            self._work_parameters = parameters
            self._tell_what_is_compared(function, parameters)
        ours = stand_in(function, RayWorker(self, function, parameters, called, is_method=is_method))
        patch.executed.append(ours)
        return ours


class RayWorker(CarriedWorker):
    """What one task runs, or one method of an actor, in a worker."""

    def __init__(
        self, handoff: RayHandoff, function: Any, parameters: Parameters, called: str, *, is_method: bool
    ) -> None:
        super().__init__(handoff, function, parameters)
        self._is_method = is_method
        self._called = called

    def __call__(self, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        """Run it for the row that came. Ray gives a method its actor as any argument."""
        if self._is_method and instance is None and args:
            instance, args = args[0], args[1:]
            wrapped = wrapped.__get__(instance, type(instance))
        return super().__call__(wrapped, instance, args, kwargs)

    def came(self) -> Came | None:
        """Return what came for the task that runs here; None where its function is called within another."""
        came = what_was_carried()
        if came is None and not _is_run(self._called):
            self.shared.in_place()
            return None
        return came or Came("")

    def arrived(self, text: object, instance: Any, args: Args, kwargs: Kwargs, delivery: int) -> Lease | None:
        """Begin its row; of a task that is tried again, it is delivered once more."""
        worker: Any = import_module("ray._private.worker").global_worker
        tries = getattr(worker.core_worker, "get_current_task_attempt_number", None)  # not of every version
        return super().arrived(text, instance, args, kwargs, delivery if tries is None else 1 + tries())


class _Executed(Patch):
    """What Ray runs of some name: it is wrapped when it is there, which is no matter of a module."""

    def __init__(self, target: str) -> None:
        super().__init__(f"ray:{target.rpartition('.')[2]}", lambda function, _: function)
        self.target = target
        self.executed: list[Any] = []

    def attach(self, module: ModuleType) -> None:
        """Ray is there."""

    @property
    def attached(self) -> bool:
        return bool(self.executed)

    @property
    def in_use(self) -> bool:
        return True

    def give_back(self) -> None:
        """What is wrapped stays, and is passed through."""
        self.executed.clear()


class Rays:
    """Where Ray takes tasks, and where it runs them, for all boundaries at once."""

    def __init__(self) -> None:
        self._handoffs: list[RayHandoff] = []
        self._patches = (
            Patch("ray.remote_function:RemoteFunction._remote", _wrapping(self._task)),
            Patch("ray.actor:ActorMethod._remote", _wrapping(self._method)),
            Patch(
                "ray._private.function_manager:FunctionActorManager.get_execution_info", _wrapping(self._execution_info)
            ),
        )

    def take_in(self, handoff: RayHandoff) -> None:
        """A boundary is attached."""
        self._handoffs.append(handoff)
        if len(self._handoffs) == 1:
            for patch in self._patches:
                patch.apply()
            imports.listen("ray", _is_there)

    def leave_out(self, handoff: RayHandoff) -> None:
        """It is attached no more."""
        if handoff in self._handoffs:
            self._handoffs.remove(handoff)
            if not self._handoffs:
                for patch in self._patches:
                    patch.remove()
                imports.stop("ray", _is_there)

    def _of(self, name: str) -> RayHandoff | None:
        return next((handoff for handoff in self._handoffs if handoff.matches(name)), None)

    # -- what is handed over

    def _task(self, wrapped: Any, remote: Any, args: Args, kwargs: Kwargs) -> Any:
        begun = None
        with guard:
            function = inspect.unwrap(remote._function)
            begun = self._begin(_name_of(function), lambda: Parameters(function, bound=False), args, kwargs)
        return _sent(begun, wrapped, args, kwargs)

    def _method(self, wrapped: Any, method: Any, args: Args, kwargs: Kwargs) -> Any:
        begun = None
        with guard:
            actor, called = method._actor, method._method_name
            described = actor._ray_actor_creation_function_descriptor
            name = f"{described.module_name}.{described.class_name}.{called}"
            begun = self._begin(name, lambda: _parameters(actor._ray_method_signatures[called]), args, kwargs)
        return _sent(begun, wrapped, args, kwargs)

    def _begin(self, name: str, parameters: Callable[[], Parameters], args: Args, kwargs: Kwargs) -> Any:
        handoff = self._of(name)
        if handoff is None:
            return None
        given, named = (args[at] if at < len(args) else kwargs.get(key) for at, key in enumerate(("args", "kwargs")))
        begun = handoff.depart(name, parameters, tuple(given or ()), dict(named or {}))
        return (handoff, *begun) if begun is not None else None

    # -- what is run

    def _execution_info(self, wrapped: Any, _manager: Any, args: Args, kwargs: Kwargs) -> Any:
        info = wrapped(*args, **kwargs)
        with guard:
            described = args[1] if len(args) > 1 else kwargs["function_descriptor"]
            is_method = bool(described.class_name)
            cell, function = _innermost(info.function)
            called = ".".join(filter(None, (described.module_name, described.class_name, described.function_name)))
            handoff = self._of(called if is_method else _name_of(function))
            if handoff is not None and not issubclass(class_of(function), StandIn):
                ours = handoff.wrap(function, called, is_method=is_method)
                if cell is None:
                    return info._replace(function=ours)
                cell.cell_contents = ours
        return info


def _sent(begun: Any, wrapped: Any, args: Args, kwargs: Kwargs) -> Any:
    if begun is None:
        return wrapped(*args, **kwargs)
    handoff, lease, given, named = begun
    others = {name: value for name, value in kwargs.items() if name not in ("args", "kwargs")}
    token = going.set(lease)
    try:
        result = serialised(wrapped, (given, named, *args[2:]), others)
    except BaseException:
        lease.close()  # it was not sent
        raise
    finally:
        going.reset(token)
    with guard:
        handoff.left(lease)
    return result


def _innermost(function: Any) -> tuple[CellType | None, Any]:
    # The host's own function in Ray's closures around it, and the cell that it is in.
    cell: CellType | None = None
    while type(function) is FunctionType:
        if not _is_rays(function):
            break
        found = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        inner = next((found[name] for name in _CELLS if name in found), None)
        if inner is None:
            break
        cell, function = inner, inner.cell_contents
    return cell, function


def _is_rays(function: FunctionType) -> bool:
    # By its code: Ray gives its closures the name and module of what they are around.
    path = function.__code__.co_filename.replace("\\", "/")
    return path.endswith(("ray/util/tracing/tracing_helper.py", "ray/_private/function_manager.py"))


def _name_of(function: Any) -> str:
    # Of the main program, which is another on the far side, it is called as its file is.
    module = str(function.__module__)
    if module == "__main__":
        module = inspect.getmodulename(function.__code__.co_filename) or module
    return f"{module}.{function.__name__}"


def _parameters(signature: Sequence[inspect.Parameter]) -> Parameters:
    def method() -> None:
        """Stands for the method, whose class may be elsewhere."""

    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    stub: Any = method
    stub.__signature__ = inspect.Signature([first, *(each for each in signature if each.name != "_ray_trace_ctx")])
    return Parameters(stub, bound=True)


def _is_run(name: str) -> bool:
    context: Any = import_module("ray").get_runtime_context()
    return context.get_task_function_name() == name


def _is_there(module: Any) -> None:
    with guard:
        elsewhere.add(module.ObjectRef)


def _wrapping(wrapper: Any) -> Any:
    def wrap(function: Any, _parameters: Parameters) -> Any:
        return stand_in(function, wrapper)

    return wrap


rays: Final = Rays()
