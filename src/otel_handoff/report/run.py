"""One report: spans in, a page out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from otel_handoff.check.reading import judged
from otel_handoff.commands import in_full
from otel_handoff.report.about import About
from otel_handoff.report.groups import group
from otel_handoff.report.page import Run, page
from otel_handoff.report.perfetto import write_perfetto
from otel_handoff.report.strip import Strip
from otel_handoff.traces.files import InputError, find


def write_report(paths: Sequence[str], output: str, perfetto: str | None = None, trace_url: str = "") -> None:
    """Read the traces in `paths`, and write the page, and a file for Perfetto if that is wanted.

    A file is there in full or not at all. Broken lines are told on stderr, and the rest is drawn.

    Raises:
        InputError: before anything is read or written: a path that cannot be read, or would be overwritten.
        OSError: a file cannot be written.
        UsageError: there is no room for the temporary database.
    """
    found = find(paths)
    outputs = [name for name in (output, perfetto) if name is not None]
    real = [os.path.realpath(name) for name in (*outputs, *found.files)]
    for index, name in enumerate(outputs):
        if real[index] in real[index + 1 :]:
            raise InputError(f"{name} is one of the other files")
    with contextlib.ExitStack() as stack:
        # First: that a file cannot be written is told before the long part.
        opened = [stack.enter_context(in_full(name)) for name in outputs]
        read = stack.enter_context(judged(found))
        read.progress.say("drawing")
        judge, about = read.judge, About(found.files)
        strip = Strip(judge.store)
        groups = group(strip.through(about.through(judge.findings())))
        opened[0].write(page(Run(judge, read.checked, read.unread, groups, strip, about, trace_url)))
        if perfetto is not None:
            read.progress.say("writing the file for Perfetto")
            write_perfetto(opened[1], judge.store, judge.findings())
