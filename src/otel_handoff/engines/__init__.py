"""Engines that take work to other processes by names of their own."""

from __future__ import annotations

from otel_handoff.around.handoff import Handoff
from otel_handoff.boundary import Boundary


def kind_of(boundary: Boundary) -> type[Handoff]:
    """Return what attaches a boundary."""
    if boundary.engine == "celery":
        from otel_handoff.engines.celery import CeleryHandoff

        return CeleryHandoff
    if boundary.engine == "ray":
        from otel_handoff.engines.ray import RayHandoff

        return RayHandoff
    if boundary.engine == "message":
        from otel_handoff.engines.messages import MessageHandoff

        return MessageHandoff
    return Handoff


__all__ = ["kind_of"]
