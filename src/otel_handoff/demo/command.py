"""`otel-handoff demo`."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import sqlite3
import sys
import webbrowser
from collections.abc import Callable, Generator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_handoff.commands import UsageError, told

if TYPE_CHECKING:
    from otel_handoff.demo.run import ModeRun
    from otel_handoff.record.mismatch import Mismatch

Summaries = dict[str, dict[str, int | float]]

_MODES: Final = {
    "compare": ("off", "observe", "pin"),
    "off": ("off",),
    "observe": ("observe",),
    "pin": ("pin",),
    "strict": ("strict",),
}

_ENGINES: Final = {"threads": (), "celery": ("celery",), "dask": ("dask", "distributed")}
"""What each needs."""

_EXTRAS: Final = {
    **dict.fromkeys(("httpx", "opentelemetry", "rich"), "demo"),
    **dict.fromkeys(("celery", "redis"), "celery"),
    **dict.fromkeys(("dask", "distributed"), "dask"),
}
"""What a package that is missing comes with."""

DESCRIPTION: Final = """\
Run a small real pipeline (SQLite audit trail, HTTP calls on this machine) that
has one context object for all of its rows, and count from its audit trail
whose calls are filed under whose ids.

modes:
  compare   off, observe and pin on the same rows (the default)
  off       without otel-handoff: calls are filed under another row's ids
  observe   the same, and each of them is reported while it happens
  pin       each worker has its own copy of the context: none is wrong, and
            what would have been is reported
  strict    a call under wrong ids is refused, and its row fails

engines:
  threads   a worker thread reads the context while it is written (the default)
  celery    a Celery worker in another process: the context is pickled when a
            task is published, and has another row's ids by then
  dask      the same with delayed calls, pickled when they are computed, by a
            cluster on this machine
"""

EPILOG: Final = """\
examples:
  otel-handoff demo
  otel-handoff demo --mode observe --rows 1000 --out /tmp/handoff
  otel-handoff demo --open
  otel-handoff demo --engine celery
  otel-handoff demo --engine celery --broker redis://127.0.0.1:6379/0
  otel-handoff demo --engine dask
