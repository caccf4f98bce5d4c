"""What a test leaves on the hosts is that test's failure, and no other's."""

from __future__ import annotations

from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from tests.given_back import given_back
from tests.hosts import CopyingPool, Pool, boundary


def test_who_leaves_something_is_told() -> None:
    """A function that was replaced, and one more; the next test has the host's own."""
    own = vars(CopyingPool)["enqueue"]
    pool: Any = Pool

    def leave() -> None:
        HandoffInstrumentor().instrument(boundaries=[boundary()])
        wrapped = vars(CopyingPool)["enqueue"]
        HandoffInstrumentor().uninstrument()
        CopyingPool.enqueue = wrapped
        pool.dequeue = len

    with pytest.raises(AssertionError, match=r"'CopyingPool': \['enqueue'\]"), given_back():
        leave()
    assert vars(CopyingPool)["enqueue"] is own
    assert not hasattr(Pool, "dequeue")
