"""From what was seen to what is found: which of it is wrong, and which is only shared."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from otel_handoff.find import hands, proof, propose
from otel_handoff.find.found import EXPOSED, SHARED, VERDICTS, WRONG, Found, Line
from otel_handoff.find.held import VARIABLE
from otel_handoff.find.rows import counted
from otel_handoff.find.seen import At, Attribute, Group, Places
from otel_handoff.find.values import NO, PERHAPS, SURELY, how_surely, is_the_newest, says_which
from otel_handoff.record.locations import describe, line_of

_MOST_FIELDS: Final = 6
_LATE: Final = "it moved before it was watched: with more rows, or --provoke, it is seen who reads it"


def judged(groups: Iterable[Group], show: Callable[[Any], str]) -> list[Found]:
    """Return what is found in what was seen; `show` says how a value is shown."""
    found: list[Found] = []
    groups = list(groups)
    again = _again(groups)
    carried = proof.carried(groups)
    for group in groups:
        objects: dict[tuple[str, str], list[Attribute]] = {}
        shown: dict[Attribute, _Shown] = {}
        for attribute in list(group.attributes.values()):  # more may come while the program runs
            root, _ = propose.root_and_rest(group, attribute.path)
            objects.setdefault((root, _kind_of(group, root) or attribute.kind), []).append(attribute)
            known = carried.get((attribute.kind, attribute.name), proof.NOT_CARRIED)
            use = proof.used(attribute, group.work)
            shown[attribute] = _Shown(
                use.parts, proof.doubt(attribute, use, known) or hands.doubt(group, attribute, groups)
            )
        found += [_found(group, *key, attributes, again, shown, show) for key, attributes in objects.items()]
    return found


class _Shown(NamedTuple):
    # What the reads and writes of an attribute show: what was read of it, and why it may be everybody's.
    parts: frozenset[str]
    doubt: str


def _key(group: Group, attribute: Attribute) -> tuple[object, ...]:
    work = group.work.code if group.work is not None and group.work.code is not None else group
    return id(work), attribute.kind, attribute.name


def _again(groups: Iterable[Group]) -> dict[tuple[object, ...], Again]:
    found: dict[tuple[object, ...], Again] = {}
    for group in groups:
        for attribute in list(group.attributes.values()):
            times, changes = found.get(key := _key(group, attribute), Again())
            found[key] = Again(times + attribute.again.value, changes + attribute.changes.value)
    return found


def _kind_of(group: Group, root: str) -> str:
    kinds = [one.kind for one in list(group.attributes.values()) if one.path == root]
    return next((kind for kind in kinds if kind != VARIABLE), VARIABLE if kinds else "")


class Again(NamedTuple):
    """How often the very same object was handed over again for one work, anywhere, and what it held had changed."""

    times: int = 0
    changes: int = 0


class Judged(NamedTuple):
    """What is to be said of one attribute.

    Attributes:
        verdict: one of `VERDICTS`.
        doubt: why what was read may be everybody's, where that is why it is not wrong.
    """

    verdict: str
    doubt: str = ""


def verdict(attribute: Attribute, again: Again, shown: _Shown, *, is_beside_one: bool = False) -> Judged:
    """Judge one attribute.

    Args:
        attribute: what was seen of it.
        again: how it changes with the rows.
        shown: what its reads and writes show.
        is_beside_one: whether the same object has one that says which row it is, and the workers write both.
    """
    wrong = attribute.wrong.value
    if (attribute.kind, attribute.name) in counted:
        return Judged(SHARED)
    overwritten = attribute.overwritten.value
    surely = how_surely_it_says(attribute, shown.parts)
    doubt = shown.doubt
    newest = proof.NEWEST if is_the_newest(attribute.name) else ""
    if overwritten and (is_beside_one or says_it(attribute)):
        return _wrong_unless(newest or doubt)
    # What the submitter sets anew for each row is the row's; what changes now and then is everybody's.
    if not overwritten and (not again.changes or 2 * again.changes < again.times):
        if wrong and surely == SURELY:
            return Judged(EXPOSED, proof.SELDOM if again.times else proof.ONCE)
        if again.times:
            return Judged(SHARED)
        if attribute.handed_on.value and surely == PERHAPS:
            return Judged(EXPOSED, shown.doubt or proof.HANDED_ON)
        # Who writes a dict is not seen, but it was not the worker.
        is_anothers = attribute.unwatched and attribute.early.value and says_it(attribute)
        return Judged(EXPOSED if is_anothers else SHARED)
    if wrong and surely != NO:
        return _wrong_unless(doubt or newest or ("" if surely == SURELY else proof.BY_ITS_NAME))
    return Judged(EXPOSED if attribute.moved.value and says_it(attribute) else SHARED)


def _wrong_unless(doubt: str) -> Judged:
    return Judged(EXPOSED, doubt) if doubt else Judged(WRONG)


def how_surely_it_says(attribute: Attribute, parts: Collection[str]) -> int:
    """Return how surely an attribute says which row it is, or what is in it, of which `parts` are read."""
    if attribute.inner:
        says = how_surely(attribute.name, ["1"]) == SURELY
        # Of an object that may be anything, what is read of it.
        read = attribute.inner if says else parts
        surest = max(
            (how_surely(name, attribute.inner[name]) for name in read if name in attribute.inner), default=PERHAPS
        )
        return min(surest, PERHAPS) if is_the_newest(attribute.name) else surest
    return how_surely(attribute.name, [*attribute.values, *(attribute.example or ())])


def says_it(attribute: Attribute) -> list[str]:
    """Return the paths, from the attribute's object, of what says which row it is."""
    if attribute.inner:
        return [f"{attribute.name}.{name}" for name, values in attribute.inner.items() if says_which(name, values)]
    return [attribute.name] if says_which(attribute.name, [*attribute.values, *(attribute.example or ())]) else []


