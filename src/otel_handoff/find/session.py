"""Looking on and off, in the process of the program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from otel_handoff.find import again, classes, fields, futures, named, own, queues, rows, simple, walk
from otel_handoff.find.begin import groups, held_back
from otel_handoff.find.found import EARLY, Result, worst_first
from otel_handoff.find.judge import judged
from otel_handoff.find.ways import patches
from otel_handoff.host.guard import guard
from otel_handoff.host.wrapping import Patch
from otel_handoff.record.hashing import Hash, key
from otel_handoff.record.shown import show

_put_on: Final[list[Patch]] = []


def start(packages: Sequence[str] = (), *, patience: float = 0) -> None:
    """Look at whatever is handed over from now on.

    Args:
        packages: installed ones that count as the program's own.
        patience: seconds that a worker is held back for the next hand-over, so that races show which need luck.
    """
    if _put_on:
        return
    for package in packages:
        own.count_in(package)
        classes.forget()
    sys.set_coroutine_origin_tracking_depth(1)
    rows.watch_with(fields.watch)
    held_back(patience)
    _put_on.extend(patches())
    for patch in _put_on:
        patch.apply()
    simple.put_on(partial(queues.put, "SimpleQueue.put"), partial(queues.get, "SimpleQueue.get"))
    futures.put_on()


def stop() -> None:
    """Look no more, and leave everything as it was; what was seen is forgotten."""
    simple.take_off()
    futures.take_off()
    for patch in reversed(_put_on):
        patch.remove()
    _put_on.clear()
    sys.set_coroutine_origin_tracking_depth(0)
    rows.watch_with(None)
    rows.current.set(None)  # what this thread took out of a queue last
    held_back(0)
    fields.give_back()
    forget()


def result() -> Result:
    """Return what was found so far."""
    seen = list(groups.values())
    found = worst_first(judged(seen, _shown()))
    unseen: dict[str, int] = {}
    for what, times in list(walk.unseen.items()):
        unseen[what] = times.value
    for group in seen:
        early = group.early.value
        if early and any(attribute.again.value for attribute in list(group.attributes.values())):
            work = group.work.name if group.work is not None else group.way
            sentence = f"{work} {EARLY}"
            unseen[sentence] = unseen.get(sentence, 0) + early
    return Result(found, sum(group.rows.value for group in seen), 1, unseen, guard.errors.value)


def forget() -> None:
    """Forget what was seen: in a fork, it is the parent's to tell."""
    groups.clear()
    rows.forget()
    again.forget()
    walk.unseen.clear()
    named.forget()


def _shown() -> Callable[[Any], str]:
    hashed = os.environ.get("OTEL_HANDOFF_IDS", "").strip() == "hashed"
    return Hash(key()) if hashed else show
