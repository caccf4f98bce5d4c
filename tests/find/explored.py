"""What `find` says of the explorer's programs, by what really happened: `python -m tests.find.explored --write`."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

from otel_handoff.find import own, pools, session
from otel_handoff.find.begin import groups
from otel_handoff.find.found import SHARED, VERDICTS, WRONG
from otel_handoff.find.verify import NOT_KNOWN, NOTHING, WRONG_IDS, verdict
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch
from tests.docs.tables import filled
from tests.schedules.explore import strategy_of
from tests.schedules.own import is_anybodys
from tests.schedules.program import generate
from tests.schedules.records import Attempt, Got
from tests.schedules.run import Run
from tests.schedules.scheduler import Greenlets
from tests.schedules.strategies import Decisions
from tests.schedules.truth import tick

PAGE: Final = Path(__file__).parents[2] / "docs" / "find.md"
BEGIN: Final = "<!-- made by `python -m tests.find.explored --write` -->\n"

HOSTS: Final = ("alone", "inpartial", "inclosure", "inmethod", "pool", "mixin")
"""Those that hand over to a pool; that of the last two is the explorer's own, which is looked at as another is."""

_MACHINERY: Final = ("truth", "records", "scheduler", "run", "program", "pools", "alone")
"""What runs the programs, and knows what happened: none of theirs."""

_CHUNK: Final = 100

RIGHT, COUNT, UNSURE = "right", "attempt", "unsure"
"""No worker read a wrong id; only one that is a count by its name; nobody can say that one did, or did not."""


class Outcome(NamedTuple):
    """One program.

    Attributes:
        truth: `WRONG` where a worker read an id that was written after its hand-over, by another; or one of the others.
        said: the worst verdict.
        code: the exit code.
        rows: how often it was handed over.
        wrong: when it ran once more, as it did: how many reads by a row of an id there were, once for each row and id.
        found: how many of them were counted.
        more: how many were counted beyond them.
    """

    truth: str
    said: str
    code: int
    rows: int
    wrong: int
    found: int
    more: int


@contextmanager
def looked_at() -> Generator[None]:
    """Look, also at the explorer's own pool, while a program runs."""
    for module in _MACHINERY:
        own.leave_out(f"tests.schedules.{module}")
    submit = partial(pools.submit, "submit")

    def wrap(function: Any, _parameters: Parameters) -> Any:
        return stand_in(function, submit)

    patch = Patch("tests.schedules.pools:ControlledPool.submit", wrap)
    clock, collects = time.time_ns, gc.isenabled()
    gc.disable()  # a finalizer runs at a point that is no schedule's
    time.time_ns = tick
    session.start()
    patch.apply()
    try:
        yield
    finally:
        patch.remove()
        session.stop()
        time.time_ns = clock
        if collects:
            gc.enable()


def explored(seed: int, host: str, *, clean: bool = False) -> Outcome:
    """Run the program of a seed, looked at; compare what was said with what happened."""
    program = generate(seed, host, clean=clean)
    with looked_at():
        scheduler = Greenlets(strategy_of(seed))
        run = Run(program, scheduler, watch=True)
        run.go()
        result = session.result()
        before = _counted(run)
        again = Run(program, Greenlets(Decisions(scheduler.decisions)), watch=True)
        again.go()
        counted = _counted(again) - before
    said = min((found.verdict for found in result.found), key=VERDICTS.index, default=SHARED)
    wrong = _wrong(again)
    both = (wrong & counted).total()
    rows, code = len(run.truth.attempts), verdict(result, None)
    return Outcome(_truth(run), said, code, rows, wrong.total(), both, counted.total() - both)


def _counted(run: Run) -> Counter[str]:
    handed = [group for group in groups.values() if group.work is None or group.work.module != Run.__module__]
    attributes = [each for group in handed for each in group.attributes.values()]  # but those of a nested pool
    counts: Counter[str] = Counter()
    for attribute in attributes:
        if attribute.name in run.truth.shape.roots:
            counts[attribute.name] += attribute.wrong.value
    return counts


def _wrong(run: Run) -> Counter[str]:
    roots, attempts = run.truth.shape.roots, run.truth.attempts
    return Counter(root for root in roots for one in attempts if any(_is_wrong(got, root) for got in one.gots))


def _truth(run: Run) -> str:
    wrong = _wrong(run)
    if set(wrong) - {COUNT}:
        return WRONG
    if wrong:
        return COUNT
    return UNSURE if any(map(_is_anybodys_guess, run.truth.attempts)) else RIGHT


def _is_wrong(got: Got, root: str) -> bool:
    # What goes around the class is not seen.
    truth, attempt = got.attempt.truth, got.attempt
    return (
        got.root == root
        and (got.sure and got.visible and not got.nested)
        and any(not is_anybodys(truth, attempt, name, value) for name, value in got.wrong.items())
    )


def _is_anybodys_guess(attempt: Attempt) -> bool:
    # A nested pool is a hand-over of its own, after which its worker may write as well.
    return any(got.wrong or (got.nested and got.root in attempt.own) for got in attempt.gots)


class Part(NamedTuple):
    """A share of an exploration, for a process of its own."""

    host: str
    first: int
    last: int
    clean: bool


def explore(part: Part) -> list[Outcome]:
    """Run it."""
    return [explored(seed, part.host, clean=part.clean) for seed in range(part.first, part.last)]


def table(raced: Sequence[Outcome], clean: Sequence[Outcome]) -> Iterator[str]:
    """Yield the table of the page."""
    yield "| programs in which | | `WRONG` | `EXPOSED`, exit code 2 | nothing, exit code 0 |"
    yield "|---|--:|--:|--:|--:|"
    for what, outcomes in (
        ("a worker read another row's id", [each for each in raced if each.truth == WRONG]),
        ("it read only one whose name says that it counts", [each for each in raced if each.truth == COUNT]),
        ("no worker did, though ids moved in flight", [each for each in raced if each.truth == RIGHT]),
        ("nothing can race", [each for each in clean if each.truth == RIGHT]),
    ):
        told = [each.code for each in outcomes]
        shares = " | ".join(_percent(told.count(code), len(told)) for code in (WRONG_IDS, NOT_KNOWN, NOTHING))
        yield f"| {what} | {len(told):,} | {shares} |"
    wrong, found, more = (sum(getattr(each, name) for each in raced) for name in ("wrong", "found", "more"))
    programs, rows = len(raced) + len(clean), sum(each.rows for each in (*raced, *clean))
    counted, are_reads = _percent(found, wrong), _percent(found, found + more)
    yield ""
    yield f"{programs:,} programs, {rows:,} rows. When one runs once more, its attributes watched from the start,"
    yield f"{counted} of the wrong reads are counted; {are_reads} of what is counted is one."


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def main() -> None:
    """Explore, and print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="programs for each host, raced and clean")
    parser.add_argument("--write", action="store_true", help="write it into docs/find.md")
    args = parser.parse_args()
    parts = [
        Part(host, first, min(first + _CHUNK, args.n), clean)
        for clean, host in product((False, True), HOSTS)
        for first in range(0, args.n, _CHUNK)
    ]
    outcomes: dict[bool, list[Outcome]] = {False: [], True: []}
    with multiprocessing.get_context("spawn").Pool() as pool:
        for part, found in zip(parts, pool.imap(explore, parts), strict=True):
            outcomes[part.clean] += found
    made = "\n".join(["", *table(outcomes[False], outcomes[True]), "", ""])
    if args.write:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), BEGIN, made), "utf-8")
    sys.stdout.write(made)


if __name__ == "__main__":
    main()
