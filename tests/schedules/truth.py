"""What really happened in a run: every write, read and filing, with the time it took by a logical clock.

Nothing here knows the detector. At the row level no task switches inside a write or a read, so each read has exactly
one write that it got its value from; where lines are pre-empted there may be several that it can have been.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context
from threading import current_thread
from typing import Any, Final

from tests.schedules.program import BLIND
from tests.schedules.records import Attempt, Filed, Got, Ids, Shape, Written

_tick = itertools.count(1_700_000_000_000_000_000)
tick: Final[Callable[[], int]] = _tick.__next__
"""The clock, in place of `time.time_ns` while a run lasts: no two readings are equal."""


class Truth:
    """The log of one run."""

    shape: Shape

    def __init__(self, *, watch: bool) -> None:
        self.watch: bool = watch
        self.attempts: list[Attempt] = []
        self.spelt: dict[object, object] = {}
        """How an id is filed -> the id."""
        self.faults: list[str] = []
        """What can only be a defect, of the detector or of this explorer, whatever is reported."""
        self.doing: dict[str, Attempt] = {}
        """What each task works on, or did last."""
        self._reporters: dict[int, tuple[Any, Attempt | None]] = {}
        self._writes: dict[tuple[int, str], list[Written]] = {}

    # -- contexts and writes

    def know(self, context: Any, values: Mapping[str, Any], now: int) -> None:
        """Take note of a context as it is when it is made, or when a worker gets a copy."""
        for root, value in values.items():
            self._know(context, root, [value], now)

    def _know(self, context: Any, root: str, values: Iterable[Any], now: int) -> None:
        self._writes[id(context), root] = [
            Written(context, root, value, self.shape.ids(root, value), "", _NOWHERE, None, now, now) for value in values
        ]

    def write(self, context: Any, root: str, value: Any, task: str, owner: Attempt | None = None) -> None:
        """Write, from the caller's code."""
        code = sys._getframe(1).f_code  # pyright: ignore[reportPrivateUsage]
        written = Written(context, root, value, self.shape.ids(root, value), task, code, owner, tick())
        self._writes[id(context), root].append(written)
        if owner is not None:
            owner.own.setdefault(root, written.begin)
            if owner.view is not None:  # what it writes to what it shares is what it reads from then on
                self._writes[id(owner.view), root].append(written)
        setattr(context, root, value)
        written.end = tick()

    def look_for_what_was_handed_back(self) -> None:
        """What a worker has left on its copy may be on the submitter's context by now: then that is its write as well.

        It is on its way from the time when the worker wrote it, and there now.
        """
        for attempt in self.attempts[:]:
            if attempt.own and attempt.handed is not None and attempt.handed is not attempt.context:
                for root in list(attempt.own):
                    self._look_for(attempt, root)

    def _look_for(self, attempt: Attempt, root: str) -> None:
        known = self._writes[id(attempt.context), root]
        there = Context().run(getattr, attempt.context, root, None)  # nobody's read
        if there is None or there is known[-1].value:
            return
        for own in self._writes.get((id(attempt.handed), root), ()):
            if own.owner is attempt and own.value is there and all(each.value is not there for each in known):
                known.append(dataclasses.replace(own, context=attempt.context, end=tick()))

    def stamp(self, attempt: Attempt, context: Any, root: str) -> None:
        """The submit function writes an id of the row that it hands over; on a copy, it means the original, too."""
        if context is not attempt.context:
            attempt.handed = context
        value, code = attempt.stamps[root], sys._getframe(1).f_code  # pyright: ignore[reportPrivateUsage]
        ids = self.shape.ids(root, value)
        if (id(context), root) not in self._writes:
            self.know(context, {name: each[0].value for name, each in attempt.roots.items()}, attempt.begin)
        written = [
            Written(each, root, value, ids, attempt.thread, code, None, tick())
            for each in {id(each): each for each in (context, attempt.context)}.values()
        ]
        for each in written:
            self._writes[id(each.context), root].append(each)
        setattr(context, root, value)
        for each in written:
            each.end = tick()
        attempt.roots[root] = written
        attempt.expected.update(ids)
        if self.shape.key in ids:
            self._supersede(attempt, tick())

    def remake(self, attempt: Attempt, context: Any) -> Any:
        """The submit function makes the row a context of its own."""
        made = copy.copy(context)
        for root, sources in attempt.roots.items():
            self._writes[id(made), root] = sources[:1]
        attempt.context = made
        return made

    def twin(self, attempt: Attempt) -> Attempt:
        """The row gets a second worker, which is to do the same."""
        twin = dataclasses.replace(
            attempt,
            label=f"{attempt.label}'",
            roots=dict(attempt.roots),
            expected=dict(attempt.expected),
            gots=[],
            filed=[],
            own={},
        )
        attempt.twin = twin
        self.attempts.append(twin)
        return twin

    def in_effect(self, context: Any, root: str, begin: int, end: int) -> list[Written]:
        """Return the writes whose value the attribute can have had between two times."""
        found: list[Written] = []
        overwritten = 0
        for written in reversed(self._writes[id(context), root]):
            if written.begin > end:
                continue
            if written.end is not None and written.end < overwritten:
                continue  # an older one may have taken longer
            found.append(written)
            if written.end is not None and written.end < begin:
                overwritten = max(overwritten, written.begin)
        return found

    def current(self, context: Any, root: str) -> Any:
        """Return the value that an attribute has now, without reading it."""
        return self._writes[id(context), root][-1].value

    def writes(self, context: Any, root: str) -> list[Written]:
        """Return all writes to an attribute, oldest first."""
        return self._writes[id(context), root]

    def meant(self, ids: Mapping[str, object]) -> Ids:
        """Return the ids themselves, however they are spelt where they are filed."""
        return {name: self.spelt.get(value, value) for name, value in ids.items()}

    def last_own(self, root: str) -> Any:
        """Return what a worker wrote last to an attribute of any context; None where none did."""
        own = [
            each for (_, name), all_ in list(self._writes.items()) if name == root for each in list(all_) if each.owner
        ]
        return max(own, key=lambda each: each.begin).value if own else None

    # -- attempts

    def submitting(self, label: str, context: Any, thread: str) -> Attempt:
        """A row is about to be handed over."""
        attempt = Attempt(self, label, context, tick(), thread=thread)
        self.attempts.append(attempt)
        return attempt

    def accepted(self, attempt: Attempt) -> None:
        """The host's submit function has been entered: what is pinned has been pinned."""
        now = tick()
        attempt.roots = {root: self.in_effect(attempt.context, root, attempt.begin, now) for root in self.shape.roots}
        for sources in attempt.roots.values():
            attempt.expected.update(sources[0].ids)
        attempt.accepted = now  # last: another thread that sees it asks for the rest
        if not self.is_said_late(attempt):
            self._supersede(attempt, now)

    def is_said_late(self, attempt: Attempt) -> bool:
        """Whether the submit function itself says which row it is."""
        return any(self.shape.key in self.shape.ids(root, value) for root, value in attempt.stamps.items())

    def _supersede(self, attempt: Attempt, now: int) -> None:
        attempt.stamped = now
        key = attempt.expected[self.shape.key]
        if key is not None and not attempt.unseen:
            for other in self.attempts:
                if (
                    other is not attempt
                    and other.accepted
                    and other.in_flight
                    and other.expected[self.shape.key] == key
                ):
                    other.superseded = other.superseded or now

    def reported(self, mismatch: Any) -> None:
        """A mismatch is reported, by the task that works on its row."""
        self._reporters[id(mismatch)] = mismatch, self.doing.get(current_thread().name)

    def reporter_of(self, mismatch: Any) -> Attempt | None:
        """Return what the task that reported a mismatch worked on."""
        return self._reporters.get(id(mismatch), (None, None))[1]

    def started(self, attempt: Attempt, handed: Any, submission: Any) -> None:
        """The work begins, under what the detector takes for its submission; None: it does not know for whom."""
        is_known = any(other.handed is handed and other is not attempt for other in self.attempts if other.number)
        self.doing[current_thread().name] = attempt  # also where it does nothing
        attempt.handed = handed
        attempt.start = (attempt.start[0], tick())
        if submission is not None:
            self._recognised(attempt, submission)
        if self.shape.at_read:
            attempt.view = object() if submission is not None else None
        view = handed if attempt.view is None else attempt.view
        is_known = is_known and attempt.view is None
        if attempt.pinned and not is_known and not (self.shape.at_read and attempt.view is None):
            for root, sources in attempt.roots.items():
                if root not in attempt.stamps:  # one value, where it is known what was pinned
                    copied = {id(each.value): each.value for each in sources}
                    self._know(view, root, copied.values(), attempt.start[0])

    def _recognised(self, attempt: Attempt, submission: Any) -> None:
        attempt.number = submission.number
        if not attempt.begin < submission.time_unix_nano < (attempt.accepted or 0):
            self.faults.append(f"{attempt.label}: the worker is taken for another's, #{submission.number}")
            return
        for root, sources in attempt.roots.items():
            attempt.roots[root] = [
                written
                for written in sources
                if all(submission.ids[name] is value for name, value in written.ids.items())
            ]
            if not attempt.roots[root]:
                attempt.roots[root] = sources
                if self.watch:
                    self.faults.append(f"{attempt.label}: {root} was not pinned as it was: {dict(submission.ids)}")
                attempt.doubtful = True
            attempt.expected.update(attempt.roots[root][0].ids)

    def handed_over_at(self, time: int) -> Attempt | None:
        """Return the attempt that was handed over then."""
        for attempt in self.attempts:
            if time and attempt.begin < time < (attempt.accepted or 0):
                return attempt
        return None

    def evicting(self, ids: Ids) -> list[Attempt]:
        """Return the attempts in flight that were submitted with these ids."""
        return [
            attempt
            for attempt in self.attempts
            if attempt.accepted
            and attempt.in_flight
            and all(attempt.expected[name] == value for name, value in ids.items())
        ]

    # -- what workers do

    def saw(
        self,
        attempt: Attempt,
        context: Any,
        root: str,
        ids: Ids,
        via: str,
        begin: int,
        *,
        nested: bool,
        end: int | None = None,
        visible: bool = False,
    ) -> Got:
        """A worker got `ids` off an attribute of `context`, until now or `end`."""
        end = end or tick()
        visible = self.watch and (visible or via not in BLIND)
        if attempt.view is not None:
            context = attempt.view if visible else attempt.context
        sources = [
            written
            for written in self.in_effect(context, root, begin, end)
            if all(written.ids[name] is value for name, value in ids.items())
        ]
        if not sources:
            self.faults.append(f"{attempt.label}: read {ids} off {root}, which nobody wrote")
        own = [written for written in sources if written.owner is attempt]
        wrong = {name: value for name, value in ids.items() if value != attempt.expected[name]}
        if own and len(own) == len(sources):
            wrong = {}
        spared: list[Ids] = []
        spared_sources: list[Written] = []
        spared_sure = False
        if context is not attempt.context:
            could = self.in_effect(attempt.context, root, begin, end)
            for written in could:
                if written.owner is attempt:
                    continue
                differs = {name: value for name, value in written.ids.items() if value != attempt.expected[name]}
                if differs and name_overlap(differs, ids):
                    spared.append(differs)
                    spared_sources.append(written)
            # What a worker that writes the field itself would have read otherwise is anybody's guess.
            spared_sure = len(spared) == len(could) == 1 and not (root in attempt.own and attempt.own[root] < end)
        got = Got(
            *(attempt, root, ids, via, nested, visible, begin, end),
            *(sources, wrong, bool(wrong) and not own, spared, spared_sure, spared_sources),
        )
        attempt.gots.append(got)
        return got

    def filing(self, attempt: Attempt, evidence: str, gots: Mapping[str, Got], *, nested: bool) -> Filed:
        """A worker files something under ids that it got."""
        ids = {name: got.ids[name] for name, got in gots.items()}
        wrong = {name: value for name, value in ids.items() if name in gots[name].wrong and self._is_known(gots[name])}
        sure = all(gots[name].sure for name in wrong)
        filed = Filed(attempt, evidence, nested, dict(gots), ids, wrong, sure, tick())
        attempt.filed.append(filed)
        return filed

    def _is_known(self, got: Got) -> bool:
        # A row that was handed over without the object may file an id of it that it knows otherwise; whether it has it
        # off the context is seen only in a read: this one, or another of the row's.
        if got.attempt.roots[got.root][0].value is not None or got.root != self.shape.roots[0]:
            return True
        return any(each.visible and each.root == got.root and each.wrong == got.wrong for each in got.attempt.gots)


def name_overlap(one: Ids, other: Ids) -> bool:
    """Whether two observations are about a common field."""
    return any(name in other for name in one)


_NOWHERE: Final = name_overlap.__code__
