"""Hears what is told of rows that could not be judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, NoOpTracer, NoOpTracerProvider, Span

from tests.schedules.records import Unchecked

Hook = Callable[[Unchecked], object]


class Provider(NoOpTracerProvider):
    """Makes no spans but those that tell of such rows. To the detector it is none, so that all of them are told so."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def get_tracer(self, *_: Any, **__: Any) -> NoOpTracer:
        """Return what makes them."""
        return _Tracer(self._hook)


class _Tracer(NoOpTracer):
    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def start_span(self, name: str, *args: Any, **options: Any) -> Span:  # pyright: ignore[reportIncompatibleMethodOverride]
        if name.startswith("unchecked "):
            return _Note(self._hook)
        return super().start_span(name, *args, **options)


class _Note(NonRecordingSpan):
    def __init__(self, hook: Hook) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._hook = hook

    def is_recording(self) -> bool:
        return True

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        for _ in range(attributes["handoff.unchecked.rows"]):
            self._hook(
                Unchecked(
                    attributes["handoff.boundary"],
                    attributes["handoff.unchecked.reason"],
                    attributes.get("handoff.submission.time_unix_nano", 0),
                    attributes.get("handoff.submission.id", 0),
                )
            )
