"""The records of what happened: writes, reads, filings and attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tests.schedules.truth import Truth

Ids = dict[str, object]


class Shape(Protocol):
    """The fields of a host's context."""

    roots: tuple[str, str]
    key: str
    """The field that stays the same when a row is tried again."""

    at_read: bool
    """Whether workers share what their ids are in, and are pinned at the read."""

    def ids(self, root: str, value: Any) -> Ids:
        """Return the fields that start at an attribute with this value."""
        ...


@dataclass(frozen=True)
class Unchecked:
    """Rows that are said not to be judged: why, and when they were handed over (0: it is not known which they are)."""

    boundary: str
    reason: str
    submitted: int = 0
    number: int = 0


@dataclass(eq=False)
class Written:
    """A write to an attribute of a context. `owner` is the attempt whose worker wrote it, if one did."""

    context: Any
    root: str
    value: Any
    ids: Ids
    task: str
    code: CodeType
    owner: Attempt | None
    begin: int
    end: int | None = None


@dataclass(eq=False)
class Got:
    """A read of one attribute, by an attempt's worker.

    Attributes:
        sources: the writes that the value can have come from.
        wrong: the fields that disagree with the submission.
        sure: whether it is certain that they do.
        spared: pinned: the fields in which the shared context disagreed.
        spared_sure: whether that is certain.
    """

    attempt: Attempt
    root: str
    ids: Ids
    via: str
    nested: bool
    visible: bool
    begin: int
    end: int
    sources: list[Written]
    wrong: Ids
    sure: bool
    spared: list[Ids]
    spared_sure: bool
    spared_sources: list[Written]


@dataclass(eq=False)
class Filed:
    """A call or a result, under ids that were got before."""

    attempt: Attempt
    evidence: str
    nested: bool
    gots: dict[str, Got]
    ids: Ids
    wrong: Ids
    sure: bool
    at: int
    done: int = 0
    outcome: str = ""
    matched: bool = False


@dataclass(eq=False)
class Attempt:
    """One submission of one row."""

    truth: Truth
    label: str
    context: Any
    begin: int
    roots: dict[str, list[Written]] = field(default_factory=dict[str, "list[Written]"])
    expected: Ids = field(default_factory=dict[str, object])
    number: int = 0
    thread: str = ""
    accepted: int | None = None
    handed: Any = None
    start: tuple[int, int] = (0, 0)
    finish: tuple[int, int] = (0, 0)
    item: Any = None
    callback: Callable[[], object] | None = None
    """What the pool calls after the work, on the worker."""
    evicted: int | None = None
    superseded: int | None = None
    dropped: bool = False
    gots: list[Got] = field(default_factory=list[Got])
    filed: list[Filed] = field(default_factory=list[Filed])
    own: dict[str, int] = field(default_factory=dict[str, int])
    stamps: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the submit function itself is to write: attribute -> value."""
    stamped: int = 0
    """When it had written what says whether this is a row tried again."""
    unseen: bool = False
    """Whether it was handed over in a way that the detector cannot see."""
    doubtful: bool = False
    """Whether the detector took other ids for those that it was handed over with."""
    twin: Attempt | None = None
    """The same row once more: its second worker."""
    view: object | None = None
    """In the place of a context: what the worker reads, where it is pinned at the read."""

    @property
    def pinned(self) -> bool:
        """Whether the worker was given a context of its own, or is pinned at the read."""
        return self.view is not None or (self.handed is not None and self.handed is not self.context)

    @property
    def in_flight(self) -> bool:
        """Whether it is neither done nor dropped."""
        return not self.finish[1] and not self.dropped