"""

_SAME: Final = {"threads": "the same slow ones", "celery": "the same groups", "dask": "the same batches"}

_TABLE: Final = {
    "rows": "rows",
    "attempts": "attempts",
    "calls": "external calls",
    "calls_misattributed": "calls filed under the wrong row or attempt",
    "results_misrouted": "results routed wrongly",
    "mismatches_reported": "mismatches reported",
    "misattributed_and_reported": "  wrong calls among them",
    "false_reports": "  false ones",
    "rows_per_second": "rows per second",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff demo`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    # Taken as text and judged in `main`, where a mistake is told in one line.
    parser.add_argument("--rows", default="200", metavar="N", help="how many rows to feed in (200)")
    parser.add_argument("--mode", default="compare", metavar="MODE", help="one of those above (compare)")
    parser.add_argument("--engine", default="threads", metavar="ENGINE", help="one of those above (threads)")
    parser.add_argument("--broker", metavar="URL", help="of Celery; without it, files in a folder of the run's own")
    parser.add_argument("--out", default="handoff-demo", metavar="DIR", help="where to write (handoff-demo)")
    parser.add_argument("--seed", default="1", metavar="N", help="decides which rows are slow, or sent together (1)")
    parser.add_argument("--open", action="store_true", help="open the report of the mismatches in the browser")
    parser.add_argument("--port", default="0", metavar="N", help="of the service on 127.0.0.1; 0 takes a free one (0)")


def main(args: argparse.Namespace) -> int:
    """Run the demo.

    Returns:
        0; 2 after a mistake in the options or a missing extra, 130 after Ctrl-C, each told in one line on stderr.
    """
    return told(partial(_guarded, args))


def _guarded(args: argparse.Namespace) -> int:
    try:
        _run(args)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise UsageError(f"the demo needs {error.name}: pip install 'otel-handoff[{extra}]'") from error
    except sqlite3.Error as error:
        raise UsageError(str(error)) from error
    return 0


def _run(args: argparse.Namespace) -> None:
    rows = _whole(args.rows, "--rows", 1)
    seed = _whole(args.seed, "--seed", 0)
    port = _whole(args.port, "--port", 0, 65535)
    modes = _MODES.get(args.mode)
    if modes is None:
        raise UsageError(f"--mode is one of {', '.join(_MODES)}, not {args.mode!r}")
    if args.open and args.mode == "off":
        raise UsageError("--open opens the report, and there is none in mode off")

    run_mode = _engine(args)
    from otel_handoff.demo.run import summarize

    out = Path(args.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "summary.json").touch()
    except OSError as error:
        raise UsageError(f"cannot write to --out {out}: {error.strerror}") from error

    runs: list[ModeRun] = []
    for mode in modes:
        with _progress(mode, rows) as advance:
            runs.append(run_mode(mode, rows=rows, seed=seed, out=out, port=port, progress=advance))
    summaries = {run.mode: summarize(run) for run in runs}
    (out / "summary.json").write_text(json.dumps(summaries, indent=2) + "\n", encoding="utf-8")
    page = _report(runs, out)
    _tell(runs, summaries, out, page, args.engine)
    if args.open and page is not None:
        webbrowser.open(page.resolve().as_uri())


def _engine(args: argparse.Namespace) -> Callable[..., ModeRun]:
    """Return what runs one mode."""
    engine: str = args.engine
    if engine not in _ENGINES:
        raise UsageError(f"--engine is {', '.join(list(_ENGINES)[:-1])} or {list(_ENGINES)[-1]}, not {engine!r}")
    if args.broker is not None and engine != "celery":
        raise UsageError("--broker is of --engine celery")
    for package in _ENGINES[engine]:
        if find_spec(package) is None:
            raise ModuleNotFoundError(name=package)
    if engine == "threads":
        from otel_handoff.demo.run import run_mode

        return run_mode
    from otel_handoff.demo.across.run import run_mode

    return partial(run_mode, engine=engine, broker=args.broker or "filesystem://")


def _report(runs: Sequence[ModeRun], out: Path) -> Path | None:
    """Draw the mismatches of the run that has wrong calls to show, or else of the one there is."""
    from otel_handoff.report.run import write_report

    instrumented = [run for run in runs if run.mode != "off"]
    if not instrumented:
        return None
    shown = next((run for run in instrumented if run.mode == "observe"), instrumented[-1])
    page = out / "report.html"
    write_report([str(shown.traces)], str(page))
    return page


def _whole(text: str, option: str, least: int, most: int | None = None) -> int:
    with contextlib.suppress(ValueError):
        number = int(text)
        if number >= least and (most is None or number <= most):
            return number
    limit = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise UsageError(f"{option} is a whole number {limit}, not {text!r}")


@contextlib.contextmanager
def _progress(mode: str, rows: int) -> Generator[Callable[[int], object]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done: None
        return
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(mode, total=rows)
        yield lambda done: progress.advance(task, done)


def _tell(runs: Sequence[ModeRun], summaries: Summaries, out: Path, page: Path | None, engine: str) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"The same rows, {_SAME[engine]}" if len(runs) > 1 else None
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for run in runs:
        table.add_column(run.mode, justify="right")
    for key, label in _TABLE.items():
        if key == "attempts":
            table.add_row("rows given up (late twice, or blocked)", *(str(len(run.report.failed)) for run in runs))
        table.add_row(label, *(_cell(run.mode, key, summaries[run.mode][key]) for run in runs))
    console = Console(highlight=False, emoji=False)
    # Reports and paths are to be copied and searched: as they are, and never wrapped.
    plain = partial(console.print, markup=False, soft_wrap=True)
    console.print(table)
    if (mismatch := _pick([mismatch for run in runs for mismatch in run.mismatches])) is not None:
        console.print("\nOne of them, from end to end:", style="bold")
        plain(str(mismatch))
    console.print("\nWhere to look:", style="bold")
    for run in runs:
        plain(f"  {run.database}" if run.mode == "off" else f"  {run.database}  {run.traces}")
    plain(f"  {out / 'summary.json'}")
    if page is not None:
        plain(f"  {page}  each mismatch drawn: open it in a browser")
    if traced := [run for run in runs if run.mode != "off"]:
        console.print("Judge the traces again, and list the audit records that are wrong:", style="bold")
        plain(f"  {shlex.join([_command(), 'check', str(traced[0].traces), '--records', 'wrong.csv'])}")
    console.print("Next, on a pipeline of your own:", style="bold")
    plain("  OTEL_HANDOFF_MODE=observe opentelemetry-instrument COMMAND")


def _command() -> str:
    """Return how this program can be run from here: after `make demo` it is not on the PATH."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "otel-handoff" and shutil.which(called.name) is None else "otel-handoff"


def _cell(mode: str, key: str, value: float) -> str:
    if mode == "off" and key in ("mismatches_reported", "misattributed_and_reported", "false_reports"):
        return "-"
    if key in ("calls_misattributed", "results_misrouted", "false_reports"):
        return f"[{'red' if value else 'green'}]{value}[/]"
    return str(value)


def _pick(mismatches: Sequence[Mismatch]) -> Mismatch | None:
    """The one that has most to tell: a call that went wrong, by whose doing."""

    def telling(mismatch: Mismatch) -> tuple[bool, bool, bool]:
        return (mismatch.outcome == "used", mismatch.evidence == "call", mismatch.culprit is not None)

    return max(mismatches, key=telling, default=None)
