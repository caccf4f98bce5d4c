"""What was found, as plain data: it goes from the process that ran to the one that tells, and is put together there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

WRONG: Final = "wrong"
EXPOSED: Final = "exposed"
SHARED: Final = "shared"
EARLY: Final = "was called before it was handed over: what it was given may have been another then"
"""Behind the name of a coroutine function: what is said of it then."""

VERDICTS: Final = (WRONG, EXPOSED, SHARED)
"""Worst first: a worker read what was written after its hand-over; it moved in flight, and no such read was seen; what
went across was the same object again and again, and never moved in flight."""


@dataclass(frozen=True)
class Line:
    """A line of the program, and what was done there.

    Attributes:
        place: `"shop/pool.py:31 in bill"`; empty where it is none of the program's own.
        file, line: the same for a tool; empty and 0 where it is none.
        thread: the name of the thread.
        times: how often.
    """

    place: str
    file: str
    line: int
    thread: str
    times: int


@dataclass(frozen=True)
class Found:
    """An object that is handed over in one way, by one line, and what became of it.

    Attributes:
        verdict: one of `VERDICTS`.
        way: what hands over.
        hands_over: where that is called.
        work: the function that does the work, as a boundary names it, or as it is known.
        context: where the object is, as a boundary has it.
        kind: its class.
        fields: field -> path on the context: what says which row it is, and moved.
        why: for each field, why it is proposed.
        rows: how often it was handed over.
        wrong: in how many of these a worker read what was written since.
        moved: in how many it was another when the work began or ended.
        pickled: in how many it was pickled for a worker in another process by then.
        reads, writes: of the wrong values, the most frequent first.
        example: what one row had, and what its worker read.
        doubt: why what was read may be everybody's; empty where it is another row's, or nothing was read.
        unwatched: why reads and writes were not seen; empty where they were.
        boundary: the options of the `Boundary` that guards it; None where there can be none.
        why_not: why there is none, in a sentence.
        note: what has to be known to use it; most often nothing.
    """

    verdict: str
    way: str
    hands_over: Line
    work: str
    context: str
    kind: str
    fields: Mapping[str, str]
    why: Mapping[str, str]
    rows: int
    wrong: int
    moved: int
    pickled: int
    reads: tuple[Line, ...]
    writes: tuple[Line, ...]
    example: tuple[str, str] | None
    doubt: str
    unwatched: str
    boundary: Mapping[str, Any] | None
    why_not: str
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Found:
        """Return what `as_dict` made plain."""
        found = dict(data)
        found["hands_over"] = Line(**data["hands_over"])
        found["reads"] = tuple(Line(**line) for line in data["reads"])
        found["writes"] = tuple(Line(**line) for line in data["writes"])
        found["example"] = tuple(data["example"]) if data["example"] else None
        return cls(**found)

    @property
    def is_in_doubt(self) -> bool:
        """Whether it moved and it is not known who read it, or whether what was read is another row's."""
        return self.verdict == EXPOSED and bool(self.unwatched or self.wrong)

    def key(self) -> tuple[str, ...]:
        """Return what is the same of the same finding in another process."""
        return self.way, self.hands_over.place, self.work, self.context, self.kind


@dataclass
class Result:
    """What one process found, or several.

    Attributes:
        found: worst first.
        rows: how many rows were looked at.
        processes: how many processes looked.
        unseen: what could not be looked into, in a sentence each, and how often.
        errors: errors of ours.
        lost: processes that began, and did not tell what they found.
    """

    found: list[Found] = field(default_factory=list[Found])
    rows: int = 0
    processes: int = 0
    unseen: dict[str, int] = field(default_factory=dict[str, int])
    errors: int = 0
    lost: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "found": [found.as_dict() for found in self.found],
            "rows": self.rows,
            "processes": self.processes,
            "unseen": self.unseen,
            "errors": self.errors,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """Return what `as_dict` made plain."""
        return cls(
            [Found.from_dict(found) for found in data["found"]],
            data["rows"],
            data["processes"],
            dict(data["unseen"]),
            data["errors"],
        )

    @property
    def in_doubt(self) -> int:
        """How many hand-overs there are of which it is not known: what moved could not be watched, or was not seen."""
        return sum(found.is_in_doubt for found in self.found) + self.early

    @property
    def early(self) -> int:
        """How many of them hand over coroutines that were made before."""
        return sum(EARLY in sentence for sentence in self.unseen)

    def of(self, verdict: str) -> list[Found]:
        """Return those with one verdict."""
        return [found for found in self.found if found.verdict == verdict]


