"""The command line, `otel-handoff`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from otel_handoff.host.suggest import nearest
from otel_handoff.version import __version__

_EPILOG = """\
examples:
  otel-handoff find -- python app.py    is there a race in my program?
  otel-handoff demo                     watch a pipeline go wrong, and cured
  otel-handoff doctor                   is it on, and would an alert get out?
  otel-handoff check traces/            which records of this run are wrong?
  otel-handoff report traces/           draw each mismatch on one page

To turn it on for a pipeline of your own:
  opentelemetry-instrument python pipeline.py
"""

_FORMATTER: Final = partial(argparse.RawDescriptionHelpFormatter, max_help_position=30)


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
        description="Prove that each row handed to a worker is worked on under its own ids.",
        epilog=_EPILOG,
        formatter_class=_FORMATTER,
    )
    top.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module, what in (
        ("demo", demo, "run a pipeline without and with otel-handoff"),
        ("find", find, "run a program, and find hand-offs that race"),
        ("doctor", doctor, "say what is wrapped, and whether an alert would get out"),
        ("check", check, "judge a run from its traces; list the wrong records"),
        ("report", report, "draw each mismatch on one page"),
        ("hash", hashes, "print ids as telemetry with hashed ids has them"),
        ("dashboards", dashboards, "write out dashboards, alert rules and a runbook"),
    ):
        command = commands.add_parser(name, help=what, formatter_class=_FORMATTER)
        module.add_arguments(command)
        command.set_defaults(run=module.main, parser=command)
    return top


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for; what is misspelt is told with its command's usage, and the nearest that there is."""
    top = parser()
    commands = commands_of(top)
    name = next((word for word in argv if not word.startswith("-")), None)
    if name is not None and name not in commands:
        top.error(f"there is no command {name!r}.{nearest(name, commands)}")
    args, unknown = top.parse_known_args(argv)
    if unknown:
        command: argparse.ArgumentParser = args.parser
        options = [option for action in command._actions for option in action.option_strings]
        command.error(f"unrecognized arguments: {' '.join(unknown)}.{nearest(unknown[0].partition('=')[0], options)}")
    return args


def commands_of(top: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    (found,) = (action for action in top._actions if action.dest != "help" and action.choices)
    return dict(found.choices or {})  # pyright: ignore[reportArgumentType]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 done, 1 mismatches were found or something needs attention, 2 bad input or not known,
        130 interrupted.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us: nobody reads it, and no file may take its number
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    args = _parsed(sys.argv[1:] if argv is None else argv)
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
