"""`python -m tests.traces.earlier`: writes the traces of this version, with what it makes of them, for later ones.

With a word after it, those of what it was before a change within the version: `python -m tests.traces.earlier names`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from otel_handoff.version import __version__
from tests.traces.earlier.runs import runs, write
from tests.traces.earlier.verdict import HERE, VERDICTS, verdict


def main(arguments: Sequence[str]) -> int:
    """Write the folder; 1 where it is there."""
    folder = HERE / "-".join((__version__, *arguments))
    if folder.exists():
        sys.stderr.write(f"{folder.relative_to(HERE)} is there: what was released is not made again.\n")
        return 1
    folder.mkdir()
    verdicts: list[str] = []
    for trace, run in runs(folder).items():
        with tempfile.TemporaryDirectory() as scratch:
            write(run, trace, Path(scratch))
        verdicts.append(f"{json.dumps(trace.name)}: {json.dumps(verdict(trace))}")
    (folder / VERDICTS).write_text("{\n" + ",\n".join(verdicts) + "\n}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
