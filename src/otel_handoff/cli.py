"""The command line, `otel-handoff`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from otel_handoff.version import __version__

_EPILOG = """\
examples:
  otel-handoff demo                    watch a real pipeline file its calls under the wrong rows, and see that cured
  otel-handoff demo --mode observe     one mode alone
  otel-handoff check traces/           judge the traces of a run, of any number of processes

To turn it on for a pipeline of your own:
  opentelemetry-instrument python pipeline.py
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser; nothing heavy is imported for it."""
    from otel_handoff.check import command as check
    from otel_handoff.demo import command as demo

    top = argparse.ArgumentParser(
        prog="otel-handoff",
        description="Proves that each row handed to a worker thread is worked, recorded and routed under its own ids.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    demo_parser = commands.add_parser(
        "demo",
        help="run the embedded pipeline without and with otel-handoff, and compare",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_arguments(demo_parser)
    demo_parser.set_defaults(run=demo.main)
    check_parser = commands.add_parser("check", help="judge each submission again from traces; list wrong records")
    check.add_arguments(check_parser)
    check_parser.set_defaults(run=check.main)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 done, 1 mismatches were found, 2 bad input, 130 interrupted.
    """
    args = parser().parse_args(argv)
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
