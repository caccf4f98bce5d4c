"""What the faults share: the host with and without us, and what each of its modes must leave."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_handoff import Mismatch
from otel_handoff.demo.schedule import Schedule
from otel_handoff.elspeth import ElspethInstrumentor
from tests.faults.pipeline import IN_ORDER, RACING, Ran, run
from tests.telemetry import uninstrument


class Host:
    """Runs the pipeline.

    Attributes:
        told: what was reported to the hook.
    """

    def __init__(self, folder: Path) -> None:
        self.told: list[Mismatch] = []
        self._folder = folder
        self._numbers = itertools.count()

    def alone(self, schedule: Schedule, **options: Any) -> Ran:
        """Run without us; or with what the test has instrumented."""
        return run(self._folder / f"{next(self._numbers)}.db", schedule, **options)

    def expected(self, mode: str, **options: Any) -> Ran:
        """Return what a run on `RACING` must leave: pinned, the correct one; else what it leaves without us."""
        return self.alone(IN_ORDER if mode == "pin" else RACING, **options)

    def instrumented(self, mode: str, *, given: dict[str, Any] | None = None, **options: Any) -> Ran:
        """Run on `RACING` with us; `given` to `instrument()`."""
        ElspethInstrumentor().instrument(mode=mode, **{"on_mismatch": self.told.append, **(given or {})})
        try:
            return self.alone(RACING, **options)
        finally:
            ElspethInstrumentor().uninstrument()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """The host, on landscapes of this test's own."""
    return Host(tmp_path)


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """What each mode must leave of the usual rows."""
    host = Host(tmp_path_factory.mktemp("expected"))
    return {mode: host.expected(mode) for mode in ("observe", "pin")}


@pytest.fixture(autouse=True)
def nothing_stays_instrumented() -> Iterator[None]:
    """Each test's instrumentation ends with it."""
    yield
    uninstrument()
