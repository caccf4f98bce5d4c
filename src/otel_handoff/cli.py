"""The command line, `otel-handoff`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from otel_handoff.version import __version__

_EPILOG = """\
examples:
  otel-handoff demo                    watch a real pipeline file its calls under the wrong rows, and see that cured
  otel-handoff demo --mode observe     one mode alone
  otel-handoff find -- python app.py   is there a race in my program? Nothing has to be declared
  otel-handoff doctor                  is it on, and would an alert get out?
  otel-handoff check traces/           judge the traces of a run, of any number of processes
  otel-handoff report traces/          see each mismatch on one page, both threads and the write that did it
  otel-handoff hash row-0006           what an id is in telemetry with OTEL_HANDOFF_IDS=hashed
  otel-handoff dashboards monitoring   write out dashboards, alerts and Collector configuration

To turn it on for a pipeline of your own:
  opentelemetry-instrument python pipeline.py
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser; nothing heavy is imported for it."""
    from otel_handoff import dashboards, hashes
    from otel_handoff.check import command as check
    from otel_handoff.demo import command as demo
    from otel_handoff.doctor import command as doctor
    from otel_handoff.find import command as find
    from otel_handoff.report import command as report

    top = argparse.ArgumentParser(
        prog="otel-handoff",
        description="Proves that each row handed to a worker thread is worked, recorded and routed under its own ids.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module, what in (
        ("demo", demo, "run the embedded pipeline without and with otel-handoff, and compare"),
        ("find", find, "run a program, and find the hand-offs that carry something which changes in flight"),
        ("doctor", doctor, "say what is wrapped, how it is set up, and whether an alert would get out"),
        ("check", check, "judge each submission again from traces, and list the records that are wrong"),
        ("report", report, "draw each mismatch on one page: both threads, and the write that did it"),
        ("hash", hashes, "print the hashes of ids, to find them in telemetry whose ids are hashed"),
        ("dashboards", dashboards, "write out dashboards, alert rules, a runbook and Collector configuration"),
    ):
        command = commands.add_parser(name, help=what, formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(command)
        command.set_defaults(run=module.main)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 done, 1 mismatches were found or something needs attention, 2 bad input or not known,
        130 interrupted.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us: nobody reads it, and no file may take its number
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    args = parser().parse_args(argv)
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
