"""One check: spans in, then the report, the records and the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from otel_handoff.check import text
from otel_handoff.check.asked import Asked, Carrier
from otel_handoff.check.finding import Finding
from otel_handoff.check.kinds import Kinds
from otel_handoff.check.reading import Judged, as_json, judged
from otel_handoff.check.records import Records
from otel_handoff.check.verdict import doubts, doubts_about, gaps_about
from otel_handoff.check.words import tell
from otel_handoff.commands import hush, in_full
from otel_handoff.traces.files import InputError, find


@dataclass(frozen=True)
class Options:
    """What to check: files, folders and `-`, and what to make of it. `id` narrows it to what concerns one id.

    `fail_on` is of `any`, `error`, `exposed` and `unchecked`, as the command line has them.
    """

    paths: Sequence[str]
    as_json: bool
    records: str | None
    fail_on: frozenset[str]
    id: str | None = None


@dataclass
class _Run:
    """What was read, and what was found in it so far."""

    read: Judged
    records: Records
    asked: Asked | None
    mismatches: int = 0
    errors: int = 0
    exposures: int = 0
    again: int = 0

    def findings(self) -> Generator[Finding]:
        for finding in self.read.judge.findings():
            if self.asked is not None and not self.asked.concerns(finding):
                continue
            if finding.is_again:
                self.again += 1
                continue
            if finding.is_exposure:
                self.exposures += 1
            else:
                self.mismatches += 1
                self.errors += finding.is_error
                self.records.add(finding)
            yield finding

    def others(self, *, again: bool) -> Generator[Finding]:
        """Yield once more what is no mismatch: what is part of one that was told, or else the exposures."""
        for finding in self.read.judge.findings():
            is_wanted = not finding.is_mismatch and finding.is_again == again
            if is_wanted and (self.asked is None or self.asked.concerns(finding)):
                yield finding

    def doubts(self) -> list[str]:
        """Why it is not known whether there are mismatches besides those that were found."""
        if self.asked is not None:
            return doubts_about(self.asked, self.read.checked, self.read.unread)
        return doubts(self.read.checked, self.read.unread)

    @property
    def verdict(self) -> str:
        return "mismatch" if self.mismatches else "not known" if self.doubts() else "no mismatch"

    def code(self, fail_on: frozenset[str]) -> int:
        only_errors = "error" in fail_on and "any" not in fail_on
        if (self.errors if only_errors else self.mismatches) or ("exposed" in fail_on and self.exposures):
            return 1
        checked, asked = self.read.checked, self.asked
        if asked is None:
            unchecked = checked.not_compared
        else:
            unchecked = asked.unchecked or asked.partly or gaps_about(asked, checked)
        return 2 if self.doubts() or ("unchecked" in fail_on and unchecked) else 0


def check(options: Options) -> int:
    """Read, judge, and tell.

    Returns:
        The exit code: 0, 1 or 2.

    Raises:
        InputError: before anything is read or written: a path that cannot be read, or would be overwritten.
        OSError: the records or the report cannot be written.
        UsageError: there is no room for the temporary database.
    """
    found = find(options.paths)
    if options.records not in (None, "-") and os.path.realpath(options.records) in map(os.path.realpath, found.files):
        raise InputError(f"--records {options.records} is one of the files to be read")
    out = sys.stderr if options.records == "-" else sys.stdout
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_records_file(options.records))
        read = stack.enter_context(judged(found))
        records = Records(file, read.judge.columns)
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
        return run.code(options.fail_on)


def _records_file(name: str | None) -> contextlib.AbstractContextManager[TextIO]:
    if name == "-":
        return open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False)
    return in_full(os.devnull if name is None else name, newline="")


def _write_text(out: TextIO, run: _Run, findings: Iterable[Finding]) -> None:
    kinds, exposed = Kinds(), Kinds()
    for finding in findings:
        (exposed if finding.is_exposure else kinds).add(finding)
    totals = text.Totals(run.mismatches, run.records.calls, run.records.results, run.exposures)
    read = run.read
    for line in text.lines(read.checked, totals, kinds.sorted(), exposed.sorted(), read.unread, run.asked):
        tell(out, line)


def _write_json(out: TextIO, run: _Run, findings: Iterable[Finding]) -> None:
    # Finding by finding: there may be any number.
    kinds = Kinds()
    out.write('{"mismatches": [')
    for finding in findings:
        if not finding.is_exposure:
            tell(out, f"{'' if run.mismatches == 1 else ','}\n  {as_json(finding.as_dict())}", end="")
            kinds.add(finding)
    for name, count, again in (("exposures", run.exposures, False), ("again", run.again, True)):
        out.write(f'\n],\n"{name}": [')
        if count:
            _write_list(out, (finding.as_dict() for finding in run.others(again=again)))
    out.write("\n],\n")
    if run.asked is not None:
        out.write(f'"id": {as_json(run.asked.id)},\n"submissions": [')
        _write_list(out, map(_as_dict, run.asked.submissions()))
        out.write("\n],\n")
    for name, value in _summary(run, kinds).items():
        tell(out, f'"{name}": {as_json(value)},')
    tell(out, f'"verdict": {as_json(run.verdict)}}}')


def _write_list(out: TextIO, values: Iterable[Any]) -> None:
    for number, value in enumerate(values):
        tell(out, f"{',' if number else ''}\n  {as_json(value)}", end="")


def _as_dict(carrier: Carrier) -> dict[str, Any]:
    return {
        **asdict(carrier.submission),
        "mismatches": carrier.mismatches,
        "unchecked": carrier.unchecked or None,
        "partly": carrier.partly or None,
    }


def _summary(run: _Run, kinds: Kinds) -> dict[str, Any]:
    checked, unread = asdict(run.read.checked), run.read.unread
    unchecked = checked.pop("unchecked")
    for name in ("gaps", "reasons"):
        checked.pop(name)
    return {
        "kinds": [{"count": kind.count, "example": kind.example.as_dict()} for kind in kinds.sorted()],
        "checked": {
            **checked,
            "mismatches": run.mismatches,
            "errors": run.errors,
            "exposures": run.exposures,
            "again": run.again,
            "wrong_calls": run.records.calls,
            "wrong_results": run.records.results,
            "broken_lines": unread.lines,
            "files_passed_over": unread.files,
        },
        "judged": checked["judged"],
        "unchecked": unchecked,
        "gaps": [{**gap._asdict(), "said": gap.said} for gap in run.read.checked.gaps],
        "passed_over": [{"file": each.file, "reason": each.reason} for each in unread.named],
        "not_known": run.doubts(),
    }
