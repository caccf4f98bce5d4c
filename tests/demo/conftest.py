"""A landscape, and the rule that no thread is left behind."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from otel_handoff.demo.pipeline.landscape import Landscape


@pytest.fixture
def landscape(tmp_path: Path) -> Generator[Landscape]:
    """A new landscape, at `landscape.db` in `tmp_path`."""
    made = Landscape(tmp_path / "landscape.db")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def no_thread_left() -> Generator[None]:
    """Whatever a test starts, it ends."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert left == []
