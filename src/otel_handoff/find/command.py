"""`otel-handoff find`: its options, and what it does."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Final

from otel_handoff.commands import UsageError, told

DESCRIPTION: Final = """\
Run a program, or its tests, and find the hand-offs that carry something shared
which changes in flight. Nothing has to be declared or changed: pools, threads,
queues, asyncio and processes are looked at. Where a worker read what was
written after its hand-over, both lines are named, and the Boundary that guards
it is printed. What the program did not do was not seen.
"""

EPILOG: Final = """\
exit codes:
  0   no worker was seen to read what was written after its hand-over
  1   one was
  2   not known: who read what moved was not seen, or whether it says which row
      it is; nothing of the program's own was handed over; the program failed,
      or a process of it was killed; or bad input

examples:
  otel-handoff find -- python app.py
  otel-handoff find -- pytest -x tests/
  otel-handoff find --verify -- python -m shop   does the proposal guard it?
  otel-handoff find --write boundaries.py -- python app.py
  otel-handoff find --provoke 0.05 -- pytest     races that need luck show
  OTEL_HANDOFF_FIND=found opentelemetry-instrument python service.py
  otel-handoff find --read found                 what that service did
  otel-handoff find --report found.html -- pytest  a page that draws it
  otel-handoff find --format sarif -- pytest > handoff.sarif
  otel-handoff find --package celery -- python app.py
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff find`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    # Taken as text and judged in `main`, where a mistake is told in one line.
    parser.add_argument("--verify", action="store_true", help="run it again, in observe and in pin, with the proposals")
    parser.add_argument("--all", action="store_true", help="also tell what is shared, and never moved in flight")
    parser.add_argument("--write", metavar="FILE", help="write the proposals into a Python file, to be declared")
    parser.add_argument(
        "--read", metavar="FOLDER", help="tell what services wrote there that ran with OTEL_HANDOFF_FIND"
    )
    parser.add_argument("--report", metavar="FILE", help="write a page that draws what was found, worst first")
    parser.add_argument("--format", default="text", metavar="FORMAT", help="text, json, or sarif for code hosts (text)")
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="NAME",
        help="an installed package that counts as the program's own; more than once for several",
    )
    parser.add_argument(
        "--provoke",
        default="0",
        metavar="SECONDS",
        help="hold each worker back for the next hand-over, so long at most (0)",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run, behind --")


def main(args: argparse.Namespace) -> int:
    """Find.

    Returns:
        0 nothing wrong was seen; 1 something was; 2 not known, or bad input, told in a line on stderr; 130 after
        Ctrl-C.
    """
    return told(partial(_run, args))


def _run(args: argparse.Namespace) -> int:
    from otel_handoff.find.run import Options, find

    command: list[str] = args.command[1:] if args.command[:1] == ["--"] else args.command
    if args.format not in ("text", "json", "sarif"):
        raise UsageError(f"--format is text, json or sarif, not {args.format!r}")
    if args.read is not None and (command or args.verify):
        raise UsageError("--read tells what was found; nothing is run for it")
    if not command and args.read is None:
        raise UsageError("what is to be run is missing: otel-handoff find -- python app.py")
    return find(
        Options(
            command,
            read=args.read,
            form=args.format,
            verify=args.verify,
            shared=args.all,
            file=args.write,
            page=args.report,
            packages=args.package,
            patience=_seconds(args.provoke),
        )
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 60:
        raise UsageError(f"--provoke is a number of seconds from 0 to 60, not {text!r}")
    return seconds