def together(results: Iterable[Result]) -> Result:
    """Put together what several processes found."""
    whole = Result()
    known: dict[tuple[str, ...], Found] = {}
    for result in results:
        whole.rows += result.rows
        whole.processes += result.processes
        whole.errors += result.errors
        for sentence, times in result.unseen.items():
            whole.unseen[sentence] = whole.unseen.get(sentence, 0) + times
        for found in result.found:
            key = found.key()
            known[key] = _both(known[key], found) if key in known else found
    whole.found = _named(_of_one_work(worst_first(known.values())))
    return whole


def _of_one_work(found: list[Found]) -> list[Found]:
    # Of several objects that one function is given, each field starts at one of them, in one boundary.
    works: dict[str, list[Found]] = {}
    for each in found:
        if each.boundary is not None and each.verdict != SHARED and not {"takes", "contextvars"} & set(each.boundary):
            works.setdefault(each.work, []).append(each)
    merged: dict[str, Mapping[str, Any]] = {}
    for work, several in works.items():
        contexts = list(dict.fromkeys(each.context for each in several))
        if len(contexts) > 1 and all(":" not in context for context in contexts):
            fields: dict[str, str] = {}
            for each in several:
                for name, path in each.fields.items():
                    own = name if name not in fields else f"{each.context.replace('.', '_')}_{name}"
                    fields[own] = f"{each.context}.{path}"
            options = several[0].boundary or {}
            merged[work] = {"name": options["name"], "work": work, "context": contexts, "fields": fields}
    return [
        replace(each, boundary=merged[each.work])
        if each.boundary is not None and each.verdict != SHARED and each.work in merged
        else each
        for each in found
    ]


def _named(found: list[Found]) -> list[Found]:
    # Each boundary has a name of its own; the same one, found in two ways, is one.
    taken: dict[str, dict[str, Any]] = {}
    named: list[Found] = []
    for each in found:
        if each.boundary is not None:
            others = {name: value for name, value in each.boundary.items() if name != "name"}
            first = name = str(each.boundary["name"])
            number = 1
            while taken.setdefault(name, others) != others:
                number += 1
                name = f"{first}_{number}"
            named.append(replace(each, boundary={"name": name, **others}))
        else:
            named.append(each)
    return named


def worst_first(found: Iterable[Found]) -> list[Found]:
    """Return findings in the order in which they are told."""
    return sorted(found, key=lambda each: (VERDICTS.index(each.verdict), -each.wrong, -each.moved, each.key()))


def _both(one: Found, other: Found) -> Found:
    worse, better = sorted((one, other), key=lambda each: VERDICTS.index(each.verdict))
    return replace(
        worse,
        fields={**better.fields, **worse.fields},
        why={**better.why, **worse.why},
        rows=one.rows + other.rows,
        wrong=one.wrong + other.wrong,
        moved=one.moved + other.moved,
        pickled=one.pickled + other.pickled,
        reads=_lines(one.reads, other.reads),
        writes=_lines(one.writes, other.writes),
        example=worse.example or better.example,
    )


def _lines(*many: Iterable[Line]) -> tuple[Line, ...]:
    times: dict[Line, int] = {}
    for lines in many:
        for line in lines:
            same = Line(line.place, line.file, line.line, line.thread, 0)
            times[same] = times.get(same, 0) + line.times
    ordered = sorted(times.items(), key=lambda each: -each[1])
    return tuple(Line(line.place, line.file, line.line, line.thread, count) for line, count in ordered)
