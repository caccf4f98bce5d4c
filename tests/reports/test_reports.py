"""Each public report is found, told of, cured and refused with the first declaration that the guide suggests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.reports import table
from tests.reports.catalogue import HOSTS, REPORTS, REQUIREMENTS, Report
from tests.reports.running import Outcome, outcome
from tests.reports.table import lacking

pytest.importorskip("opentelemetry.sdk")

every_report = pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)


def of(report: Report, mode: str) -> Outcome:
    """Return what became of it. Without its library the test is skipped; in the matrix's own row it fails."""
    if lacks := report.lacks():
        reason = f"needs {', '.join(lacks)}: make reports"
        if os.environ.get("REPORTS"):
            pytest.fail(reason)
        pytest.skip(reason)
    found = outcome(report.name, mode)
    assert found.errors == 0
    return found


@every_report
def test_the_fault_is_there(report: Report) -> None:
    """Without otel-handoff, so many records are filed under another's id, each time."""
    found = of(report, "off")
    assert (found.records, len(found.wrong)) == (found.expected.records, found.expected.wrong)
    assert found.told == []


@every_report
def test_observe_tells_all_that_is_wrong_and_nothing_else(report: Report) -> None:
    """With the write that it came from; the trace of the request is there; and nothing else is different."""
    found = of(report, "observe")
    expected = found.expected
    assert (found.records, len(found.wrong)) == (expected.records, expected.wrong)
    assert found.told == (found.wrong if expected.told else [])
    assert (found.rightly, found.falsely) == (len(found.told), 0)
    assert found.wrong_culprits == []
    assert found.traces == found.records
    _nothing_else(found)


@every_report
def test_pin_leaves_nothing_wrong(report: Report) -> None:
    """What it spared is told, nothing else is, and the trace of the request is there."""
    found = of(report, "pin")
    expected = found.expected
    assert found.records == expected.records
    assert len(found.wrong) == expected.left
    assert found.falsely == 0
    assert found.rightly == (expected.left if expected.told else 0)
    assert all(owner in found.owners and owner != other for owner, other in found.prevented)
    if expected.prevented:
        assert len(found.prevented) == expected.wrong - expected.left
    assert found.traces == found.records
    _nothing_else(found)


@every_report
def test_strict_refuses_what_is_wrong(report: Report) -> None:
    """Exactly that; all others are filed, under their own id and in the trace of their request."""
    found = of(report, "strict")
    expected = found.expected
    refused = expected.wrong if expected.refused is None else expected.refused
    assert (found.refused, found.rightly, found.falsely) == (refused, refused, 0)
    assert found.records == expected.records - refused
    assert len(found.wrong) == expected.wrong - refused
    assert found.traces == found.records
    _nothing_else(found)


def _nothing_else(found: Outcome) -> None:
    """Nothing is told as not judged, or said, but what the host says."""
    said = found.expected.said
    assert [warning for warning in found.said if not any(part in warning for part in said)] == []
    if not said:
        assert found.unchecked == {}
    elif found.mode == "observe":
        assert any(said[0] in warning for warning in found.said)


def test_every_host_is_in_the_catalogue() -> None:
    """And every report has one."""
    assert {path.stem for path in HOSTS.glob("[a-z]*.py")} == {report.module for report in REPORTS}


def test_what_the_reports_need_is_what_is_installed_for_them() -> None:
    """Each version that has a fault is named once more, for pip."""
    needs = {need for report in REPORTS for need in report.needs}
    lines = REQUIREMENTS.read_text("utf-8").splitlines()
    assert sorted(line for line in lines if "==" in line) == sorted(needs)


def _lines_of(page: str) -> Iterator[str]:
    yield from (line for line in page.splitlines() if line.startswith("| "))


def test_the_table_is_what_the_run_gives() -> None:
    """Of the reports whose libraries are there, each line; python -m tests.reports.table --write makes it anew."""
    page = table.PAGE.read_text("utf-8")
    there = set(_lines_of(page))
    missing = [
        name for name, line in table.lines(report for report in REPORTS if not report.lacks()) if line not in there
    ]
    assert missing == []
    if not lacking():
        assert page == table.made_anew(page)
