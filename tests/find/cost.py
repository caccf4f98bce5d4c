"""What `otel-handoff find` costs a program: `python -m tests.find.cost --write` measures it for docs/find.md."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from otel_handoff.find.launch import run
from tests.docs.tables import filled

PAGE: Final = Path(__file__).parents[2] / "docs" / "find.md"
BEGIN: Final = "<!-- made by `python -m tests.find.cost --write` -->\n"

_PROGRAM: Final = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256


class Order:
    number = None


def bill(row, order, work):
    for _ in range(work):
        sha256(b"row" * 1000).hexdigest()
    return order.number


def main(work, rows):
    order, begun = Order(), time.process_time()
    with ThreadPoolExecutor(2) as pool:
        for row in range(rows):
            order.number = f"order-{row}"
            pool.submit(bill, row, order, work).result()
    sys.stderr.write(json.dumps(time.process_time() - begun) + chr(10))


main(*map(int, sys.argv[1:]))
"""

_SHAPES: Final = {"no work at all": (0, 4000), "0.1 ms of work": (25, 2000), "1 ms of work": (250, 400)}
_ROUNDS: Final = 7


def measured(work: int, rows: int, folder: Path) -> float:
    """Return the processor time of a program under find over that without, of medians; they take turns."""
    (folder / "program.py").write_text(_PROGRAM, "utf-8")
    command = [sys.executable, str(folder / "program.py"), str(work), str(rows)]
    bare: list[float] = []
    found: list[float] = []
    for _ in range(_ROUNDS):
        bare.append(_seconds(command))
        found.append(_under_find(command, folder))
    return statistics.median(found) / statistics.median(bare)


def _seconds(command: list[str]) -> float:
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ran.stderr.splitlines()[-1])


def _under_find(command: list[str], folder: Path) -> float:
    script = "import sys; from tests.find.cost import under_find; under_find(sys.argv[1:])"
    ran = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    return json.loads(next(line for line in reversed(ran.stderr.splitlines()) if line[:1].isdigit()))


def under_find(command: list[str]) -> None:
    """Run a command, looked at."""
    run(command, {}, is_quiet=True)


def table(folder: Path) -> str:
    """Return the table of the page."""
    lines = ["| a row of | processor time, over that without |", "|---|--:|"]
    lines += [f"| {name} | {measured(*shape, folder):.2f}x |" for name, shape in _SHAPES.items()]
    return "\n".join(["", *lines, "", ""])


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/find.md")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = table(Path(folder))
    if args.write:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), BEGIN, made), "utf-8")
    sys.stdout.write(made)


if __name__ == "__main__":
    main()
