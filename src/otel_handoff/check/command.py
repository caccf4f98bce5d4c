"""`otel-handoff check`: its options, and what becomes of errors."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Final

from otel_handoff.commands import UsageError, told

DESCRIPTION: Final = """\
Judge each submission again from its spans alone, and list the audit records that are wrong.

PATH is a file of OTLP JSON lines (of the OpenTelemetry file exporter or of a Collector's), plain or gzip; a folder,
which is read with its subfolders; or - for standard input. Any number of processes, in any order.

Besides what otel-handoff reported while it happened, this finds what only the spans of a whole run show: a span that
carries other ids than its row, two workers that claimed one submission, and calls and results under ids that no
submission carries.
"""

EPILOG: Final = """\
exit codes:
  0   no mismatch; with --id, none that concerns it
  1   mismatches, also where some lines were broken; also where all of them were prevented (but see --fail-on)
  2   bad input: no such file, an option that cannot be meant; or no mismatch, but broken lines: it may have been there;
      or nothing in these files has the --id

examples:
  otel-handoff check traces.jsonl
  otel-handoff check /var/log/otel --records wrong.csv        what an auditor needs
  otel-handoff check traces/ --fail-on error                  in CI: a prevented or exposed mismatch does not fail
  otel-handoff check traces/ --id row-0006                    is this row affected?
  zcat *.gz | otel-handoff check - --format json | jq .kinds
"""


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
        help="which mismatches make the exit code 1: any, or error: only those that are used or blocked (any)",
    )


def main(args: argparse.Namespace) -> int:
    """Check.

    Returns:
        0 no mismatch; 1 mismatches; 2 bad input, told in a line on stderr; 130 after Ctrl-C.
    """
    return told(partial(_run, args))


def _run(args: argparse.Namespace) -> int:
    from otel_handoff.check.run import Options, check

    _choice("--format", args.format, "text", "json")
    _choice("--fail-on", args.fail_on, "any", "error")
    return check(Options(args.paths, args.format == "json", args.records, args.fail_on == "any", args.id))


def _choice(option: str, given: str, *choices: str) -> None:
    if given not in choices:
        raise UsageError(f"{option} is {' or '.join(choices)}, not {given!r}")
