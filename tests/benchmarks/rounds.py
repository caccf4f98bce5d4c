"""Subjects in processes of their own, run in turns, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

ROOT: Final = Path(__file__).parents[2]

Key = TypeVar("Key")
Answer = dict[str, Any]
Progress = Callable[[], object]


def environment(source: Path = ROOT / "src") -> dict[str, str]:
    """Return what a process of a benchmark has: this tree, or the package below `source`, and nobody's settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "DD_", "PYTHON"))}
    # First: another environment may have otel-handoff from elsewhere.
    return {**inherited, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)]), "PYTHONHASHSEED": "0"}


class ChildError(Exception):
    """A benchmark's process failed: its figures would mean nothing."""


@dataclass(frozen=True)
class Subject:
    """What is measured: `factory` is `module:function`, called with `options` in a process of its own."""

    name: str
    factory: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    python: str = sys.executable


class Child:
    """A running subject. `skipped` says why it cannot be measured here."""

    def __init__(self, subject: Subject, under: Sequence[str] = ()) -> None:
        """Start it, as an argument of the command `under`, if given."""
        self.name: str = subject.name
        self.skipped: str | None = None
        # Not a pipe, which would fill up when nobody reads it; and not a file by name, which would stay.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  it lives as long as the process
        self._process = subprocess.Popen(
            [
                *under,
                subject.python,
                "-m",
                "tests.benchmarks.child",
                subject.factory,
                json.dumps(dict(subject.options)),
            ],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def started(self) -> None:
        """Wait until the subject is ready, or has said why it is skipped.

        Raises:
            ChildError: it failed.
        """
        first = self._answer()
        self.skipped = first.get("skipped")
        if "failed" in first:
            raise ChildError(f"{self.name}: {first['failed']}")

    def run(self, **options: Any) -> Answer:
        """Run the subject once and return its answer: `cpu`, `wall` in seconds, `rss` in bytes, and its own."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(options) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise ChildError(f"{self.name} ended: {self._errors.read()[-2000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()
        self._errors.close()


@contextlib.contextmanager
def children(subjects: Sequence[Subject]) -> Generator[list[Child]]:
    """Start a process for each subject; those that are skipped say so."""
    with contextlib.ExitStack() as stack:
        running: list[Child] = []
        for subject in subjects:
            child = Child(subject)
            stack.callback(child.close)
            running.append(child)
        for child in running:
            child.started()
        yield running


def interleave(
    running: Sequence[Child], rounds: int, options: Mapping[str, Any], progress: Progress = lambda: None
) -> dict[str, list[Answer]]:
    """Run each child once in every round, in random order, after a round that does not count.

    Returns:
        name -> its answers, one a round.
    """
    return take_turns(running, rounds, {"": options}, progress)[""]


def take_turns(
    running: Sequence[Child], rounds: int, shapes: Mapping[Key, Mapping[str, Any]], progress: Progress = lambda: None
) -> dict[Key, dict[str, list[Answer]]]:
    """Run each child once in every round with the options of each shape, all in random order; the first is no round.

    Returns:
        shape -> name -> its answers, one a round.
    """
    order = [(shape, child) for shape in shapes for child in running if child.skipped is None]
    answers: dict[Key, dict[str, list[Answer]]] = {shape: {} for shape in shapes}
    for shape, child in order:
        answers[shape][child.name] = []
    shuffle = random.Random(1).shuffle
    for turn in range(rounds + 1):
        shuffle(order)
        for shape, child in order:
            answer = child.run(**shapes[shape])
            progress()
            if turn:
                answers[shape][child.name].append(answer)
    return answers


def median(answers: Sequence[Answer], key: str) -> float:
    """Return the median of one of the values."""
    return statistics.median(answer[key] for answer in answers)
