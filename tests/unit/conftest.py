"""What the unit tests share: whatever a test instruments ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.given_back import given_back


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Each test's instrumentation ends with it."""
    with given_back():
        yield
