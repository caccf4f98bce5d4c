"""What `check` and `report` of this version make of a trace, without the words they say it in."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from otel_handoff import cli

HERE: Final = Path(__file__).parent
VERDICTS: Final = "verdicts.json"
"""In the folder of a version: what that version made of each of its traces, by its name."""


def verdict(trace: Path) -> dict[str, Any]:
    """Return exit codes, counts, every mismatch, the wrong records, and how much is drawn."""
    with tempfile.TemporaryDirectory() as temporary:
        records, page, drawn = (Path(temporary) / name for name in ("wrong.csv", "page.html", "perfetto.json"))
        checked, said = _command("check", str(trace), "--format", "json", "--records", str(records))
        reported, _ = _command("report", str(trace), "-o", str(page), "--perfetto", str(drawn))
        found = json.loads(said)
        with records.open(encoding="utf-8", newline="") as file:
            wrong = list(csv.DictReader(file))
        heading = re.search(r'data-found="(.*?)"', page.read_text("utf-8"))
        events = json.loads(drawn.read_text("utf-8"))["traceEvents"]
    for mismatch in found["mismatches"] + found["exposures"]:
        del mismatch["headline"]
    return {
        "check exits with": checked,
        "checked": found["checked"],
        "causes": [kind["count"] for kind in found["kinds"]],  # as they were called at first
        "mismatches": found["mismatches"],
        "exposures": found["exposures"],
        "records": wrong,
        "report exits with": reported,
        "on the page": [int(number) for number in re.findall(r"\d+", heading[1] if heading else "")],
        "drawn": Counter(event["ph"] for event in events),
    }


def _command(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = cli.main(arguments)
    return code, said.getvalue()
