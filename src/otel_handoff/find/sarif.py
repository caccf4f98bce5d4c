"""What was found, for code hosts: SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

Needs the extra `sarif`, which knows the format.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sarif_pydantic import Sarif

from otel_handoff.find.found import EXPOSED, WRONG, Found, Line, Result
from otel_handoff.find.propose import written
from otel_handoff.version import __version__

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES: Final = {
    WRONG: ("handoff-wrong", "A worker read what was written after its hand-over", "error"),
    EXPOSED: ("handoff-exposed", "What is handed over moved in flight", "warning"),
}


def as_sarif(result: Result) -> str:
    """Return what is wrong and what is exposed, as JSON; nothing else belongs on a line of code."""
    rules = [{"id": name, "name": name, "shortDescription": {"text": text}} for name, text, _ in _RULES.values()]
    driver = {"name": "otel-handoff find", "version": __version__, "rules": rules}
    results = [_result(found) for verdict in _RULES for found in result.of(verdict)]
    runs = [{"tool": {"driver": driver}, "results": results}]
    whole = Sarif.model_validate({"$schema": _SCHEMA, "version": "2.1.0", "runs": runs})
    return whole.model_dump_json(by_alias=True, exclude_none=True, indent=2)


def _result(found: Found) -> dict[str, Any]:
    name, text, level = _RULES[found.verdict]
    rows = f"in {found.wrong or found.moved} of {found.rows} rows"
    guard = f"Guard it with {written(found.boundary)}." if found.boundary is not None else found.why_not
    where = [line for line in (*found.reads, found.hands_over) if line.file]
    known = hashlib.sha256("|".join([*found.key(), *sorted(found.fields.values())]).encode()).hexdigest()
    return {
        "ruleId": name,
        "level": level,
        "message": {"text": f"{text}, {rows}: {found.kind} at {found.context!r} of {found.work}. {guard}"},
        "locations": _locations(where[:1], "read here"),
        "relatedLocations": [
            *_locations(found.writes, "written here"),
            *_locations([found.hands_over], "handed over here"),
        ],
        "partialFingerprints": {"otelHandoff/v1": known},
    }


def _locations(lines: Iterable[Line], text: str) -> list[dict[str, Any]]:
    return [
        {
            "physicalLocation": {"artifactLocation": {"uri": _uri(line.file)}, "region": {"startLine": line.line}},
            "message": {"text": text},
        }
        for line in lines
        if line.file
    ]


def _uri(file: str) -> str:
    # A code host knows the files of the checkout, by their names in it.
    path, here = Path(os.path.abspath(file)), Path.cwd()  # noqa: PTH100  no link is followed
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_uri()
