"""One check: spans in, then the report, the records and the exit code."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from otel_handoff.check import text
from otel_handoff.check.asked import Asked
from otel_handoff.check.causes import Causes
from otel_handoff.check.finding import Finding
from otel_handoff.check.judge import Checked, Judge
from otel_handoff.check.reading import judged, tell
from otel_handoff.check.records import Records
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
class _Result:
    """What the exit code depends on."""

    mismatches: int = 0
    errors: int = 0
    broken: int = 0
    nobody: bool = False
    """An id was asked about that nothing in the files has."""

    def code(self, *, fail_on_warnings: bool) -> int:
        if self.mismatches if fail_on_warnings else self.errors:
            return 1
        return 2 if self.broken or self.nobody else 0


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
    result = _Result()

    out = sys.stderr if options.records == "-" else sys.stdout
    with contextlib.ExitStack() as stack:
        records = Records(stack.enter_context(_records_file(options.records)))
        read = stack.enter_context(judged(files))
        result.broken = read.broken
        asked = None if options.id is None else Asked(options.id, read.judge.store)
        write = _write_json if options.as_json else _write_text
        write(out, _counted(read.judge, records, result, asked), read.checked, records, result, asked)
        result.nobody = asked is not None and not asked.carriers and not result.mismatches
        out.flush()
    return result.code(fail_on_warnings=options.fail_on_warnings)


def _counted(judge: Judge, records: Records, result: _Result, asked: Asked | None) -> Generator[Finding]:
    for finding in judge.findings():
        if asked is not None and not asked.concerns(finding):
            continue
        result.mismatches += 1
        result.errors += finding.is_error
        records.add(finding)
        yield finding


@contextlib.contextmanager
def _records_file(name: str | None) -> Generator[TextIO]:
    target = sys.stdout.fileno() if name == "-" else name or os.devnull
    with open(target, "w", encoding="utf-8", newline="", closefd=name != "-") as file:
        yield file


def _write_text(
    out: TextIO,
    findings: Generator[Finding],
    checked: Checked,
    records: Records,
    result: _Result,
    asked: Asked | None,
) -> None:
    causes = Causes()
    for finding in findings:
        causes.add(finding)
    totals = text.Totals(result.mismatches, records.calls, records.results)
    for line in text.lines(checked, totals, causes.sorted(), result.broken, asked):
        tell(out, line)


def _write_json(
    out: TextIO,
    findings: Generator[Finding],
    checked: Checked,
    records: Records,
    result: _Result,
    asked: Asked | None,
) -> None:
    # Finding by finding: there may be any number.
    causes = Causes()
    out.write('{"mismatches": [')
    for finding in findings:
        tell(out, f"{'' if result.mismatches == 1 else ','}\n  {_json(finding.as_dict())}", end="")
        causes.add(finding)
    grouped = [{"count": cause.count, "example": cause.example.as_dict()} for cause in causes.sorted()]
    totals = {
        **asdict(checked),
        "mismatches": result.mismatches,
        "errors": result.errors,
        "wrong_calls": records.calls,
        "wrong_results": records.results,
        "broken_lines": result.broken,
    }
    out.write("\n],\n")
    if asked is not None:
        out.write(f'"id": {_json(asked.id)},\n"submissions": [')
        for number, (submission, mismatches) in enumerate(asked.submissions()):
            tell(out, f"{',' if number else ''}\n  {_json({**asdict(submission), 'mismatches': mismatches})}", end="")
        out.write("\n],\n")
    tell(out, f'"causes": {_json(grouped)},\n"checked": {_json(totals)}}}')


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:  # JSON has no NaN
        return json.dumps(json.loads(json.dumps(value), parse_constant=str))
