"""What the unit tests share: whatever a test instruments ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_handoff import HandoffInstrumentor
from otel_handoff.elspeth import ElspethInstrumentor


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Each test's instrumentation ends with it."""
    yield
    for instrumentor in (HandoffInstrumentor(), ElspethInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
