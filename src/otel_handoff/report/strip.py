"""The whole run in one strip: every mismatch is on it, however many there are, and can be filtered.

Time is cut into equal parts. Of each part it is counted what was found in it, by outcome, evidence and boundary: these
counts are all that the page has of the mismatches that it does not list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import sqrt
from typing import Final

from otel_handoff.check.finding import Finding
from otel_handoff.check.store import Store
from otel_handoff.check.words import of
from otel_handoff.record.shown import show_clock
from otel_handoff.report.index import BY_TIME
from otel_handoff.report.parts import esc

_BINS: Final = 128
"""Halved as long as there are too many cells."""
_MOST_CELLS: Final = 3000
_MOST_VALUES: Final = 12
_OTHERS: Final = "others"
_FACETS: Final = ("outcome", "evidence", "boundary")
_DAY: Final = 86_400 * 1_000_000_000
_HARMLESS: Final = ("prevented", "exposed")

_BASE: Final = 58
"""Where bars stand, in pixels from the top; the rows that were handed over hang below."""
_HIGHEST: Final = 48
_LEAST: Final = 5
_DEEPEST: Final = 16
_HEIGHT: Final = 104

_BY_END: Final = "CREATE INDEX IF NOT EXISTS rows_by_end ON spans (end) WHERE kind = 'row'"
_RANGE: Final = """
SELECT (SELECT min(time) FROM spans WHERE kind IN ('row', 'unchecked') AND time IS NOT NULL AND time > 0),
    (SELECT max(end) FROM spans WHERE kind = 'row'), (SELECT min(time) FROM reports WHERE time > 0),
    (SELECT max(time) FROM reports)
"""
_ROWS: Final = """
SELECT CAST((time - ?) / ? AS INTEGER), count(*) FROM spans WHERE kind IN ('row', 'unchecked') AND time IS NOT NULL
    GROUP BY 1
