"""What these share with the tests of the command."""

from __future__ import annotations

from tests.check.conftest import check

__all__ = ["check"]
