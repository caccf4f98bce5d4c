"""`otel-handoff doctor`: its options, and where its output goes."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, TextIO

from otel_handoff.commands import colours, hush, told

DESCRIPTION: Final = """\
Say what is wrapped, how OpenTelemetry is set up, which settings hold and where
they come from, and whether an alert would get out.

Run it as the pipeline is run: alone, it sets itself up from the environment as
opentelemetry-instrument would; where the pipeline sets OpenTelemetry up in its
own code, name that code with --import.
"""

EPILOG: Final = """\
exit codes:
  0   all well; notes, and what cannot be told, do not count
  1   something needs attention; what to do is said below it
  2   bad input: such as a module that cannot be imported

examples:
  otel-handoff doctor
  opentelemetry-instrument --handoff_mode observe otel-handoff doctor
  otel-handoff doctor --import my.pipeline:set_up_telemetry
  otel-handoff doctor --send-test-alert
  otel-handoff doctor --json | jq .well
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff doctor`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument(
        "--import",
        dest="module",
        metavar="MODULE[:FUNCTION]",
        help="the code with which the pipeline sets itself up: a module to import, a function to call",
    )
    parser.add_argument(
        "--send-test-alert",
        action="store_true",
        help="send one alert, marked as a test, and say which exporters took it; no counter moves",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def main(args: argparse.Namespace) -> int:
    """Examine.

    Returns:
        0 all well; 1 something needs attention; 2 bad usage, told in a line on stderr; 130 after Ctrl-C.
    """
    others = threading.enumerate()
    code = told(partial(_run, args))
    if any(not thread.daemon for thread in threading.enumerate() if thread not in others):
        # What the pipeline's code has started may run for ever, and Python would wait for it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(args: argparse.Namespace) -> int:
    from otel_handoff.doctor import examine, start

    with _own_output() as output:
        try:
            before = start.automatically() if args.module is None else start.by(args.module)
            diagnosis = examine(send_test_alert=args.send_test_alert, before=before, apart=True)
        finally:
            start.leave()
        if args.json:
            json.dump(diagnosis.as_dict(), output, indent=2, default=str)
            output.write("\n")
        else:
            from otel_handoff.doctor.text import lines

            output.writelines(f"{line}\n" for line in lines(diagnosis.sections, colour=colours(output)))
    return 0 if diagnosis.well else 1


@contextmanager
def _own_output() -> Generator[TextIO, None, None]:
    # The report alone is on stdout: what a console exporter or the user's module prints goes to stderr meanwhile.
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="backslashreplace") as output:
        os.dup2(2, 1)
        try:
            yield output
            output.flush()
        except BrokenPipeError:
            hush(output)
        finally:
            with suppress(ValueError):  # the user's module may have closed it
                sys.stdout.flush()
            os.dup2(output.fileno(), 1)
