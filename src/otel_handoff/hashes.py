"""`otel-handoff hash`: from an id to what it is in telemetry that was made with `OTEL_HANDOFF_IDS=hashed`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Final

from otel_handoff.commands import told
from otel_handoff.record.hashing import Hash, key

DESCRIPTION: Final = """\
Print what each ID is in telemetry made with OTEL_HANDOFF_IDS=hashed, to get
from a record to its spans, or from a list of ids to the one in a report. The
key is taken from OTEL_HANDOFF_IDS_KEY, as the pipeline had it.
"""

EPILOG: Final = """\
examples:
  otel-handoff hash row-0006 state-0006-0
  xargs otel-handoff hash < all-ids.txt | grep hashed:2f0a19c4b1d7e853
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff hash`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("ids", nargs="+", metavar="ID", help="an id, as the audit trail has it")


def main(args: argparse.Namespace) -> int:
    """Print a line for each id: its hash, two spaces, the id.

    Returns:
        0; 1 where nobody reads it to the end; 2 where it cannot be written, told in a line on stderr.
    """
    return told(partial(_run, args))


def _run(args: argparse.Namespace) -> int:
    hashed = Hash(key())
    for id_ in args.ids:
        sys.stdout.write(f"{hashed(id_)}  {id_}\n")
    return 0
