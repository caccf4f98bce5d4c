"""What the tasks of a run do, as plain data, and the generator of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

TOKEN: Final = 0
STATE: Final = 1
"""The two attributes of the context that ids are read from: an object that carries ids, and an id."""

VIAS: Final = ("attribute", "getattr", "method", "alias", "copy", "vars")
BLIND: Final = frozenset({"copy", "vars"})
"""Reads that go around the class."""


@dataclass(frozen=True)
class Read:
    """Read an id, and keep it for a later call."""

    root: int
    via: str


@dataclass(frozen=True)
class Call:
    """File an external call.

    `how`: `now` reads the ids, one after the other, and files; `kept` files what was read last, or at the start;
    `method` lets the context file it, which reads an id twice; `route` hands a result on.
    """

    how: str
    fails: bool = False


@dataclass(frozen=True)
class Own:
    """Write an id oneself. `kind`: `unique`, `none` or `equal`; `alias` writes to the raw context."""

    root: int
    kind: str
    alias: bool = False


@dataclass(frozen=True)
class Nested:
    """Give some of the work to a nested pool, and wait for it or not."""

    steps: tuple[Step, ...]
    join: bool


@dataclass(frozen=True)
class Fail:
    """Raise."""


Step = Read | Call | Own | Nested | Fail


@dataclass(frozen=True)
class Submit:
    """Write the next ids, one by one, and hand the row over.

    A row that was submitted before is a retry: the same token, or one that is equal (`fresh`), and a new state.
    """

    row: int
    steps: tuple[Step, ...]
    token_first: bool = True
    fresh: bool = False
    callback: bool = False


@dataclass(frozen=True)
class Ghost:
    """Write something else: `ghost`, an id of nobody; `none`; `row`, that of a row before; or `own`, a worker's last.

    `restore` then writes back what was there: the `same` object, an `equal` one, or nothing.
    """

    root: int
    kind: str
    restore: str


@dataclass(frozen=True)
class Rewrite:
    """Write the current id again: the `same` object or an `equal` one."""

    root: int
    kind: str


@dataclass(frozen=True)
class Evict:
    """Give up the newest attempt of a row."""

    row: int


@dataclass(frozen=True)
class Drop:
    """Take the newest attempt of a row off the queue, if it is still there."""

    row: int


@dataclass(frozen=True)
class Wait:
    """Wait until the newest attempt of a row is done, or (-1) until all is."""

    row: int


@dataclass(frozen=True)
class Stray:
    """Let an unrelated task, on the nested pool's threads, read the context."""

    root: int


Act = Submit | Ghost | Rewrite | Evict | Drop | Wait | Stray


@dataclass(frozen=True)
class Program:
    """A run.

    Attributes:
        host: `pool`, `queue`, `mixin`, or one of the variants.
        contexts: `shared`, or `own`, one for each row.
        submitters: what each does.
        workers: threads of the pool.
        slots: a context class without a `__dict__` (generic hosts).
    """

    host: str
    contexts: str
    submitters: tuple[tuple[Act, ...], ...]
    workers: int
    slots: bool = False


def generate(seed: int, host: str, *, clean: bool = False, owns: bool = True, two: bool = True) -> Program:
    """Return the program of a seed.

    Args:
        seed: the same seed gives the same program.
        host: `pool`, `queue`, `mixin`, or one of the variants.
        clean: there is no race by construction.
        owns: whether workers write ids themselves.
        two: whether there may be two submitters.
    """
    rng = random.Random(f"{seed}/{host}/{clean}")
    own = rng.random() < 0.5 if clean else rng.random() < 0.05
    two = rng.random() < 0.25 and two and (own or not clean)
    slots = host != "mixin" and rng.random() < 0.25
    maker = _Maker(rng, slots=slots or host in ("deep", "several"), owns=owns)
    submitters = tuple(
        tuple(maker.sequential() if clean and not own else maker.acts(first * 10, calm=own)) for first in range(1 + two)
    )
    workers = 1 if rng.random() < 0.3 else rng.randint(2, 3)
    return Program(host, "own" if own else "shared", submitters, workers, slots)


class _Maker:
    def __init__(self, rng: random.Random, *, slots: bool, owns: bool) -> None:
        self._rng = rng
        self._owns = owns
        self._vias = tuple(via for via in VIAS if not (slots and via == "vars"))

    def sequential(self) -> list[Act]:
        """Rows one after another: each is done before anything is written again."""
        acts: list[Act] = []
        for row in range(self._rng.randint(2, 5)):
            if self._rng.random() < 0.3:
                acts.append(Rewrite(self._root(), self._rng.choice(("same", "equal"))))
            acts += [self._submit(row if self._rng.random() < 0.8 else max(0, row - 1)), Wait(-1)]
        return acts

    def acts(self, first: int, *, calm: bool) -> list[Act]:
        """Rows in flight together, and (unless `calm`) everything that a submitter may do in between."""
        rng = self._rng
        acts: list[Act] = []
        rows = first
        for _ in range(rng.randint(2, 4)):
            retry = rows > first and rng.random() < 0.3
            row = rng.randrange(first, rows) if retry else rows
            rows += not retry
            if retry and rng.random() < 0.5:
                acts.append(Evict(row))
            acts.append(self._submit(row))
            while not calm and rng.random() < 0.45:
                acts.append(self._between(first, rows))
        return acts

    def _between(self, first: int, rows: int) -> Act:
        rng = self._rng
        kind = rng.choices(("ghost", "rewrite", "evict", "drop", "wait", "stray"), (5, 2, 1, 1, 2, 1))[0]
        if kind == "ghost":
            return Ghost(self._root(), rng.choice(("ghost", "none", "row", "own")), rng.choice(("same", "equal", "")))
        if kind == "rewrite":
            return Rewrite(self._root(), rng.choice(("same", "equal")))
        if kind == "stray":
            return Stray(self._root())
        row = rng.randrange(first, rows)
        return {"evict": Evict, "drop": Drop, "wait": Wait}[kind](row)

    def _submit(self, row: int) -> Submit:
        rng = self._rng
        return Submit(row, self._steps(0), rng.random() < 0.5, rng.random() < 0.3, rng.random() < 0.2)

    def _steps(self, depth: int) -> tuple[Step, ...]:
        rng = self._rng
        steps: list[Step] = []
        for _ in range(rng.randint(1, 4 if depth == 0 else 2)):
            kind = rng.choices(
                ("read", "call", "own", "nested", "fail"), (8, 6, self._owns, 2 if depth < 2 else 0, 0.5)
            )[0]
            if kind == "read":
                steps.append(Read(self._root(), rng.choices(self._vias, (4, 2, 2, 2, 1, 1)[: len(self._vias)])[0]))
            elif kind == "call":
                steps.append(Call(rng.choices(("now", "kept", "method", "route"), (3, 3, 3, 1))[0], rng.random() < 0.1))
            elif kind == "own":
                steps.append(Own(self._root(), rng.choice(("unique", "none", "equal")), rng.random() < 0.3))
            elif kind == "nested":
                steps.append(Nested(self._steps(depth + 1), rng.random() < 0.6))
            else:
                steps.append(Fail())
        return tuple(steps)

    def _root(self) -> int:
        return self._rng.randint(0, 1)
