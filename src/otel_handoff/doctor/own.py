"""What our own instrumentors have turned on in this process: the one place that reads what they keep to themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from otel_handoff.around.engine import Engine
from otel_handoff.around.handoff import Handoff
from otel_handoff.boundary import Boundary
from otel_handoff.declare.settings import Settings
from otel_handoff.elspeth import BOUNDARIES
from otel_handoff.environment_variables import OTEL_HANDOFF_BOUNDARIES
from otel_handoff.host.wrapping import Patch
from otel_handoff.tell import metrics

GROUP = "opentelemetry_instrumentor"


@dataclass(frozen=True)
class Turned:
    """One registered instrumentor of this package.

    Attributes:
        name: its entry point, as in `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`.
        settings: with which `instrument()` was called; None where it was not.
        handoffs: what it attached; empty in mode off, and without boundaries.
        patches: nested pools and threads that are followed.
        kind: its class.
    """

    name: str
    settings: Settings | None
    handoffs: Sequence[Handoff]
    patches: Sequence[Patch]
    kind: Any

    @property
    def on(self) -> bool:
        """Whether `instrument()` was called."""
        return self.settings is not None

    @property
    def is_off(self) -> bool:
        """Whether it was, in mode off."""
        return self.settings is not None and self.settings.mode == "off"

    @property
    def engine(self) -> Engine | None:
        """What its boundaries share."""
        return self.handoffs[0].engine if self.handoffs else None


def instrumentors() -> list[Turned]:
    """Return the registered instrumentors of this package, by name.

    Without ELSPETH's where there is no ELSPETH, and there are boundaries of another host: then nobody asks for it.
    """
    found: dict[str, Turned] = {}
    for point in _registered():
        kind = point.load()
        instrumentor = kind()  # a singleton
        found[point.name] = Turned(
            point.name,
            getattr(instrumentor, "_settings", None),
            getattr(instrumentor, "_handoffs", ()),
            getattr(instrumentor, "_patches", ()),
            kind,
        )
    if _are_declared(found.get("handoff")) and find_spec("elspeth") is None:
        found.pop("elspeth", None)
    return sorted(found.values(), key=lambda turned: turned.name)


@cache
def _registered() -> list[EntryPoint]:
    # For this all packages that are installed are read: once, and not for each part of the report.
    return [point for point in entry_points(group=GROUP) if point.value.startswith("otel_handoff")]


def _are_declared(turned: Turned | None) -> bool:
    return turned is not None and bool(turned.handoffs or os.environ.get(OTEL_HANDOFF_BOUNDARIES, "").strip())


def patches_of(handoff: Handoff) -> dict[str, Patch]:
    """Return target -> its patch."""
    patches: Sequence[Patch] = getattr(handoff, "_patches", ())
    return {patch.target: patch for patch in patches}


def is_embedded(boundary: Boundary) -> bool:
    """Whether it is the pipeline of `otel-handoff demo`, which is nobody's host."""
    return boundary in BOUNDARIES and boundary.hands_over.startswith("otel_handoff.")


def tracer_provider_of(engine: Engine) -> Any:
    """Return the one it was given, or None."""
    return getattr(engine, "_provider", None)


def events_of(engine: Engine) -> Any:
    """Return the OpenTelemetry logger of its alerts."""
    return getattr(engine.alerts, "_events", None)


def hook_of(engine: Engine | None) -> Any:
    """Return its `on_mismatch`, or None."""
    return engine and getattr(engine.alerts, "_on_mismatch", None)


def meter_provider_of(engine: Engine) -> Any:
    """Return the one it was given, or None."""
    by_provider: Mapping[Any, Any] = getattr(metrics, "_by_provider", {})
    return next((provider for provider, kept in by_provider.items() if kept is engine.metrics), None)
