"""Runs one program under one strategy, and tells the truth of it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Generator, Sequence
from typing import Any, Final

from otel_handoff import HandoffMismatchError, Mismatch, current_submission
from tests.schedules import adapters
from tests.schedules.hosts import FilingFailedError, Worker
from tests.schedules.pools import Item, NestedPool
from tests.schedules.program import (
    Act,
    Call,
    Drop,
    Evict,
    Ghost,
    Nested,
    Own,
    Program,
    Read,
    Rewrite,
    Step,
    Stray,
    Submit,
    Wait,
)
from tests.schedules.records import Attempt, Got, Unchecked
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth, tick


class WorkFailedError(Exception):
    """What a worker raises."""


_EXPECTED: Final = (WorkFailedError, FilingFailedError, HandoffMismatchError)


class _Job:
    """What a row does, given its context; and, where several workers do it, which of them this is."""

    def __init__(self, run: Run, attempt: Attempt, steps: Sequence[Step]) -> None:
        self._run = run
        self._attempt = attempt
        self._steps = steps

    def __call__(self, handed: Any, of: Attempt | None = None) -> None:
        """Do all of it."""
        for _ in self.steps(handed, of):
            self._run.scheduler.pause()

    def steps(self, handed: Any, of: Attempt | None = None) -> Generator[None]:
        """Do it step by step."""
        return self._run.work(of or self._attempt, handed, self._steps)


class Run:
    """One run.

    Attributes:
        truth: what happened.
        reports: what was reported, and when.
        unchecked: what was told of rows that could not be judged.
        faults: what can only be a defect.
    """

    def __init__(self, program: Program, scheduler: Scheduler, *, watch: bool, mode: str = "") -> None:
        self.program: Program = program
        self.reports: list[tuple[int, Mismatch]] = []
        self.unchecked: list[Unchecked] = []
        self.truth: Truth = Truth(watch=watch)
        self.scheduler: Scheduler = scheduler
        self._host = adapters.make(program.host, self.truth, scheduler, program.workers, slots=program.slots, mode=mode)
        self.truth.shape = self._host
        self._nested = NestedPool(scheduler, "nested", 1)
        self._items: list[Item] = []
        self._attempts: dict[int, list[Attempt]] = {}
        self._tokens: dict[int, Any] = {}
        self._unique = 0
        for number, acts in enumerate(program.submitters):
            scheduler.spawn(f"submitter-{number}", lambda name=f"submitter-{number}", acts=acts: self._acts(name, acts))
        scheduler.on_idle = self._close
        scheduler.on_pause = self.truth.look_for_what_was_handed_back

    def go(self) -> None:
        """Run to the end."""
        if self.program.contexts == "shared":
            self._shared = self._context()
        self.scheduler.run()
        faults = self.truth.faults
        faults += self.scheduler.failures
        raised = self._host.executor.raised + self._nested.raised
        faults += [
            f"{type(error).__name__}: {error}"
            for error in raised
            if not isinstance(error, _EXPECTED) and not _none(error)
        ]
        faults += [
            f"{attempt.label} was never worked on"
            for attempt in self.truth.attempts
            if attempt.accepted and not attempt.dropped and not attempt.start[1]
        ]

    @property
    def may(self) -> frozenset[str]:
        """The reasons for which a row of this host may be left unjudged."""
        return self._host.may

    def _close(self) -> None:
        self._host.close()
        self._nested.closed = True

    def _context(self) -> Any:
        context = self._host.context()
        self.truth.know(context, dict.fromkeys(self._host.roots), tick())
        return context

    # -- submitters

    def _acts(self, name: str, acts: Sequence[Act]) -> None:
        context = self._shared if self.program.contexts == "shared" else self._context()
        for act in acts:
            self.scheduler.pause()
            if isinstance(act, Submit):
                if self.program.contexts == "own":
                    context = self._context()
                self._submit(name, context, act)
            elif isinstance(act, (Ghost, Rewrite)):
                self._disturb(name, context, act)
            elif isinstance(act, Stray):
                getter = self._host.getters[act.root]["attribute"]
                self._items.append(self._nested.submit(getter, context))
            else:
                self._control(act)

    def _submit(self, name: str, context: Any, act: Submit) -> None:
        host, attempts = self._host, self._attempts.setdefault(act.row, [])
        label = f"{act.row}.{len(attempts)}"
        if act.row not in self._tokens or act.fresh:
            self._tokens[act.row] = host.token(act.row)
        values = (self._tokens[act.row], host.state(f"state {label}"))
        stamped = host.stamps if act.token_first else host.stamps[-1:]
        for root in (0, 1) if act.token_first else (1, 0):
            if root not in stamped:
                self.truth.write(context, host.roots[root], values[root], name)
                self.scheduler.pause()
        attempt = self.truth.submitting(label, context, name)
        attempt.stamps = {host.roots[root]: values[root] for root in stamped}
        attempts.append(attempt)
        if act.callback:
            attempt.callback = lambda: [getters["attribute"](context) for getters in host.getters]
        try:
            host.submit(attempt, context, _Job(self, attempt, act.steps))
        except ValueError:
            self.truth.accepted(attempt)  # pinned all the same
            attempt.dropped = True  # the pipeline takes no row without a token

    def _disturb(self, name: str, context: Any, act: Ghost | Rewrite) -> None:
        root = self._host.roots[act.root]
        before = self.truth.current(context, root)
        if isinstance(act, Rewrite):
            self.truth.write(context, root, self._again(root, before, act.kind), name)
            return
        self.truth.write(context, root, self._other(act), name)
        if act.restore:
            self.scheduler.pause()
            self.truth.write(context, root, self._again(root, before, act.restore), name)

    def _other(self, act: Ghost) -> Any:
        self._unique += 1
        if act.kind == "none":
            return None
        if act.kind == "own" and (own := self.truth.last_own(self._host.roots[act.root])) is not None:
            return self._again(self._host.roots[act.root], own, "equal")
        if act.kind == "row" and self.truth.attempts:
            first = self.truth.attempts[0]
            return first.roots[self._host.roots[act.root]][0].value if first.roots else None
        return self._unlike(act.root, "ghost")

    def _unlike(self, root: int, what: str) -> Any:
        self._unique += 1
        text = f"{what} {self._unique}"
        return self._host.token(text) if root == 0 else self._host.state(text)

    def _again(self, root: str, value: Any, kind: str) -> Any:
        if value is None or kind == "same":
            return value
        return self._host.like(value) if root == self._host.roots[0] else self._host.again(value)

    def _control(self, act: Evict | Drop | Wait) -> None:
        if isinstance(act, Wait) and act.row < 0:
            self.scheduler.wait(
                lambda: all(self._is_done(attempt) for attempt in self.truth.attempts) and self._settled
            )
            return
        attempts = self._attempts.get(act.row)
        if not attempts or attempts[-1].accepted is None:
            return
        attempt = attempts[-1]
        if isinstance(act, Wait):
            self.scheduler.wait(lambda: self._is_done(attempt))
        elif isinstance(act, Evict):
            doomed = self.truth.evicting({**attempt.expected})
            if self._host.give_up(attempt):
                for each in doomed:
                    each.evicted = each.evicted or tick()
        elif attempt.item is not None and self._host.executor.drop(attempt.item):
            attempt.dropped = True

    def _is_done(self, attempt: Attempt) -> bool:
        return attempt.dropped or (attempt.item is not None and attempt.item.done)

    @property
    def _settled(self) -> bool:
        return all(item.done for item in self._items)

    # -- workers

    def work(self, attempt: Attempt, handed: Any, steps: Sequence[Step]) -> Generator[None]:
        """Work on a row; before each step another task may run."""
        self.truth.started(attempt, handed, current_submission())
        yield from self._each(Worker(self.truth, self.scheduler, attempt, handed, nested=False), steps)

    def _steps(self, worker: Worker, steps: Sequence[Step]) -> None:
        for _ in self._each(worker, steps):
            self.scheduler.pause()

    def _each(self, worker: Worker, steps: Sequence[Step]) -> Generator[None]:
        for step in steps:
            yield
            self.truth.doing[threading.current_thread().name] = worker.attempt
            if isinstance(step, Read):
                self._read(worker, step.root, step.via)
            elif isinstance(step, Call):
                self._call(worker, step)
            elif isinstance(step, Own):
                self._write(worker, step)
            elif isinstance(step, Nested):
                inner = Worker(self.truth, self.scheduler, worker.attempt, worker.handed, nested=True)
                item = self._nested.submit(self._steps, inner, step.steps)
                self._items.append(item)
                if step.join:
                    self.scheduler.wait(lambda item=item: item.done)
            else:
                raise WorkFailedError

    def _read(self, worker: Worker, root: int, via: str) -> Got:
        host = self._host
        context = worker.attempt.context if via == "alias" else worker.handed
        name = host.roots[root]
        begin = tick()
        through_class = via == "copy" and self._host.reaches_by_class(root, slots=self.program.slots)
        if through_class:
            copied = copy.copy(context)
            value, other = getattr(copied, name), host.roots[1 - root]
            if host.reaches_by_class(1 - root, slots=self.program.slots):
                worker.saw(context, other, host.ids(other, getattr(copied, other)), via, begin, visible=True)
        else:
            value = host.getters[root][via](context)
        got = worker.kept[name] = worker.saw(context, name, host.ids(name, value), via, begin, visible=through_class)
        return got

    def _call(self, worker: Worker, step: Call) -> None:
        if step.how == "method":
            self._host.call_by_method(worker, fails=step.fails)
            return
        kept = [worker.kept.get(root) for root in self._host.roots] if step.how == "kept" else [None, None]
        token = kept[0] or self._read(worker, 0, "attribute")
        self.scheduler.pause()
        state = kept[1] or self._read(worker, 1, "attribute")
        self.scheduler.pause()
        if step.how == "route":
            self._host.route(worker, (token, state))
        else:
            self._host.call(worker, (token, state), fails=step.fails)

    def _write(self, worker: Worker, step: Own) -> None:
        attempt, root = worker.attempt, self._host.roots[step.root]
        value: Any = None
        if step.kind == "unique":
            value = self._unlike(step.root, "own")
        elif step.kind == "equal":
            value = self._again(root, attempt.roots[root][0].value, "equal")
        context = attempt.context if step.alias or attempt.view is not None else worker.handed
        assert self.scheduler.current is not None
        self.truth.write(context, root, value, self.scheduler.current.name, attempt)


def _none(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and "exactly one of" in str(error)
