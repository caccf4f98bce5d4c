"""Who runs next: at random, by PCT priorities, or as a list of decisions says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol


class Strategy(Protocol):
    """Chooses among the tasks that can run."""

    def choose(self, ready: Sequence[int]) -> int:
        """Return a position in `ready`: task numbers, that of the task which has just run first, if it can go on."""
        ...


class RandomChoice:
    """Switches with the same probability at each point; finds transient changes and torn reads."""

    def __init__(self, seed: int, probabilities: Sequence[float] = (0.1, 0.3, 0.6, 0.9)) -> None:
        self._random = random.Random(seed)
        self._probability = self._random.choice(probabilities)

    def choose(self, ready: Sequence[int]) -> int:
        """Stay, or go to any of the others."""
        if len(ready) == 1 or self._random.random() >= self._probability:
            return 0
        return self._random.randrange(1, len(ready))


class Priorities:
    """PCT: the task of highest priority runs, which changes at a few points only; finds late rows."""

    def __init__(self, seed: int, steps: int = 120, depth: int = 4) -> None:
        self._random = random.Random(seed)
        self._priority: dict[int, float] = {}
        self._changes = {self._random.randrange(steps): -level for level in range(1, depth + 1)}
        self._step = 0

    def choose(self, ready: Sequence[int]) -> int:
        """Run the highest; at a point of change it becomes the lowest."""
        for number in ready:
            if number not in self._priority:
                self._priority[number] = self._random.random()
        change = self._changes.get(self._step)
        self._step += 1
        if change is not None:
            self._priority[ready[0]] = change
        best = max(ready, key=self._priority.__getitem__)
        return ready.index(best)


class Decisions:
    """Repeats recorded choices; where they end, each task runs on as long as it can."""

    def __init__(self, decisions: Sequence[int]) -> None:
        self._left = list(reversed(decisions))

    def choose(self, ready: Sequence[int]) -> int:
        """The next decision, fitted to the tasks that there are."""
        return self._left.pop() % len(ready) if self._left else 0