"""

Cell = tuple[int, int, int, int]
"""Which part of the time, and of each facet which value."""


class Strip:
    """What was found, over time.

    Attributes:
        start_ns: when the first row was handed over, in nanoseconds since the epoch; 0 where no time is known.
        end_ns: when the last work ended.
        has_rows: whether it is known of any row when it was handed over: else none is drawn.
        bins: into how many parts the time is cut.
    """

    def __init__(self, store: Store) -> None:
        """Ask `store`, which a judge has settled, when it all was."""
        self._db = store.db
        for statement in (BY_TIME, _BY_END):
            self._db.execute(statement)
        first, last, reported, last_reported = self._db.execute(_RANGE).fetchone()
        self.start_ns = first or reported or 0
        self.end_ns = max(last or 0, last_reported or 0, self.start_ns)
        self.has_rows = first is not None
        self.bins = _BINS
        self._cells: Counter[Cell] = Counter()
        self._values: tuple[list[str], ...] = tuple([] for _ in _FACETS)

    def through(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield `findings`, and count them."""
        for finding in findings:
            if not finding.is_again:
                self._cells[(self.bin(finding), *self.facets(finding))] += 1
                if len(self._cells) > _MOST_CELLS and self.bins > 1:
                    self._halve()
            yield finding

    def bin(self, finding: Finding) -> int:
        """Return the part of the time in which it happened; of what is out of all time, the first or the last.

        Where by its clock that was before the row was handed over, it is taken for the same time.
        """
        time = max(finding.time_unix_nano, finding.submission.time_unix_nano)
        share = (time - self.start_ns) / max(1, self.end_ns - self.start_ns)
        return min(self.bins - 1, max(0, int(share * self.bins)))

    def facets(self, finding: Finding) -> tuple[int, int, int]:
        """Return by which number its outcome, its evidence and its boundary go."""
        outcomes, evidences, boundaries = self._values
        return (
            _number(outcomes, finding.outcome),
            _number(evidences, finding.evidence),
            _number(boundaries, finding.submission.boundary),
        )

    def _halve(self) -> None:
        halved: Counter[Cell] = Counter()
        for (bin_, outcome, evidence, boundary), count in self._cells.items():
            halved[bin_ // 2, outcome, evidence, boundary] += count
        self._cells, self.bins = halved, (self.bins + 1) // 2

    @property
    def _harmless(self) -> set[int]:
        return {number for number, outcome in enumerate(self._values[0]) if outcome in _HARMLESS}

    @property
    def _outcomes(self) -> tuple[str, str]:
        """What is red, and what is not: `used or blocked`, `prevented`."""
        red = [outcome for outcome in self._values[0] if outcome not in _HARMLESS]
        return " or ".join(red[:3]), " or ".join(outcome for outcome in self._values[0] if outcome in _HARMLESS)

    def draw(self) -> str:
        """Return the strip and what it can be filtered by, as HTML; empty where there is nothing to show."""
        if not self._cells or self.start_ns == self.end_ns:
            return ""
        total = sum(self._cells.values())
        label = f"{of(total, 'finding')} from {show_clock(self.start_ns)} to {show_clock(self.end_ns)}"
        cells = ";".join(",".join(map(str, (*cell, count))) for cell, count in sorted(self._cells.items()))
        harmless = ",".join(map(str, sorted(self._harmless)))
        return (
            f'<section class="run" aria-label="The whole run"><div class="filters">'
            f"{''.join(self._marks())}{''.join(self._filters())}"
            '<span class="state"><output id="chosen"></output>'
            ' <button data-do="clear" hidden>Show all</button></span></div>'
            f'<svg class="strip" height="{_HEIGHT}" role="img" aria-label="{esc(label)}" data-bins="{self.bins}"'
            f' data-cells="{cells}" data-harmless="{harmless}" data-base="{_BASE}" data-highest="{_HIGHEST}"'
            f' data-least="{_LEAST}">'
            f"{''.join(self._handed_over())}{''.join(self._bars())}{''.join(self._clock())}"
            f'<rect class="brush" y="0" height="{_BASE + _DEEPEST + 2}" hidden="hidden"/>'
            f'<svg class="here" y="{_BASE + 3}" overflow="visible" visibility="hidden"><path d="M0 0l5 8h-10z"/></svg>'
            "</svg></section>"
        )

    def _marks(self) -> Iterator[str]:
        """Say what the colours mean that are there."""
        wrong, spared = self._outcomes
        yield '<span class="marks">'
        yield f'<span class="wrong">{esc(wrong)}</span>' if wrong else ""
        yield f'<span class="spared">{esc(spared)}</span>' if spared else ""
        if self.has_rows:
            yield "<span>rows handed over</span>"
        yield "</span>"

    def _filters(self) -> Iterator[str]:
        for facet, (name, values) in enumerate(zip(_FACETS, self._values, strict=True)):
            if len(values) < 2:
                continue
            yield f'<span class="facet" role="group" aria-label="By {name}"><span class="facet-name">{name}</span>'
            for number, value in enumerate(values):
                count = sum(count for cell, count in self._cells.items() if cell[1 + facet] == number)
                yield (
                    f'<button aria-pressed="false" data-facet="{facet}" data-value="{number}">{esc(value, 40)}'
                    f" <b>{count:,}</b></button>"
                )
            yield "</span>"

    def _bars(self) -> Iterator[str]:
        counts: dict[int, list[int]] = {}
        for (bin_, outcome, *_), count in self._cells.items():
            counts.setdefault(bin_, [0, 0])[outcome in self._harmless] += count
        most, names = max(map(sum, counts.values())), self._outcomes
        width = 100 / self.bins
        for bin_, (wrong, spared) in sorted(counts.items()):
            whole = max(_LEAST, _HIGHEST * sqrt((wrong + spared) / most))
            high = whole * (wrong / (wrong + spared))
            when = show_clock(self.start_ns + bin_ * (self.end_ns - self.start_ns) // self.bins)
            parts = [f"{count:,} {esc(what)}" for count, what in zip((wrong, spared), names, strict=True) if count]
            at = f'x="{bin_ * width:.3f}%" width="{width * 0.8:.3f}%"'
            yield (
                f'<g class="bin" data-bin="{bin_}">'
                f'<rect class="wrong" {at} y="{_BASE - high:.1f}" height="{high:.1f}"/>'
                f'<rect class="spared" {at} y="{_BASE - whole:.1f}" height="{whole - high:.1f}"/>'
                f"<title>{when}: {', '.join(parts)}</title></g>"
            )

    def _handed_over(self) -> Iterator[str]:
        """Draw how many rows there were, below."""
        width_ns = max(1.0, (self.end_ns - self.start_ns) / self.bins)
        rows = Counter[int]()
        for bin_, count in self._db.execute(_ROWS, (self.start_ns, width_ns)):
            rows[min(self.bins - 1, max(0, bin_))] += count
        yield f'<line class="base" x1="0" x2="100%" y1="{_BASE}.5" y2="{_BASE}.5"/>'
        width = 100 / self.bins
        for bin_, count in sorted(rows.items()):
            high = max(1.5, _DEEPEST * sqrt(count / max(rows.values())))
            yield (
                f'<rect class="rows" x="{bin_ * width:.3f}%" y="{_BASE + 1}" width="{width * 0.8:.3f}%"'
                f' height="{high:.1f}"><title>{of(count, "row")} handed over</title></rect>'
            )

    def _clock(self) -> Iterator[str]:
        y = _BASE + _DEEPEST + 18
        for share, anchor in ((0, "start"), (25, "middle"), (50, "middle"), (75, "middle"), (100, "end")):
            time = show_clock(self.start_ns + (self.end_ns - self.start_ns) * share // 100)
            told = time[11:23] if self.end_ns - self.start_ns < _DAY else f"{time[5:10]} {time[11:16]}"
            kind = "tick" if share in (0, 100) else "tick between"
            yield f'<text class="{kind}" x="{share}%" y="{y}" text-anchor="{anchor}">{told}</text>'


def _number(known: list[str], value: str) -> int:
    """Return at which place `value` is among those that are known; beyond twelve, they are others."""
    if value not in known:
        if len(known) <= _MOST_VALUES:
            known.append(value if len(known) < _MOST_VALUES else _OTHERS)
        return len(known) - 1 if len(known) <= _MOST_VALUES else _MOST_VALUES
    return known.index(value)
