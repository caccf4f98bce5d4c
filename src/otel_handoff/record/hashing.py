"""Ids as they leave the process with `OTEL_HANDOFF_IDS=hashed`; and `otel-handoff hash`, which leads back to them."""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from otel_handoff.record.semconv import attribute_value

if TYPE_CHECKING:
    import argparse

OTEL_HANDOFF_IDS_KEY: Final = "OTEL_HANDOFF_IDS_KEY"
"""A secret. It is not among `environment_variables`, each of which is also a flag on a command line."""

PREFIX: Final = "hashed:"
"""Starts every hash, so that nobody takes one for an id."""

_DIGITS: Final = 16

DESCRIPTION: Final = """\
Print what each ID is in telemetry that was made with OTEL_HANDOFF_IDS=hashed: the way from a record to its spans, or
from a list of ids to the one that a report names.

A key is taken from OTEL_HANDOFF_IDS_KEY, and must be the one that the pipeline had.
"""

EPILOG: Final = """\
examples:
  otel-handoff hash row-0006 state-0006-0
  xargs otel-handoff hash < all-ids.txt | grep hashed:2f0a19c4b1d7e853
"""


class Hash:
    """Hashes ids. The same id under the same key has the same hash in every process, of any version.

    It is `hashed:` and the first 16 hex digits of SHA-256, or with a key of HMAC-SHA-256, of the id's attribute value,
    as text in UTF-8. Those are 64 bits: among ten million ids, two alike are a matter of one in 370,000.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str = "") -> None:
        """Use `key`; without one, whoever can guess an id can tell that a hash is of it."""
        self._key = key.encode("utf-8", "surrogateescape")  # as the environment has it

    def __call__(self, value: object) -> str:
        """Return the hash of an id; not of None, which is none."""
        text = str(attribute_value(value)).encode("utf-8", "surrogatepass")
        digest = hmac.new(self._key, text, "sha256") if self._key else hashlib.sha256(text)
        return f"{PREFIX}{digest.hexdigest()[:_DIGITS]}"


def key() -> str:
    """Return the key that the environment holds, or an empty string."""
    return os.environ.get(OTEL_HANDOFF_IDS_KEY, "").strip()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff hash`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("ids", nargs="+", metavar="ID", help="an id, as the audit trail has it")


def main(args: argparse.Namespace) -> int:
    """Print a line for each id: its hash, two spaces, the id.

    Returns:
        0; 1 where nobody reads it to the end; 2 where it cannot be written, told in a line on stderr.
    """
    from otel_handoff.commands import told  # the host needs hashes, and no command

    return told(partial(_run, args))


def _run(args: argparse.Namespace) -> int:
    hashed = Hash(key())
    for id_ in args.ids:
        sys.stdout.write(f"{hashed(id_)}  {id_}\n")
    return 0
