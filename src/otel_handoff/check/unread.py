"""What could not be read of the files."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Final

from otel_handoff.check.progress import Progress
from otel_handoff.check.words import of, printable, tell
from otel_handoff.traces.files import Broken, Found

_MOST_TOLD: Final = 20
_MOST_KEPT: Final = 1000
_PLACE: Final = re.compile(r"\d+")
"""What differs between reasons of one kind."""


class Unread:
    """Counts what could not be read, and tells it on stderr as it is met.

    Attributes:
        lines: how many lines could not be read, or not in full.
        files: how many files could not, as a whole.
        named: these files, up to a thousand of them.
        in_files: where these lines are, up to twenty names.
        others: files of folders that are plainly no traces: left out, and no doubt.
    """

    def __init__(self, found: Found, progress: Progress) -> None:
        """Begin with what was passed over when the files were looked for."""
        self.lines = self.files = 0
        self.named: list[Broken] = []
        self.in_files: list[str] = []
        self.others: Sequence[str] = found.others
        self._progress = progress
        self._told = self._untold = self._alike = 0
        self._last = Broken("", 0, "")
        for passed_over in found.passed_over:
            self.add(passed_over)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.lines or self.files)

    def __str__(self) -> str:
        """Return `1 file and 3 lines`."""
        counts = [of(self.files, "file")] * bool(self.files) + [of(self.lines, "line")] * bool(self.lines)
        return " and ".join(counts)

    def add(self, broken: Broken) -> None:
        """Count it; and tell it, unless many were told or the one before it in the file was broken alike."""
        if broken.line:
            self.lines += 1
            if len(self.in_files) < _MOST_TOLD and broken.file not in self.in_files[-1:]:
                self.in_files.append(broken.file)
        else:
            self.files += 1
            self.named += [broken] * (len(self.named) < _MOST_KEPT)
        if broken.line and self._last.line and _kind(broken) == _kind(self._last):
            self._alike += 1
            return
        self._tell_alike()
        self._last = broken
        if self._told < _MOST_TOLD:
            self._told += 1
            where = f"{broken.file}:{broken.line}" if broken.line else broken.file
            self._tell(f"{where}: {broken.reason}")
        else:
            self._untold += 1

    def end(self) -> None:
        """Nothing more comes: say how many were not told."""
        self._tell_alike()
        if self._untold:
            self._tell(f"and {self._untold:,} more that could not be read")

    def _tell_alike(self) -> None:
        if self._untold:
            self._untold += self._alike
        elif self._alike:
            self._tell(f"{self._last.file}: and {of(self._alike, 'more line', 'more lines')} like that")
        self._alike = 0

    def _tell(self, line: str) -> None:
        self._progress.say("")
        tell(sys.stderr, printable(f"otel-handoff: {line}"))


def _kind(broken: Broken) -> tuple[str, str]:
    return broken.file, _PLACE.sub("", broken.reason)
