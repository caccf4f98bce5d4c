# ruff: noqa: T201  a command prints
"""`python -m tests.reports NAME MODE`: rebuild one public report, and print in one line of JSON what became of it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tests.reports.catalogue import BY_NAME
from tests.reports.running import MODES, as_json, run

_EPILOG = """\
A report is a host in tests/reports/hosts: its docstring says what goes wrong there, `declared()` is the one boundary
that is declared for it, and `run()` files. What is filed is counted against whose it was, so that

  python -m tests.reports deep_id:dict off       shows that the race is real: `wrong`
  python -m tests.reports deep_id:dict observe   that each of these is told: `told`, `rightly`, `falsely`, `culprits`
  python -m tests.reports deep_id:dict pin       that none is left, and what was spared: `wrong`, `prevented`
  python -m tests.reports deep_id:dict strict    that those are refused, and the others filed: `refused`, `records`

What a report needs is in tests/reports/requirements.txt; `make reports` installs it, and makes the table.

reports:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one; 2 if it is not known, or its library is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reports",
        description=__doc__,
        epilog=_EPILOG + "".join(f"  {name:24} {', '.join(each.needs)}\n" for name, each in BY_NAME.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", choices=BY_NAME, help="of a report, and its variant: see below")
    parser.add_argument("mode", metavar="MODE", choices=MODES, help=", ".join(MODES))
    options = parser.parse_args(arguments)
    report = BY_NAME[options.name]
    if lacking := report.lacks():
        parser.error(f"{', '.join(lacking)} is not here: pip install -r tests/reports/requirements.txt")
    print(as_json(run(report, options.mode)))
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # some libraries leave threads behind that end when they please
