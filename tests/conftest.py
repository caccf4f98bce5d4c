"""What every test has: in-memory telemetry, and the rule that an error of our own is a failure."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from otel_handoff.host.guard import guard
from tests.telemetry import NoSdk, Telemetry

FIRST = (
    "processes",
    "engines",
    "reports",
    "doctor",
    "benchmarks",
    "schedules",
    "report",
    "find",
    "testing",
    "check",
    "dashboards",
)
"""The folders whose files take long: side by side, a file that is begun last is waited for by all."""

os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # trio's warns, which is an error here


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, begin with what takes long."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        tests = Path(__file__).parent

        def place(item: pytest.Item) -> int:
            folder = item.path.relative_to(tests).parts[0]
            return FIRST.index(folder) if folder in FIRST else len(FIRST)

        items.sort(key=place)


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
