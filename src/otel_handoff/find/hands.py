"""Who hands over, and who writes: whether what was read was written for this work's rows, or for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_handoff.find.seen import MOST_BY, Attribute, Group, is_same_work
from otel_handoff.find.values import tells_how_it_is

ITSELF: Final = "it hands itself over again and again, as what is done from time to time does"
FOR_OTHERS: Final = "it is written for the rows of another work: who writes it hands none of this one over"
BY_ITS_WORK: Final = "what the work is called says that it tells how things are"

_RUNS: Final = frozenset({"run", "__call__"})


def doubt(group: Group, attribute: Attribute, groups: Sequence[Group]) -> str:
    """Return why what was read may be meant for nobody's row, in a sentence; empty where nothing says so."""
    if not attribute.wrong.value or attribute.wrote.value:
        return ""
    if (group.work is not None and tells_how_it_is(_called(group.work.name))) or _is_read_to_tell(attribute):
        return BY_ITS_WORK
    if is_from_time_to_time(group, groups):
        return ITSELF
    return FOR_OTHERS if is_for_others(group, attribute, groups) else ""


def _called(name: str) -> str:
    # As a thread of its own is called by its class.
    owner, _, last = name.rpartition(".")
    return owner.rpartition(".")[2] if owner and last in _RUNS else last


def _is_read_to_tell(attribute: Attribute) -> bool:
    uses = list(attribute.uses.values())
    return bool(uses) and all(any(tells_how_it_is(place.code.co_name) for place in places) for places in uses)


def is_from_time_to_time(group: Group, groups: Sequence[Group]) -> bool:
    """Whether the work was begun now and then, and goes on by handing itself over; one that tries again does not."""
    alike = [one for one in groups if one is group or is_same_work(one.work, group.work)]
    itself = sum(one.itself.value for one in alike)
    return itself > 2 * (sum(one.rows.value for one in alike) - itself)


def is_for_others(group: Group, attribute: Attribute, groups: Sequence[Group]) -> bool:
    """Whether those who wrote what was read hand over other works row by row, with it set anew, and not this one."""
    writers = attribute.writers
    mine = _line_of(group, groups)
    if not writers or len(writers) >= MOST_BY or any(writers & one.by for one in mine):
        return False
    return any(writers & one.by and _sets_anew(one, attribute) for one in groups if one not in mine)


def _are_alike(one: Group, other: Group) -> bool:
    # Who takes a thing out of which queue is not asked here.
    return one is other or (one.work is None and other.work is None) or is_same_work(one.work, other.work)


def _line_of(group: Group, groups: Sequence[Group]) -> list[Group]:
    # All that hand the same over, and those within whose rows they do so: what began once has no rows.
    line = [group]
    for each in line:  # it grows meanwhile
        within = [one for _, one in each.by if one is not None and one.rows.value > 1]
        line += [one for one in groups if one not in line and (one in within or _are_alike(one, each))]
    return line


def _sets_anew(group: Group, attribute: Attribute) -> bool:
    same = [one for one in list(group.attributes.values()) if (one.kind, one.name) == (attribute.kind, attribute.name)]
    return any(one.changes.value and 2 * one.changes.value >= one.again.value for one in same)
