"""The list of wrong records, to be copied from the page: what `check --records` writes, as much as has room."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Final

from otel_handoff.check.columns import Columns
from otel_handoff.check.finding import Finding
from otel_handoff.check.records import Records
from otel_handoff.check.words import of
from otel_handoff.report.parts import packed

_MOST: Final = 2000
_LONGEST: Final = 4_000_000
_ROOM: Final = 200_000


def records(findings: Iterable[Finding], columns: Columns, count: int) -> str:
    """Return a button that copies the list, with the list; empty where no record is wrong.

    Args:
        findings: all of them.
        columns: that the list needs.
        count: how many records are wrong.
    """
    if not count:
        return ""
    file = io.StringIO(newline="")
    made = Records(file, columns)
    for finding in findings:
        made.add(finding)
        if made.calls + made.results == _MOST or file.tell() > _LONGEST:
            break
    pack, held = packed(file.getvalue()), made.calls + made.results
    if len(pack) > _ROOM:
        return '<p class="note">The list of wrong records is too long for this page: <code>check --records</code>.</p>'
    which = "list" if held == count else f"first {of(held, 'record')}"
    return (
        f'<p class="records"><button data-do="records">Copy the {which} of wrong records (CSV)</button></p>'
        f'<template id="records">{pack}</template>'
    )