def _found(
    group: Group,
    root: str,
    kind: str,
    attributes: list[Attribute],
    again: Mapping[tuple[object, ...], Again],
    shown: Mapping[Attribute, _Shown],
    show: Callable[[Any], str],
) -> Found:
    ids = {attribute.path for attribute in attributes if attribute.wrote.value and says_it(attribute)}
    verdicts = {
        attribute: verdict(
            attribute,
            again.get(_key(group, attribute), Again()),
            shown[attribute],
            is_beside_one=attribute.path in ids,
        )
        for attribute in attributes
    }
    worst = min((judged.verdict for judged in verdicts.values()), key=VERDICTS.index)
    told = [attribute for attribute in attributes if verdicts[attribute].verdict != SHARED] or attributes
    moving = [attribute for attribute in told if verdicts[attribute].verdict == worst]
    fields, why = _fields(group, told) if worst != SHARED else ({}, {})
    target = propose.target(group, root, kind)
    own = {
        name: name
        for name in fields
        if target.code is not None
        and any(attribute.wrote.value for attribute in told)
        and name in target.code.co_varnames[: target.code.co_argcount]
    }
    boundary = propose.options(group, target, fields, own)
    threads = group.threads()
    example = next((attribute.example for attribute in moving if attribute.example), None)
    return Found(
        verdict=worst,
        way=group.way,
        hands_over=_line(group.place, min(threads) if len(threads) == 1 else "", group.rows.value),
        work=target.name,
        context=target.context,
        kind=" or ".join(sorted({one.kind for one in moving if one.path == root and one.kind != VARIABLE})) or kind,
        fields=fields,
        why=why,
        rows=group.rows.value,
        wrong=_rows((one, one.wrong.value) for one in moving) if worst != SHARED else 0,
        moved=_rows((one, one.moved.value) for one in moving),
        pickled=_rows((one, one.pickled.value) for one in moving),
        reads=_lines([(one, one.reads) for one in moving]),
        writes=_lines([(one, one.writes) for one in moving]),
        example=(show(example[0]), show(example[1])) if example and worst != SHARED else None,
        doubt=next((verdicts[one].doubt for one in moving if verdicts[one].doubt), ""),
        unwatched=_unwatched(moving) if worst != SHARED else "",
        boundary=boundary,
        why_not=target.why_not,
        note="; ".join(_notes(target, group, moving)) if boundary is not None else "",
    )


