"""`otel-handoff check`: its options, and what becomes of errors."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Final

from otel_handoff.commands import UsageError, told

DESCRIPTION: Final = """\
Judge each submission again from its spans alone, and list the audit records that are wrong.

PATH is a file of OTLP, JSON lines or Protobuf: of a file exporter, of a Collector, or what the API of Tempo or Jaeger
answered, plain or packed; a folder with its subfolders, of which every file is read that may hold such, whatever its
name; or - for standard input. Any number of processes, in any order.

Besides what otel-handoff reported while it happened, this finds what only the spans of a whole run show: a span that
carries other ids than its row, two workers that claimed one submission, and calls and results under ids that no
submission carries.
"""

EPILOG: Final = """\
exit codes:
  0   no mismatch in the rows that were judged, and some were; with --id, none that concerns it
  1   mismatches, whatever else was not read or not judged; also where all of them were prevented (but see --fail-on)
  2   not known: nothing was judged (no row at all, or no row of some boundary, or none that has the --id), or something
      could not be read (a line, a span, a file of a folder) or compared (a declared call that is not there, whose ids
      are not, or that was made outside of all rows), and a mismatch may have been in there; or bad input: no such
      file, an option that cannot be meant

Rows that were not checked beside others that were, declared calls that were not made, and contexts that moved on
without a known use of a wrong id, are told, and leave the code as it is: --fail-on asks for them.

examples:
  otel-handoff check traces.jsonl
  otel-handoff check /var/log/otel --records wrong.csv        what an auditor needs
  otel-handoff check traces/ --fail-on error                  in CI: what was prevented does not fail
  otel-handoff check traces/ --fail-on any,unchecked          in CI: every row must have been judged
  otel-handoff check traces/ --id row-0006                    is this row affected?
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
        help="only what concerns this id: of a row, token, state or run, or of a trace or span; in full",
    )
    parser.add_argument(
        "--fail-on",
        default="any",
        metavar="WHICH",
        help="what fails, with commas between: any mismatch, or of them error, those that are used or blocked; exposed,"
        " contexts that moved on (code 1 each); unchecked, rows that were not checked (code 2) (any)",
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
