"""What a row in flight asks of those that are above it: who judges it, and who may hold its worker back."""

# ruff: noqa: D102 - those above say what each function does

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol, TypeVar

from otel_handoff.handover.along import Step
from otel_handoff.record.submission import Submission

L_contra = TypeVar("L_contra", contravariant=True)
"""A lease."""


class Missed(Protocol):
    """Counts a row that could not be judged."""

    def __call__(
        self, reason: str, submission: Submission | None = None, *, pinned: bool = False, detail: str = ""
    ) -> None: ...


class Judge(Protocol[L_contra]):
    """Judges the rows of one boundary: `judge.detector`, which says what each of these does."""

    name: str
    submission: Callable[..., Submission]
    enabled: bool
    watched: bool
    pins: bool
    carried: bool
    missed: Missed
    compares: frozenset[str]
    filed: frozenset[tuple[str, str]]

    @property
    def leave(self) -> Callable[[L_contra], str | None]: ...
    def start(self, lease: L_contra) -> None: ...
    def start_below(self, lease: L_contra) -> None: ...
    def read(self, lease: L_contra, at: str | Step, value: Any, *, prevented: bool, shared: bool = False) -> bool: ...
    def span_ended(self, lease: L_contra, name: str, attributes: Mapping[str, object]) -> None: ...
    def end(self, lease: L_contra) -> None: ...
    def restate(self, lease: L_contra, at: str | Step, value: Any) -> None: ...
    def take_as_it_is(self, lease: L_contra, handed: Any, stamped: Collection[str]) -> None: ...
    def disagree(self, lease: L_contra, roots: Mapping[str, object]) -> bool: ...
    def says_itself(self, root: str) -> bool: ...
    def is_its_id(self, lease: L_contra, root: str, value: Any) -> bool: ...
    def fields_at(self, roots: Collection[str]) -> tuple[str, ...]: ...
    def look_again(self, lease: L_contra, context: Any, handed: Any) -> None: ...
    def take_stamps(self, lease: L_contra) -> None: ...
    def retake(self, lease: L_contra, ids: Mapping[str, object]) -> None: ...
    def forget(self, lease: L_contra, root: str) -> None: ...


class Twin(Protocol[L_contra]):
    """The two contexts of a pinned row, where they are looked at again: `handover.twins`."""

    open: bool

    def settle(self, lease: L_contra, context: Any, handed: Any, *, back: bool = True) -> None: ...
    def close(self, lease: L_contra, contexts: tuple[Any, Any], *, back: bool = True) -> None: ...


class Provoker(Protocol[L_contra]):
    """Holds workers back on purpose, in tests: `otel_handoff.around.provoke`. None of it raises."""

    def submitted(self, lease: L_contra, context: Any) -> None:
        """A row was handed over with `context`."""

    def wrote(self, context: Any, root: str, value: Any) -> None:
        """A watched field of `context` is about to be written."""

    def evicted(self, lease: L_contra) -> None:
        """A submission was given up."""

    def hold(self, lease: L_contra, point: str) -> None:
        """A worker is at `point`: the start of its work, a call, or a result."""

    def reads(self, context: Any, root: str) -> None:
        """A worker is about to read a watched field."""

    def ended(self, lease: L_contra) -> None:
        """The work on a row is done."""
