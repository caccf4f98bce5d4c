"""Make the dashboards' JSON, or say whether it is up to date: `python -m dashboards.source [--write]`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.source import overview, traces

FOLDER: Final = Path(__file__).parents[1] / "grafana"


def rendered() -> dict[Path, str]:
    """Return the JSON text of each dashboard, by its file."""
    made: dict[Path, str] = {}
    for name, builder in (("overview", overview.board()), ("traces", traces.board())):
        board = builder.build()
        for number, panel in enumerate(board.panels or (), start=1):
            panel.id_val = number  # links to a panel go by it
        made[FOLDER / f"{name}.json"] = json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
    return made


def main() -> int:
    """Return 0 if what is committed is what the sources say, else 1."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.source", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the JSON instead of comparing it")
    write = parser.parse_args().write
    stale = [file for file, text in rendered().items() if not file.exists() or file.read_text("utf-8") != text]
    for file in stale:
        if write:
            file.write_text(rendered()[file], "utf-8")
        sys.stdout.write(f"{file.name} {'written' if write else 'is not what dashboards/source makes'}\n")
    return 0 if write or not stale else 1


if __name__ == "__main__":
    sys.exit(main())
