"""The one guard around all of it: an error of ours is counted, told once, and never reaches the host."""

from __future__ import annotations

import itertools
import logging
from types import TracebackType
from typing import Final

from otel_handoff.host.outside import is_from_outside, pass_on

_logger = logging.getLogger("otel_handoff")


class Tally:
    """A counter that needs no lock and loses no count: `itertools.count` advances atomically."""

    __slots__ = ("_count", "add")

    def __init__(self) -> None:
        self._count = itertools.count()
        self.add = self._count.__next__

    @property
    def value(self) -> int:
        """How often `add` was called. The number is read off the repr, which does not advance it."""
        return int(repr(self._count)[6:-1])


class Guard:
    """A context manager that swallows `Exception` (and nothing else) out of this package's own code.

    What was sent to the thread from outside, and only came up there, is the host's: it goes on.

    It holds no state of its own between enter and exit, so one instance serves all threads.
    """

    __slots__ = ("errors", "reraise")

    def __init__(self) -> None:
        self.errors: Tally = Tally()
        self.reraise: bool = False
        """Set by this project's tests: there an error of ours is a failure."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception) or is_from_outside(error):
            return False
        self.count(error)
        return not self.reraise

    def met(self, error: Exception) -> None:
        """Do with an error that was caught what the context manager does, which takes its time where none comes."""
        pass_on(error)
        self.count(error)
        if self.reraise:
            raise error

    def count(self, error: Exception) -> None:
        """Count an error of ours; the first is logged with its traceback."""
        first = self.errors.add() == 0
        try:
            _logger.log(
                logging.WARNING if first else logging.DEBUG,
                "otel-handoff met an error of its own. The pipeline is not affected; some telemetry or checks of this "
                "row are missing. Further errors are counted in handoff.internal_errors and logged at DEBUG.",
                exc_info=error,
            )
        except Exception as theirs:  # a logging handler of the host may raise
            pass_on(theirs)


guard: Final = Guard()
