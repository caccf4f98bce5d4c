"""Spans of files, judged; what could not be read is told on stderr."""

from __future__ import annotations

import contextlib
import gc
import json
import sqlite3
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

from otel_handoff.check.judge import Aliases, Checked, Judge
from otel_handoff.check.progress import Progress
from otel_handoff.check.unread import Unread
from otel_handoff.commands import UsageError
from otel_handoff.elspeth import BOUNDARIES
from otel_handoff.traces.files import Found
from otel_handoff.traces.otlp import read_spans

_SELDOM: Final = 1_000_000


@dataclass(frozen=True)
class Judged:
    """All files read.

    Attributes:
        judge: yields what is wrong; open as long as the context of `judged` is.
        checked: what was there.
        unread: what could not be read.
        progress: to tell what is done further.
    """

    judge: Judge
    checked: Checked
    unread: Unread
    progress: Progress


@contextlib.contextmanager
def judged(found: Found) -> Generator[Judged]:
    """Read what was found, and judge.

    Raises:
        UsageError: there is no room for the temporary database, now or while what is wrong is told.
    """
    progress = Progress(found.files)
    unread = Unread(found, progress)
    try:
        with _seldom_collected(), contextlib.closing(Judge(_aliases())) as judge:
            for span in read_spans(found.files, broken=unread.add, progress=progress.advance):
                judge.add(span)
            progress.say("judging")
            checked = judge.finish()
            progress.say("")
            unread.end()
            yield Judged(judge, checked, unread, progress)
    except sqlite3.Error as error:
        raise UsageError(f"the temporary database: {error} (TMPDIR says where it lies)") from error
    finally:
        progress.say("")


@contextlib.contextmanager
def _seldom_collected() -> Generator[None]:
    # A line is tens of thousands of objects without a cycle, which the collector would look through again and again.
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _SELDOM) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _aliases() -> Aliases:
    names: dict[str, dict[str, str]] = {}
    for boundary in BOUNDARIES:
        of_boundary = names.setdefault(boundary.name, {})
        for field, aliases in boundary.aliases.items():
            of_boundary.update(dict.fromkeys(aliases, field))
    return names


def as_json(value: Any) -> str:
    """Return `value` as JSON, which has no NaN and no infinity: these become text."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(value), parse_constant=str))
