"""Fixtures for the tests that drive ELSPETH itself; without it they skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_handoff import Mismatch
from otel_handoff.elspeth import ElspethInstrumentor
from tests.elspeth.host import Host
from tests.telemetry import Telemetry

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let ELSPETH and what it imports warn; the project's own warnings stay errors."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))


@pytest.fixture
def elspeth() -> Any:
    """Skip where ELSPETH is not installed: it is not on PyPI."""
    return pytest.importorskip(
        "elspeth.engine.batch_adapter", reason="needs ELSPETH, which is not on PyPI (github.com/tachyon-beep/elspeth)"
    )


@pytest.fixture
def mismatches(elspeth: Any, mode: str, telemetry: Telemetry) -> Iterator[list[Mismatch]]:
    """Instrument ELSPETH in this mode, unless it is `off`, and collect what is reported."""
    if mode == "off":
        yield telemetry.mismatches
        return
    instrumentor: Any = ElspethInstrumentor()
    instrumentor.instrument(mode=mode, **telemetry.options)
    try:
        yield telemetry.mismatches
    finally:
        instrumentor.uninstrument()
    assert telemetry.counted("handoff.internal_errors") == {}


@pytest.fixture
def host(mismatches: list[Mismatch], tmp_path: Path) -> Iterator[Host]:
    """Begin a run of ELSPETH, instrumented or not, and wait for its workers at the end."""
    host = Host(tmp_path)
    yield host
    host.close()
    host.db.close()
