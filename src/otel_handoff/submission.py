"""The fields as they were when a row was handed over."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context

from otel_handoff.locations import Frames, innermost
from otel_handoff.semconv import Primitive, attribute_value

numbers: Final = itertools.count(1)
"""Numbers submissions across all boundaries of the process; `next()` on it is atomic."""


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

    # Made for each row: a frozen dataclass would take six times as long.
    __slots__ = (
        "_attributes",
        "boundary",
        "frames",
        "ids",
        "number",
        "otel_context",
        "thread_name",
        "time_unix_nano",
    )

    def __init__(
        self,
        number: int,
        boundary: str,
        ids: Mapping[str, object],
        thread_name: str,
        time_unix_nano: int,
        frames: Frames,
        otel_context: Context,
    ) -> None:
        self.number: Final = number
        self.boundary: Final = boundary
        self.ids: Final = ids
        self.thread_name: Final = thread_name
        self.time_unix_nano: Final = time_unix_nano
        self.frames: Final = frames
        self.otel_context: Final = otel_context
        self._attributes: dict[str, Primitive] | None = None

    def __repr__(self) -> str:
        return f"<Submission #{self.number} on {self.boundary!r}: {dict(self.ids)!r}>"

    @property
    def location(self) -> str:
        """Where the row was handed over: `"engine/transform.py:431 in execute"`."""
        return innermost(self.frames)

    @property
    def attributes(self) -> Mapping[str, Primitive]:
        """The ids as span attributes, `<boundary>.<field>`; one that is None is left out.

        They are taken once, as the `str()` of a host's object may change.
        """
        attributes = self._attributes
        if attributes is None:
            attributes = self._attributes = {
                f"{self.boundary}.{name}": attribute_value(id_) for name, id_ in self.ids.items() if id_ is not None
            }
        return attributes

    def attribute_value(self, name: str) -> Primitive:
        """Return the id of field `name` as on spans."""
        return self.attributes.get(f"{self.boundary}.{name}", "None")
