"""Spans of files, judged; what could not be read is told on stderr."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from otel_handoff.check.judge import Aliases, Checked, Judge
from otel_handoff.check.progress import Progress
from otel_handoff.check.text import printable
from otel_handoff.commands import UsageError
from otel_handoff.elspeth import BOUNDARIES
from otel_handoff.traces.files import Broken
from otel_handoff.traces.otlp import read_spans

_MOST_BROKEN: Final = 20


@dataclass(frozen=True)
class Judged:
    """All files read.

    Attributes:
        judge: yields what is wrong; open as long as the context of `judged` is.
        checked: what was there.
        broken: how many lines could not be read, or not in full.
        progress: to tell what is done further.
    """

    judge: Judge
    checked: Checked
    broken: int
    progress: Progress


@contextlib.contextmanager
def judged(files: Sequence[str]) -> Generator[Judged]:
    """Read `files`, as `otel_handoff.traces.files.find` returns them, and judge.

    Raises:
        UsageError: there is no room for the temporary database, now or while what is wrong is told.
    """
    count = 0
    progress = Progress(files)

    def broken(line: Broken) -> None:
        nonlocal count
        count += 1
        if count <= _MOST_BROKEN:
            progress.say("")
            tell(sys.stderr, printable(f"otel-handoff: {line.file}:{line.line}: {line.reason}"))

    try:
        with contextlib.closing(Judge(_aliases())) as judge:
            for span in read_spans(files, broken=broken, progress=progress.advance):
                judge.add(span)
            progress.say("judging")
            checked = judge.finish()
            progress.say("")
            if count > _MOST_BROKEN:
                tell(sys.stderr, f"otel-handoff: and {count - _MOST_BROKEN} more broken lines")
            yield Judged(judge, checked, count, progress)
    except sqlite3.Error as error:
        raise UsageError(f"the temporary database: {error} (TMPDIR says where it lies)") from error
    finally:
        progress.say("")


def _aliases() -> Aliases:
    names: dict[str, dict[str, str]] = {}
    for boundary in BOUNDARIES:
        of_boundary = names.setdefault(boundary.name, {})
        for field, aliases in boundary.aliases.items():
            of_boundary.update(dict.fromkeys(aliases, field))
    return names


def tell(out: TextIO, line: str, end: str = "\n") -> None:
    """Write `line`; letters that `out` cannot write are escaped: a terminal, or LC_ALL=C, may have none such."""
    encoding = out.encoding or "utf-8"
    out.write(line.encode(encoding, "backslashreplace").decode(encoding) + end)


def as_json(value: Any) -> str:
    """Return `value` as JSON, which has no NaN and no infinity: these become text."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(value), parse_constant=str))
