"""Whether what a worker read is shown to be another row's: everybody's newest is read rightly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from otel_handoff.find.seen import Attribute, Group, is_full
from otel_handoff.find.uses import ALONE, COMPARED, SHOWN, TAKEN, use_of
from otel_handoff.find.values import is_a_place

BY_ITS_NAME: Final = "what it is called does not say that it is a row's"
NEWEST: Final = "what it is called says that it is the newest's"
ONCE: Final = "it was handed over once"
SELDOM: Final = "it is not set anew for each row"

_MOST_THREADS: Final = 64


class Carried(NamedTuple):
    """What is known of the attribute of a class, wherever it was handed over.

    Attributes:
        times: how often the very same object was handed over again.
        changes: how often it held something else by then.
        values: marks of what that was.
        threads: the names of those that handed it over.
    """

    times: int
    changes: int
    values: set[int]
    threads: set[str]


NOT_CARRIED: Final = Carried(0, 0, set(), set())


def carried(groups: Iterable[Group]) -> dict[tuple[str, str], Carried]:
    """Return that, by class and name."""
    found: dict[tuple[str, str], Carried] = {}
    for group in groups:
        for attribute in list(group.attributes.values()):
            key = attribute.kind, attribute.name
            times, changes, values, threads = found.get(key, NOT_CARRIED)
            times, changes = times + attribute.again.value, changes + attribute.changes.value
            found[key] = Carried(times, changes, values | attribute.carried, threads | group.threads)
    return found


def doubt(attribute: Attribute, known: Carried) -> str:
    """Return why what was read may be everybody's, in a sentence; empty where it is another row's."""
    uses = {use_of(*place) if place is not None else TAKEN for place, _ in list(attribute.reads.counts)}
    if uses == {COMPARED}:
        return "where it is read, it is only compared"
    if uses and uses <= {COMPARED, ALONE}:
        return "where it is read, nothing of the row's own is used with it"
    if uses and uses <= {COMPARED, ALONE, SHOWN}:
        return "where it is read, it is only printed or logged"
    if attribute.wrote.value:  # each worker's own, by another's
        return ""
    writers = {thread for _, thread in list(attribute.writes.counts)}
    if writers and not writers & known.threads and len(known.threads) < _MOST_THREADS:
        return "it is written by a thread that hands none of it over"
    if is_full(known.values):
        return ""
    if is_a_place(attribute.name) and 4 * len(known.values) < 3 * (known.changes + 1):
        return "it goes round, as a place does"
    return "" if attribute.taken & known.values else "no row was handed over with what was read"
