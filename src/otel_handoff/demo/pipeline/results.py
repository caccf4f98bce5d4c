"""What a transform makes of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TransformResult:
    """A row that was worked on.

    Attributes:
        row: the row as the transform leaves it. It names the row and the attempt it was made for (`row`, `attempt`),
            whatever ids it is routed under.
    """

    row: Mapping[str, object]


@dataclass(frozen=True)
class ExceptionResult:
    """A transform that raised, on its way to the thread that waits for the row.

    Attributes:
        exception: what was raised; the waiter raises it again.
        traceback: where, as text.
    """

    exception: Exception
    traceback: str
