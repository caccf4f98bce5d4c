"""`otel-handoff check`: its options, and what becomes of errors."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Final

from otel_handoff.commands import UsageError, told

DESCRIPTION: Final = """\
Judge each row again from its spans alone, and list the audit records that are
wrong.

PATH is a file of traces (OTLP as JSON or Protobuf, plain or packed: a file
exporter's, a Collector's, an answer of Tempo or Jaeger), a folder with its
subfolders, or - for standard input; of any number of processes, in any order.
"""

EPILOG: Final = """\
exit codes:
  0   right: no mismatch in the rows judged, and some were
  1   wrong: mismatches, also where all of them were prevented (--fail-on)
  2   not known: nothing was judged, of all or of one boundary or --id; or
      something could not be read or compared; or bad input

examples:
  otel-handoff check traces.jsonl
  otel-handoff check /var/log/otel --records wrong.csv   for an auditor
  otel-handoff check traces/ --fail-on error             prevented does not fail
  otel-handoff check traces/ --fail-on any,unchecked     each row was judged
  otel-handoff check traces/ --id row-0006               is this row affected?
  zcat *.gz | otel-handoff check - --format json | jq .kinds
"""

_FAIL_ON: Final = ("any", "error", "exposed", "unchecked")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff check`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or - for standard input")
    # Taken as text and judged in `main`, where a mistake is told in one line.
    parser.add_argument("--format", default="text", metavar="FORMAT", help="text or json (text)")
    parser.add_argument(
        "--records",
        metavar="FILE",
        help="write the wrong audit records as CSV; - is standard output, the rest on stderr",
    )
    parser.add_argument(
        "--id",
        metavar="ID",
        help="only what concerns this id, in full: of a row, token, state, run, trace or span",
    )
    parser.add_argument(
        "--fail-on",
        default="any",
        metavar="WHICH",
        help="what fails, with commas between: any mismatch, or error, only those used or blocked; besides, exposed,"
        " contexts that merely moved on (code 1); unchecked, rows that were not checked (code 2) (any)",
    )


def main(args: argparse.Namespace) -> int:
    """Check.

    Returns:
        0 no mismatch; 1 mismatches; 2 not known, or bad input, told in a line on stderr; 130 after Ctrl-C.
    """
    return told(partial(_run, args))


def _run(args: argparse.Namespace) -> int:
    from otel_handoff.check.run import Options, check

    _choice("--format", args.format, "text", "json")
    fail_on = frozenset(word.strip() for word in args.fail_on.split(","))
    if not fail_on <= {*_FAIL_ON}:
        raise UsageError(f"--fail-on is of {', '.join(_FAIL_ON)}, not {args.fail_on!r}")
    return check(Options(args.paths, args.format == "json", args.records, fail_on, args.id))


def _choice(option: str, given: str, *choices: str) -> None:
    if given not in choices:
        raise UsageError(f"{option} is {' or '.join(choices)}, not {given!r}")
