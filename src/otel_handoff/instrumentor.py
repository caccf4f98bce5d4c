"""The instrumentors: what `opentelemetry-instrument`, a configuration file, or a user's code turns on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any, ClassVar

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from otel_handoff.around.engine import Engine
from otel_handoff.around.handoff import Handoff
from otel_handoff.boundary import Boundary
from otel_handoff.declare.mainmodule import warn_of_it
from otel_handoff.declare.settings import BoundariesConfiguration, Configuration, Settings, boundaries_of, resolve
from otel_handoff.engines import kind_of
from otel_handoff.engines.dask import Dask
from otel_handoff.handover.carry import POOLS, follow, follow_threads
from otel_handoff.handover.departures import pickling
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.standard import more
from otel_handoff.host.guard import guard
from otel_handoff.host.wrapping import Patch
from otel_handoff.tell.echoes import unechoed
from otel_handoff.tell.unheard import listen

_OPTIONS = ("mode", "watch", "trace", "spans", "attributes", "ids", "remote")
_PROVIDERS = ("tracer_provider", "meter_provider", "logger_provider", "on_mismatch")


class Instrumentor(BaseInstrumentor):
    """What the instrumentors share. A concrete one is never subclassed: it would share its singleton."""

    configuration: ClassVar[type[Configuration]] = Configuration
    """How a declarative configuration file finds the options."""

    _settings: Settings | None = None
    _handoffs: tuple[Handoff, ...] = ()
    _patches: tuple[Patch | Dask, ...] = ()
    _unechoed: tuple[Patch, ...] = ()
    _provokes: bool = False

    def instrumentation_dependencies(self) -> Collection[str]:
        """Nothing is required: a host is wrapped when it is imported, if ever."""
        return ()

    def _boundaries(self, given: Sequence[Any] | None) -> Sequence[Boundary]:
        raise NotImplementedError

    def _instrument(self, **kwargs: Any) -> None:
        boundaries = self._boundaries(kwargs.pop("boundaries", None))
        settings = resolve(**{name: kwargs.pop(name, None) for name in _OPTIONS})
        providers = {name: kwargs.pop(name, None) for name in _PROVIDERS}
        if kwargs:
            known = ", ".join([*(option.name for option in fields(self.configuration)), *_PROVIDERS])
            raise TypeError(f"instrument() has no option {', '.join(sorted(kwargs))}; it has {known}")
        self._settings = settings
        if settings.mode == "off" or not boundaries:
            return
        try:
            self._put_on(boundaries, settings, providers)
        except BaseException:
            self._uninstrument()  # nobody else would: it does not count as instrumented
            raise

    def _put_on(self, boundaries: Sequence[Boundary], settings: Settings, providers: dict[str, Any]) -> None:
        listen()
        with guard:
            warn_of_it(boundaries)
        engine = Engine(settings, **providers)
        self._handoffs = tuple(kind_of(boundary)(boundary, engine) for boundary in boundaries)
        gives = any(boundary.submit is None for boundary in boundaries)
        self._patches = (*(follow(target, gives=gives) for target in POOLS), *follow_threads(gives=gives))
        self._patches += (*more(), *pickling(), Dask()) if gives else ()
        for handoff in self._handoffs:
            handoff.attach()
        for handoff in self._handoffs:  # once all are there: an override that is declared itself is another's
            handoff.cover()
        self._unechoed = unechoed(engine.alerts.exports)
        for patch in (*self._patches, *self._unechoed):
            patch.apply()
        if settings.provoke is not None:
            from otel_handoff.around.provoke import turn_on  # nobody else needs it

            self._provokes = turn_on(settings.provoke, settings.provoke_wait)

    def _uninstrument(self, **_kwargs: Any) -> None:
        for handoff in self._handoffs:
            handoff.detach()
        for patch in reversed((*self._patches, *self._unechoed)):
            patch.remove()
        self._settings = None
        self._handoffs = ()
        self._patches = self._unechoed = ()
        if self._provokes:
            self._provokes = False
            Lease.provoker = None


class HandoffInstrumentor(Instrumentor):
    """Instruments the boundaries that a user declares.

    `instrument(boundaries=[...], mode="pin", watch=True, trace="child", spans="all", attributes="few", ids="plain",
    remote=True, tracer_provider=None, meter_provider=None, logger_provider=None, on_mismatch=None)`. Without
    `boundaries`, those that `OTEL_HANDOFF_BOUNDARIES` names.

    Raises:
        ValueError: an unknown mode, or a boundary that cannot be meant.
        TypeError: an unknown option.
    """

    configuration: ClassVar[type[Configuration]] = BoundariesConfiguration

    def _boundaries(self, given: Sequence[Any] | None) -> Sequence[Boundary]:
        return boundaries_of(given)
