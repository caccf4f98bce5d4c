"""Run `tests/elspeth` on checkouts of ELSPETH, and print the table of docs/compatibility.md; `--write` puts it there.

    python -m tests.elspeth.releases NAME=CHECKOUT=PYTHON ... [--write]

PYTHON is an interpreter that has what this ELSPETH needs, pytest, pytest-timeout, and otel-handoff.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from otel_handoff.elspeth import BOUNDARIES
from tests.docs.tables import filled

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "compatibility.md"
BEGIN: Final = "<!-- made by `python -m tests.elspeth.releases ... --write` -->\n"
_HEAD: Final = (
    "| ELSPETH | hand-over | calls are recorded by | Python | SDK | passed | failed |\n|---|---|---|---|---|--:|--:|\n"
)


def line(name: str, checkout: Path, python: Path) -> str:
    """Run the tests on one checkout, and return its row."""
    command = [python, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "tests/elspeth"]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    counts = {outcome: number for number, outcome in re.findall(r"(\d+) (passed|failed|error|skipped)", done.stdout)}
    if "passed" not in counts:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    ask = (
        "import platform; from opentelemetry.sdk import version; print(platform.python_version(), version.__version__)"
    )
    versions = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    failed = int(counts.get("failed", 0)) + int(counts.get("error", 0))
    cells = (name, *(f"`{module}`" for module in layout(checkout)), *versions, counts["passed"], failed)
    return f"| {' | '.join(map(str, cells))} |\n"


def layout(checkout: Path) -> tuple[str, str]:
    """Return the module of the mixin, and the class that is wrapped for calls, without what they have in common."""
    for boundary in BOUNDARIES:
        mixin = (boundary.submit or boundary.work).partition(":")[0]
        if is_there(checkout, mixin):
            recorder = next(call for call in boundary.calls if call.evidence == "call")
            target = next(target for target in recorder.targets if is_there(checkout, target.partition(":")[0]))
            place = target.rpartition(".")[0].replace("elspeth.core.landscape.", "")
            return mixin.removeprefix("elspeth.").removesuffix(".mixin"), place
    sys.exit(f"{checkout} is of no known layout")


def is_there(checkout: Path, module: str) -> bool:
    """Say whether a checkout has a module."""
    return (checkout / "src" / f"{module.replace('.', '/')}.py").exists()


def main(arguments: Sequence[str]) -> int:
    """Print the table or write it."""
    table = _HEAD
    for asked in arguments:
        if asked != "--write":
            name, checkout, python = asked.split("=")
            table += line(name, Path(checkout).resolve(), Path(python).absolute())
    if "--write" in arguments:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), BEGIN, table), "utf-8")
    else:
        sys.stdout.write(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
