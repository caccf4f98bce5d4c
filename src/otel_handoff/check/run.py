"""One check: spans in, then the report, the records and the exit code."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from otel_handoff.check import text
from otel_handoff.check.causes import Causes
from otel_handoff.check.finding import Finding
from otel_handoff.check.judge import Aliases, Checked, Judge
from otel_handoff.check.records import Records
from otel_handoff.elspeth import BOUNDARIES
from otel_handoff.traces.files import Broken, InputError, find
from otel_handoff.traces.otlp import read_spans

_MOST_BROKEN: Final = 20


@dataclass(frozen=True)
class Options:
    """What to check: files, folders and `-`, and what to make of it."""

    paths: Sequence[str]
    as_json: bool
    records: str | None
    fail_on_warnings: bool


@dataclass
class _Result:
    """What the exit code depends on."""

    mismatches: int = 0
    errors: int = 0
    broken: int = 0

    def code(self, *, fail_on_warnings: bool) -> int:
        if self.mismatches if fail_on_warnings else self.errors:
            return 1
        return 2 if self.broken else 0


def _aliases() -> Aliases:
    names: dict[str, dict[str, str]] = {}
    for boundary in BOUNDARIES:
        of_boundary = names.setdefault(boundary.name, {})
        for field, aliases in boundary.aliases.items():
            of_boundary.update(dict.fromkeys(aliases, field))
    return names


def check(options: Options) -> int:
    """Read, judge, and tell.

    Returns:
        The exit code: 0, 1 or 2.

    Raises:
        InputError: before anything is read or written: a path that cannot be read, or would be overwritten.
        OSError: the records or the report cannot be written.
        sqlite3.Error: there is no room for the temporary database.
    """
    files = find(options.paths)
    if options.records not in (None, "-") and os.path.realpath(options.records) in map(os.path.realpath, files):
        raise InputError(f"--records {options.records} is one of the files to be read")
    result = _Result()

    def broken(line: Broken) -> None:
        result.broken += 1
        if result.broken <= _MOST_BROKEN:
            _tell(sys.stderr, f"otel-handoff: {line.file}:{line.line}: {line.reason}")

    out = sys.stderr if options.records == "-" else sys.stdout
    with contextlib.ExitStack() as stack:
        records = Records(stack.enter_context(_records_file(options.records)))
        judge = stack.enter_context(contextlib.closing(Judge(_aliases())))
        with _progress(files) as advance:
            for span in read_spans(files, broken=broken, progress=advance):
                judge.add(span)
            checked = judge.finish()
        if result.broken > _MOST_BROKEN:
            _tell(sys.stderr, f"otel-handoff: and {result.broken - _MOST_BROKEN} more broken lines")
        write = _write_json if options.as_json else _write_text
        write(out, _counted(judge, records, result), checked, records, result)
        out.flush()
    return result.code(fail_on_warnings=options.fail_on_warnings)


def _counted(judge: Judge, records: Records, result: _Result) -> Generator[Finding]:
    for finding in judge.findings():
        result.mismatches += 1
        result.errors += finding.is_error
        records.add(finding)
        yield finding


@contextlib.contextmanager
def _records_file(name: str | None) -> Generator[TextIO]:
    target = sys.stdout.fileno() if name == "-" else name or os.devnull
    with open(target, "w", encoding="utf-8", newline="", closefd=name != "-") as file:
        yield file


def _write_text(out: TextIO, findings: Generator[Finding], checked: Checked, records: Records, result: _Result) -> None:
    causes = Causes()
    for finding in findings:
        causes.add(finding)
    totals = text.Totals(result.mismatches, records.calls, records.results)
    for line in text.lines(checked, totals, causes.sorted(), result.broken):
        _tell(out, line)


def _write_json(out: TextIO, findings: Generator[Finding], checked: Checked, records: Records, result: _Result) -> None:
    # Finding by finding: there may be any number.
    causes = Causes()
    out.write('{"mismatches": [')
    for finding in findings:
        _tell(out, f"{'' if result.mismatches == 1 else ','}\n  {_json(finding.as_dict())}", end="")
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
    _tell(out, f'\n],\n"causes": {_json(grouped)},\n"checked": {_json(totals)}}}')


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:  # JSON has no NaN
        return json.dumps(json.loads(json.dumps(value), parse_constant=str))


def _tell(out: TextIO, line: str, end: str = "\n") -> None:
    # A terminal, or LC_ALL=C, may have no such letters.
    encoding = out.encoding or "utf-8"
    out.write(line.encode(encoding, "backslashreplace").decode(encoding) + end)


@contextlib.contextmanager
def _progress(files: Sequence[str]) -> Generator[Callable[[int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    size = sum(Path(file).stat().st_size for file in files if file != "-")
    read = shown = 0

    def advance(count: int) -> None:
        nonlocal read, shown
        read += count
        percent = 100 * read // max(1, size)
        if percent > shown:
            shown = percent
            sys.stderr.write(f"\rreading {min(percent, 100)} %")
            sys.stderr.flush()

    try:
        yield advance
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
