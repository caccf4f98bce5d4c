"""Whether what a worker read is shown to be another row's: everybody's newest is read rightly."""

from __future__ import annotations

from collections.abc import Iterable
from types import CodeType
from typing import Final, NamedTuple

from otel_handoff.find.held import VARIABLE
from otel_handoff.find.seen import Attribute, Group, Work, is_full
from otel_handoff.find.uses import ALONE, CHECKED, COMPARED, HIDDEN, PASSED, SHOWN, TAKEN, Use, use_of, use_of_variable
from otel_handoff.find.values import is_a_place

BY_ITS_NAME: Final = "what it is called does not say that it is a row's"
NEWEST: Final = "what it is called says that it is the newest's"
ONCE: Final = "it was handed over once"
HANDED_ON: Final = "who handed it on goes on changing it: what it is called does not say that it is a row's"
SELDOM: Final = "it is not set anew for each row"

_MOST_THREADS: Final = 64


class Carried(NamedTuple):
    """What is known of the attribute of a class, wherever it was handed over.

    Attributes:
        times: how often the very same object was handed over again.
        changes: how often it held something else by then.
        values: marks of what that was.
        threads: the names of those that handed it over.
        groups: by whom, how many rows, and of how many of them a worker read what was written since.
    """

    times: int
    changes: int
    values: set[int]
    threads: set[str]
    groups: tuple[tuple[set[str], int, int], ...]


NOT_CARRIED: Final = Carried(0, 0, set(), set(), ())


def carried(groups: Iterable[Group]) -> dict[tuple[str, str], Carried]:
    """Return that, by class and name."""
    found: dict[tuple[str, str], Carried] = {}
    for group in groups:
        for attribute in list(group.attributes.values()):
            key = attribute.kind, attribute.name
            before = found.get(key, NOT_CARRIED)
            is_free = group.work is None and not attribute.wrong.value  # put back, to be taken for a row
            found[key] = Carried(
                before.times + attribute.again.value,
                before.changes + attribute.changes.value,
                attribute.carried,
                before.threads | group.threads(),
                before.groups
                if is_free
                else (*before.groups, (group.threads(), group.rows.value, attribute.wrong.value)),
            )
    return found


_HARMLESS: Final = (
    ({COMPARED}, "where it is read, it is only compared"),
    ({COMPARED, ALONE}, "where it is read, nothing of the row's own is used with it"),
    ({COMPARED, ALONE, SHOWN}, "where it is read, it is only printed or logged"),
    ({COMPARED, ALONE, SHOWN, CHECKED}, "where it is read, it is compared with what the row has itself"),
    ({COMPARED, ALONE, SHOWN, CHECKED, PASSED}, "where it is read, it is set to what comes next"),
    ({COMPARED, ALONE, SHOWN, CHECKED, PASSED, HIDDEN}, "what becomes of it is not seen: the source is not there"),
)
"""What shows nothing of a row's being another's."""


def used(attribute: Attribute, work: Work | None) -> Use:
    """Return what becomes of it wherever it was read."""
    uses = [use_of(places) for places in list(attribute.uses.values())]
    if any(place is None for place, _ in list(attribute.reads.counts)):
        uses.append(_used_out_of_sight(attribute, work.code if work is not None else None))
    kinds = frozenset(kind for use in uses for kind in use.kinds)
    return Use(kinds, frozenset(part for use in uses for part in use.parts))


def _used_out_of_sight(attribute: Attribute, code: CodeType | None) -> Use:
    # By the function itself, as it begins, or in another process.
    if code is not None and attribute.kind == VARIABLE and attribute.name in code.co_freevars:
        return use_of_variable(code, attribute.name)
    if code is not None and attribute.pickled.value and attribute.path in code.co_varnames[: code.co_argcount]:
        return use_of_variable(code, attribute.path, attribute.name)
    return Use(frozenset({TAKEN}), frozenset())


def doubt(attribute: Attribute, use: Use, known: Carried) -> str:
    """Return why what was read may be everybody's, in a sentence; empty where it is another row's."""
    for kinds, why in _HARMLESS:
        if use.kinds and use.kinds <= kinds:
            return why
    if attribute.emptied.value >= attribute.wrong.value > 0:
        return "its workers take it out, as of a mailbox"
    if attribute.followed.value >= attribute.wrong.value > 0:
        return "where it is read, it is read again when it has changed"
    if attribute.wrote.value:  # each worker's own, by another's
        return ""
    writers = {thread for _, thread in list(attribute.writes.counts)}
    if writers and not writers & known.threads and len(known.threads) < _MOST_THREADS:
        return "it is written by a thread that hands none of it over"
    if is_full(known.values):
        return ""
    if is_a_place(attribute.name) and 4 * len(known.values) < 3 * (known.changes + 1):
        return "it goes round, as a place does"
    if not attribute.taken & known.values:
        return "no row was handed over with what was read"
    theirs = [(rows, wrong) for threads, rows, wrong in known.groups if threads & writers]
    is_each = sum(wrong for _, wrong in theirs) >= sum(rows for rows, _ in theirs) > 1
    return "it was so for each row, also the last: it may be set after the hand-over on purpose" if is_each else ""
