"""`otel-handoff report`: its options, and what becomes of errors."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Final

from otel_handoff.commands import UsageError, told

DESCRIPTION: Final = """\
Draw each mismatch of a run: both threads, the write that put the wrong id
there, and where it was used. The page is one HTML file that needs no network:
mail it, or put it into a post-mortem.

PATH is a file of traces (OTLP as JSON or Protobuf, plain or packed: a file
exporter's, a Collector's, an answer of Tempo or Jaeger), a folder with its
subfolders, or - for standard input; of any number of processes, in any order.
"""

EPILOG: Final = """\
exit codes:
  0   the page is written, whatever it shows (otel-handoff check judges)
  2   bad input: no such file, or one that cannot be written

examples:
  otel-handoff report traces.jsonl
  otel-handoff report /var/log/otel -o incident-4711.html
  otel-handoff report traces/ --trace-url 'http://jaeger:16686/trace/{trace_id}'
  otel-handoff report traces/ --perfetto trace.json   for ui.perfetto.dev
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff report`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or - for standard input")
    parser.add_argument("-o", "--output", default="report.html", metavar="FILE", help="the page (report.html)")
    parser.add_argument(
        "--trace-url",
        default="",
        metavar="URL",
        help="where a trace can be looked at, with {trace_id} and, if it takes it, {span_id} in it",
    )
    parser.add_argument("--perfetto", metavar="FILE", help="also write a Chrome trace with arrows, as JSON")


def main(args: argparse.Namespace) -> int:
    """Write the report.

    Returns:
        0 written; 2 bad input, told in a line on stderr; 130 after Ctrl-C.
    """
    return told(partial(_run, args))


def _trace_url(url: str) -> str:
    if url and not (url.startswith(("http://", "https://")) and "{trace_id}" in url and url.isprintable()):
        raise UsageError(f"--trace-url is an http or https address with {{trace_id}} in it, not {url!r}")
    return url


def _run(args: argparse.Namespace) -> int:
    from otel_handoff.check.words import tell
    from otel_handoff.report.run import write_report

    write_report(args.paths, args.output, args.perfetto, _trace_url(args.trace_url))
    for name in filter(None, (args.output, args.perfetto)):
        tell(sys.stdout, name)
    return 0
