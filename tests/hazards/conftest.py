"""What the tests of hazards share: nothing stays instrumented, whatever a test did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from tests.given_back import given_back
from tests.hosts import boundary
from tests.telemetry import Telemetry

Instrument = Callable[..., None]


@pytest.fixture(autouse=True)
def nothing_stays_instrumented() -> Iterator[None]:
    """Each test's instrumentation ends with it."""
    with given_back():
        yield


@pytest.fixture
def instrument(telemetry: Telemetry) -> Instrument:
    """Instrument the pool."""

    def instrument(mode: str = "observe", **options: Any) -> None:
        HandoffInstrumentor().instrument(mode=mode, **{"boundaries": [boundary()], **telemetry.options, **options})

    return instrument
