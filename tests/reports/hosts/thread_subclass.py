"""GENI-NSF/geni-tools#63 and dennybritz/reinforcement-learning#52, in small: a `Thread` has the shared options.

Its work is `run(self)`, which has no parameter.
"""

from __future__ import annotations

import threading

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, refusing
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`self.options.target`, by all threads", records=4, wrong=3)
all_started = threading.Event()


class Options:
    """What is to be done."""

    target: str | None = None


class Scanner(threading.Thread):
    """Scans one host."""

    def __init__(self, label: str, options: Options) -> None:
        super().__init__()
        self.label, self.options = label, options

    def run(self) -> None:
        assert all_started.wait(WAIT)
        with refusing():
            save(self.label, self.options.target)


def save(owner: str, target: str | None) -> None:
    books.file(owner, target)


def declared() -> Boundary:
    return Boundary(
        "scan",
        work=f"{__name__}:Scanner.run",
        context="self.options",
        fields={"target": "target"},
        calls=[Call(f"{__name__}:save", {"target": "target"})],
    )


def run() -> None:
    options = Options()
    scanners: list[Scanner] = []
    for n in range(4):
        with books.request(f"host-{n}"):
            options.target = f"host-{n}"  # the write
            scanners.append(Scanner(f"host-{n}", options))
            scanners[-1].start()
    all_started.set()
    for scanner in scanners:
        scanner.join(WAIT)