def _rows(counts: Iterable[tuple[Attribute, int]]) -> int:
    # A row may count at several attributes of one object, and at several places; at one place it has one object.
    most: dict[tuple[str, bool], dict[str, int]] = {}
    for attribute, count in counts:
        by_kind = most.setdefault((attribute.path, attribute.kind == VARIABLE), {})
        by_kind[attribute.kind] = max(by_kind.get(attribute.kind, 0), count)
    return max((sum(by_kind.values()) for by_kind in most.values()), default=0)


def _unwatched(moving: list[Attribute]) -> str:
    late = any(attribute.late.value for attribute in moving) and not any(attribute.wrong.value for attribute in moving)
    return next((one.unwatched for one in moving if one.unwatched), _LATE if late else "")


def _notes(target: propose.Target, group: Group, moving: Iterable[Attribute]) -> Iterator[str]:
    if target.is_of_main:
        module = target.name.partition(":")[0]
        has_main = callable(vars(sys.modules["__main__"]).get("main"))
        yield (
            f"{module} is run as the main program, of which nothing can be wrapped from outside: move the pipeline "
            "into a module of its own"
        )
        if has_main:
            yield f"or start it as `python -c 'import {module}; {module}.main()'`"
    if any(_is_handed_on(one, group) for one in moving):
        yield "its workers read what others of them wrote: if that is meant, pin is not, as it gives each its own"


def _is_handed_on(attribute: Attribute, group: Group) -> bool:
    writers = {thread for _, thread in list(attribute.writes.counts)}
    is_read_first = attribute.wrong.value > attribute.overwritten.value
    return is_read_first and bool(attribute.wrote.value) and writers.isdisjoint(group.threads())


_FIELD: Final = re.compile(r"\w+(\.\w+)*")
"""A path that a boundary can have."""


def _fields(group: Group, attributes: list[Attribute]) -> tuple[dict[str, str], dict[str, str]]:
    fields: dict[str, str] = {}
    why: dict[str, str] = {}
    for attribute in attributes:
        _, rest = propose.root_and_rest(group, attribute.path)
        for path in says_it(attribute) or [attribute.name]:
            whole = f"{rest}.{path}" if rest else path
            if not _FIELD.fullmatch(whole):
                continue
            name = _name(whole, fields)
            if len(fields) < _MOST_FIELDS:
                fields[name] = whole
                why[name] = _why(attribute)
    return fields, why


def _name(path: str, taken: dict[str, str]) -> str:
    *before, last = path.replace("-", "_").split(".")
    if last.isdigit():
        before, last = [], "_".join([*before[-1:], "item", last])
    name = last.strip("_").lower() or "id"
    return name if name not in taken else "_".join([*before, last]).lower()


def _why(attribute: Attribute) -> str:
    changes, again = attribute.changes.value, attribute.again.value
    if attribute.wrote.value and not changes:
        return "each worker writes it for its own row"
    if not again:
        return f"it was another in flight in {max(attribute.moved.value, attribute.wrong.value)} rows"
    return f"it held something else in {changes} of {again} further hand-overs"


def _lines(places: Iterable[tuple[Attribute, Places]]) -> tuple[Line, ...]:
    times: dict[Line, list[tuple[Attribute, int]]] = {}
    for attribute, one in places:
        for (place, thread), tally in list(one.counts.items()):
            times.setdefault(_line(place, thread, 0), []).append((attribute, tally.value))
    lines = [replace(line, times=_rows(counts)) for line, counts in times.items()]
    return tuple(sorted(lines, key=lambda line: -line.times))


def _line(place: At | None, thread: str, times: int) -> Line:
    if place is None:
        return Line("", "", 0, thread, times)
    line = line_of(place.code, place.offset)
    return Line(describe(place.code, place.offset), place.code.co_filename, line, thread, times)
