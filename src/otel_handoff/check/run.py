"""One check: spans in, then the report, the records and the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TextIO

from otel_handoff.check import text
from otel_handoff.check.asked import Asked
from otel_handoff.check.finding import Finding
from otel_handoff.check.kinds import Kinds
from otel_handoff.check.reading import Judged, as_json, judged, tell
from otel_handoff.check.records import Records
from otel_handoff.commands import hush, in_full
from otel_handoff.traces.files import InputError, find


@dataclass(frozen=True)
class Options:
    """What to check: files, folders and `-`, and what to make of it. `id` narrows it to what concerns one id."""

    paths: Sequence[str]
    as_json: bool
    records: str | None
    fail_on_warnings: bool
    id: str | None = None


@dataclass
class _Run:
    """What was read, and what was found in it so far."""

    read: Judged
    records: Records
    asked: Asked | None
    mismatches: int = 0
    errors: int = 0

    def findings(self) -> Generator[Finding]:
        for finding in self.read.judge.findings():
            if self.asked is not None and not self.asked.concerns(finding):
                continue
            self.mismatches += 1
            self.errors += finding.is_error
            self.records.add(finding)
            yield finding

    def code(self, *, fail_on_warnings: bool) -> int:
        if self.mismatches if fail_on_warnings else self.errors:
            return 1
        # Nothing in the files has the id that was asked about: that is no all-clear.
        is_nobody_s = self.asked is not None and not self.asked.carriers and not self.mismatches
        return 2 if self.read.broken or is_nobody_s else 0


def check(options: Options) -> int:
    """Read, judge, and tell.

    Returns:
        The exit code: 0, 1 or 2.

    Raises:
        InputError: before anything is read or written: a path that cannot be read, or would be overwritten.
        OSError: the records or the report cannot be written.
        UsageError: there is no room for the temporary database.
    """
    files = find(options.paths)
    if options.records not in (None, "-") and os.path.realpath(options.records) in map(os.path.realpath, files):
        raise InputError(f"--records {options.records} is one of the files to be read")
    out = sys.stderr if options.records == "-" else sys.stdout
    with contextlib.ExitStack() as stack:
        records = Records(stack.enter_context(_records_file(options.records)))
        read = stack.enter_context(judged(files))
        run = _Run(read, records, None if options.id is None else Asked(options.id, read.judge.store))
        findings = run.findings()
        try:
            (_write_json if options.as_json else _write_text)(out, run, findings)
            out.flush()
        except BrokenPipeError:
            # Whoever read the report has enough; the records and the exit code are wanted all the same.
            hush(out)
            for _ in findings:
                pass
        return run.code(fail_on_warnings=options.fail_on_warnings)


def _records_file(name: str | None) -> contextlib.AbstractContextManager[TextIO]:
    if name == "-":
        return open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False)
    return in_full(os.devnull if name is None else name, newline="")


def _write_text(out: TextIO, run: _Run, findings: Iterable[Finding]) -> None:
    kinds = Kinds()
    for finding in findings:
        kinds.add(finding)
    totals = text.Totals(run.mismatches, run.records.calls, run.records.results)
    for line in text.lines(run.read.checked, totals, kinds.sorted(), run.read.broken, run.asked):
        tell(out, line)


def _write_json(out: TextIO, run: _Run, findings: Iterable[Finding]) -> None:
    # Finding by finding: there may be any number.
    kinds = Kinds()
    out.write('{"mismatches": [')
    for finding in findings:
        tell(out, f"{'' if run.mismatches == 1 else ','}\n  {as_json(finding.as_dict())}", end="")
        kinds.add(finding)
    grouped = [{"count": kind.count, "example": kind.example.as_dict()} for kind in kinds.sorted()]
    totals = {
        **asdict(run.read.checked),
        "mismatches": run.mismatches,
        "errors": run.errors,
        "wrong_calls": run.records.calls,
        "wrong_results": run.records.results,
        "broken_lines": run.read.broken,
    }
    out.write("\n],\n")
    if run.asked is not None:
        out.write(f'"id": {as_json(run.asked.id)},\n"submissions": [')
        for number, (submission, mismatches) in enumerate(run.asked.submissions()):
            tell(out, f"{',' if number else ''}\n  {as_json({**asdict(submission), 'mismatches': mismatches})}", end="")
        out.write("\n],\n")
    tell(out, f'"kinds": {as_json(grouped)},\n"checked": {as_json(totals)}}}')
