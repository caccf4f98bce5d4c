"""How far a long command is: one line on stderr, written over and taken away again, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


class Progress:
    """Tells what is done now. Where stderr is no terminal, nothing."""

    def __init__(self, files: Sequence[str]) -> None:
        """Take the size of `files` for all that is to be read."""
        self._told = ""
        self._is_shown = sys.stderr.isatty()
        self._size = sum(Path(file).stat().st_size for file in files if file != "-") if self._is_shown else 0
        self._read = 0

    def advance(self, count: int) -> None:
        """Tell that `count` more bytes are read."""
        self._read += count
        self.say(f"reading {min(100, 100 * self._read // max(1, self._size))} %")

    def say(self, what: str) -> None:
        """Tell what is done now; an empty text takes the line away."""
        if self._is_shown and what != self._told:
            self._told = what
            sys.stderr.write(f"\r\x1b[K{what}")
            sys.stderr.flush()
