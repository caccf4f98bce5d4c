"""What a page says of itself: whose run it is of, when that was, and what was judged of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from otel_handoff.check.checked import Checked
from otel_handoff.check.finding import Finding
from otel_handoff.check.store import Store
from otel_handoff.check.text import what_was_checked
from otel_handoff.check.unread import Unread
from otel_handoff.check.words import and_more, of
from otel_handoff.record.shown import show_clock
from otel_handoff.report.parts import copied, esc, facts, lines
from otel_handoff.report.scale import about as roughly
from otel_handoff.version import __version__

_MOST_NAMED: Final = 4
_MOST_MODES: Final = 8


@dataclass
class About:
    """What the page is of.

    Attributes:
        files: that were read.
        modes: as the findings tell them: no other span does.
    """

    files: Sequence[str]
    modes: set[str] = field(default_factory=set[str])

    def through(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield `findings`, and note in which modes they were met."""
        for finding in findings:
            if finding.mode and len(self.modes) < _MOST_MODES:
                self.modes.add(finding.mode)
            yield finding

    def facts(self, store: Store, checked: Checked, unread: Unread, start_ns: int, end_ns: int) -> str:
        """Return all of it, as HTML.

        Args:
            store: which a judge has settled.
            checked: what was there.
            unread: what could not be read.
            start_ns: when the first row was handed over; 0 where that is not known.
            end_ns: when the last work ended.
        """
        told = what_was_checked(checked, unread, on_page=True)
        return facts(
            (
                ("Service", _named(store, "service")),
                ("Instance", _named(store, "instance", copy=True)),
                ("Files", _files(self.files)),
                ("Time", _time(start_ns, end_ns)),
                ("Mode", ", ".join(map(esc, sorted(self.modes))) or "not told: only mismatches say it"),
                ("Version", _versions(store)),
                ("Judged", lines(told)),
                ("Not judged", _not_judged(checked, unread)),
            )
        )


def _named(store: Store, column: str, *, copy: bool = False) -> str:
    question = f"SELECT DISTINCT {column} FROM sources WHERE {column} <> '' ORDER BY 1 LIMIT ?"  # noqa: S608
    names = [name for (name,) in store.db.execute(question, (_MOST_NAMED,))]
    (count,) = store.db.execute(f"SELECT count(DISTINCT nullif({column}, '')) FROM sources").fetchone()  # noqa: S608
    if count == 1 and copy:
        return esc(names[0]) + copied(names[0], column)
    shown = [esc(name, 40) for name in names]
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return f"{', '.join(shown)}{more}" if names else "not told"


def _files(files: Sequence[str]) -> str:
    names = ["standard input" if name == "-" else name for name in files[:_MOST_NAMED]]
    return esc(and_more(names, len(files)), 600) if files else "none"


def _time(start_ns: int, end_ns: int) -> str:
    if not start_ns:
        return "not known"
    start, end = show_clock(start_ns), show_clock(end_ns)
    same = 11 if start[:10] == end[:10] else 0
    return f"{start[:10]} {start[11:23]} to {end[same:23].replace('T', ' ')} UTC ({roughly(end_ns - start_ns)})"


def _versions(store: Store) -> str:
    found = [
        version
        for (version,) in store.db.execute(
            "SELECT DISTINCT version FROM sources WHERE version <> '' ORDER BY 1 LIMIT 9"
        )
    ]
    by = f"page by {esc(__version__)}"
    return f"otel-handoff {', '.join(map(esc, found))}; {by}" if found else f"not told; {by}"


def _not_judged(checked: Checked, unread: Unread) -> str:
    """Return what was left out, in a line; what each of it is stands in the notes."""
    left = [
        (checked.unchecked_rows, "row", ""),
        (checked.partly, "row in part", "rows in part"),
        (len(checked.gaps), "part of the declaration", "parts of the declaration"),
        (checked.calls_without_row, "call without its row", "calls without their rows"),
        (checked.outlived, "span begun when the work was over", "spans begun when the work was over"),
        (checked.unread, "span that could not be read", "spans that could not be read"),
        (checked.lost, "row without a span that is sampled", "rows without a span that is sampled"),
        (checked.never_worked, "row sent and never worked on", "rows sent and never worked on"),
        (checked.gone, "row whose far side is not here", "rows whose far side is not here"),
        (unread.lines, "line that could not be read", "lines that could not be read"),
        (unread.files, "file that could not be read", "files that could not be read"),
    ]
    told = [of(count, one, many) for count, one, many in left if count]
    return "; ".join(told) if told else "nothing was left out" if checked.judged else "all of it"
