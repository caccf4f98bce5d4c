"""The fields as they were when a row was handed over."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.context import Context

from otel_handoff.locations import Frames, innermost
from otel_handoff.semconv import Primitive, attribute_value

numbers: Final = itertools.count(1)
"""Numbers submissions across all boundaries of the process; `next()` on it is atomic."""


@dataclass(frozen=True)
class Submission:
    """One hand-over of one row. Immutable.

    Attributes:
        number: counts submissions in this process, from 1.
        boundary: the boundary's name.
        ids: field name -> its value at submission; None where the context had none.
        thread_name: the submitting thread.
        time_unix_nano: when, in nanoseconds since the epoch.
        frames: where, unresolved; `location` is for people.
        otel_context: the OpenTelemetry context that was current.
    """

    number: int
    boundary: str
    ids: Mapping[str, object]
    thread_name: str
    time_unix_nano: int
    frames: Frames = field(repr=False)
    otel_context: Context = field(repr=False)
    _values: dict[str, Primitive] = field(default_factory=dict[str, Primitive], init=False, repr=False, compare=False)

    def attribute_value(self, name: str) -> Primitive:
        """Return the id of field `name` for a span: once and for all, as the `str()` of a host's object may change."""
        value = self._values.get(name)
        return self._values.setdefault(name, attribute_value(self.ids[name])) if value is None else value

    @property
    def location(self) -> str:
        """Where the row was handed over: `"engine/transform.py:431 in execute"`."""
        return innermost(self.frames)
