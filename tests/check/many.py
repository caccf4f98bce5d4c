"""A file of many spans, for the figures in docs/check.md: `python -m tests.check.many 1000000 spans.jsonl`.

A row has its span, two calls and a span of somebody else's below the row, with another below that; one row in a hundred
has a call that was filed under the next one. A line holds 512 spans, as a batch processor sends them.
"""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from tests.check import spans
from tests.traces import lines


def write(path: Path, count: int) -> None:
    """Write `count` spans; ids and times are made up, all else is as the demo's."""
    made = (span for number in range(1, count) for span in _row(number))
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, count, 512):
            batch = list(islice(made, min(512, count - start)))
            request = lines.request(*batch, resource={"service.instance.id": "one"}, scope="otel_handoff")
            file.write(json.dumps(request, separators=(",", ":")) + "\n")


def _row(number: int) -> list[dict[str, Any]]:
    first = number * 5
    trace = f"{number:032x}"
    wrong = spans.report("call", number, state_id=f"state-{number + 1}") if number % 100 == 0 else []
    http: dict[str, Any] = {
        "http.request.method": "POST",
        "url.full": "http://127.0.0.1/analyse",
        "http.response.status_code": 200,
    }
    return [
        spans.foreign(first + 1, first + 2, number, http, trace=trace),
        spans.foreign(first + 2, first, number, trace=trace),
        spans.call(first + 3, first, number, trace=trace),
        spans.call(first + 4, first, number, trace=trace, events=wrong),
        spans.row(first, number, trace=trace),
    ]


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
