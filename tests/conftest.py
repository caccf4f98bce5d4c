"""What every test has: in-memory telemetry, and the rule that an error of our own is a failure."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from otel_handoff.host.guard import guard
from tests.telemetry import NoSdk, Telemetry

os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # trio's warns, which is an error here


@pytest.fixture(autouse=True, scope="module")
def old_objects_set_aside() -> None:
    """What pytest and the modules before have left stays to the end: no collection in a test goes through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_internal_errors() -> Iterator[None]:
    """An error of ours is raised here, and counted nowhere; tests about the guard turn this off themselves."""
    before = guard.errors.value
    guard.reraise = True
    yield
    guard.reraise = False
    assert guard.errors.value == before


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Providers of this test's own, exporting to memory; without the SDK those of the API."""
    telemetry = Telemetry() if find_spec("opentelemetry.sdk") else NoSdk()
    yield telemetry
    telemetry.shutdown()
